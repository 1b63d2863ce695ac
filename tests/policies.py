"""What the policies of the template allow, and what they must not: closed, encrypted, and no wider than AWS allows.

The checks work on the template as AWS CloudFormation sees it: after the SAM transform, and with the conditions decided by
the values of the parameters.
"""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Iterator
from importlib.resources import files

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from commands import REGION, ROOT
from local_aws import BUILT_TEMPLATE

ROLE = re.compile(r"-(\w+Role)-")  # the logical name in the name that AWS CloudFormation gives a role
KEY = "arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"
# The parameters on which policies and encryption depend, all set.
EVERYTHING = {
    "KmsKeyArn": KEY,
    "PermissionsBoundaryArn": BOUNDARY,
    "RolePath": "/platform/patching/",
    "ChangeCalendars": "YearEndFreeze",
    "BlockingAlarms": "prod-",
    "EnableCodeDeploy": "true",
    "EnableDrills": "true",
    "NotificationEmail": "ops@example.org",
    "AlarmTopicArn": "arn:aws:sns:eu-west-2:111122223333:second",
}

# AWS's service authorization reference, which cfn-lint contains: each service with its actions and their resources.
REFERENCE = json.loads((files("cfnlint.data.AdditionalSpecs") / "Policies.json").read_text())
# Actions for which the reference has a resource, and a policy needs `*` all the same.
NEEDS_ANY_RESOURCE = {
    "ecs:ListTasks": "its resource is a container instance, which tasks on Fargate do not have",
    "cloudwatch:DescribeAlarms": "with a narrower resource, CloudWatch omits composite alarms",
    "cloudwatch:GetMetricData": "its resource is a dataset, and the metrics of the stack belong to none",
}
# Resources of other accounts.
OTHER_ACCOUNTS = {"ssm:GetCalendarState": "another account can share its change calendar"}
# Statements of resource policies without a condition about the source.
NO_SOURCE = {"KeepRecords": "EventBridge creates the stream for records without naming the rule; streams are empty"}
SCHEDULER = "scheduler.amazonaws.com"


def template(**parameters: str) -> dict:
    """The built template after the SAM transform, with these parameters and otherwise the defaults."""
    built = json.loads(BUILT_TEMPLATE.read_text())
    for resource in built["Resources"].values():  # the transform accepts no code that is not on Amazon S3
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/package.zip"
    values = {name: str(parameter["Default"]) for name, parameter in built["Parameters"].items()} | parameters
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the transform asks for one
    transformed = transform(built, values, ManagedPolicyLoader(None))
    decided = {name: _decide(condition, values, built["Conditions"]) for name, condition in built["Conditions"].items()}
    transformed["Resources"] = {
        name: _choose(resource, decided)
        for name, resource in transformed["Resources"].items()
        if decided.get(resource.get("Condition"), True)
    }
    return transformed


def _decide(condition: dict, values: dict, conditions: dict) -> bool:
    [(function, argument)] = condition.items()
    if function == "Fn::Not":
        return not _decide(argument[0], values, conditions)
    assert function == "Fn::Equals"
    first, second = (values[side["Ref"]] if isinstance(side, dict) else side for side in argument)
    return first == second


def _choose(value: object, decided: dict[str, bool]) -> object:
    """A part of the template without `Fn::If` and `AWS::NoValue`."""
    if isinstance(value, list):
        chosen = [_choose(part, decided) for part in value]
        return [part for part in chosen if part != {"Ref": "AWS::NoValue"}]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, granted, otherwise = value["Fn::If"]
        return _choose(granted if decided[condition] else otherwise, decided)
    chosen = {name: _choose(part, decided) for name, part in value.items()}
    return {name: part for name, part in chosen.items() if part != {"Ref": "AWS::NoValue"}}


def text(value: object) -> str:
    """A value of the template as text, with references in the form of `Fn::Sub`."""
    if isinstance(value, dict):
        [(function, argument)] = value.items()
        if function == "Fn::GetAtt":
            return "${" + (argument if isinstance(argument, str) else ".".join(argument)) + "}"
        if function == "Fn::Sub":
            return argument if isinstance(argument, str) else argument[0]
        return "${" + argument + "}"
    return str(value)


def texts(value: object) -> list[str]:
    return [text(part) for part in (value if isinstance(value, list) else [value])]


def of_type(found: dict, kind: str) -> Iterator[tuple[str, dict]]:
    """The resources of a type, with their properties."""
    for name, resource in found["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def problems(found: dict) -> list[str]:
    """Everything that is wrong with the policies and the encryption of a template. Each text starts with the resource."""
    return [*_roles(found), *_passed_roles(found), *_resource_policies(found), *_encryption(found), *_places(found)]


def statements(found: dict) -> Iterator[tuple[str, dict]]:
    """Each statement of each role, with the name of the role."""
    for role, properties in of_type(found, "AWS::IAM::Role"):
        for policy in properties["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement


def _roles(found: dict) -> Iterator[str]:
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User", "AWS::IAM::Group"):
        yield from (f"{name}: is a {kind}" for name, _ in of_type(found, kind))
    for role, properties in of_type(found, "AWS::IAM::Role"):
        if "ManagedPolicyArns" in properties:
            yield f"{role}: has managed policies"
        if "Path" not in properties:
            yield f"{role}: has no path"
        for trust in properties["AssumeRolePolicyDocument"]["Statement"]:
            if list(trust["Principal"]) != ["Service"] or len(texts(trust["Principal"]["Service"])) != 1:
                yield f"{role}: trusts more than one service"
            if texts(trust["Principal"].get("Service")) == [SCHEDULER] and not _has_source(trust):
                yield f"{role}: EventBridge Scheduler can assume it for others"
    for role, statement in statements(found):
        where = f"{role}: {statement.get('Sid', 'a statement without Sid')}"
        if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & set(statement):
            yield f"{where} is not a plain permission"
            continue
        for action in texts(statement["Action"]):
            yield from (f"{where}: {problem}" for problem in _action(action, statement))


def _action(action: str, statement: dict) -> Iterator[str]:
    """What is wrong with an action of a statement."""
    if "*" in action or "?" in action:
        yield f"{action} has a wildcard"
        return
    service, _, call = action.partition(":")
    known = REFERENCE[service]["Actions"].get(call.lower())
    if known is None:
        yield f"{action} is no action of AWS"
        return
    for resource in texts(statement["Resource"]):
        if resource == "*":
            if known.get("Resources") and action not in NEEDS_ANY_RESOURCE:
                yield f"{action} can be limited to {known['Resources']}"
        elif resource.startswith("arn:"):
            account = resource.replace("{AWS::", "{AWS.").split(":")[4]  # the names of references contain colons
            if account != "${AWS.AccountId}" and action not in OTHER_ACCOUNTS:
                yield f"{action} reaches {account}"
    if service == "kms":
        conditions = statement.get("Condition", {})
        if texts(statement["Resource"]) != ["${KmsKeyArn}"]:
            yield f"{action} reaches other keys"
        if "kms:ViaService" not in conditions.get("StringLike", {}) and "ArnLike" not in conditions:
            yield f"{action} is not limited to a use of the key"


def _passed_roles(found: dict) -> Iterator[str]:
    for role, statement in statements(found):
        if "iam:PassRole" in texts(statement["Action"]):
            if texts(statement["Action"]) != ["iam:PassRole"] or texts(statement["Resource"]) != ["${SchedulerRole.Arn}"]:
                yield f"{role}: passes another role"
            if statement.get("Condition") != {"StringEquals": {"iam:PassedToService": SCHEDULER}}:
                yield f"{role}: passes a role to another service"


def _has_source(statement: dict) -> bool:
    """Whether only the own account can cause a service to use this permission."""
    conditions = {}
    for operator in ("StringEquals", "ArnEquals", "ArnLike"):
        conditions |= statement.get("Condition", {}).get(operator, {})
    if texts(conditions.get("aws:SourceAccount", "")) == ["${AWS::AccountId}"]:
        return True
    sources = texts(conditions.get("aws:SourceArn", ""))
    return all("${AWS::AccountId}" in source or source.endswith(".Arn}") for source in sources)


def _resource_policies(found: dict) -> Iterator[str]:
    closed = set()
    policies = [
        *((name, texts(properties["Queues"]), properties["PolicyDocument"])
          for name, properties in of_type(found, "AWS::SQS::QueuePolicy")),
        *((name, texts(properties["Topics"]), properties["PolicyDocument"])
          for name, properties in of_type(found, "AWS::SNS::TopicPolicy")),
        *((name, [], properties["ResourcePolicyDocument"])
          for name, properties in of_type(found, "AWS::Logs::LogGroup") if "ResourcePolicyDocument" in properties),
    ]
    for name, resources, policy in policies:
        for statement in policy["Statement"]:
            if statement["Effect"] == "Deny":
                if statement["Principal"] == "*" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                    closed |= set(resources)
            elif list(statement["Principal"]) != ["Service"]:
                yield f"{name}: {statement['Sid']} admits {statement['Principal']}"
            elif not _has_source(statement) and statement["Sid"] not in NO_SOURCE:
                yield f"{name}: {statement['Sid']} admits a service on behalf of other accounts"
            if statement["Effect"] == "Allow" and any("*" in action for action in texts(statement["Action"])):
                yield f"{name}: {statement['Sid']} allows every action"
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        yield from (f"{name}: accepts requests without TLS" for name, _ in of_type(found, kind) if f"${{{name}}}" not in closed)
    for name, properties in of_type(found, "AWS::Lambda::Permission"):
        source = text(properties.get("SourceArn", ""))
        if not properties["Principal"].endswith(".amazonaws.com") or not source.endswith(".Arn}"):
            yield f"{name}: admits more than one resource of the stack"


KEYS = {"AWS::SNS::Topic": "KmsMasterKeyId", "AWS::SQS::Queue": "KmsMasterKeyId", "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::Scheduler::Schedule": "KmsKeyArn"}


def _encryption(found: dict) -> Iterator[str]:
    keys = {name: text(properties.get(KEYS[kind], "")) for kind in KEYS for name, properties in of_type(found, kind)}
    uses_key = any(action.startswith("kms:") for _, statement in statements(found) for action in texts(statement["Action"]))
    for name, key in keys.items():
        if key != ("${KmsKeyArn}" if uses_key else ""):
            yield f"{name}: has the key {key!r}"
    for name, properties in of_type(found, "AWS::SQS::Queue"):
        if properties.get("SqsManagedSseEnabled", False) == uses_key:
            yield f"{name}: is encrypted twice or not at all"


def _places(found: dict) -> Iterator[str]:
    for name, resource in found["Resources"].items():
        written = json.dumps(resource["Properties"]) if "Properties" in resource else ""
        if "arn:aws:" in written:
            yield f"{name}: names a partition"


def broken(found: dict, change) -> list[str]:
    """The problems of a template after a change."""
    changed = copy.deepcopy(found)
    change(changed["Resources"])
    return problems(changed)


# ---- Permissions that nothing uses ---------------------------------------------------------------------------------

USED = ROOT / ".aws-sam" / "used-permissions"  # a file for each process of the end-to-end tests
# Permissions that no test can use on the local AWS.
NOT_USABLE = {
    "logs:CreateLogStream": "AWS Lambda writes the logs with the role; the local AWS writes them without",
    "logs:PutLogEvents": "the same",
    "kms:": "the local AWS encrypts nothing",
    "codedeploy:": "the local AWS has no CodeDeploy",
    "ecs:DescribeServiceDeployments": "it is for rollouts that pause, and the local ECS completes every rollout",
    "ecs:ListServiceDeployments": "it finds those",
    "SchedulerRole sqs:SendMessage": "the local AWS keeps no input that it could not deliver",
}
# Permissions that the tests use on a slow machine only.
SELDOM_USED = {"VerifyRole scheduler:UpdateSchedule": "only if invocations overlap, which the Rust tests arrange"}


def keep_used(calls: list[tuple[str, str, str, bool]], process: str) -> None:
    """Keeps which permissions the roles of the stacks used, for `unused`."""
    USED.mkdir(parents=True, exist_ok=True)
    used = {(match[1], action) for role, action, _, allowed in calls if allowed and (match := ROLE.search(role))}
    (USED / process).write_text("".join(f"{role} {action}\n" for role, action in sorted(used)))


def unused() -> list[str]:
    """The permissions that no end-to-end test used and could have used, and the reasons above that no longer hold."""
    used = {line for path in USED.iterdir() for line in path.read_text().splitlines()}
    granted = {f"{role} {action}" for role, one in statements(template(**EVERYTHING)) for action in texts(one["Action"])}
    reasons = {permission: [name for name in NOT_USABLE if name in permission] for permission in granted}
    return [
        *(f"{permission} is not used" for permission in sorted(granted - used - SELDOM_USED.keys()) if not reasons[permission]),
        *(f"{permission} is used, although tests/policies.py says why not" for permission in sorted(used) if reasons.get(permission)),
    ]


def main() -> int:
    """Fails if the end-to-end tests left a permission unused."""
    found = unused()
    print("\n".join(found) or "Every permission is used, or tests/policies.py says why no test can use it.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
