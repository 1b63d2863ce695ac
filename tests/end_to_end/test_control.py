"""What owners and operators control: tags, observe mode, calendars, alarms, order, images, configuration check."""

import json
from datetime import timedelta

import pytest
from helpers import (
    Window,
    changed,
    cutoff_after_all_tasks,
    deploy_input,
    deployment_ids,
    detail_types,
    notice,
    old_service,
    outcome,
    retirement_date,
    start_time,
    tag,
    text_of,
    wait_until,
)
from commands import REGION, Failed
from local_aws import ACCOUNT

# ---- Tags ----------------------------------------------------------------------------------------------------------


def test_a_window_tag_overrides_the_parameter_and_a_later_change_applies_at_the_start_time(stack, cluster):
    cutoff = old_service(stack, cluster)
    tokyo = Window.opening(timedelta(hours=6), days="daily", hours=2, zone="Asia/Tokyo")
    tag(stack, cluster, window=tokyo.text)
    answer = outcome(stack.ingest(notice(f"{cluster}|web")))
    assert start_time(answer) == tokyo.opens_at and tokyo.text in answer["reason"]
    assert stack.schedules.input(answer["schedule"])["windows"] == tokyo.text

    # The schedule fires now, but its owner has changed the window to one that opens in twelve hours.
    other = Window.opening(timedelta(hours=12), days="daily", hours=1)
    tag(stack, cluster, window=other.text)
    fired = deploy_input(cluster, cutoff) | {"windows": tokyo.text}
    stack.schedules.delete(answer["schedule"])
    before = deployment_ids(stack, cluster)
    answer = stack.deploy(fired | {"scheduled_for": fired["slot"]})
    assert answer["outcome"] == "postponed"
    assert f"outside the current windows ({other.text})" in answer["reason"]
    assert start_time(answer) == other.opens_at
    assert deployment_ids(stack, cluster) == before


def test_a_service_that_opted_out_is_neither_scheduled_nor_redeployed(stack, cluster):
    cutoff = old_service(stack, cluster)
    event = notice(f"{cluster}|web")
    name = outcome(stack.ingest(event))["schedule"]
    tag(stack, cluster, mode="off")
    before = deployment_ids(stack, cluster)
    answer = stack.deploy(deploy_input(cluster, cutoff))
    assert answer["outcome"] == "skipped" and "opted out" in answer["reason"]
    answer = outcome(stack.ingest(event))
    assert answer["outcome"] == "cancelled" and "opted out" in answer["reason"]
    assert (stack.schedules.get(name), deployment_ids(stack, cluster)) == (None, before)


def test_an_unreadable_tag_is_reported_in_outcome_event_and_message(stack, cluster):
    stack.aws.create_service(cluster, "web")
    tag(stack, cluster, window="Fridays at ten")
    answer = outcome(stack.ingest(notice(f"{cluster}|web")))
    [warning] = answer["warnings"]
    assert answer["outcome"] == "scheduled" and 'tag ecs-task-patching:window is "Fridays at ten"' in warning
    [event] = stack.inbox.events(cluster)
    assert event["detail"]["warnings"] == [warning]
    [message] = stack.inbox.messages(cluster)
    assert f"Warnings:\n- {cluster}/web: {warning}" in message["Message"]


# ---- Observe mode --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["parameter", "tag"])
def test_observe_mode_reports_and_changes_nothing(stack, cluster, by):
    cutoff = old_service(stack, cluster)
    if by == "tag":
        tag(stack, cluster, mode="observe")
    before, schedules = deployment_ids(stack, cluster), sorted(stack.schedules.names())
    mode = {"MODE": "observe"} if by == "parameter" else {}
    event = notice(f"{cluster}|web")
    with changed(stack, "IngestFunctionName", **mode), changed(stack, "DeployFunctionName", **mode):
        answer = outcome(stack.ingest(event))
        assert answer["outcome"] == "skipped"
        start = text_of(start_time(answer))
        assert answer["reason"].startswith(f"observe mode: would redeploy on {start}")
        answer = stack.deploy(deploy_input(cluster, cutoff))
        assert answer["outcome"] == "skipped"
        assert answer["reason"].startswith("observe mode: would force a new deployment: 2 of 2 running tasks ")
    assert (deployment_ids(stack, cluster), sorted(stack.schedules.names())) == (before, schedules)
    planned, at_start_time = stack.inbox.messages(f"{cluster}/web")
    assert planned["Subject"] == f"Observe mode: 1 service, retirement date {text_of(retirement_date(event))}"
    assert start in planned["Message"]
    assert at_start_time["Subject"] == f"Skipped: {cluster}/web"
    assert detail_types(stack, cluster) == ["Patch Skipped", "Patch Skipped"]


# ---- Change calendars: the local AWS has no GetCalendarState, so every calendar is unreadable here -------------------


def test_an_unreadable_calendar_does_not_stop_scheduling_but_blocks_the_deployment(stack, cluster):
    cutoff = old_service(stack, cluster)
    with changed(stack, "IngestFunctionName", CHANGE_CALENDARS="Freeze"):
        answer = outcome(stack.ingest(notice(f"{cluster}|web")))
    [warning] = answer["warnings"]
    assert answer["outcome"] == "scheduled" and "Change Calendar Freeze is unreadable" in warning
    stack.schedules.delete(answer["schedule"])
    before = deployment_ids(stack, cluster)
    with changed(stack, "DeployFunctionName", CHANGE_CALENDARS="Freeze"):
        answer = stack.deploy(deploy_input(cluster, cutoff))
    assert answer["outcome"] == "postponed" and "retrying in the same window on " in answer["reason"]
    assert "Change Calendar Freeze is unreadable and is treated as closed" in answer["reason"]
    assert deployment_ids(stack, cluster) == before


# ---- Alarms --------------------------------------------------------------------------------------------------------


def test_a_deployment_waits_while_a_blocking_alarm_is_firing(stack, cluster):
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

    def deploy(blocking_alarms):
        for name in stack.schedules.names(cluster):
            stack.schedules.delete(name)
        with changed(stack, "DeployFunctionName", BLOCKING_ALARMS=blocking_alarms):
            return stack.deploy(deploy_input(cluster, cutoff))

    before = deployment_ids(stack, cluster)
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    rows = [
        ("ALARM", "OK", f"{cluster}-", f"CloudWatch alarm in ALARM: {cluster}-errors"),
        ("OK", "ALARM", f"other-,{cluster}-", f"CloudWatch alarm in ALARM: {cluster}-all"),
        ("OK", "ALARM", f"{arn}{cluster}-all", f"CloudWatch alarm in ALARM: {cluster}-all"),
        ("OK", "OK", f"{arn}{cluster}-gone", f"alarm {arn}{cluster}-gone does not exist and is treated as in ALARM"),
    ]
    for errors, all_, blocking_alarms, expected in rows:
        set_states(errors, all_)
        answer = deploy(blocking_alarms)
        assert answer["outcome"] == "postponed" and answer["reason"].startswith(expected), answer
        assert deployment_ids(stack, cluster) == before
    set_states("INSUFFICIENT_DATA", "OK")
    assert deploy(f"{cluster}-,{arn}{cluster}-errors")["outcome"] == "started"


# ---- Order ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("web_in_days", "first_in_days", "warned"), [(1, 2, True), (2, 1, False)])
def test_a_start_time_before_that_of_the_service_that_comes_first_is_reported(
    stack, cluster, web_in_days, first_in_days, warned
):
    web, first = (Window.opening(timedelta(days=days)) for days in (web_in_days, first_in_days))
    for service, window in (("web", web), ("first", first)):
        stack.aws.create_service(cluster, service)
        tag(stack, cluster, service, window=window.text)
    tag(stack, cluster, after=f"{cluster}/first")
    answer = stack.ingest(notice(f"{cluster}|web", f"{cluster}|first", days=9))
    start_times = [start_time(outcome(answer, f"{cluster}|{service}")) for service in ("web", "first")]
    assert start_times == [web.opens_at, first.opens_at]
    warnings = outcome(answer, f"{cluster}|web").get("warnings", [])
    planned_later = f"which is planned later, for {text_of(first.opens_at)}"
    expected = f"waits for {cluster}/first (tag ecs-task-patching:after), {planned_later}"
    assert [expected in warning for warning in warnings] == ([True] if warned else [])


def test_a_service_waits_for_the_one_that_its_tag_names(stack, cluster):
    stack.aws.create_service(cluster, "web")
    stack.aws.create_service(cluster, "first")
    tag(stack, cluster, after=f"{cluster}/first")
    cutoff = cutoff_after_all_tasks()
    answer = stack.deploy(deploy_input(cluster, cutoff))
    assert answer["outcome"] == "postponed"
    assert answer["reason"].startswith(f"waiting for {cluster}/first: its 2 tasks have not been replaced yet")
    assert stack.deploy(deploy_input(cluster, cutoff, "first"))["outcome"] == "started"
    wait_until(lambda: all(task["createdAt"] > cutoff for task in stack.aws.tasks(cluster, "first")))
    wait_until(lambda: stack.aws.deployments(cluster, "first")[0]["rolloutState"] == "COMPLETED")
    for name in stack.schedules.names(cluster):
        stack.schedules.delete(name)
    assert stack.deploy(deploy_input(cluster, cutoff))["outcome"] == "started"


# ---- Images --------------------------------------------------------------------------------------------------------


def test_a_mutable_image_tag_is_reported_when_the_deployment_starts(stack, cluster):
    cutoff = old_service(stack, cluster, image="example/app:latest")
    answer = stack.deploy(deploy_input(cluster, cutoff))
    [warning] = answer["warnings"]
    assert answer["outcome"] == "started" and "(web: example/app:latest is a mutable tag)" in warning
    [event] = stack.inbox.events(cluster)
    assert (event["detail-type"], event["detail"]["warnings"]) == ("Patch Started", [warning])
    [message] = stack.inbox.messages(cluster)
    assert message["Subject"] == f"Started: {cluster}/web" and "Warning: The deployment may ship" in message["Message"]


# ---- The configuration check ---------------------------------------------------------------------------------------


def test_an_impossible_configuration_is_rejected_and_a_possible_one_is_deployed_and_deleted(stack):
    aws, name = stack.aws, "checked"
    formation = aws.client("cloudformation")

    def status():
        return formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

    def exists():
        try:
            [found] = formation.describe_stacks(StackName=name)["Stacks"]
        except formation.exceptions.ClientError:
            return False
        assert found["StackStatus"] != "DELETE_FAILED", json.dumps(found, default=str)
        return found["StackStatus"] != "DELETE_COMPLETE"

    def delete():
        formation.delete_stack(StackName=name)
        wait_until(lambda: not exists())

    def set_wait_period(days):
        aws.client("ecs").put_account_setting(name="fargateTaskRetirementWaitPeriod", value=days)

    def rejected(**parameters):
        """Why the stack failed, from its events."""
        with pytest.raises(Failed, match="ConfigurationCheck"):
            aws.deploy(name, **parameters)
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [event["ResourceStatusReason"] for event in events
                   if event["LogicalResourceId"] == "ConfigurationCheck" and "_FAILED" in event["ResourceStatus"]]
        return reasons[0]

    # An unknown time zone stops the creation of the stack.
    assert 'TimeZone is "Mars/Olympus"' in rejected(TimeZone="Mars/Olympus")
    assert status() == "ROLLBACK_COMPLETE"
    delete()

    # A configuration that misses some notices is accepted with a finding. An impossible update is rolled back.
    outputs = aws.deploy(name, DeadlineMarginMinutes="2880")
    assert "Notices that arrive during 47 hours of each week miss every opening of " in outputs["ConfigurationFindings"]
    reason = rejected(DeadlineMarginMinutes="10080")
    assert "DeadlineMarginMinutes is 10080 and MinimumNoticeMinutes is 60" in reason and "for example" in reason
    assert status() == "UPDATE_ROLLBACK_COMPLETE"
    variables = stack.functions.get_function_configuration(FunctionName=f"{name}-ingest")["Environment"]["Variables"]
    assert variables["DEADLINE_MARGIN_MINUTES"] == "2880"

    # The account no longer leaves any time. An update is rejected, also to values that were accepted before, but
    # rollback and deletion succeed.
    aws.deploy(name, DeadlineMarginMinutes="120")
    set_wait_period("0")
    try:
        assert "fargateTaskRetirementWaitPeriod is 0" in rejected(DeadlineMarginMinutes="2880")
        assert status() == "UPDATE_ROLLBACK_COMPLETE"
        delete()
    finally:
        set_wait_period("7")


def test_the_configuration_check_accepts_the_default_parameters(stack):
    findings = stack.outputs["ConfigurationFindings"]
    assert findings.startswith("Notices that arrive during 1 hour of each week miss every opening of "), findings
