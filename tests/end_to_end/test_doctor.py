"""The doctor: a healthy installation gets no finding that is not true, and each broken part is found."""

import json
import time
from contextlib import contextmanager

import pytest
from every_state import record_heartbeat
from helpers import Stack, changed, notice, outcome, typed
from local_aws import ACCOUNT, LocalAws
from policies import keep_used


@pytest.fixture(scope="module")
def stack():
    """A stack of its own: what other tests leave behind is what the doctor finds."""
    with LocalAws(enforce_iam=True) as aws:
        yield Stack(aws, aws.deploy(EnableDrills="true"))
        keep_used(aws.calls(), "doctor")


@pytest.fixture(scope="module", autouse=True)
def healthy(stack):
    """An installation that has a subscriber of both topics, a heartbeat, and a wait period in which every notice finds a window."""
    sns = stack.aws.client("sns")
    for output in ("NotificationTopicArn", "AlarmTopicArn"):
        sns.subscribe(TopicArn=stack.outputs[output], Protocol="email", Endpoint="ops@example.org")
    record_heartbeat(stack.aws, stack.name)
    ecs = stack.aws.client("ecs")
    ecs.put_account_setting(name="fargateTaskRetirementWaitPeriod", value="14")
    yield
    ecs.put_account_setting(name="fargateTaskRetirementWaitPeriod", value="7")


def examine(stack):
    """The findings, and the verdict."""
    answer, error = stack.invoke("ConsoleFunctionName", {"operation": "doctor"})
    assert error is None, answer
    found = [f"{finding['severity']}: {finding['found']}" for finding in answer["findings"]]
    return found, answer["text"]


def only(stack, about):
    """The only finding that contains this text."""
    found, text = examine(stack)
    [finding] = [finding for finding in found if about in finding]
    if finding.startswith("critical"):
        assert text.startswith("A notice tonight would NOT be handled")
    return finding


def test_a_healthy_installation_gets_no_finding_from_the_command_of_the_outputs(stack, tmp_path):
    answer = typed(stack, tmp_path, stack.outputs["DoctorCommand"])
    assert answer == {"findings": [], "text": "A notice tonight would be handled."}


def rule(stack):
    rules = stack.aws.client("events").list_rules(NamePrefix=stack.name)["Rules"]
    [name] = {rule["Name"] for rule in rules} - {f"{stack.name}-records"}
    return name


@contextmanager
def disabled(stack):
    events, name = stack.aws.client("events"), rule(stack)
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


@contextmanager
def without_target(stack):
    events, name = stack.aws.client("events"), rule(stack)
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    yield
    events.put_targets(Rule=name, Targets=targets)


@contextmanager
def other_pattern(stack):
    events, name = stack.aws.client("events"), rule(stack)
    pattern = events.describe_rule(Name=name)["EventPattern"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.health"], "detail": {"eventTypeCode": ["OTHER"]}}))
    yield
    events.put_rule(Name=name, EventPattern=pattern)


@contextmanager
def without_permission_to_invoke(stack):
    functions, name = stack.functions, stack.outputs["IngestFunctionName"]
    [statement] = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    yield
    functions.add_permission(
        FunctionName=name, StatementId=statement["Sid"], Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
    )


@contextmanager
def without_subscription(stack):
    sns, topic = stack.aws.client("sns"), stack.outputs["AlarmTopicArn"]
    for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.org")


def role_name(iam, logical_id):
    return next(found["RoleName"] for found in iam.list_roles()["Roles"] if logical_id in found["RoleName"])


@contextmanager
def unconfirmed_subscription(stack):
    sns = stack.aws.client("sns")
    topic = sns.create_topic(Name="half-confirmed")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.org")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:9/")
    iam = stack.aws.client("iam")
    role = role_name(iam, "ConsoleRole")
    allow = {"Effect": "Allow", "Action": "sns:ListSubscriptionsByTopic", "Resource": topic}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    iam.put_role_policy(RoleName=role, PolicyName="half-confirmed", PolicyDocument=json.dumps(document))
    with changed(stack, "ConsoleFunctionName", ALARM_TOPIC="half-confirmed"):
        yield
    iam.delete_role_policy(RoleName=role, PolicyName="half-confirmed")


@contextmanager
def without_permission_to_deploy(stack):
    iam = stack.aws.client("iam")
    role = role_name(iam, "DeployRole")
    document = iam.get_role_policy(RoleName=role, PolicyName="deploy")["PolicyDocument"]
    statements = [statement for statement in document["Statement"] if statement["Sid"] != "ForceNewDeployments"]
    iam.put_role_policy(
        RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(document | {"Statement": statements})
    )
    yield
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(document))


@contextmanager
def dead_letter(stack):
    sqs, queue = stack.aws.client("sqs"), stack.outputs["DeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    yield
    sqs.purge_queue(QueueUrl=queue)


@contextmanager
def stopped(stack):
    stack.operate({"operation": "hold-all", "reason": "outage"})
    yield
    stack.operate({"operation": "release-all"})


@contextmanager
def no_wait_period(stack):
    ecs = stack.aws.client("ecs")
    ecs.put_account_setting(name="fargateTaskRetirementWaitPeriod", value="0")
    yield
    ecs.put_account_setting(name="fargateTaskRetirementWaitPeriod", value="14")


@contextmanager
def calendar_gone(stack):
    with changed(stack, "ConsoleFunctionName", CHANGE_CALENDARS="Freeze"):
        yield


@contextmanager
def alarm_gone(stack):
    arn = f"arn:aws:cloudwatch:eu-west-2:{ACCOUNT}:alarm:gone"
    with changed(stack, "ConsoleFunctionName", BLOCKING_ALARMS=arn):
        yield


BROKEN = [
    (disabled, "critical: The rule {rule} is disabled."),
    (without_target, "critical: The rule {rule} does not invoke "),
    (other_pattern, "critical: The pattern of the rule {rule} does not match a retirement notice."),
    (without_permission_to_invoke, "critical: The function {stack}-ingest does not let the rule {rule} invoke it."),
    (without_subscription, "critical: Nobody is subscribed to alarms."),
    (unconfirmed_subscription, "warning: The subscription of http http://127.0.0.1:9/ to alarms is not confirmed."),
    (without_permission_to_deploy, "critical: Deploy may not do what it has to: its role does not allow ecs:UpdateService."),
    (dead_letter, "warning: 1 message is in the dead-letter queue."),
    (stopped, "critical: An operator stopped all deployments"),
    (no_wait_period, "critical: The account setting fargateTaskRetirementWaitPeriod is 0"),
    (calendar_gone, "critical: Change Calendar Freeze is unreadable and is treated as closed"),
    (alarm_gone, "critical: BlockingAlarms: alarm arn:aws:cloudwatch:"),
]


@pytest.mark.parametrize("broken, expected", BROKEN, ids=[broken.__name__ for broken, _ in BROKEN])
def test_a_broken_part_is_found_and_nothing_else(stack, broken, expected):
    expected = expected.format(rule=rule(stack), stack=stack.name)
    assert examine(stack)[0] == []
    with broken(stack):
        found, text = examine(stack)
    assert len(found) == 1 and found[0].startswith(expected), found
    assert ("NOT be handled" in text) is expected.startswith("critical")
    assert examine(stack)[0] == []


def test_a_heartbeat_that_never_came_is_found(stack):
    with changed(stack, "ConsoleFunctionName", SCHEDULE_GROUP="default"):
        assert only(stack, "heartbeat") == "critical: No heartbeat was recorded in the last day."


def test_an_overdue_schedule_is_found(stack, cluster):
    name = outcome(stack.ingest(notice(f"{cluster}|web")))["schedule"]
    stack.schedules.lose_wake_up(name)
    assert only(stack, "overdue") == f"warning: 1 schedule is overdue: {cluster}/web."
    stack.schedules.delete(name)


def test_services_that_cannot_be_patched_are_found(stack, cluster):
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    fine = {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200} | breaker}
    stuck = {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100} | breaker}
    stack.aws.create_service(cluster, "fine", **fine)
    assert not [finding for finding in examine(stack)[0] if cluster in finding]
    stack.aws.create_service(cluster, "stuck", **stuck)
    stack.aws.create_service(cluster, "plain")
    stack.aws.create_service(cluster, "latest", image="app:latest", **fine)
    stack.aws.tag(cluster, "fine", mode="sometimes")
    time.sleep(0.5)
    found = [finding for finding in examine(stack)[0] if cluster in finding]
    expected = [
        f"warning: On {cluster}/fine, tag ecs-task-patching:mode is",
        "warning: 1 service is unable to replace a task",
        "note: 1 service has no deployment circuit breaker",
        "note: 1 service has images that can change",
    ]
    assert [any(finding.startswith(text) for finding in found) for text in expected] == [True] * 4, found
    ecs = stack.aws.client("ecs")
    for service in ("fine", "stuck", "plain", "latest"):
        ecs.delete_service(cluster=cluster, service=service, force=True)
