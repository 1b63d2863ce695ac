"""Helpers for the end-to-end tests.

A test takes the fixtures `stack` and `cluster` from conftest.py, sends an event to a function, and checks its answer,
the stored schedule, and the notifications:

    from helpers import notice, outcome, retirement_date, text_of

    def test_a_notice_schedules_a_service(stack, cluster):
        stack.aws.create_service(cluster, "web")
        event = notice(f"{cluster}|web", days=7)
        answer = stack.ingest(event)
        name = outcome(answer)["schedule"]
        assert stack.schedules.input(name)["service"] == "web"
        [message] = stack.inbox.messages(cluster)
        assert message["Subject"] == f"Scheduled: 1 service, retirement date {text_of(retirement_date(event))}"

No test computes a start time. If the start time matters, the test chooses the window:

    window = Window.opening(timedelta(days=3))
    with windows(stack, window):
        answer = stack.ingest(notice(f"{cluster}|web"))
    assert start_time(outcome(answer)) == window.opens_at
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from commands import REGION, ROOT
from local_aws import ACCOUNT, LocalAws
from stack import Inbox, Kind, Schedules

# ---- The stack -------------------------------------------------------------------------------------------------------


class Stack:
    """The deployed stack: its functions, schedules, queue and notifications."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self.aws = aws
        self.outputs = outputs
        self.name = outputs["ScheduleGroupName"]  # the schedule group has the name of the stack
        self.functions, self._queues = aws.client("lambda"), aws.client("sqs")
        self.schedules = Schedules(aws, outputs["ScheduleGroupName"])
        self.inbox = Inbox(aws, outputs["NotificationTopicArn"])

    def invoke(self, function: str, event: object) -> tuple[dict, str | None]:
        """Invokes a function and waits for its answer. The second value is the error type if it failed."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        response = self.functions.invoke(FunctionName=self.outputs[function], Payload=payload)
        answer = json.loads(response["Payload"].read())
        return answer, answer["errorType"] if "FunctionError" in response else None

    def invoke_async(self, function: str, event: object) -> None:
        """Invokes a function as EventBridge and EventBridge Scheduler do, without waiting for an answer."""
        self.functions.invoke(
            FunctionName=self.outputs[function], InvocationType="Event", Payload=json.dumps(event).encode()
        )

    def ingest(self, event: object) -> dict:
        """Ingest's answer to an event."""
        return self._succeeds("IngestFunctionName", event)

    def ingest_fails(self, event: object) -> tuple[str, str]:
        """The error type and the message with which ingest rejects an event."""
        answer, error = self.invoke("IngestFunctionName", event)
        assert error is not None, answer
        return error, answer["errorMessage"]

    def deploy(self, schedule_input: object) -> dict:
        """Deploy's answer to the input of a schedule."""
        return self._succeeds("DeployFunctionName", schedule_input)

    def verify(self, schedule_input: object) -> dict:
        """Verify's answer to the input of a schedule."""
        return self._succeeds("VerifyFunctionName", schedule_input)

    def operate(self, request: object) -> dict:
        """Operate's answer to a request."""
        return self._succeeds("OperateFunctionName", request)

    def _succeeds(self, function: str, event: object) -> dict:
        answer, error = self.invoke(function, event)
        assert error is None, answer
        return answer

    def failed_event(self, matches: Callable[[dict], bool], seconds: int = 20) -> dict:
        """Removes the record of a failed event from the dead-letter queue, and returns it."""
        queue = self.outputs["DeadLetterQueueUrl"]
        for _ in range(seconds * 2):
            messages = self._queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1)
            for message in messages.get("Messages", []):
                record = json.loads(message["Body"])
                if matches(record["requestPayload"]):
                    self._queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                    return record
            time.sleep(0.5)
        raise AssertionError("the event is not in the dead-letter queue")


# What else the function's role needs for another value of a variable
PERMISSIONS = {
    "ALARM_TOPIC_ARN": ["sns:ListSubscriptionsByTopic"],
    "BLOCKING_ALARMS": ["cloudwatch:DescribeAlarms"],
    "CHANGE_CALENDARS": ["ssm:GetCalendarState"],
    "DEAD_LETTER_QUEUE_URL": ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
}


class changed:
    """Runs a `with` block while a function has other environment variables, and the permissions that belong to them."""

    def __init__(self, stack: Stack, function: str, **variables: str) -> None:
        self._functions, self._variables = stack.functions, variables
        self._roles = stack.aws.client("iam")
        self._name = stack.outputs[function]
        self._granted = [action for name in variables for action in PERMISSIONS.get(name, [])]

    def __enter__(self) -> None:
        configuration = self._functions.get_function_configuration(FunctionName=self._name)
        self._before = configuration["Environment"]["Variables"]
        self._policy = {"RoleName": configuration["Role"].rsplit("/", 1)[-1], "PolicyName": "of-the-parameter"}
        if self._granted:
            statement = {"Effect": "Allow", "Action": self._granted, "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self._roles.put_role_policy(**self._policy, PolicyDocument=document)
        self._set(self._before | self._variables)

    def __exit__(self, *_: object) -> None:
        self._set(self._before)
        if self._granted:
            self._roles.delete_role_policy(**self._policy)

    def _set(self, variables: dict[str, str]) -> None:
        self._functions.update_function_configuration(FunctionName=self._name, Environment={"Variables": variables})
        self._functions.get_waiter("function_updated_v2").wait(FunctionName=self._name)


def typed(stack, folder, line):
    """Runs a command as people type it, and returns the answer of the function."""
    command = Path(folder, "aws")
    command.write_text(f"#!/bin/sh\nexec {sys.executable} {ROOT}/tests/end_to_end/aws_cli.py \"$@\"\n")
    command.chmod(0o755)
    env = stack.aws.env | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], env=env, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # The command prints the answer of the function, then its own.
    answer, _ = json.JSONDecoder().raw_decode(done.stdout)
    return answer


def wait_until(condition: Callable[[], object], seconds: int = 40):
    """Waits until `condition` returns something true, and returns that."""
    for _ in range(seconds * 2):
        if found := condition():
            return found
        time.sleep(0.5)
    raise AssertionError(f"this did not happen within {seconds} seconds")


# ---- Notices and answers ---------------------------------------------------------------------------------------------


def now() -> datetime:
    """The current time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def wire(moment: datetime) -> str:
    """A time as it is in answers and inputs."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def text_of(moment: datetime) -> str:
    """A time as it is in messages and reasons: `Fri 27 Nov 2026 22:00 UTC`."""
    return f"{moment:%a} {moment.day} {moment:%b %Y %H:%M} UTC"


def notice(
    *entities: str,
    arn: str | None = None,
    days: float = 7,
    cutoff: datetime | None = None,
    resolved: tuple[str, ...] = (),
    **detail: object,
) -> dict:
    """A retirement notice as AWS Health sends it, sent now. The retirement date is `days` from now."""
    sent_at = now()
    starts_at = sent_at + timedelta(days=days)
    cutoff = cutoff or sent_at
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS Health Event",
        "source": "aws.health",
        "account": ACCOUNT,
        "time": wire(sent_at),
        "region": REGION,
        "resources": list(entities),
        "detail": {
            "eventArn": arn or f"arn:aws:health:{REGION}::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/{uuid.uuid4()}",
            "service": "ECS",
            "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
            "startTime": f"{starts_at:%a, %d %b %Y %H:%M:%S GMT}",
            "statusCode": "upcoming",
            "eventRegion": REGION,
            "eventDescription": [
                {"latestDescription": f"Any tasks launched after {cutoff:%a, %d %b %Y %H:%M:%S GMT} were launched on …"}
            ],
            "affectedEntities": [
                {"entityValue": entity, "status": "RESOLVED" if entity in resolved else "PENDING"}
                for entity in entities
            ],
        }
        | detail,
    }


def retirement_date(event: dict) -> datetime:
    """The retirement date of a notice."""
    return datetime.strptime(event["detail"]["startTime"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)


def outcome(answer: dict, entity: str | None = None) -> dict:
    """The only outcome in ingest's answer, or the only one of `entity`."""
    found = [one for one in answer["outcomes"] if entity in (None, one["entity"])]
    assert len(found) == 1, answer
    return found[0]


def start_time(answer: dict) -> datetime:
    """The start time in an outcome of ingest, or in an answer of deploy."""
    return datetime.fromisoformat(answer["slot"])


def facts(message: dict) -> dict[str, str]:
    """The facts at the end of a message, by name."""
    lines = message["Message"].split("\n\n")[-1].splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


# The result of ingest for each sample event: its counts, or its error. Updates follow the notice that they update.
SAMPLE_RESULTS = {
    "service-notice": {"scheduled": 3},
    "update-moved-date": {"unchanged": 3},
    "entity-resolved": {"unchanged": 2, "cancelled": 1},
    "closed": {"cancelled": 2, "skipped": 1},
    "page-2-of-2": {"scheduled": 2},
    "page-1-of-2": {"scheduled": 1, "unchanged": 1},
    "stand-alone-task": {"skipped": 2},  # these tasks do not exist on the local AWS
    "iso-dates": {"scheduled": 2},
    "placeholders": {"scheduled": 1, "not-actionable": 2},
    "govcloud-arns": {"skipped": 3},
    "backup-region-copy": {"skipped": 3},
    "organisation-feed": {"skipped": 3},
    "malformed-entity": ("OutcomesFailed", "1 of 2 entities failed: prod » api: "),
    "malformed-event-code": ("InvalidEvent", 'detail.eventTypeCode is "AWS_ECS_SECURITY_NOTIFICATION"; expected'),
    "malformed-no-entities": ("InvalidEvent", 'detail.affectedEntities (with resources) is ["UNKNOWN", "111122223333"]'),
    "malformed-start-time": ("InvalidEvent", 'detail.startTime is "next Wednesday"; expected a date'),
    "malformed-not-health": ("InvalidEvent", 'detail-type is "ECS Task State Change"; expected "AWS Health Event"'),
}


# ---- Windows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """A maintenance window with a known opening, so that a test knows the start time and does not compute it."""

    text: str
    opens_at: datetime

    @classmethod
    def opening(cls, delay: timedelta, hours: int = 4, days: str | None = None, zone: str = "UTC") -> Window:
        """A window that opens at the full hour before `delay` has passed, on that weekday unless `days` is given.

        A negative delay makes a window that is already open. The zone must have no daylight saving time.
        """
        opens_at = (now() + delay).replace(minute=0, second=0)
        local = opens_at.astimezone(ZoneInfo(zone))
        text = f"{days or f'{local:%a}'} {local:%H:%M}-{local + timedelta(hours=hours):%H:%M} {zone}"
        return cls(text, opens_at)


def windows(stack: Stack, window: Window) -> changed:
    """Runs a `with` block while ingest has this window instead of the default `Fri 22:00-02:00`."""
    return changed(stack, "IngestFunctionName", MAINTENANCE_WINDOWS=window.text)


# ---- Services --------------------------------------------------------------------------------------------------------


def old_service(stack: Stack, cluster: str, **options: object) -> datetime:
    """Creates the service `web`, and returns a cut-off that is later than all its tasks."""
    stack.aws.create_service(cluster, "web", **options)
    return cutoff_after_all_tasks()


def cutoff_after_all_tasks() -> datetime:
    """A cut-off between the tasks that exist now and those that start later."""
    time.sleep(1.1)  # the local ECS reports times in whole seconds
    cutoff = now()
    time.sleep(1.1)
    return cutoff


def deploy_input(cluster: str, cutoff: datetime, service: str = "web") -> dict:
    """The input of a deployment schedule whose start time is now."""
    return {
        "version": 1,
        "cluster": cluster,
        "service": service,
        "notices": [{
            "event_arn": "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/1",
            "starts_at": wire(cutoff + timedelta(days=7)),
            "cutoff": wire(cutoff),
        }],
        "slot": wire(now()),
        "window_ends_at": wire(now() + timedelta(hours=4)),
        "attempt": 0,
    }


def tag(stack: Stack, cluster: str, service: str = "web", **tags: str) -> None:
    """Sets tags of a service, without their prefix: `tag(stack, cluster, mode="off")`."""
    stack.aws.tag(cluster, service, **tags)


def rollout(stack: Stack, cluster: str, service: str = "web") -> dict:
    """The primary deployment of a service."""
    [primary] = [found for found in stack.aws.deployments(cluster, service) if found["status"] == "PRIMARY"]
    return primary


def deployment_ids(stack: Stack, cluster: str) -> list[str]:
    """The ids of all deployments of the service `web`."""
    return [deployment["id"] for deployment in stack.aws.deployments(cluster, "web")]


def stand_alone_task(stack: Stack, cluster: str) -> dict:
    """Starts a task that belongs to no service."""
    stack.aws.create_service(cluster, "job", desiredCount=0)
    [task] = stack.aws.client("ecs").run_task(
        cluster=cluster, taskDefinition="job", launchType="FARGATE", startedBy="nightly",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )["tasks"]
    return task


def verification_check(stack: Stack, cluster: str) -> str | None:
    """The name of the schedule of a verification check, if there is one."""
    names = stack.schedules.names(cluster, kind=Kind.VERIFICATION_CHECK)
    return names[0] if names else None


def deadline_check(stack: Stack, event: dict) -> str:
    """The name of the schedule of a notice's deadline check."""
    arn = event["detail"]["eventArn"]
    checks = stack.schedules.names(kind=Kind.DEADLINE_CHECK)
    [name] = [name for name in checks if arn in stack.schedules.get(name)["Target"]["Input"]]
    return name


def detail_types(stack: Stack, about: str) -> list[str]:
    """The detail-types of the events that contain `about`, oldest first."""
    return [event["detail-type"] for event in stack.inbox.events(about)]


# ---- Documentation ---------------------------------------------------------------------------------------------------


def documents() -> str:
    """The text of README.md and of all files in docs/."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n".join(file.read_text() for file in files)
