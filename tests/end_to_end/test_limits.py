"""The limits of AWS that the template must keep to, whatever the names and the parameters."""

import re

import pytest
import yaml
from build import CloudFormationLoader
from commands import ROOT

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)
RESOURCES, PARAMETERS = TEMPLATE["Resources"], TEMPLATE["Parameters"]
FUNCTIONS = [name for name, found in RESOURCES.items() if found["Type"] == "AWS::Serverless::Function"]
REGION, PARTITION = len("ap-southeast-99"), len("aws-us-gov")
STACK, PREFIX = 128, 57  # the name of a stack, and what lambdas/ingest/src/configuration/names.rs makes of it
ARN = len("arn::::123456789012:") + PARTITION + REGION

# How long the references can be that the template makes. What AWS CloudFormation names is as long as AWS allows.
LONGEST = {
    "AWS::StackName": STACK,
    "AWS::AccountId": 12,
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::URLSuffix": len("amazonaws.com.cn"),
    "Names.Prefix": PREFIX,
    "Names.Short": PREFIX - 1,
    "ScheduleGroup": PREFIX,
    "RetirementRule": 64,
    "RecordLogGroup": len("/aws/events/-records-") + PREFIX - 1 + 36,
    "Id": 36,
    "NotificationTopic": ARN + len("sns") + 256,
    "AlarmTopic": ARN + len("sns") + 256,
    "AlarmTopic.TopicName": 256,
    "SchedulerRole": 64,
    "SchedulerRole.Arn": ARN + len("iam") + len("role") + PARAMETERS["RolePath"]["MaxLength"] + 64,
    "DeadLetterQueue": len("https://sqs..amazonaws.com.cn/123456789012/") + REGION + 80,
    "DeadLetterQueue.Arn": ARN + len("sqs") + 80,
    "Dashboard": STACK + 1 + REGION,
}
for function in ("Ingest", "Deploy", "Verify", "Operate"):  # the prefix of the last is shorter, and its own part longer
    LONGEST |= {
        f"{function}Function": PREFIX + 7,
        f"{function}Function.Arn": ARN + len("lambda") + len("function:") + PREFIX + 7,
        f"{function}LogGroup": len("/aws/lambda/") + PREFIX + 7,
        f"{function}Role": 64,
    }


def longest_parameter(name):
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    return len(str(parameter["MaxValue"])) if "MaxValue" in parameter else parameter["MaxLength"]


def longest(value):
    """The longest text that a value of the template can become. Other functions than these are not used for texts."""
    if isinstance(value, str):
        return len(value)
    [(function, argument)] = value.items()
    if function == "Fn::Sub":
        if isinstance(argument, list):  # the only own variable is the end of the ID of the stack
            argument, own = argument
            assert own == {"Id": {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}}
        names = re.findall(r"\$\{([^}]+)\}", argument)
        return len(re.sub(r"\$\{[^}]+\}", "", argument)) + sum(LONGEST[name] for name in names)
    if function == "Fn::If":
        return max(longest(choice) for choice in argument[1:])
    name = ".".join(argument) if function == "Fn::GetAtt" else argument
    assert function in ("Ref", "Fn::GetAtt")
    return longest_parameter(name) if name in PARAMETERS else LONGEST[name]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_variables_fit_into_4_kb(function):
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    variables = variables | RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {})
    # AWS Lambda measures them as JSON: {"NAME":"value",…}. It refuses more, such as values with many accented letters.
    total = 2 + sum(len(name) + longest(value) + len('"":"",') for name, value in variables.items())
    assert total <= 4096


@pytest.mark.parametrize("name", [name for name, found in RESOURCES.items() if found["Type"] == "AWS::CloudWatch::Alarm"])
def test_the_descriptions_of_alarms_fit(name):
    assert longest(RESOURCES[name]["Properties"]["AlarmDescription"]) <= 1024


def test_nothing_with_a_short_name_is_named_after_the_stack_itself():
    limits = {"FunctionName": 64, "Name": 64, "LogGroupName": 512, "DashboardName": 255}
    found = [
        (resource["Type"], key, longest(resource["Properties"][key]))
        for resource in RESOURCES.values()
        for key in limits
        if key in resource.get("Properties", {}) and resource["Type"] != "AWS::Lambda::Permission"
    ]
    # Functions, their log groups, the schedule group, the heartbeat, the dashboard; the rule, the log group and the three
    # saved queries of the records.
    assert len(found) == 18
    limit = {("AWS::Logs::QueryDefinition", "Name"): 255}
    too_long = [(kind, key) for kind, key, length in found if length > limit.get((kind, key), limits[key])]
    assert too_long == []
