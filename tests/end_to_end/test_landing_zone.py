"""A stack in an account that demands a KMS key, a permissions boundary and a path for roles."""

import json
import re

import pytest
import yaml
from helpers import Stack, deploy_input, notice, old_service, outcome
from build import CloudFormationLoader
from commands import REGION, ROOT
from local_aws import ACCOUNT
from stack import Kind, kind_of

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


@pytest.fixture(scope="module")
def key(aws):
    return aws.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def guarded(aws, key):
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    aws.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(anything))
    parameters = {"KmsKeyArn": key, "PermissionsBoundaryArn": BOUNDARY, "RolePath": "/platform/patching/"}
    parameters["BlockingAlarms"] = "no-such-alarm-"  # the validation of the configuration looks for it
    return Stack(aws, aws.deploy("guarded", **parameters))


def resources(stack):
    found = stack.aws.client("cloudformation").describe_stack_resources(StackName="guarded")["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def test_every_schedule_that_the_functions_write_is_encrypted_with_the_key(guarded, cluster, key):
    guarded.aws.create_service(cluster, "jobs")
    cutoff = old_service(guarded, cluster)
    guarded.ingest(notice(f"{cluster}|web", f"{cluster}|jobs", cutoff=cutoff))
    guarded.deploy(deploy_input(cluster, cutoff))
    request = {"reason": "test", "ticket": "1"}
    guarded.operate({"operation": "hold", "cluster": cluster, "service": "jobs"} | request)
    guarded.operate({"operation": "hold-all"} | request)
    try:
        kinds = {kind_of(name) for name in guarded.schedules.names()}
        assert {Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK, Kind.DEADLINE_CHECK, Kind.HEARTBEAT, Kind.STOP} <= kinds
        for name in set(guarded.schedules.names()) - {"heartbeat"}:  # which the template creates
            assert guarded.schedules.get(name)["KmsKeyArn"] == key, name
    finally:
        guarded.operate({"operation": "release-all"} | request)


def test_schedules_have_the_role_with_its_path(guarded, cluster):
    guarded.aws.create_service(cluster, "web")
    name = outcome(guarded.ingest(notice(f"{cluster}|web")))["schedule"]
    role = guarded.schedules.get(name)["Target"]["RoleArn"]
    assert role == f"arn:aws:iam::{ACCOUNT}:role/platform/patching/{resources(guarded)['SchedulerRole']}"


def test_the_queue_and_the_log_groups_have_the_key(guarded, key):  # test_policies.py has the topics and the heartbeat
    found = resources(guarded)
    queues, logs = (guarded.aws.client(service) for service in ("sqs", "logs"))
    attributes = queues.get_queue_attributes(QueueUrl=found["DeadLetterQueue"], AttributeNames=["All"])["Attributes"]
    assert attributes["KmsMasterKeyId"] == key
    groups = [found[name] for name in found if name.endswith("LogGroup")]
    assert len(groups) == 7
    for group in groups:
        [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert described["kmsKeyId"] == key, group


ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}"
VALUES = {
    "KmsKeyArn": (
        ["", f"{ARN}:key/1234abcd-12ab-34cd-56ef-1234567890ab", f"arn:aws-cn:kms:cn-north-1:{ACCOUNT}:key/mrk-1234abcd"],
        ["alias/my-key", f"{ARN}:alias/my-key", f"{ARN}:key/", f"{ARN}:key/a b"],
    ),
    "PermissionsBoundaryArn": (
        ["", BOUNDARY, f"arn:aws-us-gov:iam::{ACCOUNT}:policy/team/a@b", "arn:aws:iam::aws:policy/PowerUserAccess"],
        ["boundary", f"arn:aws:iam::{ACCOUNT}:role/boundary", "*"],
    ),
    "RolePath": (["/", "/platform/", "/platform/patching/"], ["", "platform", "/platform", "//", "/a b/", "/*/"]),
}


@pytest.mark.parametrize("parameter", VALUES)
def test_the_patterns_accept_what_aws_accepts(parameter):
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)
    pattern = template["Parameters"][parameter]["AllowedPattern"]
    valid, invalid = VALUES[parameter]
    assert [value for value in valid if not re.fullmatch(pattern, value)] == []
    assert [value for value in invalid if re.fullmatch(pattern, value)] == []
