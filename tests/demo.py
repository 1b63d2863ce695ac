"""`make demo`: from AWS Health's notice to the proof that a service is patched, on a local AWS."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import samples
from local_aws import ACCOUNT, REGION, Failed, LocalAws, build

ZONE = "Europe/Berlin"
SERVICES = [("prod", "web"), ("prod", "api"), ("staging", "web")]


class Story:
    """Prints the steps as they happen."""

    def __init__(self) -> None:
        self._step = 0
        self._started = self._begun = time.monotonic()

    def step(self, title: str) -> None:
        self._step += 1
        self._begun = time.monotonic()
        print(f"\n\033[1m{self._step}. {title}\033[0m" if sys.stdout.isatty() else f"\n{self._step}. {title}", flush=True)

    def done(self, text: str) -> None:
        print(f"   {text} ({time.monotonic() - self._begun:.0f} s)", flush=True)

    def say(self, text: str = "") -> None:
        print(f"   {text}" if text else "", flush=True)

    def total(self) -> float:
        return time.monotonic() - self._started


def table(head: list[str], rows: list[list[str]], say) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def wait(what: str, found, story: Story, seconds: int = 60):
    """Asks `found` once a second until it answers something."""
    for second in range(seconds):
        if answer := found():
            return answer
        if second % 10 == 9:
            story.say(f"… waiting for {what}")
        time.sleep(1)
    raise Failed(f"{what}: not within {seconds} seconds")


class Demo:
    def __init__(self, aws: LocalAws, outputs: dict[str, str], story: Story) -> None:
        self.aws, self.story = aws, story
        self.group, self.deploy_function = outputs["ScheduleGroupName"], outputs["DeployFunctionName"]
        self.scheduler = aws.client("scheduler")
        self._queues, self._told = aws.client("sqs"), []
        self._queue = self._queues.create_queue(QueueName="a-person")["QueueUrl"]
        asked = self._queues.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        aws.client("sns").subscribe(TopicArn=outputs["NotificationTopicArn"], Protocol="sqs", Endpoint=arn)

    def told(self) -> list[dict]:
        """The messages that people have got."""
        while messages := self._queues.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._told.append(json.loads(message["Body"]))
                self._queues.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return self._told

    def show_message(self, subject: str) -> None:
        """Waits for a message whose subject begins so, and shows it as an e-mail looks."""
        message = wait(f"the message {subject!r}", lambda: self._message(subject), self.story)
        self.story.say()
        self.story.say(f"| Subject: {message['Subject']}")
        self.story.say("|")
        for line in message["Message"].splitlines():
            self.story.say(f"| {line}".rstrip())

    def _message(self, subject: str) -> dict | None:
        return next((message for message in self.told() if message["Subject"].startswith(subject)), None)

    def send(self, notice: dict) -> None:
        """Puts a notice on the bus as a drill: only AWS may use the source aws.health."""
        entry = {
            "Source": "ecs-task-patching.drill",
            "DetailType": notice["detail-type"],
            "Resources": notice["resources"],
            "Detail": json.dumps(notice["detail"]),
        }
        if self.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"]:
            raise Failed("the bus did not take the event")

    def pending(self) -> dict[str, dict]:
        """The pending deployments: what the group holds besides looks, watches and the heartbeat."""
        names = [found["Name"] for found in self.scheduler.list_schedules(GroupName=self.group)["Schedules"]]
        names = [name for name in names if not (name.startswith(("deadline.", "heartbeat")) or name.endswith(".verify"))]
        found = {name: self.scheduler.get_schedule(GroupName=self.group, Name=name) for name in names}
        for schedule in found.values():
            del schedule["ResponseMetadata"]
        return found

    def show_plan(self, pending: dict[str, dict]) -> None:
        rows = []
        for schedule in pending.values():
            given = json.loads(schedule["Target"]["Input"])
            slot = datetime.fromisoformat(given["slot"])
            dates = [datetime.fromisoformat(notice["starts_at"]) for notice in given["notices"]]
            rows.append([
                f"{given['cluster']}/{given['service']}",
                f"{slot.astimezone(ZoneInfo(ZONE)):%a %Y-%m-%d %H:%M}",
                f"{slot:%a %Y-%m-%d %H:%M}",
                f"{min(dates):%a %Y-%m-%d %H:%M}",
            ])
        table(["service", f"slot ({ZONE})", "slot (UTC)", "AWS's date (UTC)"], sorted(rows), self.story.say)

    def show_service(self, cluster: str, service: str) -> None:
        rows = [
            [found["id"], found["status"], found["rolloutState"], f"{found['createdAt'].astimezone(UTC):%H:%M:%S}"]
            for found in self.aws.deployments(cluster, service)
        ]
        table(["deployment", "status", "rollout", "created (UTC)"], rows, self.story.say)
        created = sorted(task["createdAt"].astimezone(UTC) for task in self.aws.tasks(cluster, service))
        self.story.say(f"running tasks created at {', '.join(f'{moment:%H:%M:%S}' for moment in created)}")

    def pull_forward(self, name: str) -> None:
        """What an operator does who wants a service redeployed now: moves its schedule."""
        schedule = self.scheduler.get_schedule(GroupName=self.group, Name=name)
        for field in ("ResponseMetadata", "Arn", "CreationDate", "LastModificationDate"):
            del schedule[field]
        schedule["ScheduleExpression"] = f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})"
        schedule["FlexibleTimeWindow"] = {"Mode": "OFF"}
        self.scheduler.update_schedule(**schedule)

    def look(self, name: str) -> str | None:
        """The schedule of verify's look at a service, whose deployment had this schedule."""
        service = ".".join(name.split(".")[:2])
        found = self.scheduler.list_schedules(GroupName=self.group, NamePrefix=f"{service}.")["Schedules"]
        return next((schedule["Name"] for schedule in found if schedule["Name"].endswith(".verify")), None)

    def watch(self) -> str:
        """The schedule of the watch over the notice."""
        [found] = self.scheduler.list_schedules(GroupName=self.group, NamePrefix="deadline.")["Schedules"]
        return found["Name"]

    def listen(self) -> None:
        """Keeps what machines are told in a queue, as a rule of one's own would."""
        self._bus = self._queues.create_queue(QueueName="a-machine")["QueueUrl"]
        arn = self._queues.get_queue_attributes(QueueUrl=self._bus, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = self.aws.client("events")
        events.put_rule(Name="completed", EventPattern=json.dumps({"source": ["ecs-task-patching"], "detail-type": ["Patch Completed"]}))
        events.put_targets(Rule="completed", Targets=[{"Id": "queue", "Arn": arn}])

    def completed(self, service: str) -> dict | None:
        """The event that tells that a service is patched."""
        for message in self._queues.receive_message(QueueUrl=self._bus, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            if event["detail"]["service"] == service:
                return event
        return None

    def rolled_out(self, cluster: str, service: str, before: str) -> bool:
        return any(
            found["id"] != before and found["status"] == "PRIMARY" and found["rolloutState"] == "COMPLETED"
            for found in self.aws.deployments(cluster, service)
        )


def main() -> None:
    story = Story()
    print("ECS Task Patching Automation: from AWS Health's notice to the proof that services are patched, on a local AWS")

    story.step("sam build: the functions (the first time takes minutes)")
    build()
    story.done("built")

    story.step("A local AWS, and three Fargate services on it")
    with LocalAws() as aws:
        for cluster, service in SERVICES:
            aws.create_service(cluster, service)
        window = {"key": "ecs-task-patching:window", "value": "daily 18:00-20:00"}
        aws.client("ecs").tag_resource(
            resourceArn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/staging/web", tags=[window]
        )
        story.say(f"staging/web has the tag {window['key']}={window['value']}, so that it goes first")
        story.done(f"at {aws.url}: {', '.join('/'.join(pair) for pair in SERVICES)}")

        story.step(f"sam deploy: the stack, with TimeZone={ZONE} and EnableDrills=true")
        outputs = aws.deploy(TimeZone=ZONE, EnableDrills="true")
        demo = Demo(aws, outputs, story)
        demo.listen()
        story.say(f"the configuration was checked in this account: {outputs['ConfigurationFindings']}")
        story.done("deployed")

        story.step("AWS Health announces a task retirement (events/service-notice.json, moved to today)")
        notice = samples.today("service-notice")
        story.say(f"affected: {', '.join(notice['resources'])}; AWS's date: {notice['detail']['startTime']}")
        demo.send(notice)
        pending = wait("the schedules", lambda: found if len(found := demo.pending()) == 3 else None, story)
        story.done(f"{len(pending)} one-time schedules in group {demo.group}; nothing else has happened")
        story.say()
        demo.show_plan(pending)
        story.say()
        story.say("The owner gets one message:")
        demo.show_message("Task retirement: 3 service(s)")

        story.step("The same event once more: AWS delivers at least once")
        demo.send(notice)
        time.sleep(3)
        if demo.pending() != pending:
            raise Failed("the second delivery changed a schedule")
        if len(demo.told()) != 1:
            raise Failed("the second delivery was told again")
        story.done("the schedules are the same to the last byte, and nobody was told twice")

        story.step("An operator pulls prod/web forward instead of waiting for its slot")
        [name] = [name for name in pending if name.startswith("prod.web.")]
        story.say("before:")
        demo.show_service("prod", "web")
        before = aws.deployments("prod", "web")[0]["id"]
        demo.pull_forward(name)
        wait("EventBridge Scheduler to fire", lambda: name not in demo.pending(), story)
        look = wait("the look that deploy asks for", lambda: demo.look(name), story)
        wait("ECS to replace the tasks", lambda: demo.rolled_out("prod", "web", before), story)
        story.say("after:")
        demo.show_service("prod", "web")
        story.done("redeployed; the schedule is gone, the others wait for their slots")

        story.step("The same schedule delivered twice")
        given = pending[name]["Target"]["Input"]
        answer = aws.client("lambda").invoke(FunctionName=demo.deploy_function, Payload=given)
        outcome = json.loads(answer["Payload"].read())
        if outcome.get("outcome") != "skipped":
            raise Failed(f"the second delivery was not skipped: {outcome}")
        story.done(f"{outcome['outcome']}: {outcome['reason']}")

        story.step("Verify looks whether prod/web is patched (two minutes later; here, pulled forward)")
        demo.pull_forward(look)
        demo.show_message("Patched: prod/web")
        story.say()
        completed = wait("the event Patch Completed", lambda: demo.completed("web"), story)
        story.done(f"Patch Completed on the bus: {completed['detail']['reason']}")

        story.step("Before the deadline every service is looked at once more (here, prod/api's schedule was deleted)")
        [api] = [name for name in demo.pending() if name.startswith("prod.api.")]
        demo.scheduler.delete_schedule(GroupName=demo.group, Name=api)
        demo.pull_forward(demo.watch())
        demo.show_message("Needs attention: 1 service(s) not patched")
        story.say()
        story.done("somebody knows, before AWS acts")

    print(
        f"\nShown in {story.total():.0f} s: 3 services planned from one notice, 1 redeployed and proven (Patch Completed), "
        "1 reported before the deadline, nothing done twice. The local AWS is stopped."
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        sys.exit(130)
    except Failed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        sys.exit(1)
