"""The permissions of each role: every action with its resources, and the condition under which it is granted."""

import json
from local_aws import BUILT_TEMPLATE

ECS = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:"
CODE_DEPLOY = "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:"
SCHEDULES = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/*"
FUNCTION = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Names.Prefix}-"
CALENDARS = "arn:${AWS::Partition}:ssm:${AWS::Region}:*:document/*"
BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"

WRITE_SCHEDULES = {f"scheduler:{verb}Schedule": [SCHEDULES] for verb in ("Create", "Get", "Update", "Delete")}
EVERY_FUNCTION = {
    "ecs:DescribeServices": [f"{ECS}service/*"],
    "ecs:DescribeTasks": [f"{ECS}task/*"],
    "ecs:ListTasks": ["*"],
    "events:PutEvents": [BUS],
    "iam:PassRole": ["SchedulerRole.Arn"],
    "logs:CreateLogStream": ["LOGS"],
    "logs:PutLogEvents": ["LOGS"],
    "sns:Publish": ["NotificationTopic"],
    "sqs:SendMessage": ["DeadLetterQueue.Arn"],
}
USE_KEY = {action: ("HasKmsKey", ["KmsKeyArn"]) for action in ("kms:Decrypt", "kms:GenerateDataKey")}
WRITE_WITH_KEY = USE_KEY | {"kms:DescribeKey": ("HasKmsKey", ["KmsKeyArn"])}
IF_CONFIGURED = {
    "cloudwatch:DescribeAlarms": ("HasBlockingAlarms", ["*"]),
    "ssm:GetCalendarState": ("HasChangeCalendars", [CALENDARS]),
}
EXPECTED = {
    "IngestRole": EVERY_FUNCTION | WRITE_SCHEDULES | WRITE_WITH_KEY | IF_CONFIGURED | {"ecs:ListAccountSettings": ["*"], "ecs:ListClusters": ["*"], "scheduler:ListSchedules": ["*"], "cloudformation:DescribeStacks": ["AWS::StackId"]},
    "DeployRole": EVERY_FUNCTION
    | WRITE_SCHEDULES
    | WRITE_WITH_KEY
    | IF_CONFIGURED
    | {"ecs:UpdateService": [f"{ECS}service/*"], "ecs:DescribeTaskDefinition": ["*"]}
    | {f"codedeploy:{verb}": ("CodeDeployEnabled", [f"{CODE_DEPLOY}deploymentgroup:*"])
       for verb in ("CreateDeployment", "GetDeployment", "ListDeployments")}
    | {f"codedeploy:{verb}": ("CodeDeployEnabled", [f"{CODE_DEPLOY}application:*", f"{CODE_DEPLOY}deploymentconfig:*"])
       for verb in ("GetApplicationRevision", "GetDeploymentConfig", "RegisterApplicationRevision")},
    # Operate changes schedules, never a service, and sends events, no messages. It reads whether a service exists.
    "OperateRole": WRITE_SCHEDULES
    | WRITE_WITH_KEY
    | {"scheduler:ListSchedules": ["*"], "lambda:InvokeFunction": ["IngestFunction.Arn", "DeployFunction.Arn", "VerifyFunction.Arn"]}
    | {f"sqs:{verb}Message": ["DeadLetterQueue.Arn"] for verb in ("Receive", "Delete")}
    | {action: EVERY_FUNCTION[action] for action in ("ecs:DescribeServices", "events:PutEvents", "iam:PassRole", "logs:CreateLogStream", "logs:PutLogEvents")},
    # Console reads what the page shows and the doctor checks. It changes nothing and tells nobody.
    "ConsoleRole": IF_CONFIGURED
    | USE_KEY
    | {action: EVERY_FUNCTION[action] for action in ("ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListTasks")}
    | {action: EVERY_FUNCTION[action] for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    | {"scheduler:ListSchedules": ["*"], "scheduler:GetSchedule": [SCHEDULES]}
    | {"ecs:ListServiceDeployments": [f"{ECS}service/*"], "ecs:DescribeServiceDeployments": [f"{ECS}service-deployment/*"]}
    | {f"ecs:{call}": ["*"] for call in ("DescribeTaskDefinition", "ListAccountSettings", "ListClusters", "ListServices")}
    | {"cloudwatch:GetMetricData": ["*"], "events:TestEventPattern": ["*"]}
    | {f"events:{call}": ["RetirementRule.Arn"] for call in ("DescribeRule", "ListTargetsByRule")}
    | {"lambda:GetPolicy": ["IngestFunction.Arn"]}
    | {"lambda:GetFunctionConfiguration": ["IngestFunction.Arn", "DeployFunction.Arn", "VerifyFunction.Arn"]}
    | {"iam:SimulatePrincipalPolicy": ["IngestRole.Arn", "DeployRole.Arn", "VerifyRole.Arn", "SchedulerRole.Arn"]}
    | {"sns:ListSubscriptionsByTopic": ["NotificationTopic", "AlarmTopic"]}
    | {"logs:FilterLogEvents": ["RecordLogGroup.Arn"]}
    | {f"sqs:{call}": ["DeadLetterQueue.Arn"] for call in ("GetQueueAttributes", "GetQueueUrl", "ReceiveMessage")},
    "VerifyRole": EVERY_FUNCTION
    | WRITE_SCHEDULES
    | WRITE_WITH_KEY
    | {"scheduler:ListSchedules": ["*"], "ecs:ListServiceDeployments": [f"{ECS}service/*"]}
    | {"ecs:DescribeServiceDeployments": [f"{ECS}service-deployment/*"]}
    | {f"codedeploy:{verb}": ("CodeDeployEnabled", [f"{CODE_DEPLOY}deploymentgroup:*"])
       for verb in ("GetDeployment", "ListDeployments")}
    | {f"events:{call}": ["RetirementRule.Arn"] for call in ("DescribeRule", "ListTargetsByRule")},
    "NamesRole": USE_KEY | {"logs:CreateLogStream": ["LOGS"], "logs:PutLogEvents": ["LOGS"]},
    "SchedulerRole": USE_KEY
    | {
        "lambda:InvokeFunction": [f"{FUNCTION}deploy", f"{FUNCTION}verify"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
}


def as_list(value):
    return value if isinstance(value, list) else [value]


def short_name(resource, role):
    """A resource as text: that of a `!Sub`, or the name in a `!Ref` or `!GetAtt`."""
    if isinstance(resource, str):
        return resource
    if "Fn::If" in resource:
        return " or ".join(short_name(choice, role) for choice in resource["Fn::If"][1:])
    [reference] = resource.values()
    name = ".".join(reference) if isinstance(reference, list) else reference
    return "LOGS" if name == role.replace("Role", "LogGroup.Arn") else name


def without_condition(statement):
    """A statement, and the condition of the template that grants it, if there is one."""
    if "Fn::If" not in statement:
        return statement, None
    condition, granted, otherwise = statement["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    return granted, condition


def permissions():
    """Each role of the built template with its statements and their conditions."""
    template = json.loads(BUILT_TEMPLATE.read_text())
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in resource["Properties"], name
            statements = [
                without_condition(statement)
                for policy in resource["Properties"]["Policies"]
                for statement in policy["PolicyDocument"]["Statement"]
            ]
            yield name, statements


def test_every_role_has_exactly_the_expected_permissions(stack):
    found = {}
    for role, statements in permissions():
        found[role] = {}
        for statement, condition in statements:
            assert statement["Effect"] == "Allow" and statement["Sid"]
            resources = [short_name(resource, role) for resource in as_list(statement["Resource"])]
            for action in as_list(statement["Action"]):
                # The role of the schedules decrypts inputs itself, and lets Amazon SQS use the key.
                twice = (role, action) == ("SchedulerRole", "kms:Decrypt")
                assert action not in found[role] or twice, f"{role} has {action} twice"
                found[role][action] = (condition, resources) if condition else resources
    assert found == EXPECTED


def test_permissions_that_reach_beyond_the_stack_have_a_condition(stack):
    absent = ("ecs:task-definition", "ecs:capacity-provider", "ecs:namespace")
    conditions = {"iam:PassRole": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
                  "events:PutEvents": {"StringEquals": {"events:source": "ecs-task-patching"}},
                  "ecs:UpdateService": {"Null": dict.fromkeys(absent, "true")}}
    # Operate sends drills as well, if they are enabled.
    sources = {"Fn::If": ["DrillsEnabled", ["ecs-task-patching", "ecs-task-patching.drill"], ["ecs-task-patching"]]}
    drills = {"events:PutEvents": {"StringEquals": {"events:source": sources}}}
    for role, statements in permissions():
        expected = conditions | (drills if role == "OperateRole" else {})
        for statement, _ in statements:
            for action in set(as_list(statement["Action"])) & set(expected):
                assert statement["Condition"] == expected[action], (role, action)
