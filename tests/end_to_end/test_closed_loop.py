"""From the notice to the proof, or to a person who is told.

Rollouts are over at once here: what waits for them, and what goes wrong with them, is tested in lambdas/*/tests.
"""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from conftest import notice, now, outcome
from test_deploy import given, old_service, rollout, wait_until
from test_failure import changed


def pull_forward(stack, name):
    """Lets a schedule fire now, as an operator does."""
    stack.edit(name, ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"})


def verify_name(stack, cluster):
    names = [name for name in stack.names_with(cluster) if name.endswith(".verify")]
    return names[0] if names else None


def watch_name(stack, event):
    found = stack.scheduler.list_schedules(GroupName=stack.group, NamePrefix="deadline.", MaxResults=5000)["Schedules"]
    arn = event["detail"]["eventArn"]
    [name] = [schedule["Name"] for schedule in found if arn in stack.schedule(schedule["Name"])["Target"]["Input"]]
    return name


def kinds(stack, cluster):
    return [event["detail-type"] for event in stack.ears.events(cluster)]


def test_every_step_fires_by_itself_and_ends_with_the_proof(stack, cluster):
    cutoff = old_service(stack, cluster)
    name = outcome(stack.ingest(notice(f"{cluster}|web", cutoff=cutoff)))["schedule"]
    pull_forward(stack, name)
    verify = wait_until(lambda: verify_name(stack, cluster))
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    pull_forward(stack, verify)
    wait_until(lambda: "Patch Completed" in kinds(stack, cluster))
    assert stack.names_with(cluster) == []
    assert kinds(stack, cluster) == ["Patch Scheduled", "Patch Started", "Patch Completed"]

    completed = stack.ears.events(cluster)[-1]
    assert completed["source"] == "ecs-task-patching"
    assert completed["resources"] == [completed["detail"]["service_arn"]]
    assert completed["resources"][0].endswith(f":service/{cluster}/web")
    assert completed["detail"]["deployment_id"] == rollout(stack, cluster)["id"]
    assert completed["detail"]["reason"].startswith("all 2 running task(s) were created by deployment ")
    assert completed["detail"]["notices"][0]["cutoff"] == f"{cutoff:%Y-%m-%dT%H:%M:%SZ}"

    plan, proof = stack.ears.messages(cluster)
    assert plan["Subject"].startswith("Task retirement: 1 service(s) will be redeployed; AWS's date is ")
    assert proof["Subject"] == f"Patched: {cluster}/web"
    for fact in ("Account:    111122223333", "Region:     eu-west-2", "AWS's date: ", f"/clusters/{cluster}/services/web/"):
        assert fact in proof["Message"]
    assert proof["MessageAttributes"]["detail-type"]["Value"] == "Patch Completed"


def test_a_plan_is_told_once_for_each_notice_whatever_is_repeated(stack, cluster):
    event = notice(f"{cluster}|web", f"{cluster}|api")
    for _ in range(3):
        stack.ingest(event)
    [plan] = stack.ears.messages(cluster)
    assert "2 service(s)" in plan["Subject"]
    assert f": {cluster}/web" in plan["Message"] and f": {cluster}/api" in plan["Message"]
    assert kinds(stack, cluster) == ["Patch Scheduled", "Patch Scheduled"]

    # What changes is told again.
    stack.ingest(notice(f"{cluster}|web", f"{cluster}|api", arn=event["detail"]["eventArn"], statusCode="closed"))
    assert stack.ears.messages(cluster)[-1]["Subject"] == "Task retirement: 2 service(s) no longer planned"


def test_an_older_event_that_comes_late_changes_nothing(stack, cluster):
    first = notice(f"{cluster}|web", days=9)
    time.sleep(1.1)  # AWS Health tells times to the second
    closed = notice(f"{cluster}|web", arn=first["detail"]["eventArn"], statusCode="closed")
    stack.ingest(closed)
    told = outcome(stack.ingest(first))
    assert told["outcome"] == "unchanged" and told["reason"].startswith("a newer event of this notice, sent at ")
    assert stack.names_with(cluster) == []


def test_verify_looks_again_until_the_rollout_is_completed(stack, cluster):
    cutoff = old_service(stack, cluster)
    started = stack.deploy(given(cluster, cutoff))
    first = stack.given(verify_name(stack, cluster))
    assert (first["kind"], first["look"], first["deployment"]) == ("service", 0, started["deployment_id"])
    told = stack.verify(first)
    if told["outcome"] == "rolling":  # the local AWS takes two seconds
        assert stack.given(verify_name(stack, cluster))["look"] == 0, "the first look is still to come"
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    assert stack.verify(first)["outcome"] == "completed"


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_what_only_a_person_can_do_is_told_with_the_command(stack, cluster, controller):
    cutoff = old_service(stack, cluster, deploymentController={"type": controller})
    told = stack.deploy(given(cluster, cutoff))
    [message] = stack.ears.messages(cluster)
    assert message["Subject"] == f"Needs attention: {cluster}/web"
    assert told["command"] in message["Message"]
    assert kinds(stack, cluster) == ["Patch Needs Attention"]


def test_the_owner_of_a_stand_alone_task_gets_what_to_run(stack, cluster):
    stack.aws.create_service(cluster, "job", desiredCount=0)
    [alone] = stack.aws.client("ecs").run_task(
        cluster=cluster, taskDefinition="job", launchType="FARGATE", startedBy="nightly",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )["tasks"]
    event = notice(alone["taskArn"])
    stack.ingest(event)
    stack.ingest(event)
    [message] = stack.ears.messages(cluster)
    for part in ('started by "nightly"', "aws ecs run-task", alone["taskDefinitionArn"], "A person must act"):
        assert part in message["Message"]
    assert kinds(stack, cluster) == ["Patch Needs Attention"]


def test_before_the_deadline_every_service_is_looked_at_whatever_happened(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.aws.create_service(cluster, "api")
    stack.aws.create_service(cluster, "gone", desiredCount=0)
    time.sleep(1.1)
    cutoff = now()
    event = notice(f"{cluster}|web", f"{cluster}|api", f"{cluster}|gone", cutoff=cutoff)
    stack.ingest(event)
    watch = watch_name(stack, event)
    deadline = datetime.fromisoformat(stack.given(watch)["notice"]["starts_at"]) - timedelta(hours=2)
    fires = datetime.strptime(stack.schedule(watch)["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert timedelta(minutes=29) <= deadline - fires <= timedelta(minutes=30)

    # One schedule is deleted by hand, one stands: the first is reported, the second is in hand.
    [web] = [name for name in stack.names_with(cluster) if ".web." in name]
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=web)
    given = stack.given(watch)
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=watch)  # as if it had fired
    told = stack.verify(given)
    assert (told["settled"], told["in_hand"], len(told["unpatched"])) == (1, 1, 1)
    assert stack.given(watch)["services"] == {cluster: ["api"]}
    message = stack.ears.messages(cluster)[-1]
    assert message["Subject"].startswith("Needs attention: 1 service(s) not patched; AWS's date is ")
    assert f"{cluster}/web: 2 of 2 running task(s) are old; no deployment is planned or under way" in message["Message"]

    # The last look reports what is in hand, too.
    given = stack.given(watch)
    assert stack.verify(given)["watch_at"] is not None, "a look is pending: this delivery is a repeated one"
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=watch)
    told = stack.verify(given | {"until": f"{now():%Y-%m-%dT%H:%M:%SZ}"})
    assert (told["in_hand"], len(told["unpatched"])) == (0, 1) and "watch_at" not in told


def test_that_nobody_can_be_told_stops_no_deployment(stack, cluster):
    cutoff = old_service(stack, cluster)
    with changed(stack, "DeployFunctionName", NOTIFICATION_TOPIC_ARN="arn:aws:sns:eu-west-2:111122223333:gone"):
        assert stack.deploy(given(cluster, cutoff))["outcome"] == "started"


def test_a_chat_room_gets_its_own_format(stack, cluster):
    event = notice(f"{cluster}|web")
    with changed(stack, "IngestFunctionName", NOTIFICATION_FORMAT="chat"):
        stack.ingest(event)
    [message] = stack.ears.messages(cluster)
    chat = json.loads(message["Message"])
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert chat["metadata"]["threadId"] == event["detail"]["eventArn"]
    assert f"{cluster}/web" in chat["content"]["description"]


def test_a_notice_that_is_sent_again_on_its_date_does_not_plan_what_is_patched(stack, cluster):
    stack.aws.create_service(cluster, "web")
    told = outcome(stack.ingest(notice(f"{cluster}|web", days=-0.01, cutoff=now() - timedelta(days=7))))
    assert told["outcome"] == "skipped" and "they are on the new revision" in told["reason"]
    assert stack.names_with(cluster) == []


def test_what_happens_is_counted(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.deploy(given(cluster, cutoff))
    events = stack.aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{stack.group}-deploy")["events"]
    lines = [json.loads(event["message"]) for event in events if '"_aws"' in event["message"]]
    counted = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {"Started", "HoursToDeadline"} <= counted
    assert all(line["Stack"] == stack.group for line in lines)
    spaces = {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines}
    assert spaces == {"ECSTaskPatching"}


def test_a_heartbeat_shows_that_schedules_wake_the_functions(stack, cluster):
    heartbeat = stack.schedule("heartbeat")
    assert heartbeat["ScheduleExpression"] == "rate(6 hours)"
    before = stack.verify(json.loads(heartbeat["Target"]["Input"]))["pending"]
    stack.ingest(notice(f"{cluster}|web"))
    # The local AWS answers no more than a page.
    assert stack.verify(json.loads(heartbeat["Target"]["Input"]))["pending"] in (before + 2, 99, 100)


def test_the_dashboard_shows_what_the_functions_count(stack):
    body = stack.aws.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["DashboardName"])["DashboardBody"]
    dashboard = json.loads(body)
    text = json.dumps(dashboard)
    for metric in ("Planned", "Rescheduled", "Cancelled", "Skipped", "Started", "Postponed", "Completed", "Failed",
                   "NeedsAttention", "HoursToDeadline", "NotificationsFailed", "Pending"):
        assert metric in text
    assert "${" not in text, "every reference is filled in"
