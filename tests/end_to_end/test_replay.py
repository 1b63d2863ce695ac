"""The line in docs/operations.md that replays the dead-letter queue, run as printed with messages of each kind."""

import json
import re

import pytest
from helpers import changed, deploy_input, deployment_ids, notice, old_service, typed, wait_until
from commands import REGION, ROOT
from local_aws import ACCOUNT
from stack import letter_of_lambda, letters_in

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
[REPLAY] = re.findall(r"^(aws lambda invoke .*\"redrive\".*)$", OPERATIONS, re.MULTILINE)
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/ecs-task-patching-RetirementRule-1"
SCHEDULE = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/ecs-task-patching/prod.web.1"
# What EventBridge Scheduler calls. AWS does not document whether TARGET_ARN is this or the function.
API = "arn:aws:scheduler:::aws-sdk:lambda:invoke"


def function_arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def of_lambda(function, payload):
    answer = {"errorType": "CallFailed", "errorMessage": "…"}
    return letter_of_lambda(function_arn(function), payload, answer), {}


def of_the_rule(function, event):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
    return event, {
        "RULE_ARN": RULE, "TARGET_ARN": function_arn(function), "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "…",
    }


def of_scheduler(target, schedule_input, truncated="false"):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    return schedule_input, {
        "SCHEDULE_ARN": SCHEDULE, "TARGET_ARN": target, "ERROR_CODE": "AWSLambdaException", "ERROR_MESSAGE": "…",
        "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds", "EXECUTION_ID": "ad06616e",
        "IS_PAYLOAD_TRUNCATED": truncated, "RETRY_ATTEMPTS": "185", "SCHEDULED_TIME": "2026-11-27T22:00:00Z",
    }


class Queue:
    """A dead-letter queue that no other test fills."""

    def __init__(self, stack, name):
        self._stack, self._queues = stack, stack.aws.client("sqs")
        self.url = self._queues.create_queue(QueueName=name)["QueueUrl"]

    def keep(self, body, attributes):
        self._queues.send_message(
            QueueUrl=self.url,
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )

    def left(self):
        return letters_in(self._queues, self.url)

    def replay(self, folder, **variables):
        """Runs the line of the document with this queue, and returns the text of the answer."""
        with changed(self._stack, "OperateFunctionName", DEAD_LETTER_QUEUE_URL=self.url, **variables):
            return typed(self._stack, folder, REPLAY)["text"]


@pytest.fixture
def queue(stack, cluster):
    return Queue(stack, f"letters-{cluster}")


def test_every_kind_of_message_is_replayed_with_its_function_and_deleted(stack, cluster, queue, tmp_path):
    ingest, deploy = stack.outputs["IngestFunctionName"], stack.outputs["DeployFunctionName"]
    cutoff = old_service(stack, cluster)
    before = deployment_ids(stack, cluster)
    queue.keep(*of_lambda(ingest, notice(f"{cluster}|api")))
    queue.keep(*of_the_rule(ingest, notice(f"{cluster}|jobs")))
    queue.keep(*of_scheduler(function_arn(deploy), deploy_input(cluster, cutoff)))
    for schedule_input in (deploy_input(cluster, cutoff, "gone"), {"version": 1, "kind": "heartbeat"}):
        queue.keep(*of_scheduler(API, schedule_input))
    text = queue.replay(tmp_path)
    assert text.startswith("5 dead letters were sent back to their functions: ")
    assert text.endswith("One that fails again returns to the queue within minutes, and to the Health page of the console.")
    assert queue.left() == 0
    # The functions got what they would have got: the services are planned, and one is redeployed.
    wait_until(lambda: {name.split(".")[1] for name in stack.schedules.names(cluster)} >= {"api", "jobs"})
    wait_until(lambda: set(deployment_ids(stack, cluster)) - set(before))


def test_a_message_that_is_not_understood_or_not_accepted_stays_and_is_reported(stack, cluster, queue, tmp_path):
    queue.keep("please restart web", {})
    queue.keep(*of_lambda("another-function", notice(f"{cluster}|web")))
    queue.keep(*of_scheduler(API, {"version": 1, "slot": "2026"}, truncated="true"))
    queue.keep({"version": 1}, {})
    without_payload, _ = of_lambda(stack.outputs["IngestFunctionName"], None)
    queue.keep({name: value for name, value in without_payload.items() if name != "requestPayload"}, {})
    queue.keep(*of_scheduler(API, {"version": 1, "kind": "heartbeat"}))
    text = queue.replay(tmp_path, VERIFY_FUNCTION_ARN=function_arn("no-such-function"))
    assert text.startswith("No dead letter was sent back. 6 letters are not sent"), text
    assert queue.left() == 6
    assert stack.schedules.names(cluster) == []
