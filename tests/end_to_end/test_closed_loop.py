"""From the retirement notice to a verified patch, or to a notification of the owner.

Rollouts on the local AWS complete at once. Rollouts that take time or fail are tested in lambdas/*/tests.
"""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from helpers import (
    changed,
    deadline_check,
    deploy_input,
    detail_types,
    facts,
    notice,
    now,
    old_service,
    outcome,
    retirement_date,
    rollout,
    stand_alone_task,
    text_of,
    verification_check,
    wait_until,
    wire,
)
from commands import REGION
from local_aws import ACCOUNT


def test_every_step_starts_the_next_one_until_the_patch_is_verified(stack, cluster):
    cutoff = old_service(stack, cluster)
    event = notice(f"{cluster}|web", cutoff=cutoff)
    stack.schedules.run_now(outcome(stack.ingest(event))["schedule"])
    check = wait_until(lambda: verification_check(stack, cluster))
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    stack.schedules.run_now(check)
    wait_until(lambda: "Patch Completed" in detail_types(stack, cluster))
    assert stack.schedules.names(cluster) == []
    assert detail_types(stack, cluster) == ["Patch Scheduled", "Patch Started", "Patch Completed"]

    completed = stack.inbox.events(cluster)[-1]
    assert completed["source"] == "ecs-task-patching"
    assert completed["resources"] == [completed["detail"]["service_arn"]]
    assert completed["resources"][0].endswith(f":service/{cluster}/web")
    assert completed["detail"]["deployment_id"] == rollout(stack, cluster)["id"]
    assert completed["detail"]["reason"].startswith("all 2 running tasks were created by deployment ")
    assert completed["detail"]["notices"][0]["cutoff"] == wire(cutoff)

    [record] = stack.inbox.records(cluster)
    assert (record["outcome"], record["stack"]) == ("patched", stack.name)
    assert record["proof"] == completed["detail"]["reason"]
    assert record["deployment_id"] == completed["detail"]["deployment_id"]
    assert [plan["slot"] for plan in record["plans"]] == [record["slot"]]
    assert record["before"]["task_definition"] == record["after"]["task_definition"]
    logs = stack.aws.client("logs")
    group = stack.outputs["RecordLogGroupName"]
    kept = [json.loads(event["message"])["detail"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert record in kept

    scheduled, patched = stack.inbox.messages(cluster)
    date = text_of(retirement_date(event))
    assert scheduled["Subject"] == f"Scheduled: 1 service, retirement date {date}"
    assert patched["Subject"] == f"Patched: {cluster}/web"
    known = facts(patched)
    assert (known["Account"], known["Region"], known["Retirement date"]) == (ACCOUNT, REGION, date)
    assert f"/clusters/{cluster}/services/web/" in known["Console"]
    assert patched["MessageAttributes"]["detail-type"]["Value"] == "Patch Completed"


def test_repeated_notices_are_announced_once_and_changes_again(stack, cluster):
    for service in ("web", "api"):
        stack.aws.create_service(cluster, service)
    event = notice(f"{cluster}|web", f"{cluster}|api")
    for _ in range(3):
        stack.ingest(event)
    [scheduled] = stack.inbox.messages(cluster)
    date = text_of(retirement_date(event))
    assert scheduled["Subject"] == f"Scheduled: 2 services, retirement date {date}"
    assert f": {cluster}/web" in scheduled["Message"] and f": {cluster}/api" in scheduled["Message"]
    assert detail_types(stack, cluster) == ["Patch Scheduled", "Patch Scheduled"]

    closed = notice(f"{cluster}|web", f"{cluster}|api", arn=event["detail"]["eventArn"], statusCode="closed")
    stack.ingest(closed)
    date = text_of(retirement_date(closed))
    assert stack.inbox.messages(cluster)[-1]["Subject"] == f"Cancelled: 2 services, retirement date {date}"


def test_an_older_event_that_arrives_late_changes_nothing(stack, cluster):
    first = notice(f"{cluster}|web", days=9)
    time.sleep(1.1)  # AWS Health sends times in whole seconds
    closed = notice(f"{cluster}|web", arn=first["detail"]["eventArn"], statusCode="closed")
    stack.ingest(closed)
    late = outcome(stack.ingest(first))
    assert late["outcome"] == "unchanged" and late["reason"].startswith("a newer event of this notice, sent on ")
    assert stack.schedules.names(cluster) == []


def test_verification_continues_until_the_rollout_completes(stack, cluster):
    cutoff = old_service(stack, cluster)
    started = stack.deploy(deploy_input(cluster, cutoff))
    first = stack.schedules.input(verification_check(stack, cluster))
    assert (first["kind"], first["look"], first["deployment"]) == ("service", 0, started["deployment_id"])
    assert stack.verify(first)["outcome"] == "repeated", "the first check is still pending"
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    check = verification_check(stack, cluster)
    stack.schedules.lose_wake_up(check)
    assert stack.verify(first)["outcome"] == "completed"
    assert stack.schedules.get(check) is None, "verify deletes the schedule that it has dealt with"


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_the_owner_gets_the_command_for_a_deployment_that_ecs_cannot_force(stack, cluster, controller):
    cutoff = old_service(stack, cluster, deploymentController={"type": controller})
    answer = stack.deploy(deploy_input(cluster, cutoff))
    [message] = stack.inbox.messages(cluster)
    assert message["Subject"] == f"Needs attention: {cluster}/web"
    assert answer["command"] in message["Message"]
    assert detail_types(stack, cluster) == ["Patch Needs Attention"]


def test_the_owner_of_a_stand_alone_task_gets_the_command_once(stack, cluster):
    task = stand_alone_task(stack, cluster)
    event = notice(task["taskArn"])
    stack.ingest(event)
    stack.ingest(event)
    [message] = stack.inbox.messages(cluster)
    for part in ('started by "nightly"', "aws ecs run-task", task["taskDefinitionArn"], "Needs action by the owner"):
        assert part in message["Message"]
    assert detail_types(stack, cluster) == ["Patch Needs Attention"]


def test_the_deadline_check_covers_every_service_of_the_notice(stack, cluster):
    old_service(stack, cluster)
    stack.aws.create_service(cluster, "api")
    stack.aws.create_service(cluster, "gone", desiredCount=0)
    time.sleep(1.1)
    event = notice(f"{cluster}|web", f"{cluster}|api", f"{cluster}|gone", cutoff=now())
    stack.ingest(event)
    check = deadline_check(stack, event)
    deadline = datetime.fromisoformat(stack.schedules.input(check)["notice"]["starts_at"]) - timedelta(hours=2)
    expression = stack.schedules.get(check)["ScheduleExpression"]
    fires = datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert timedelta(minutes=29) <= deadline - fires <= timedelta(minutes=30)

    # An operator deleted the schedule of web, which is reported. The schedule of api is pending.
    [web] = stack.schedules.names(cluster, "web")
    stack.schedules.delete(web)
    stack.schedules.lose_wake_up(check)
    answer = stack.verify(stack.schedules.input(check))
    assert (answer["settled"], answer["in_hand"], len(answer["unpatched"])) == (1, 1, 1)
    assert stack.schedules.input(check)["services"] == {cluster: ["api"]}
    message = stack.inbox.messages(cluster)[-1]
    assert message["Subject"] == f"Not patched: 1 service, retirement date {text_of(retirement_date(event))}"
    why = "2 of 2 running tasks are old; no deployment is planned or in progress"
    assert f"{cluster}/web: {why}" in message["Message"]

    # The last check also reports services whose deployment is pending.
    given = stack.schedules.input(check)
    assert stack.verify(given)["watch_at"] is not None, "the next check is pending, so this one is a repeated delivery"
    last = given | {"until": wire(now())}
    target = stack.schedules.get(check)["Target"] | {"Input": json.dumps(last)}
    stack.schedules.edit(check, Target=target)
    stack.schedules.lose_wake_up(check)
    answer = stack.verify(last)
    assert (answer["in_hand"], len(answer["unpatched"])) == (0, 1) and "watch_at" not in answer


def test_a_failed_notification_stops_no_deployment(stack, cluster):
    cutoff = old_service(stack, cluster)
    with changed(stack, "DeployFunctionName", NOTIFICATION_TOPIC_ARN="arn:aws:sns:eu-west-2:111122223333:gone"):
        assert stack.deploy(deploy_input(cluster, cutoff))["outcome"] == "started"


def test_a_chat_channel_gets_its_own_format(stack, cluster):
    event = notice(f"{cluster}|web")
    with changed(stack, "IngestFunctionName", NOTIFICATION_FORMAT="chat"):
        stack.ingest(event)
    [message] = stack.inbox.messages(cluster)
    chat = json.loads(message["Message"])
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert chat["metadata"]["threadId"] == event["detail"]["eventArn"]
    assert f"{cluster}/web" in chat["content"]["description"]


def test_a_notice_repeated_on_its_retirement_date_skips_a_patched_service(stack, cluster):
    stack.aws.create_service(cluster, "web")
    answer = outcome(stack.ingest(notice(f"{cluster}|web", days=-0.01, cutoff=now() - timedelta(days=7))))
    assert answer["outcome"] == "skipped" and "on the new revision" in answer["reason"]
    assert stack.schedules.names(cluster) == []


def test_a_deployment_writes_its_metrics(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.deploy(deploy_input(cluster, cutoff))
    events = stack.aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{stack.name}-deploy")["events"]
    lines = [json.loads(event["message"]) for event in events if '"_aws"' in event["message"]]
    metrics = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {"Started", "HoursToDeadline"} <= metrics
    assert all(line["Stack"] == stack.name for line in lines)
    namespaces = {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines}
    assert namespaces == {"ECSTaskPatching"}


def test_the_heartbeat_counts_pending_schedules(stack, cluster):
    heartbeat = stack.schedules.get("heartbeat")
    assert heartbeat["ScheduleExpression"] == "rate(1 hour)"
    stack.verify(json.loads(heartbeat["Target"]["Input"]))  # makes the deadline checks that other tests deleted
    before = stack.verify(json.loads(heartbeat["Target"]["Input"]))["pending"]
    stack.ingest(notice(f"{cluster}|web"))
    # The local AWS returns at most one page, and a check that another test has left may end meanwhile.
    assert stack.verify(json.loads(heartbeat["Target"]["Input"]))["pending"] in (before + 2, before + 1, 99, 100)


def test_the_dashboard_shows_every_metric(stack):
    body = stack.aws.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["DashboardName"])["DashboardBody"]
    text = json.dumps(json.loads(body))
    for metric in ("Planned", "Rescheduled", "Cancelled", "Skipped", "Started", "Postponed", "Completed", "Failed",
                   "NeedsAttention", "HoursToDeadline", "NotificationsFailed", "Pending"):
        assert metric in text
    assert "${" not in text, "every reference is resolved"
