"""The alarms of the template, as CloudWatch documents that it evaluates them."""

import re
from datetime import timedelta

import pytest
import yaml
from build import CloudFormationLoader
from commands import ROOT

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)
RESOURCES = TEMPLATE["Resources"]
ALARMS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}

# ---- How CloudWatch evaluates an alarm ------------------------------------------------------------------------------


def state(alarm, points):
    """The state of an alarm for the data points of its evaluation range, oldest first, `None` for a missing one.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: with enough real data
    points in the range, the most recent ones decide. Otherwise all of them count, and only as many as are lacking are
    filled in as TreatMissingData says.
    """
    needed, threshold = alarm["EvaluationPeriods"], alarm["Threshold"]
    breaches = {"LessThanThreshold": float.__lt__, "GreaterThanThreshold": float.__gt__}[alarm["ComparisonOperator"]]
    filled = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    real = [breaches(float(point), float(threshold)) for point in points if point is not None][-needed:]
    breaching = sum(real) + (needed - len(real)) * filled
    return "ALARM" if breaching >= alarm.get("DatapointsToAlarm", needed) else "OK"


# ---- Where alarms go, and what has one -------------------------------------------------------------------------------


def test_every_alarm_goes_to_the_topic_for_alarms_and_to_the_second_target():
    topic = {"Ref": "AlarmTopic"}
    second = {"Fn::If": ["HasAlarmTopicArn", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == [topic, second] and alarm.get("OKActions", [topic]) == [topic], name


ACCOUNT = "eu-west-2:111122223333"


@pytest.mark.parametrize(
    ("arn", "accepted"),
    [
        ("", True),
        (f"arn:aws:sns:{ACCOUNT}:pager", True),
        ("arn:aws-us-gov:sns:us-gov-west-1:111122223333:pager", True),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:2", True),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:2#CATEGORY=Availability", True),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:5", False),
        (f"arn:aws:ssm:{ACCOUNT}:opsitem:2#CATEGORY=Weather", False),
        (f"arn:aws:sns:{ACCOUNT}:pager.fifo", False),
        (f"arn:aws:sqs:{ACCOUNT}:pager", False),
        ("pager", False),
    ],
)
def test_the_second_target_is_a_topic_or_an_action_of_opscenter(arn, accepted):
    parameter = TEMPLATE["Parameters"]["AlarmTopicArn"]
    assert bool(re.fullmatch(parameter["AllowedPattern"], arn)) == accepted


def test_the_email_address_is_subscribed_to_both_topics():
    subscriptions = [found["Properties"] for found in RESOURCES.values() if found["Type"] == "AWS::SNS::Subscription"]
    assert [found["TopicArn"]["Ref"] for found in subscriptions] == ["NotificationTopic", "AlarmTopic"]
    assert {found["Endpoint"]["Ref"] for found in subscriptions} == {"NotificationEmail"}


# Each metric that AWS documents for what is lost or given up, with the resources that it is about.
LOST = {
    ("AWS/Lambda", "AsyncEventsDropped", "FunctionName"): {"IngestFunction", "DeployFunction", "VerifyFunction"},
    ("AWS/Lambda", "DestinationDeliveryFailures", "FunctionName"): {"IngestFunction", "DeployFunction", "VerifyFunction"},
    ("AWS/Scheduler", "InvocationDroppedCount", "ScheduleGroup"): {"ScheduleGroup"},
    ("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", "ScheduleGroup"): {"ScheduleGroup"},
    ("AWS/Events", "InvocationsFailedToBeSentToDlq", "RuleName"): {"RetirementRule"},
    ("AWS/Events", "FailedInvocations", "RuleName"): {"RecordRule"},
    # A message that arrives while others are visible changes the state of no alarm on those that are visible.
    ("AWS/SQS", "NumberOfMessagesSent", "QueueName"): {"DeadLetterQueue"},
}


@pytest.mark.parametrize("metric", LOST, ids=lambda metric: metric[1])
def test_a_single_lost_or_arriving_input_raises_an_alarm(metric):
    namespace, name, dimension = metric
    found = [alarm for alarm in ALARMS.values() if (alarm["Namespace"], alarm["MetricName"]) == (namespace, name)]
    about = set()
    for alarm in found:
        assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == ("Sum", 0, "GreaterThanThreshold")
        assert alarm["EvaluationPeriods"] == 1
        [by] = alarm["Dimensions"]
        assert by["Name"] == dimension
        about.add(by["Value"].get("Ref") or by["Value"]["Fn::GetAtt"][0])
    assert about == LOST[metric]


@pytest.mark.parametrize("evaluation_range", [1, 3, 5])
def test_a_second_message_raises_an_alarm_while_the_first_is_still_there(evaluation_range):
    # Amazon SQS reports both metrics every minute while a queue is used.
    arrived = [1 if minute in (10, 40) else 0 for minute in range(60)]
    visible = [sum(arrived[: minute + 1]) for minute in range(60)]

    def raised(name, values):
        ends = range(evaluation_range, 61)
        found = [state(ALARMS[name], values[end - evaluation_range : end]) for end in ends]
        return sum(before == "OK" and after == "ALARM" for before, after in zip(found, found[1:]))

    assert raised("DeadLetterQueueAlarm", visible) == 1, "which is why there is another one"
    assert raised("DeadLetterArrivalAlarm", arrived) == 2
    missing = [value or None for value in arrived]  # or only what is not zero
    assert raised("DeadLetterArrivalAlarm", missing) == 2


def test_the_dashboard_shows_every_metric_of_what_is_lost():
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert [name for _, name, _ in LOST if f'"{name}"' not in body and name != "NumberOfMessagesSent"] == []


def test_the_dashboard_shows_the_state_of_every_alarm():
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert [name for name in ALARMS if f'"${{{name}.Arn}}"' not in body] == []


def test_every_function_that_is_invoked_has_an_alarm_on_its_errors():
    functions = {name for name, found in RESOURCES.items() if found["Type"] == "AWS::Serverless::Function"}
    about = [alarm["Dimensions"][0]["Value"]["Ref"] for alarm in ALARMS.values() if alarm["MetricName"] == "Errors"]
    assert set(about) >= functions - {"ConsoleFunction"}


def test_the_dashboards_of_two_regions_have_different_names():
    assert RESOURCES["Dashboard"]["Properties"]["DashboardName"] == {"Fn::Sub": "${Names.Prefix}-${AWS::Region}"}


# ---- Silence ---------------------------------------------------------------------------------------------------------

SILENCE, HEARTBEAT = ALARMS["SilenceAlarm"], RESOURCES["Heartbeat"]["Properties"]
PERIOD, PERIODS = SILENCE["Period"] // 60, SILENCE["EvaluationPeriods"]
assert HEARTBEAT["ScheduleExpression"] == "rate(1 hour)"
HOUR = 60
# AWS says that CloudWatch looks further back than EvaluationPeriods, not how far. Its example has 5 periods for 3.
RANGES = [PERIODS, PERIODS + 2, -(-PERIODS * 5 // 3)]


def states(heartbeats, evaluation_range, until):
    """The state at the end of each period, by its minute. `heartbeats` are minutes, the first one of them at 0."""
    recorded = [0] * (until // PERIOD + 1)
    for minute in heartbeats:
        recorded[minute // PERIOD] += 1
    for end in range(evaluation_range, len(recorded) + 1):
        points = [count or None for count in recorded[end - evaluation_range : end]]
        yield end * PERIOD, state(SILENCE, points)


@pytest.mark.parametrize("evaluation_range", [*RANGES, 2 * PERIODS - 1])
def test_silence_is_reported_between_two_and_four_hours_after_the_last_heartbeat(evaluation_range):
    for offset in range(HOUR):
        heartbeats = [offset + hour * HOUR for hour in range(6)]
        raised = [minute for minute, state in states(heartbeats, evaluation_range, 12 * HOUR) if state == "ALARM"]
        silent = timedelta(minutes=raised[0] - heartbeats[-1])
        assert timedelta(hours=2) <= silent <= timedelta(hours=4), (offset, silent)
        assert raised == list(range(raised[0], raised[-1] + 1, PERIOD)), "it stays until there is a heartbeat"


@pytest.mark.parametrize("evaluation_range", RANGES)
def test_a_late_heartbeat_is_no_silence(evaluation_range):
    latest = HEARTBEAT["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] // 60
    for offset in range(HOUR):
        for late in range(latest + 1):
            heartbeats = [offset + hour * HOUR + (late if hour == 6 else 0) for hour in range(12)]
            # An hour of heartbeats has to pass before the range is full, and the last one is still ahead.
            for minute, found in states(heartbeats, evaluation_range, 12 * HOUR - 1):
                assert found == "OK", (offset, late, minute)


def test_the_description_of_the_alarm_says_what_it_waits_for():
    text = SILENCE["AlarmDescription"]["Fn::Sub"]
    assert re.search(r"no heartbeat for two hours or more", text) and PERIOD * PERIODS == 2 * HOUR
