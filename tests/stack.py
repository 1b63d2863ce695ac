"""What the demo and the tests do with a deployed stack: read and edit its schedules, and receive its notifications."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from commands import Failed
from local_aws import LocalAws


class Kind(StrEnum):
    """What a schedule is for."""

    DEPLOYMENT = "deployment"
    VERIFICATION_CHECK = "verification check"
    DEADLINE_CHECK = "deadline check"
    HEARTBEAT = "heartbeat"
    MEMORY = "memory of a notice"
    DIGEST = "digest"
    DRILL = "answer to a drill"
    LOCK = "lock"
    STOP = "emergency stop"


def kind_of(name: str) -> Kind:
    """The kind of a schedule. This is the only place that derives it from the name."""
    if name == "heartbeat":
        return Kind.HEARTBEAT
    if name == "hold-all":
        return Kind.STOP
    if name.startswith("settled."):
        return Kind.MEMORY
    if name.startswith("digest."):
        return Kind.DIGEST
    if name.startswith("drill."):
        return Kind.DRILL
    if name.startswith("lock."):
        return Kind.LOCK
    if name.startswith("deadline."):
        return Kind.DEADLINE_CHECK
    if name.endswith(".verify"):
        return Kind.VERIFICATION_CHECK
    return Kind.DEPLOYMENT


class Schedules:
    """The schedules of one stack."""

    def __init__(self, aws: LocalAws, group: str) -> None:
        self._scheduler, self._group = aws.client("scheduler"), group

    def names(self, cluster: str | None = None, service: str | None = None, kind: Kind | None = None) -> list[str]:
        """The names of all schedules, or of those of one cluster, one service or one kind."""
        prefix = "".join(f"{part}." for part in (cluster, service) if part)
        # The local AWS returns a single page, of any size.
        page = {"GroupName": self._group, "MaxResults": 5000} | ({"NamePrefix": prefix} if prefix else {})
        names = [schedule["Name"] for schedule in self._scheduler.list_schedules(**page)["Schedules"]]
        return [name for name in names if kind in (None, kind_of(name))]

    def get(self, name: str) -> dict | None:
        """A schedule as EventBridge Scheduler stores it, or `None` if it does not exist."""
        try:
            schedule = self._scheduler.get_schedule(GroupName=self._group, Name=name)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return None
        del schedule["ResponseMetadata"]
        return schedule

    def input(self, name: str) -> dict:
        """The input that a schedule passes to its function."""
        return json.loads(self.get(name)["Target"]["Input"])

    def edit(self, name: str, **changes: object) -> dict:
        """Edits a schedule as an operator does in the console, and returns it as it was stored."""
        self._update(name, changes)
        return self.get(name)

    def run_now(self, name: str) -> None:
        """Sets the time of a schedule to now, as an operator does to run a deployment."""
        at = f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})"
        self._update(name, {"ScheduleExpression": at, "FlexibleTimeWindow": {"Mode": "OFF"}})

    def lose_wake_up(self, name: str) -> None:
        """Leaves a schedule as after a lost wake-up: its time has passed, and it has not fired."""
        passed = datetime.now(UTC) - timedelta(minutes=30)
        at = f"at({passed:%Y-%m-%dT%H:%M:00})"
        off = {"Mode": "OFF"}
        self._update(name, {"ScheduleExpression": at, "FlexibleTimeWindow": off, "EndDate": passed})

    def delete(self, name: str) -> None:
        """Deletes a schedule."""
        self._scheduler.delete_schedule(GroupName=self._group, Name=name)

    def _update(self, name: str, changes: dict) -> None:
        schedule = self.get(name)
        for field in ("Arn", "CreationDate", "LastModificationDate"):
            del schedule[field]
        self._scheduler.update_schedule(**(schedule | changes))


class Inbox:
    """What the stack sends: messages to people, and events to machines. Two queues keep both."""

    def __init__(self, aws: LocalAws, topic: str) -> None:
        self._queues = aws.client("sqs")
        self._messages, self._events = self._queue("messages", "sns"), self._queue("events", "events")
        self._received: dict[str, list[dict]] = {self._messages: [], self._events: []}
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self._arn(self._messages))
        bus = aws.client("events")
        bus.put_rule(Name="inbox", EventPattern=json.dumps({"source": ["ecs-task-patching"]}))
        bus.put_targets(Rule="inbox", Targets=[{"Id": "queue", "Arn": self._arn(self._events)}])

    def _queue(self, name: str, sender: str) -> str:
        """Creates a queue to which a service may send, and returns its URL."""
        principal = {"Service": f"{sender}.amazonaws.com"}
        send = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [send]}
        return self._queues.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"]

    def messages(self, about: str = "") -> list[dict]:
        """The messages whose subject or text contains `about`, oldest first."""
        received = self._receive(self._messages)
        return [message for message in received if about in message["Subject"] + message["Message"]]

    def events(self, about: str = "") -> list[dict]:
        """The events that contain `about`, but for the records, oldest first."""
        return [event for event in self._all_events(about) if event["detail-type"] != "Patch Record"]

    def records(self, about: str = "") -> list[dict]:
        """The details of the records that contain `about`, oldest first."""
        return [event["detail"] for event in self._all_events(about) if event["detail-type"] == "Patch Record"]

    def _all_events(self, about: str) -> list[dict]:
        return [event for event in self._receive(self._events) if about in json.dumps(event)]

    def _arn(self, queue: str) -> str:
        answer = self._queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def _receive(self, queue: str) -> list[dict]:
        while messages := self._queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._received[queue].append(json.loads(message["Body"]))
                self._queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return self._received[queue]


def send_drill(aws: LocalAws, notice: dict) -> None:
    """Puts a notice on the event bus as a drill, because only AWS can use the source `aws.health`."""
    entry = {
        "Source": "ecs-task-patching.drill",
        "DetailType": notice["detail-type"],
        "Resources": notice["resources"],
        "Detail": json.dumps(notice["detail"]),
    }
    if aws.client("events").put_events(Entries=[entry])["FailedEntryCount"]:
        raise Failed("the event bus rejected the drill")


def letter_of_lambda(arn: str, payload: object, answer: object, tries: int = 3) -> dict:
    """What AWS Lambda keeps of an event that failed.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return {
        "version": "1.0",
        "timestamp": "2026-11-24T08:25:25.111Z",
        "requestContext": {
            "requestId": str(uuid.uuid4()), "functionArn": f"{arn}:$LATEST", "condition": "RetriesExhausted",
            "approximateInvokeCount": tries,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": answer,
    }


def letters_in(queues, url: str) -> int:
    """The number of messages in a queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
