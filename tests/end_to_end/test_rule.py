"""The EventBridge rule: which events reach ingest, and which do not."""

import json

import pytest
import samples
from helpers import notice, wait_until
from stack import send_drill


def retirement_rule(stack, prefix):
    """The rule of a stack that delivers notices. The other one keeps records."""
    rules = stack.aws.client("events").list_rules(NamePrefix=prefix)["Rules"]
    [rule] = [rule for rule in rules if not rule["Name"].endswith("-records")]
    return rule


@pytest.fixture(scope="module")
def pattern(stack):
    return retirement_rule(stack, stack.name)["EventPattern"]


def matches(stack, pattern, event):
    event = {"version": "0"} | event
    return stack.aws.client("events").test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]


@pytest.mark.parametrize("name", samples.names())
def test_the_rule_matches_retirement_notices_and_nothing_else(stack, pattern, name):
    others = ("malformed-event-code", "malformed-not-health")
    assert matches(stack, pattern, samples.as_written(name)) is (name not in others)


def test_the_rule_matches_drills_only_if_they_are_enabled(stack, pattern):
    drill = samples.as_written("service-notice") | {"source": "ecs-task-patching.drill"}
    assert matches(stack, pattern, drill)
    without_drills = json.loads(pattern)
    without_drills["source"].remove("ecs-task-patching.drill")
    assert without_drills["source"] == ["aws.health"]
    assert not matches(stack, json.dumps(without_drills), drill)


def test_a_stack_without_drills_accepts_only_aws_health(stack):
    stack.aws.deploy("without-drills")
    pattern = json.loads(retirement_rule(stack, "without-drills")["EventPattern"])
    assert pattern["source"] == ["aws.health"]
    stack.aws.client("cloudformation").delete_stack(StackName="without-drills")


def test_a_drill_on_the_event_bus_schedules_its_service(stack, cluster):
    send_drill(stack.aws, notice(f"{cluster}|web"))
    wait_until(lambda: stack.schedules.names(cluster), seconds=20)
    assert len(stack.schedules.names(cluster)) == 1


def test_the_heartbeat_finds_a_rule_that_is_disabled_or_lost_its_target(stack):
    events = stack.aws.client("events")
    rule = retirement_rule(stack, stack.name)["Name"]
    [target] = events.list_targets_by_rule(Rule=rule)["Targets"]
    heartbeat = {"version": 1, "kind": "heartbeat"}
    assert "rule_fault" not in stack.verify(heartbeat)
    events.disable_rule(Name=rule)
    try:
        assert stack.verify(heartbeat)["rule_fault"] == f"the rule {rule} is disabled"
    finally:
        events.enable_rule(Name=rule)
    events.remove_targets(Rule=rule, Ids=[target["Id"]])
    try:
        assert stack.verify(heartbeat)["rule_fault"] == f"the rule {rule} does not invoke {target['Arn']}"
    finally:
        events.put_targets(Rule=rule, Targets=[target])
    assert "rule_fault" not in stack.verify(heartbeat)
