"""The deployed stack on a local AWS, for all tests of this folder."""

from __future__ import annotations

import json
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local_aws import ACCOUNT, REGION, LocalAws, build  # noqa: E402


@pytest.fixture(scope="session")
def aws():
    build()
    with LocalAws() as local:
        yield local


@pytest.fixture(scope="session")
def stack(aws):
    return Stack(aws, aws.deploy(EnableDrills="true"))


@pytest.fixture
def cluster():
    """A cluster's name that no other test uses, so that tests do not meet in one schedule."""
    return f"c{uuid.uuid4().hex[:8]}"


@pytest.fixture(autouse=True)
def _what_the_functions_said(request, stack):
    """Shows what the local AWS printed meanwhile, if the test fails."""
    seen = len(stack.aws.log())
    yield
    if request.node.stash.get(FAILED, False):
        print(stack.aws.log()[seen:][-6000:])


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report


class Stack:
    """What a test does with the deployed stack."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str]) -> None:
        self.aws = aws
        self.outputs = outputs
        self.group = outputs["ScheduleGroupName"]
        self.scheduler, self.functions, self.queues = (aws.client(name) for name in ("scheduler", "lambda", "sqs"))
        self.ears = Ears(aws, outputs["NotificationTopicArn"])

    def invoke(self, function: str, event: object) -> tuple[dict, str | None]:
        """Invokes a function and waits: its answer, and the type of its error if it failed."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = self.functions.invoke(FunctionName=self.outputs[function], Payload=payload)
        told = json.loads(answer["Payload"].read())
        return told, told["errorType"] if "FunctionError" in answer else None

    def ingest(self, event: object) -> dict:
        """Ingest's answer to an event that it handles."""
        answer, error = self.invoke("IngestFunctionName", event)
        assert error is None, answer
        return answer

    def ingest_fails(self, event: object) -> tuple[str, str]:
        """The type and the message with which ingest fails."""
        answer, error = self.invoke("IngestFunctionName", event)
        assert error is not None, answer
        return error, answer["errorMessage"]

    def deploy(self, given: object) -> dict:
        """Deploy's answer to what a schedule hands over."""
        answer, error = self.invoke("DeployFunctionName", given)
        assert error is None, answer
        return answer

    def verify(self, given: object) -> dict:
        """Verify's answer to what a schedule hands over."""
        answer, error = self.invoke("VerifyFunctionName", given)
        assert error is None, answer
        return answer

    def later(self, function: str, event: object) -> None:
        """Invokes a function as EventBridge and EventBridge Scheduler do, without waiting."""
        self.functions.invoke(
            FunctionName=self.outputs[function], InvocationType="Event", Payload=json.dumps(event).encode()
        )

    def failed_event(self, found, seconds: int = 20) -> dict:
        """The message in the queue whose event satisfies `found`, taken out of it."""
        for _ in range(seconds * 2):
            answer = self.queues.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=1, WaitTimeSeconds=0
            )
            for message in answer.get("Messages", []):
                body = json.loads(message["Body"])
                if found(body["requestPayload"]):
                    self.queues.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                    return body
            time.sleep(0.5)
        raise AssertionError("the event is not in the queue")

    @property
    def queue(self) -> str:
        return self.outputs["DeadLetterQueueUrl"]

    def schedule(self, name: str) -> dict | None:
        """A pending schedule, without what only an answer carries."""
        try:
            found = self.scheduler.get_schedule(GroupName=self.group, Name=name)
        except self.scheduler.exceptions.ResourceNotFoundException:
            return None
        del found["ResponseMetadata"]
        return found

    def given(self, name: str) -> dict:
        """What a pending schedule will hand to deploy."""
        return json.loads(self.schedule(name)["Target"]["Input"])

    def edit(self, name: str, **changes: object) -> dict:
        """Changes a schedule as an operator does in the console, and answers how it is then."""
        schedule = self.schedule(name)
        for field in ("Arn", "CreationDate", "LastModificationDate"):
            del schedule[field]
        self.scheduler.update_schedule(**(schedule | changes))
        return self.schedule(name)

    def names_with(self, cluster: str) -> list[str]:
        """The names of the pending schedules of a cluster's services."""
        # The local AWS answers one page, as long as it is asked for.
        found = self.scheduler.list_schedules(GroupName=self.group, NamePrefix=f"{cluster}.", MaxResults=5000)
        return [schedule["Name"] for schedule in found["Schedules"]]


class changed:
    """A function with other settings, for the length of a `with` block."""

    def __init__(self, stack, function, **variables):
        self._stack, self._variables = stack, variables
        self._name = stack.outputs[function]

    def _set(self, variables):
        self._stack.functions.update_function_configuration(
            FunctionName=self._name, Environment={"Variables": variables}
        )
        self._stack.functions.get_waiter("function_updated_v2").wait(FunctionName=self._name)

    def __enter__(self):
        configuration = self._stack.functions.get_function_configuration(FunctionName=self._name)
        self._before = configuration["Environment"]["Variables"]
        self._set(self._before | self._variables)

    def __exit__(self, *_):
        self._set(self._before)


class Ears:
    """What people and machines are told: queues that listen to the topic and to the bus."""

    def __init__(self, aws: LocalAws, topic: str) -> None:
        self._queues = aws.client("sqs")
        self._messages = self._queues.create_queue(QueueName="people")["QueueUrl"]
        self._events = self._queues.create_queue(QueueName="machines")["QueueUrl"]
        self._heard: dict[str, list[dict]] = {self._messages: [], self._events: []}
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self._arn(self._messages))
        bus = aws.client("events")
        bus.put_rule(Name="machines", EventPattern=json.dumps({"source": ["ecs-task-patching"]}))
        bus.put_targets(Rule="machines", Targets=[{"Id": "queue", "Arn": self._arn(self._events)}])

    def _arn(self, queue: str) -> str:
        asked = self._queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]

    def _listen(self, queue: str) -> list[dict]:
        while messages := self._queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._heard[queue].append(json.loads(message["Body"]))
                self._queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return self._heard[queue]

    def messages(self, about: str) -> list[dict]:
        """The messages to people that mention `about`, in their order."""
        return [message for message in self._listen(self._messages) if about in message["Message"]]

    def events(self, about: str) -> list[dict]:
        """The events for machines that mention `about`, in their order."""
        return [event for event in self._listen(self._events) if about in json.dumps(event)]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def notice(
    *entities: str,
    arn: str | None = None,
    days: float = 7,
    cutoff: datetime | None = None,
    resolved: tuple[str, ...] = (),
    **detail: object,
) -> dict:
    """A notice as AWS Health sends it, sent now, about tasks that AWS replaces `days` from now."""
    sent_at = now()
    starts_at = sent_at + timedelta(days=days)
    cutoff = cutoff or sent_at
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS Health Event",
        "source": "aws.health",
        "account": ACCOUNT,
        "time": f"{sent_at:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": list(entities),
        "detail": {
            "eventArn": arn or f"arn:aws:health:{REGION}::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/{uuid.uuid4()}",
            "service": "ECS",
            "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
            "startTime": f"{starts_at:%a, %d %b %Y %H:%M:%S GMT}",
            "statusCode": "upcoming",
            "eventRegion": REGION,
            "eventDescription": [
                {"latestDescription": f"Any tasks launched after {cutoff:%a, %d %b %Y %H:%M:%S GMT} were launched on …"}
            ],
            "affectedEntities": [
                {"entityValue": entity, "status": "RESOLVED" if entity in resolved else "PENDING"}
                for entity in entities
            ],
        }
        | detail,
    }


def outcome(answer: dict, entity: str | None = None) -> dict:
    """The one outcome of an answer, or that of an entity."""
    found = [told for told in answer["outcomes"] if entity in (None, told["entity"])]
    assert len(found) == 1, answer
    return found[0]
