"""An operator's edits win: a schedule that somebody disabled, moved or described stays as it is."""

import json
from datetime import timedelta

import pytest
from helpers import Window, notice, now, outcome, start_time, windows, wire


@pytest.fixture(scope="module", autouse=True)
def window(stack):
    """A window whose next opening is the start time of every notice in this file."""
    window = Window.opening(timedelta(days=3))
    with windows(stack, window):
        yield window


def scheduled(stack, cluster, days=7):
    """Sends a notice, and returns it with the name of the schedule of its service."""
    event = notice(f"{cluster}|web", days=days)
    return event, outcome(stack.ingest(event))["schedule"]


def test_a_disabled_schedule_stays_disabled_and_keeps_new_notices(stack, cluster):
    event, name = scheduled(stack, cluster)
    disabled = stack.schedules.edit(name, State="DISABLED")
    answer = outcome(stack.ingest(event))
    assert (answer["outcome"], answer["schedule"]) == ("held", name) and "slot" not in answer
    assert stack.schedules.get(name) == disabled

    answer = outcome(stack.ingest(notice(f"{cluster}|web", days=9)))
    assert answer["outcome"] == "held"
    assert stack.schedules.get(name)["State"] == "DISABLED"
    assert stack.schedules.get(name)["ScheduleExpression"] == disabled["ScheduleExpression"]
    assert len(stack.schedules.input(name)["notices"]) == 2


def test_a_schedule_disabled_for_a_past_notice_is_enabled_for_the_next_one(stack, cluster):
    _, name = scheduled(stack, cluster, days=-1)
    stack.schedules.edit(name, State="DISABLED")
    answer = outcome(stack.ingest(notice(f"{cluster}|web")))
    assert answer["outcome"] == "rescheduled"
    assert stack.schedules.get(name)["State"] == "ENABLED"


def test_a_moved_schedule_keeps_its_time(stack, cluster):
    event, name = scheduled(stack, cluster)
    moment = now() + timedelta(days=2)
    # In the console, operators choose their own time zone and can turn off the flexible time window.
    moved = stack.schedules.edit(
        name,
        ScheduleExpression=f"at({moment + timedelta(hours=9):%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    answer = outcome(stack.ingest(event))
    assert answer["outcome"] == "held" and "an operator moved the schedule to" in answer["reason"]
    assert start_time(answer) == moment
    assert stack.schedules.get(name) == moved

    answer = outcome(stack.ingest(notice(f"{cluster}|web", days=9)))
    assert answer["outcome"] == "held"
    after = stack.schedules.get(name)
    for field in ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "State"):
        assert after[field] == moved[field]
    assert len(stack.schedules.input(name)["notices"]) == 2


def test_a_schedule_moved_past_the_retirement_date_is_rescheduled_with_the_reason(stack, cluster, window):
    event, name = scheduled(stack, cluster)
    planned = stack.schedules.input(name)["slot"]
    assert planned == wire(window.opens_at)
    stack.schedules.edit(name, ScheduleExpression=f"at({now() + timedelta(days=8):%Y-%m-%dT%H:%M:%S})")
    answer = outcome(stack.ingest(event))
    assert (answer["outcome"], answer["slot"]) == ("rescheduled", planned)
    assert "which is not before the retirement date" in answer["reason"]


def test_a_recurring_schedule_is_not_touched(stack, cluster):
    event, name = scheduled(stack, cluster)
    recurring = stack.schedules.edit(name, ScheduleExpression="cron(0 22 ? * FRI *)")
    assert outcome(stack.ingest(event))["outcome"] == "held"
    assert stack.schedules.get(name) == recurring


def test_an_unreadable_input_is_replaced(stack, cluster):
    event, name = scheduled(stack, cluster)
    given = stack.schedules.input(name)
    target = stack.schedules.get(name)["Target"]
    stack.schedules.edit(name, Target=target | {"Input": "please restart web"})
    answer = outcome(stack.ingest(event))
    assert answer["outcome"] == "rescheduled" and "the schedule's input was invalid and has been rewritten" in answer["reason"]
    rewritten = stack.schedules.input(name)
    [plan] = rewritten.pop("plans")
    assert "planned again" in plan["reason"]
    assert rewritten == {field: value for field, value in given.items() if field != "plans"}


def test_a_schedule_edited_to_redeploy_another_service_is_not_touched(stack, cluster):
    event, name = scheduled(stack, cluster)
    given = stack.schedules.input(name)
    target = stack.schedules.get(name)["Target"]
    other = json.dumps(given | {"service": "api"})
    edited = stack.schedules.edit(name, Target=target | {"Input": other})
    error, message = stack.ingest_fails(event)
    assert error == "OutcomesFailed" and f"was edited to redeploy {cluster}/api" in message
    assert stack.schedules.get(name) == edited


def test_a_description_written_by_an_operator_stays(stack, cluster):
    _, name = scheduled(stack, cluster)
    stack.schedules.edit(name, Description="CHG0042, approved by Ada")
    stack.ingest(notice(f"{cluster}|web", days=9))
    assert stack.schedules.get(name)["Description"] == "CHG0042, approved by Ada"
    assert len(stack.schedules.input(name)["notices"]) == 2


def test_a_deleted_schedule_is_created_again_when_its_notice_is_repeated(stack, cluster):
    event, name = scheduled(stack, cluster)
    stack.schedules.delete(name)
    assert outcome(stack.ingest(event))["outcome"] == "scheduled"
    assert stack.schedules.get(name) is not None
