"""What owners control: tags, observing, alarms, order, images, and the check of the configuration."""

import json
import time
from datetime import datetime

import pytest
from conftest import changed, notice, now, outcome
from local_aws import ACCOUNT, REGION, Failed
from test_deploy import given, old_service, rollout, wait_until


def tag(stack, cluster, service="web", **tags):
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{service}"
    tags = [{"key": f"ecs-task-patching:{key}", "value": value} for key, value in tags.items()]
    stack.aws.client("ecs").tag_resource(resourceArn=arn, tags=tags)


def ids(stack, cluster):
    return [deployment["id"] for deployment in stack.aws.deployments(cluster, "web")]


# ---- Tags ----------------------------------------------------------------------------------------------------------


def test_a_window_by_tag_wins_and_a_changed_one_is_honoured_when_the_schedule_fires(stack, cluster):
    cutoff = old_service(stack, cluster)
    tag(stack, cluster, window="daily 03:00-05:00 Asia/Tokyo")
    told = outcome(stack.ingest(notice(f"{cluster}|web")))
    slot = datetime.fromisoformat(told["slot"])
    assert (slot.hour, slot.minute) == (18, 0) and "daily 03:00-05:00 Asia/Tokyo" in told["reason"]
    assert stack.given(told["schedule"])["windows"] == "daily 03:00-05:00 Asia/Tokyo"

    # At the slot that was planned for other windows, these are not open: in twelve hours they are.
    hour = (now().hour + 12) % 24
    tag(stack, cluster, window=f"daily {hour:02}:00-{(hour + 1) % 24:02}:00")
    fired = given(cluster, cutoff) | {"windows": "daily 03:00-05:00 Asia/Tokyo"}
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=told["schedule"])
    before = ids(stack, cluster)
    told = stack.deploy(fired | {"scheduled_for": fired["slot"]})
    assert told["outcome"] == "postponed" and f"its windows are daily {hour:02}:00" in told["reason"]
    assert datetime.fromisoformat(told["slot"]).hour == hour
    assert ids(stack, cluster) == before


def test_who_opts_out_is_left_alone_at_the_plan_and_at_the_slot(stack, cluster):
    cutoff = old_service(stack, cluster)
    event = notice(f"{cluster}|web")
    name = outcome(stack.ingest(event))["schedule"]
    tag(stack, cluster, mode="off")
    before = ids(stack, cluster)
    told = stack.deploy(given(cluster, cutoff))
    assert told["outcome"] == "skipped" and "opted out" in told["reason"]
    told = outcome(stack.ingest(event))
    assert told["outcome"] == "cancelled" and "opted out" in told["reason"]
    assert (stack.schedule(name), ids(stack, cluster)) == (None, before)


def test_a_tag_that_cannot_be_read_is_in_outcome_event_and_message(stack, cluster):
    stack.aws.create_service(cluster, "web")
    tag(stack, cluster, window="Fridays at ten")
    told = outcome(stack.ingest(notice(f"{cluster}|web")))
    [warning] = told["warnings"]
    assert told["outcome"] == "scheduled" and 'its tag ecs-task-patching:window is "Fridays at ten"' in warning
    [event] = stack.ears.events(cluster)
    assert event["detail"]["warnings"] == [warning]
    [message] = stack.ears.messages(cluster)
    assert f"Warnings:\n- {cluster}/web: {warning}" in message["Message"]


# ---- Observing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["parameter", "tag"])
def test_what_is_only_observed_is_told_and_nothing_is_written(stack, cluster, by):
    cutoff = old_service(stack, cluster)
    if by == "tag":
        tag(stack, cluster, mode="observe")
    before, pending = ids(stack, cluster), pending_names(stack)
    mode = {"MODE": "observe"} if by == "parameter" else {}
    with changed(stack, "IngestFunctionName", **mode), changed(stack, "DeployFunctionName", **mode):
        told = outcome(stack.ingest(notice(f"{cluster}|web")))
        assert told["outcome"] == "skipped" and told["reason"].startswith("only observed: it would be scheduled")
        assert "slot" in told
        told = stack.deploy(given(cluster, cutoff))
        assert told["outcome"] == "skipped"
        assert told["reason"].startswith("only observed: a new deployment would be forced: 2 of 2 running task(s)")
    assert (ids(stack, cluster), pending_names(stack)) == (before, pending)
    planned, at_slot = stack.ears.messages(f"{cluster}/web")
    assert "1 service(s) would be redeployed, but are only observed" in planned["Message"]
    assert at_slot["Subject"] == f"Skipped: {cluster}/web"
    kinds = [event["detail-type"] for event in stack.ears.events(cluster)]
    assert kinds == ["Patch Skipped", "Patch Skipped"]


def pending_names(stack):
    found = stack.scheduler.list_schedules(GroupName=stack.group, MaxResults=5000)
    return sorted(schedule["Name"] for schedule in found["Schedules"])


# ---- Freezes: the local AWS has no GetCalendarState, so that here every calendar is one that cannot be read ----------


def test_a_calendar_that_cannot_be_read_holds_no_plan_up_and_no_deployment_starts(stack, cluster):
    cutoff = old_service(stack, cluster)
    with changed(stack, "IngestFunctionName", CHANGE_CALENDARS="Freeze"):
        told = outcome(stack.ingest(notice(f"{cluster}|web")))
    [warning] = told["warnings"]
    assert told["outcome"] == "scheduled" and "Change Calendar Freeze could not be read" in warning
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=told["schedule"])
    before = ids(stack, cluster)
    with changed(stack, "DeployFunctionName", CHANGE_CALENDARS="Freeze"):
        told = stack.deploy(given(cluster, cutoff))
    assert told["outcome"] == "postponed" and "the same window, at" in told["reason"]
    assert "Change Calendar Freeze cannot be read, and counts as closed" in told["reason"]
    assert ids(stack, cluster) == before


# ---- Alarms --------------------------------------------------------------------------------------------------------


def test_a_deployment_waits_while_an_alarm_fires(stack, cluster):
    cutoff = old_service(stack, cluster)
    alarms = stack.aws.client("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName=f"{cluster}-errors", Namespace="test", MetricName="errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )
    alarms.put_composite_alarm(AlarmName=f"{cluster}-all", AlarmRule=f'ALARM("{cluster}-errors")')

    def set_states(errors, all_):
        for name, state in ((f"{cluster}-errors", errors), (f"{cluster}-all", all_)):
            alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test")

    def deploy(watched):
        for name in stack.names_with(cluster):
            stack.scheduler.delete_schedule(GroupName=stack.group, Name=name)
        with changed(stack, "DeployFunctionName", BLOCKING_ALARMS=watched):
            return stack.deploy(given(cluster, cutoff))

    before = ids(stack, cluster)
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    rows = [
        ("ALARM", "OK", f"{cluster}-", f"1 alarm is in ALARM: {cluster}-errors"),
        ("OK", "ALARM", f"other-,{cluster}-", f"1 alarm is in ALARM: {cluster}-all"),
        ("OK", "ALARM", f"{arn}{cluster}-all", f"1 alarm is in ALARM: {cluster}-all"),
        ("OK", "OK", f"{arn}{cluster}-gone", f"there is no alarm {arn}{cluster}-gone, which counts as ALARM"),
    ]
    for errors, all_, watched, expected in rows:
        set_states(errors, all_)
        told = deploy(watched)
        assert told["outcome"] == "postponed" and told["reason"].startswith(expected), told
        assert ids(stack, cluster) == before
    set_states("INSUFFICIENT_DATA", "OK")
    assert deploy(f"{cluster}-,{arn}{cluster}-errors")["outcome"] == "started"


# ---- Order ---------------------------------------------------------------------------------------------------------


def test_a_service_comes_after_the_one_that_its_tag_names(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.aws.create_service(cluster, "first")
    tag(stack, cluster, "first", window="Sat 22:00-02:00")
    tag(stack, cluster, after=f"{cluster}/first", window="Fri 22:00-02:00")
    answer = stack.ingest(notice(f"{cluster}|web", f"{cluster}|first", days=9))
    # Whether Friday or Saturday comes first depends on today.
    slots = [datetime.fromisoformat(told["slot"]) for told in answer["outcomes"]]
    warnings = outcome(answer, f"{cluster}|web").get("warnings", [])
    assert [f"its window lies before that of {cluster}/first" in warning for warning in warnings] == [True] * (
        slots[0] < slots[1]
    )

    cutoff = outdated(cutoff)
    told = stack.deploy(given(cluster, cutoff))
    assert told["outcome"] == "postponed"
    assert told["reason"].startswith(f"its tag ecs-task-patching:after names {cluster}/first, of which 2 of 2")
    assert stack.deploy(given(cluster, cutoff, "first"))["outcome"] == "started"
    wait_until(lambda: all(task["createdAt"] > cutoff for task in stack.aws.tasks(cluster, "first")))
    wait_until(lambda: stack.aws.deployments(cluster, "first")[0]["rolloutState"] == "COMPLETED")
    for name in stack.names_with(cluster):
        stack.scheduler.delete_schedule(GroupName=stack.group, Name=name)
    assert stack.deploy(given(cluster, cutoff))["outcome"] == "started"


def outdated(cutoff):
    """A cut-off for which all tasks are old that there are now."""
    time.sleep(1.1)
    later = datetime.now(cutoff.tzinfo).replace(microsecond=0)
    time.sleep(1.1)
    return later


# ---- Images --------------------------------------------------------------------------------------------------------


def test_an_image_that_can_move_is_warned_of_when_the_deployment_starts(stack, cluster):
    cutoff = old_service(stack, cluster, image="example/app:latest")
    told = stack.deploy(given(cluster, cutoff))
    [warning] = told["warnings"]
    assert told["outcome"] == "started" and "(web: example/app:latest is whatever is latest)" in warning
    [event] = stack.ears.events(cluster)
    assert (event["detail-type"], event["detail"]["warnings"]) == ("Patch Started", [warning])
    [message] = stack.ears.messages(cluster)
    assert message["Subject"] == f"Started: {cluster}/web" and "Warning: The deployment may ship" in message["Message"]


# ---- The check of the configuration ----------------------------------------------------------------------------------


def test_a_stack_that_can_never_work_is_refused_and_one_that_can_is_deployed_and_deleted(stack):
    aws, name = stack.aws, "checked"
    formation = aws.client("cloudformation")

    def status():
        return formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

    def delete():
        formation.delete_stack(StackName=name)
        wait_until(lambda: not deployed(formation, name))

    def wait_days(days):
        aws.client("ecs").put_account_setting(name="fargateTaskRetirementWaitPeriod", value=days)

    def refused(**parameters):
        """Why `sam deploy` failed, as AWS CloudFormation shows it. (Its own table wraps the text.)"""
        with pytest.raises(Failed, match="ConfigurationCheck"):
            aws.deploy(name, **parameters)
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [event["ResourceStatusReason"] for event in events
                   if event["LogicalResourceId"] == "ConfigurationCheck" and "_FAILED" in event["ResourceStatus"]]
        return reasons[0]

    # Creation: a zone that is none.
    assert 'TimeZone is "Mars/Olympus"' in refused(TimeZone="Mars/Olympus")
    assert status() == "ROLLBACK_COMPLETE"
    delete()

    # Accepted, with what will not always work; then an update that could not work, which is rolled back.
    outputs = aws.deploy(name, DeadlineMarginMinutes="2880")
    assert "47 of 168 hours (28 %)" in outputs["ConfigurationFindings"]
    reason = refused(DeadlineMarginMinutes="10080")
    assert "DeadlineMarginMinutes is 10080 and MinimumNoticeMinutes is 60" in reason and "right values are" in reason
    assert status() == "UPDATE_ROLLBACK_COMPLETE"
    variables = stack.functions.get_function_configuration(FunctionName=f"{name}-ingest")["Environment"]["Variables"]
    assert variables["DEADLINE_MARGIN_MINUTES"] == "2880"

    # By now the account leaves nothing at all: an update is refused, and neither rollback nor deletion is.
    wait_days("0")
    try:
        assert "fargateTaskRetirementWaitPeriod is 0" in refused(DeadlineMarginMinutes="120")
        assert status() == "UPDATE_ROLLBACK_COMPLETE"
        delete()
    finally:
        wait_days("7")


def deployed(formation, name):
    try:
        [stack] = formation.describe_stacks(StackName=name)["Stacks"]
    except formation.exceptions.ClientError:
        return False
    assert stack["StackStatus"] != "DELETE_FAILED", json.dumps(stack, default=str)
    return stack["StackStatus"] != "DELETE_COMPLETE"


def test_the_check_found_nothing_wrong_with_the_stack_of_these_tests(stack):
    found = stack.outputs["ConfigurationFindings"]
    assert found.startswith("in 1 of 168 hours (1 %) of the week, a notice comes too late for the next opening"), found
