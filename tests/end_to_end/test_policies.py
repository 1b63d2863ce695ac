"""The policies and the encryption of the template, with and without the optional parameters."""

import json
import re

import pytest
from policies import EVERYTHING, KEYS, NEEDS_ANY_RESOURCE, OTHER_ACCOUNTS, NO_SOURCE, broken, of_type, problems, statements, template, text, texts
from commands import ROOT

ALTERNATIVES = {"defaults": {}, "everything": EVERYTHING, "only a key": {"KmsKeyArn": EVERYTHING["KmsKeyArn"]}}


@pytest.mark.parametrize("parameters", ALTERNATIVES.values(), ids=ALTERNATIVES)
def test_policies_are_closed_and_no_wider_than_aws_allows(parameters):
    assert problems(template(**parameters)) == []


def role_statement(resources, role, sid):
    [policy] = resources[role]["Properties"]["Policies"]
    [found] = [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == sid]
    return found


def policy_statement(resources, name, sid):
    [found] = [one for one in resources[name]["Properties"]["PolicyDocument"]["Statement"] if one["Sid"] == sid]
    return found


# How somebody could open the stack, and how the first problem that is found starts.
OPENED = {
    "a wildcard in an action": (lambda r: role_statement(r, "DeployRole", "ReadServices").update(Action="ecs:Describe*"), "DeployRole: ReadServices: ecs:Describe* has a wildcard"),
    "every action": (lambda r: role_statement(r, "DeployRole", "ReadServices").update(Action="*"), "DeployRole: ReadServices: * has a wildcard"),
    "an action that AWS does not have": (lambda r: role_statement(r, "DeployRole", "ReadServices").update(Action="ecs:DescribeService"), "DeployRole: ReadServices: ecs:DescribeService is no action"),
    "every resource": (lambda r: role_statement(r, "DeployRole", "ForceNewDeployments").update(Resource="*"), "DeployRole: ForceNewDeployments: ecs:UpdateService can be limited"),
    "another account": (lambda r: role_statement(r, "DeployRole", "ReadServices").update(Resource="arn:aws:ecs:eu-west-2:*:service/*"), "DeployRole: ReadServices: ecs:DescribeServices reaches *"),
    "everything but": (lambda r: role_statement(r, "DeployRole", "ReadServices").update(NotAction="ecs:UpdateService"), "DeployRole: ReadServices is not a plain"),
    "a managed policy": (lambda r: r["DeployRole"]["Properties"].update(ManagedPolicyArns=[]), "DeployRole: has managed policies"),
    "a role that a person can assume": (lambda r: r["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].update(Principal={"AWS": "*"}), "DeployRole: trusts more"),
    "schedules of others": (lambda r: r["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"), "SchedulerRole: EventBridge Scheduler can assume"),
    "any role passed": (lambda r: role_statement(r, "OperateRole", "PassRoleToSchedules").update(Resource={"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"}), "OperateRole: passes another role"),
    "a role passed to any service": (lambda r: role_statement(r, "OperateRole", "PassRoleToSchedules").pop("Condition"), "OperateRole: passes a role to another service"),
    "a queue without TLS": (lambda r: r["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"].pop(), "DeadLetterQueue: accepts requests without TLS"),
    "a topic without TLS": (lambda r: r.pop("NotificationTopicPolicy"), "NotificationTopic: accepts requests without TLS"),
    "alarms of other accounts": (lambda r: policy_statement(r, "AlarmTopicPolicy", "PublishAlarms").update(Condition={}), "AlarmTopicPolicy: PublishAlarms admits a service on behalf"),
    "rules of other accounts": (lambda r: policy_statement(r, "DeadLetterQueuePolicy", "KeepUndeliveredEvents").update(Condition={}), "DeadLetterQueuePolicy: KeepUndeliveredEvents admits"),
    "anybody": (lambda r: policy_statement(r, "AlarmTopicPolicy", "PublishAlarms").update(Principal={"AWS": "*"}), "AlarmTopicPolicy: PublishAlarms admits {'AWS': '*'}"),
    "records of other rules": (lambda r: r["RecordLogGroup"]["Properties"]["ResourcePolicyDocument"]["Statement"][1].pop("Condition"), "RecordLogGroup: KeepRecordsOfThisStack admits"),
    "any rule may invoke ingest": (lambda r: r["RetirementRulePermission"]["Properties"].pop("SourceArn"), "RetirementRulePermission: admits more"),
    "a queue without encryption": (lambda r: r["DeadLetterQueue"]["Properties"].update(SqsManagedSseEnabled=False), "DeadLetterQueue: is encrypted twice or not"),
    "a partition": (lambda r: r["AlarmTopic"]["Properties"].update(DisplayName="arn:aws:sns"), "AlarmTopic: names a partition"),
}


@pytest.mark.parametrize(("change", "problem"), OPENED.values(), ids=OPENED)
def test_what_opens_the_stack_is_found(change, problem):
    [first, *_] = broken(template(), change)
    assert first.startswith(problem)


WITH_KEY = {
    "another key": (lambda r: role_statement(r, "DeployRole", "UseKey").update(Resource="*"), "DeployRole: UseKey: kms:Decrypt can be limited"),
    "any use of the key": (lambda r: role_statement(r, "DeployRole", "UseKey").pop("Condition"), "DeployRole: UseKey: kms:Decrypt is not limited to a use"),
    "a log group that was forgotten": (lambda r: r["VerifyLogGroup"]["Properties"].pop("KmsKeyId"), "VerifyLogGroup: has the key ''"),
    "a schedule that was forgotten": (lambda r: r["Heartbeat"]["Properties"].pop("KmsKeyArn"), "Heartbeat: has the key ''"),
}


@pytest.mark.parametrize(("change", "problem"), WITH_KEY.values(), ids=WITH_KEY)
def test_what_leaves_the_key_unused_or_open_is_found(change, problem):
    [first, *_] = broken(template(**EVERYTHING), change)
    assert first.startswith(problem)


def test_every_exception_is_used():
    found = list(statements(template(**EVERYTHING)))
    anywhere = {action for _, one in found if texts(one["Resource"]) == ["*"] for action in texts(one["Action"])}
    assert set(NEEDS_ANY_RESOURCE) <= anywhere
    assert set(OTHER_ACCOUNTS) <= {action for _, one in found for action in texts(one["Action"])}
    policy = template()["Resources"]["RecordLogGroup"]["Properties"]["ResourcePolicyDocument"]
    assert set(NO_SOURCE) <= {one["Sid"] for one in policy["Statement"]}


def test_without_a_key_no_role_may_use_one():
    assert not [role for role, one in statements(template()) if "kms:" in str(one)]


def test_path_and_boundary_are_those_of_every_role():
    for parameters, expected in [({}, None), (EVERYTHING, "${PermissionsBoundaryArn}")]:
        roles = list(of_type(template(**parameters), "AWS::IAM::Role"))
        assert len(roles) == 7
        for name, properties in roles:
            assert text(properties["Path"]) == "${RolePath}", name
            boundary = properties.get("PermissionsBoundary")
            assert (text(boundary) if boundary else None) == expected, name


# ---- The key policy in the documents -------------------------------------------------------------------------------

DOCUMENT = (ROOT / "docs" / "security.md").read_text()


def key_policy():
    section = DOCUMENT.partition("\n### The key policy\n")[2]
    [printed] = re.findall(r"```json\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    return json.loads(printed)["Statement"]


def test_the_printed_key_policy_admits_every_service_that_encrypts_for_the_stack_and_nobody_else():
    # The functions and the schedules use the key through the account's IAM policies, services for themselves.
    services = {
        "logs.eu-west-2.amazonaws.com": "AWS::Logs::LogGroup",  # encrypts log groups
        "cloudwatch.amazonaws.com": "AWS::CloudWatch::Alarm",  # publishes alarms to an encrypted topic
        "events.amazonaws.com": "AWS::Events::Rule",  # sends to an encrypted queue
    }
    found = template(**EVERYTHING)
    assert all(list(of_type(found, kind)) for kind in [*services.values(), *KEYS])
    by_principal = {next(iter(texts(one["Principal"].get("Service", "account")))): one for one in key_policy()}
    assert set(by_principal) == {"account", *services}
    assert by_principal.pop("account")["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    for service, one in by_principal.items():
        assert {"kms:Decrypt"} < set(one["Action"]) and "kms:*" not in one["Action"], service
        [condition] = one["Condition"].values()
        [(key, value)] = condition.items()
        assert key in ("aws:SourceAccount", "kms:EncryptionContext:aws:logs:arn") and "111122223333" in value, service
