"""Nothing is lost: what cannot be handled fails by name, and is kept in the queue."""

from datetime import datetime

import pytest
import samples
from conftest import changed, notice
from test_notices import SAMPLES

MALFORMED = [name for name in SAMPLES if name.startswith("malformed-")]


@pytest.mark.parametrize("name", MALFORMED)
def test_bad_input_lands_in_the_queue_with_the_reason(stack, name):
    event = samples.today(name)
    event["id"] = f"queue-{name}"
    stack.later("IngestFunctionName", event)
    message = stack.failed_event(lambda kept: kept.get("id") == event["id"])
    assert message["requestPayload"] == event
    error, expected = SAMPLES[name]
    assert message["responsePayload"]["errorType"] == error
    assert expected in message["responsePayload"]["errorMessage"]


@pytest.mark.parametrize("name", [name for name in MALFORMED if name != "malformed-entity"])
def test_bad_input_schedules_nothing(stack, name):
    event = samples.today(name)
    before = sorted(stack.names_with("prod"))
    stack.ingest_fails(event)
    assert sorted(stack.names_with("prod")) == before


def test_what_is_no_json_object_fails(stack):
    for payload in (b'"restart everything"', b"[]", b"null"):
        error, message = stack.ingest_fails(payload)
        assert error == "InvalidEvent" and message.startswith("the event is "), message


def test_an_unreadable_entity_fails_alone(stack, cluster):
    error, message = stack.ingest_fails(notice(f"{cluster}|web", f"{cluster}»api"))
    assert error == "OutcomesFailed"
    assert f"1 of 2 entities failed: {cluster}»api: " in message
    assert len(stack.names_with(cluster)) == 1


def test_what_a_schedule_should_not_carry_lands_in_the_queue(stack, cluster):
    given = {"version": 1, "cluster": cluster, "service": "web", "notices": [], "slot": "Friday"}
    stack.later("DeployFunctionName", given)
    message = stack.failed_event(lambda kept: kept.get("cluster") == cluster)
    assert message["responsePayload"]["errorType"] == "InvalidInput"
    assert "slot" in message["responsePayload"]["errorMessage"]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TIME_ZONE", "Mars/Olympus", 'TimeZone is "Mars/Olympus"'),
        ("MAINTENANCE_WINDOWS", "Fri 25:00-02:00", 'MaintenanceWindows is "Fri 25:00-02:00"'),
        ("DEADLINE_MARGIN_MINUTES", "a day", 'DeadlineMarginMinutes is "a day"'),
    ],
)
def test_a_bad_parameter_fails_every_event_by_its_name(stack, cluster, variable, value, expected):
    with changed(stack, "IngestFunctionName", **{variable: value}):
        error, message = stack.ingest_fails(notice(f"{cluster}|web"))
    assert error == "InvalidConfiguration"
    assert message.startswith(expected) and "a right value is" in message
    assert stack.names_with(cluster) == []


def test_the_operators_choices_reach_the_planner(stack, cluster):
    windows = {"MAINTENANCE_WINDOWS": "daily 03:00-04:00", "TIME_ZONE": "Asia/Tokyo", "SLOT_PREFERENCE": "latest"}
    with changed(stack, "IngestFunctionName", **windows, SPREAD_MINUTES="0"):
        answer = stack.ingest(notice(f"{cluster}|web"))
    [told] = answer["outcomes"]
    slot = datetime.fromisoformat(told["slot"])
    assert (slot.hour, slot.minute) == (18, 0)  # three in the morning in Tokyo
    schedule = stack.schedule(told["schedule"])
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "03:00 Asia/Tokyo" in schedule["Description"]
