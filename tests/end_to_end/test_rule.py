"""The rule: what reaches ingest, and what does not."""

import json
import time

import pytest
import samples
from conftest import notice


@pytest.fixture(scope="module")
def pattern(stack):
    events = stack.aws.client("events")
    [rule] = events.list_rules(NamePrefix=stack.group)["Rules"]
    return rule["EventPattern"]


def matches(stack, pattern, event):
    event = {"version": "0"} | event
    return stack.aws.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]


@pytest.mark.parametrize("name", samples.names())
def test_the_pattern_takes_retirements_and_nothing_else(stack, pattern, name):
    others = ("malformed-event-code", "malformed-not-health")
    assert matches(stack, pattern, samples.as_written(name)) is (name not in others)


def test_the_pattern_takes_drills_only_where_they_are_enabled(stack, pattern):
    drill = samples.as_written("service-notice") | {"source": "ecs-task-patching.drill"}
    assert matches(stack, pattern, drill)
    without_drills = json.loads(pattern)
    without_drills["source"].remove("ecs-task-patching.drill")
    assert without_drills["source"] == ["aws.health"]
    assert not matches(stack, json.dumps(without_drills), drill)


def test_a_stack_without_drills_takes_none(stack):
    stack.aws.deploy("without-drills")
    events = stack.aws.client("events")
    patterns = [json.loads(rule["EventPattern"]) for rule in events.list_rules(NamePrefix="without-drills")["Rules"]]
    assert [pattern["source"] for pattern in patterns] == [["aws.health"]]
    stack.aws.client("cloudformation").delete_stack(StackName="without-drills")


def test_a_drill_goes_the_whole_way(stack, cluster):
    event = notice(f"{cluster}|web")
    entry = {
        "Source": "ecs-task-patching.drill",
        "DetailType": event["detail-type"],
        "Resources": event["resources"],
        "Detail": json.dumps(event["detail"]),
    }
    assert stack.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    for _ in range(40):
        if stack.names_with(cluster):
            break
        time.sleep(0.5)
    assert len(stack.names_with(cluster)) == 1
