"""Nothing is lost: an event that fails does so with a clear error, and stays in the dead-letter queue."""

from datetime import timedelta

import pytest
import samples
from helpers import SAMPLE_RESULTS, changed, notice, now, outcome, retirement_date, start_time, wire

MALFORMED = [name for name in SAMPLE_RESULTS if name.startswith("malformed-")]


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_event_is_kept_in_the_queue_with_its_error(stack, name):
    event = samples.today(name)
    event["id"] = f"queue-{name}"
    stack.invoke_async("IngestFunctionName", event)
    record = stack.failed_event(lambda kept: kept.get("id") == event["id"])
    assert record["requestPayload"] == event
    error, expected = SAMPLE_RESULTS[name]
    assert record["responsePayload"]["errorType"] == error
    assert expected in record["responsePayload"]["errorMessage"]


@pytest.mark.parametrize("name", [name for name in MALFORMED if name != "malformed-entity"])
def test_a_malformed_event_schedules_nothing(stack, name):
    event = samples.today(name)
    before = sorted(stack.schedules.names("prod"))
    stack.ingest_fails(event)
    assert sorted(stack.schedules.names("prod")) == before


def test_a_payload_that_is_no_json_object_fails(stack):
    for payload in (b'"restart everything"', b"[]", b"null"):
        error, message = stack.ingest_fails(payload)
        assert error == "InvalidEvent" and message.startswith("the event is "), message


def test_an_unreadable_entity_does_not_stop_the_others(stack, cluster):
    error, message = stack.ingest_fails(notice(f"{cluster}|web", f"{cluster}»api"))
    assert error == "OutcomesFailed"
    assert f"1 of 2 entities failed: {cluster}»api: " in message
    assert len(stack.schedules.names(cluster)) == 1


def test_an_invalid_schedule_input_is_kept_in_the_queue(stack, cluster):
    given = {
        "version": 1, "cluster": cluster, "service": "web", "notices": [], "slot": "Friday",
        "scheduled_for": wire(now()),  # without it, an operator handed it over, and it is refused
    }
    stack.invoke_async("DeployFunctionName", given)
    record = stack.failed_event(lambda kept: kept.get("cluster") == cluster)
    assert record["responsePayload"]["errorType"] == "InvalidInput"
    assert "slot" in record["responsePayload"]["errorMessage"]


def test_an_invalid_check_is_kept_in_the_queue(stack, cluster):
    stack.invoke_async("VerifyFunctionName", {"version": 1, "kind": "service", "cluster": cluster})
    record = stack.failed_event(lambda kept: kept.get("cluster") == cluster)
    assert record["responsePayload"]["errorType"] == "InvalidInput"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TIME_ZONE", "Mars/Olympus", 'TimeZone is "Mars/Olympus"'),
        ("MAINTENANCE_WINDOWS", "Fri 25:00-02:00", 'MaintenanceWindows is "Fri 25:00-02:00"'),
        ("DEADLINE_MARGIN_MINUTES", "a day", 'DeadlineMarginMinutes is "a day"'),
    ],
)
def test_an_invalid_parameter_fails_every_event_and_is_named(stack, cluster, variable, value, expected):
    with changed(stack, "IngestFunctionName", **{variable: value}):
        error, message = stack.ingest_fails(notice(f"{cluster}|web"))
    assert error == "InvalidConfiguration"
    assert message.startswith(expected) and "for example" in message
    assert stack.schedules.names(cluster) == []


def test_the_parameters_reach_the_planner(stack, cluster):
    parameters = {"MAINTENANCE_WINDOWS": "daily 03:00-04:00", "TIME_ZONE": "Asia/Tokyo", "SLOT_PREFERENCE": "latest"}
    event = notice(f"{cluster}|web")
    with changed(stack, "IngestFunctionName", **parameters, SPREAD_MINUTES="0"):
        answer = outcome(stack.ingest(event))
    start = start_time(answer)
    assert (start.hour, start.minute) == (18, 0)  # 03:00 in Tokyo, which has no daylight saving time
    deadline = retirement_date(event) - timedelta(hours=2)
    assert timedelta(0) <= deadline - start < timedelta(days=1), "the latest opening before the deadline"
    schedule = stack.schedules.get(answer["schedule"])
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert "03:00 Asia/Tokyo" in schedule["Description"]
