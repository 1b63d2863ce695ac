"""The names of the functions and of the schedule group, which operators and pending schedules rely on."""

import pytest
from helpers import Stack, notice, outcome, wait_until

FUNCTIONS = ("IngestFunctionName", "DeployFunctionName", "VerifyFunctionName", "OperateFunctionName")
WORDS = ("ingest", "deploy", "verify", "operate")


def test_a_stack_with_a_short_name_gives_it_to_its_functions_and_schedule_group(stack):
    names = [stack.outputs[output] for output in ("ScheduleGroupName", *FUNCTIONS)]
    assert names == ["ecs-task-patching", *(f"ecs-task-patching-{word}" for word in WORDS)]


@pytest.mark.parametrize(
    "name",
    ["StackSet-ecs-task-patching-6f1d3a52-0c0b-4b8e-9f7e-0123456789ab", f"patching-{'x' * 119}"],
    ids=["of a StackSet", "as long as possible"],
)
def test_a_stack_with_a_long_name_works_with_names_that_fit(stack, cluster, name):
    formation = stack.aws.client("cloudformation")
    other = Stack(stack.aws, stack.aws.deploy(name))
    try:
        group, *functions = (other.outputs[output] for output in ("ScheduleGroupName", *FUNCTIONS))
        assert group[:45] == name[:45] and len(group) <= 57
        assert functions == [f"{group}-{word}" for word in WORDS]
        schedule = other.schedules.get(outcome(other.ingest(notice(f"{cluster}|web")))["schedule"])
        assert schedule["Target"]["Arn"].endswith(f":function:{group}-deploy")
        assert other.verify({"version": 1, "kind": "heartbeat"})["pending"] == 2
        resources = formation.describe_stack_resources(StackName=name)["StackResources"]
        limits = {"AWS::Lambda::Function": 64, "AWS::Events::Rule": 64, "AWS::IAM::Role": 64, "AWS::SQS::Queue": 140}
        for resource in resources:
            physical = resource["PhysicalResourceId"].rsplit("/", 1)[-1]
            assert len(physical) <= limits.get(resource["ResourceType"], 255), resource
    finally:
        formation.delete_stack(StackName=name)
        wait_until(lambda: group not in [found["Name"] for found in
                                         stack.aws.client("scheduler").list_schedule_groups()["ScheduleGroups"]])
