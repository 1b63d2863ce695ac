"""Services in every state that the console shows, for `make local` and the screenshots."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

from local_aws import LocalAws
from samples import today
from stack import Kind, Schedules


def record_heartbeat(aws: LocalAws, stack: str) -> None:
    """Records a heartbeat now. On AWS, CloudWatch reads it in the log of verify, which the local AWS does not do."""
    dimensions = [{"Name": "Stack", "Value": stack}]
    data = [{"MetricName": "Heartbeat", "Dimensions": dimensions, "Value": 1, "Timestamp": datetime.now(UTC)}]
    aws.client("cloudwatch").put_metric_data(Namespace="ECSTaskPatching", MetricData=data)


def every_state(aws: LocalAws, outputs: dict[str, str]) -> None:
    """Plans a notice for ten services, then changes them as operators and failures do."""
    services = [f"{cluster}|{name}" for cluster in ("prod", "staging") for name in ("web", "api", "jobs", "search", "mail")]
    for service in services:
        cluster, name = service.split("|")
        aws.create_service(cluster, name)
    aws.tag("prod", "mail", mode="approve")
    aws.tag("staging", "mail", window="whenever")
    time.sleep(1.1)  # the local ECS reports times in whole seconds
    notice = today("service-notice")
    notice["resources"] = services
    cutoff = datetime.now(UTC)
    time.sleep(1.1)  # so that the new tasks of a deployment are newer
    description = f"Any tasks launched after {cutoff:%a, %d %b %Y %H:%M:%S GMT} were launched on the new revision"
    notice["detail"] |= {
        "eventDescription": [{"latestDescription": description}],
        "affectedEntities": [{"entityValue": service, "status": "PENDING"} for service in services],
    }
    invoke(aws, outputs["IngestFunctionName"], notice)
    group = outputs["ScheduleGroupName"]
    schedules = Schedules(aws, group)

    def operate(operation: str, cluster: str, service: str, **more: str) -> None:
        request = {"operation": operation, "cluster": cluster, "service": service} | more
        invoke(aws, outputs["OperateFunctionName"], request)

    def only(cluster: str, service: str) -> str:
        [name] = schedules.names(cluster, service, Kind.DEPLOYMENT)
        return name

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    operate("hold", "prod", "jobs", reason="load test until Monday", ticket="CHG0042")
    operate("move", "prod", "search", at=f"{tomorrow:%Y-%m-%dT03:00:00Z}", reason="after the sale")
    schedules.lose_wake_up(only("staging", "jobs"))
    retried = schedules.input(only("staging", "search"))
    retried |= {"attempt": 2, "waits_for": "CloudWatch alarm in ALARM: staging-errors"}
    target = schedules.get(only("staging", "search"))["Target"] | {"Input": json.dumps(retried)}
    schedules.edit(only("staging", "search"), Target=target)
    deployed = schedules.input(only("staging", "web"))
    schedules.delete(only("staging", "web"))
    now = datetime.now(UTC).replace(microsecond=0)
    times = {"slot": f"{now:%Y-%m-%dT%H:%M:%SZ}", "window_ends_at": f"{now + timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}"}
    by_hand = {field: value for field, value in deployed.items() if field != "scheduled_for"} | times
    invoke(aws, outputs["DeployFunctionName"], by_hand)
    letter = {"cluster": "prod", "service": "checkout", "slot": deployed["slot"]}
    aws.client("sqs").send_message(
        QueueUrl=outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(letter),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": "Rate exceeded (TooManyRequestsException)"}},
    )
    for topic in ("NotificationTopicArn", "AlarmTopicArn"):
        aws.client("sns").subscribe(TopicArn=outputs[topic], Protocol="email", Endpoint="ops@example.org")
    record_heartbeat(aws, group)
    operate("run-now", "staging", "api", reason="before the weekend", ticket="CHG0043")  # it starts within two minutes


def invoke(aws: LocalAws, function: str, event: dict) -> dict:
    """What a function answers."""
    return json.loads(aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())["Payload"].read())
