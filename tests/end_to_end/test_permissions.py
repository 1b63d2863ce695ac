"""What each role may do: every action with its resource, and what is granted only where a parameter asks for it."""

import yaml
from local_aws import BUILT_TEMPLATE, CloudFormationLoader

ECS = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:"
CODE_DEPLOY = "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:"
SCHEDULES = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${ScheduleGroup}/*"
FUNCTION = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
CALENDARS = "arn:${AWS::Partition}:ssm:${AWS::Region}:*:document/*"
BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"

WRITE_SCHEDULES = {f"scheduler:{verb}Schedule": [SCHEDULES] for verb in ("Create", "Get", "Update", "Delete")}
ALL = {
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
IF_GIVEN = {
    "cloudwatch:DescribeAlarms": ("HasBlockingAlarms", ["*"]),
    "ssm:GetCalendarState": ("HasChangeCalendars", [CALENDARS]),
}
EXPECTED = {
    "IngestRole": ALL | WRITE_SCHEDULES | IF_GIVEN | {"ecs:ListAccountSettings": ["*"], "ecs:ListClusters": ["*"]},
    "DeployRole": ALL
    | WRITE_SCHEDULES
    | IF_GIVEN
    | {"ecs:UpdateService": [f"{ECS}service/*"], "ecs:DescribeTaskDefinition": ["*"]}
    | {f"codedeploy:{verb}": [f"{CODE_DEPLOY}deploymentgroup:*"]
       for verb in ("CreateDeployment", "GetDeployment", "ListDeployments")}
    | {f"codedeploy:{verb}": [f"{CODE_DEPLOY}application:*", f"{CODE_DEPLOY}deploymentconfig:*"]
       for verb in ("GetApplicationRevision", "GetDeploymentConfig", "RegisterApplicationRevision")},
    "VerifyRole": ALL
    | {action: resources for action, resources in WRITE_SCHEDULES.items() if "Update" not in action}
    | {"scheduler:ListSchedules": ["*"], "ecs:ListServiceDeployments": [f"{ECS}service/*"]}
    | {f"codedeploy:{verb}": [f"{CODE_DEPLOY}deploymentgroup:*"] for verb in ("GetDeployment", "ListDeployments")},
    "SchedulerRole": {
        "lambda:InvokeFunction": [f"{FUNCTION}deploy", f"{FUNCTION}verify"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
}


def listed(value):
    return value if isinstance(value, list) else [value]


def named(resource, role):
    """A resource in a word: the text of a Sub, or the name of what is referred to."""
    if isinstance(resource, str):
        return resource
    [reference] = resource.values()
    name = ".".join(reference) if isinstance(reference, list) else reference
    return "LOGS" if name == role.replace("Role", "LogGroup.Arn") else name


def unconditional(statement):
    """A statement, and the condition of the template under which it is granted, if it has one."""
    if "Fn::If" not in statement:
        return statement, None
    condition, granted, otherwise = statement["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    return granted, condition


def permissions():
    template = yaml.load(BUILT_TEMPLATE.read_text(), Loader=CloudFormationLoader)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in resource["Properties"], name
            statements = [
                unconditional(statement)
                for policy in resource["Properties"]["Policies"]
                for statement in policy["PolicyDocument"]["Statement"]
            ]
            yield name, statements


def test_every_action_of_every_role_is_expected_on_its_resource(stack):
    found = {}
    for role, statements in permissions():
        found[role] = {}
        for statement, condition in statements:
            assert statement["Effect"] == "Allow" and statement["Sid"]
            resources = [named(resource, role) for resource in listed(statement["Resource"])]
            for action in listed(statement["Action"]):
                assert action not in found[role], f"{role} has {action} twice"
                found[role][action] = (condition, resources) if condition else resources
    assert found == EXPECTED


def test_what_could_reach_further_has_a_condition(stack):
    conditions = {"iam:PassRole": {"iam:PassedToService": "scheduler.amazonaws.com"},
                  "events:PutEvents": {"events:source": "ecs-task-patching"}}
    for role, statements in permissions():
        for statement, _ in statements:
            for action in set(listed(statement["Action"])) & set(conditions):
                assert statement["Condition"] == {"StringEquals": conditions[action]}, (role, action)
