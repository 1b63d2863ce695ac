"""The deployed stack on a local AWS, behind a proxy, and what AWS does with it: it invokes, repeats, and keeps what failed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands import REGION, Failed
from helpers import Stack, cutoff_after_all_tasks, notice, now, wire
from local_aws import ACCOUNT, LocalAws
from proxy import Proxy, nothing
from stack import Kind, kind_of, letter_of_lambda, letters_in

TRIES = 3  # of Lambda, for an asynchronous invocation
FUNCTIONS = ("IngestFunction", "DeployFunction", "VerifyFunction")
ROLLOUT = 2.5  # seconds: the local ECS completes one in two
ROUNDS = 12  # in which everything that is pending must have ended
# Always open, so that a start time comes soon after its notice, whatever the time of day
WINDOWS = "daily 00:00-00:00"


class Stage:
    """A deployed stack whose calls go through a proxy. One scenario at a time plays on it."""

    def __enter__(self) -> Stage:
        local = LocalAws()
        with contextlib.ExitStack() as opened:
            self.proxy = opened.enter_context(Proxy(local.url))
            local.endpoint_of_functions = self.proxy.url
            self.aws = opened.enter_context(local)
            self.stack = Stack(self.aws, self.aws.deploy(MaintenanceWindows=WINDOWS, SpreadMinutes="0"))
            self._open = opened.pop_all()
        self.story: list[str] = []  # what each invocation answered
        self._lambda = self.aws.client("lambda", retries={"max_attempts": 0}, read_timeout=900)
        self._queues = self.aws.client("sqs")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def invoke(self, function: str, event: dict) -> tuple[dict, bool]:
        """Invokes a function once, and returns its answer, and whether it succeeded."""
        self.running = function
        self.proxy.function = " ".join(filter(None, (function.removesuffix("Function").lower(), event.get("kind"))))
        name = self.stack.outputs[f"{function}Name"]
        response = self._lambda.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        answer, done = json.loads(response["Payload"].read()), "FunctionError" not in response
        self.story.append(f"{self.proxy.function}: {json.dumps(answer)[:600]}")
        return answer, done

    def deliver(self, function: str, event: dict) -> None:
        """Invokes a function as Lambda does: an event that fails three times goes to the dead-letter queue."""
        for _ in range(TRIES):
            answer, done = self.invoke(function, event)
            if done:
                return
            self.let_locks_expire()
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.stack.outputs[f'{function}Name']}"
        self._queues.send_message(
            QueueUrl=self.stack.outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(letter_of_lambda(arn, event, answer))
        )

    def function_of(self, schedule: dict) -> str:
        """The logical id of the function that a schedule invokes."""
        target = schedule["Target"]["Arn"].rsplit(":", 1)[-1]
        return next(name for name in FUNCTIONS if self.stack.outputs[f"{name}Name"] == target)

    def redrive(self) -> None:
        """Sends the dead letters back, as docs/operations.md says, and waits until their functions have ended."""
        if not self.letters():
            return
        answer, done = self.invoke("OperateFunction", {"operation": "redrive", "reason": "the faults have stopped"})
        if not done:
            raise Failed(f"redrive failed: {answer}")
        self.wait_until_quiet()

    def let_locks_expire(self) -> None:
        """The time passes that Lambda lets pass before it tries again: what a killed invocation locked is free."""
        for name in self.stack.schedules.names(kind=Kind.LOCK):
            if lock := self.stack.schedules.get(name):
                given = json.loads(lock["Target"]["Input"]) | {"expires_at": wire(now() - timedelta(minutes=1))}
                self.stack.schedules.edit(name, Target=lock["Target"] | {"Input": json.dumps(given)})

    def wait_until_quiet(self, seconds: float = 3) -> None:
        """Waits until no function has called AWS for some seconds."""
        while self.proxy.quiet_for() < seconds:
            time.sleep(0.1)

    def letters(self) -> int:
        """The number of letters in the dead-letter queue."""
        return letters_in(self._queues, self.stack.outputs["DeadLetterQueueUrl"])

    def forget_letters(self) -> None:
        """Empties the dead-letter queue."""
        self._queues.purge_queue(QueueUrl=self.stack.outputs["DeadLetterQueueUrl"])

    def kill(self, function: str) -> None:
        """Kills the processes of a function, as Lambda does when the function's time is over. Needs Linux's /proc."""
        named = f"AWS_LAMBDA_FUNCTION_NAME={self.stack.outputs[f'{function}Name']}".encode()
        address = f"AWS_ENDPOINT_URL={self.proxy.url}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                variables = (process / "environ").read_bytes().split(b"\0")
                if named in variables and address in variables:
                    os.kill(int(process.name), signal.SIGKILL)


class Night:
    """One notice about the services of one cluster, from the event to the deadline check."""

    def __init__(self, stage: Stage, services: int) -> None:
        self.stage = stage
        self.cluster = f"c{uuid.uuid4().hex[:8]}"
        self.services = [f"service-{nth}" for nth in range(services)]
        for service in self.services:
            stage.aws.create_service(self.cluster, service)
        self.cutoff = cutoff_after_all_tasks()
        self.event = notice(*(f"{self.cluster}|{service}" for service in self.services), cutoff=self.cutoff)
        self._fired: set[tuple[str, str, str]] = set()
        self.dates = [self.event["detail"]["startTime"]]  # the retirement dates that AWS Health gives, each of which is announced
        self.surprises: list[str] = []  # what a scenario found wrong on the way
        self.edits: dict[str, dict] = {}  # what the operator wrote, by schedule

    # ---- What AWS does ---------------------------------------------------------------------------------------------------

    def ingest(self, event: dict | None = None) -> None:
        """AWS Health sends the event."""
        self.stage.deliver("IngestFunction", event or self.event)

    def fire(self, *kinds: Kind) -> int:
        """EventBridge Scheduler invokes the functions of the schedules of these kinds, once for each schedule."""
        due = self.due(*kinds)
        for schedule in due:
            self._fired.add(_written(schedule))
            self.deliver(schedule)
        return len(due)

    def due(self, *kinds: Kind) -> list[dict]:
        """The schedules of these kinds that have not fired yet, when their times have come. No lock is as old by then."""
        self.stage.let_locks_expire()
        waiting = [schedule for schedule in self.schedules(*kinds) if _written(schedule) not in self._fired]
        return [self._bring_forward(schedule, timedelta(minutes=1)) for schedule in waiting]

    def _bring_forward(self, schedule: dict, ago: timedelta) -> dict:
        """Moves the time of a schedule to so long ago. It is what it was, planned for that time."""
        at = (datetime.now(UTC) - ago).replace(second=0)
        given = json.loads(schedule["Target"]["Input"])
        if "slot" in given:
            given["slot"] = wire(at)
        return self.stage.stack.schedules.edit(
            schedule["Name"], ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"},
            EndDate=at,  # keeps the local AWS from firing it
            Target=schedule["Target"] | {"Input": json.dumps(given)},
        )

    def lose(self, kind: Kind) -> int:
        """EventBridge Scheduler loses the wake-ups of these schedules."""
        lost = self.due(kind)
        self._fired |= {_written(schedule) for schedule in lost}
        return len(lost)

    def schedules(self, *kinds: Kind) -> list[dict]:
        """The schedules of these kinds that are enabled."""
        found = map(self.stage.stack.schedules.get, self.pending(*kinds))
        return [schedule for schedule in found if schedule and schedule["State"] == "ENABLED"]

    def deliver(self, schedule: dict) -> None:
        """The function of a schedule receives its input."""
        at = datetime.strptime(schedule["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)")
        given = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", f"{at:%Y-%m-%dT%H:%M:%SZ}")
        self.stage.deliver(self.stage.function_of(schedule), json.loads(given))

    def pending(self, *kinds: Kind) -> list[str]:
        """The names of the schedules of these kinds that belong to the cluster or to the notice."""
        schedules = self.stage.stack.schedules
        arn = self.event["detail"]["eventArn"]

        def is_ours(name: str) -> bool:
            if name.startswith(f"{self.cluster}."):
                return True
            schedule = schedules.get(name)
            return schedule is not None and arn in schedule["Target"]["Input"]

        return [name for name in schedules.names() if kind_of(name) in kinds and is_ours(name)]

    def heartbeat(self) -> None:
        """An hour passes: what has fired and is still there is overdue, and the heartbeat finds it."""
        schedules = self.stage.stack.schedules
        for schedule in self.schedules(Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK, Kind.DEADLINE_CHECK, Kind.DIGEST):
            if _written(schedule) in self._fired:
                self._fired.add(_written(self._bring_forward(schedule, timedelta(minutes=30))))
        self.stage.deliver("VerifyFunction", schedules.input("heartbeat"))

    def edit(self, edit: str) -> None:
        """An operator edits the schedules of all deployments."""
        changes = {
            "disable": {"State": "DISABLED"},
            "describe": {"Description": "Call me before this one. Kim"},
            "move": {"ScheduleExpression": f"at({datetime.now(UTC) + timedelta(hours=3):%Y-%m-%dT%H:%M:00})"},
        }[edit]
        for schedule in self.schedules(Kind.DEPLOYMENT):
            self.stage.stack.schedules.edit(schedule["Name"], **changes)
            self.edits[schedule["Name"]] = changes

    # ---- The night -------------------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        """The start times come."""
        self.fire(Kind.DEPLOYMENT)

    def verify(self) -> int:
        """The times of the verification checks come."""
        time.sleep(ROLLOUT)
        return self.fire(Kind.VERIFICATION_CHECK)

    def calm(self) -> None:
        """The faults stop."""
        self.stage.proxy.aim = nothing
        self.stage.redrive()

    def finish(self) -> None:
        """Time passes, until nothing is pending any more."""
        for _ in range(ROUNDS):
            fired = self.fire(Kind.DEPLOYMENT)
            if self.pending(Kind.VERIFICATION_CHECK):
                fired += self.verify()
            self.stage.redrive()
            if not self.schedules(Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK):
                break
            if not fired:
                self.heartbeat()
        self.fire(Kind.DIGEST)
        self.check_the_deadline()
        self.stage.redrive()

    def check_the_edits(self) -> None:
        """What an operator wrote must still be there."""
        for name, changes in self.edits.items():
            schedule = self.stage.stack.schedules.get(name) or {}
            for field, written in changes.items():
                if (stands := schedule.get(field)) != written:
                    self.surprises.append(f"{name}: the operator wrote {written!r}, and there is {stands!r}")

    def check_the_deadline(self) -> None:
        """The deadline check comes."""
        for schedule in self.schedules(Kind.DEADLINE_CHECK):
            self.deliver(self._bring_forward(schedule, timedelta(minutes=1)))

    def clean(self) -> None:
        """Deletes what the next scenario must not meet."""
        self.stage.forget_letters()
        for name in self.pending(*Kind):
            with contextlib.suppress(Exception):
                self.stage.stack.schedules.delete(name)


def _written(schedule: dict) -> tuple[str, str, str]:
    """What distinguishes a schedule from an earlier one with its name."""
    return schedule["Name"], str(schedule["LastModificationDate"]), schedule["Target"]["Input"]
