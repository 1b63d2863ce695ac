"""What people do to schedules by hand stands."""

import json
from datetime import datetime, timedelta

from conftest import notice, now, outcome


def scheduled(stack, cluster, **kind):
    event = notice(f"{cluster}|web", **({"days": 7} | kind))
    return event, outcome(stack.ingest(event))["schedule"]


def test_a_disabled_schedule_stays_disabled_and_holds_what_comes(stack, cluster):
    event, name = scheduled(stack, cluster)
    held = stack.edit(name, State="DISABLED")
    told = outcome(stack.ingest(event))
    assert (told["outcome"], told["schedule"]) == ("held", name) and "slot" not in told
    assert stack.schedule(name) == held

    told = outcome(stack.ingest(notice(f"{cluster}|web", days=9)))
    assert told["outcome"] == "held"
    assert stack.schedule(name)["State"] == "DISABLED"
    assert stack.schedule(name)["ScheduleExpression"] == held["ScheduleExpression"]
    assert len(stack.given(name)["notices"]) == 2


def test_a_schedule_disabled_for_a_notice_that_has_passed_is_planned_again_for_the_next(stack, cluster):
    _, name = scheduled(stack, cluster, days=-1)
    stack.edit(name, State="DISABLED")
    told = outcome(stack.ingest(notice(f"{cluster}|web")))
    assert told["outcome"] == "rescheduled"
    assert stack.schedule(name)["State"] == "ENABLED"


def test_a_moved_schedule_stays_where_it_was_put(stack, cluster):
    event, name = scheduled(stack, cluster)
    moment = now() + timedelta(days=3)
    # In the console people choose their own zone, and switch the flexible window off.
    moved = stack.edit(
        name,
        ScheduleExpression=f"at({moment + timedelta(hours=9):%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    told = outcome(stack.ingest(event))
    assert told["outcome"] == "held" and "an operator moved the schedule to" in told["reason"]
    assert datetime.fromisoformat(told["slot"]) == moment
    assert stack.schedule(name) == moved

    told = outcome(stack.ingest(notice(f"{cluster}|web", days=9)))
    assert told["outcome"] == "held"
    after = stack.schedule(name)
    for field in ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "State"):
        assert after[field] == moved[field]
    assert len(stack.given(name)["notices"]) == 2


def test_a_schedule_moved_beyond_awss_date_is_planned_again_and_says_so(stack, cluster):
    event, name = scheduled(stack, cluster)
    planned = stack.given(name)["slot"]
    stack.edit(name, ScheduleExpression=f"at({now() + timedelta(days=8):%Y-%m-%dT%H:%M:%S})")
    told = outcome(stack.ingest(event))
    assert (told["outcome"], told["slot"]) == ("rescheduled", planned)
    assert "which is not before AWS's date" in told["reason"]


def test_a_schedule_made_recurring_is_left_alone(stack, cluster):
    event, name = scheduled(stack, cluster)
    recurring = stack.edit(name, ScheduleExpression="cron(0 22 ? * FRI *)")
    assert outcome(stack.ingest(event))["outcome"] == "held"
    assert stack.schedule(name) == recurring


def test_an_input_edited_to_nonsense_is_written_anew(stack, cluster):
    event, name = scheduled(stack, cluster)
    given = stack.given(name)
    target = stack.schedule(name)["Target"]
    stack.edit(name, Target=target | {"Input": "please restart web"})
    told = outcome(stack.ingest(event))
    assert told["outcome"] == "rescheduled" and "could not be read" in told["reason"]
    assert stack.given(name) == given


def test_a_schedule_edited_to_redeploy_another_service_is_not_touched(stack, cluster):
    event, name = scheduled(stack, cluster)
    given = stack.given(name)
    target = stack.schedule(name)["Target"]
    edited = stack.edit(name, Target=target | {"Input": json.dumps(given | {"service": "api"})})
    error, message = stack.ingest_fails(event)
    assert error == "OutcomesFailed" and f"was edited to redeploy {cluster}/api" in message
    assert stack.schedule(name) == edited


def test_a_description_written_by_hand_stays(stack, cluster):
    _, name = scheduled(stack, cluster)
    stack.edit(name, Description="CHG0042, approved by Ada")
    stack.ingest(notice(f"{cluster}|web", days=9))
    assert stack.schedule(name)["Description"] == "CHG0042, approved by Ada"
    assert len(stack.given(name)["notices"]) == 2


def test_a_deleted_schedule_comes_back_when_its_notice_is_sent_again(stack, cluster):
    event, name = scheduled(stack, cluster)
    stack.scheduler.delete_schedule(GroupName=stack.group, Name=name)
    assert outcome(stack.ingest(event))["outcome"] == "scheduled"
    assert stack.schedule(name) is not None
