"""`make demo`: from the retirement notice to the verified patch of a service, on a local AWS."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from build import build
from commands import Failed
from local_aws import LocalAws
from samples import SERVICES, today
from stack import Inbox, Kind, Schedules, send_drill

ZONE = "Europe/Berlin"


class Story:
    """Prints the numbered steps as they happen."""

    def __init__(self) -> None:
        self._step = 0
        self._started = self._step_started = time.monotonic()

    def step(self, title: str) -> None:
        self._step += 1
        self._step_started = time.monotonic()
        print(f"\n\033[1m{self._step}. {title}\033[0m" if sys.stdout.isatty() else f"\n{self._step}. {title}", flush=True)

    def done(self, text: str) -> None:
        print(f"   {text} ({time.monotonic() - self._step_started:.0f} s)", flush=True)

    def say(self, text: str = "") -> None:
        print(f"   {text}" if text else "", flush=True)

    def seconds(self) -> float:
        return time.monotonic() - self._started


def print_table(head: list[str], rows: list[list[str]], say) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def wait_for(what: str, condition, story: Story, seconds: int = 60):
    """Waits until `condition` returns something true, and returns that."""
    for second in range(seconds):
        if found := condition():
            return found
        if second % 10 == 9:
            story.say(f"… waiting for {what}")
        time.sleep(1)
    raise Failed(f"{what}: not within {seconds} seconds")


def day_and_time(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %Y %H:%M}"


class Demo:
    """What the story shows of the stack."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str], story: Story) -> None:
        self.aws, self.story = aws, story
        self.schedules = Schedules(aws, outputs["ScheduleGroupName"])
        self.inbox = Inbox(aws, outputs["NotificationTopicArn"])

    def show_message(self, subject: str) -> None:
        """Waits for the message whose subject starts with `subject`, and shows it as an email."""

        def received() -> dict | None:
            return next((message for message in self.inbox.messages() if message["Subject"].startswith(subject)), None)

        message = wait_for(f'the message "{subject}"', received, self.story)
        self.story.say()
        self.story.say(f"| Subject: {message['Subject']}")
        self.story.say("|")
        for line in message["Message"].splitlines():
            self.story.say(f"| {line}".rstrip())

    def pending_deployments(self) -> dict[str, dict]:
        """The schedules of pending deployments, by name."""
        found = {name: self.schedules.get(name) for name in self.schedules.names(kind=Kind.DEPLOYMENT)}
        return {name: schedule for name, schedule in found.items() if schedule}

    def schedule_of(self, cluster: str, service: str, kind: Kind) -> str | None:
        """The name of a service's schedule of this kind, if there is one."""
        return next(iter(self.schedules.names(cluster, service, kind)), None)

    def show_plan(self, pending: dict[str, dict]) -> None:
        rows = []
        for schedule in pending.values():
            given = json.loads(schedule["Target"]["Input"])
            start = datetime.fromisoformat(given["slot"])
            dates = [datetime.fromisoformat(notice["starts_at"]) for notice in given["notices"]]
            rows.append([
                f"{given['cluster']}/{given['service']}",
                day_and_time(start.astimezone(ZoneInfo(ZONE))),
                day_and_time(start),
                day_and_time(min(dates)),
            ])
        head = ["service", f"start time ({ZONE})", "start time (UTC)", "retirement date (UTC)"]
        print_table(head, sorted(rows), self.story.say)

    def show_service(self, cluster: str, service: str) -> None:
        rows = [
            [found["id"], found["status"], found["rolloutState"], f"{found['createdAt'].astimezone(UTC):%H:%M:%S}"]
            for found in self.aws.deployments(cluster, service)
        ]
        print_table(["deployment", "status", "rollout", "created (UTC)"], rows, self.story.say)
        created = sorted(task["createdAt"].astimezone(UTC) for task in self.aws.tasks(cluster, service))
        self.story.say(f"running tasks created at {', '.join(f'{moment:%H:%M:%S}' for moment in created)}")

    def completed_event(self, service: str) -> dict | None:
        """The event which says that a service is patched."""
        events = (event for event in self.inbox.events() if event["detail-type"] == "Patch Completed")
        return next((event for event in events if event["detail"]["service"] == service), None)

    def has_rolled_out(self, cluster: str, service: str, before: str) -> bool:
        """Whether a deployment other than `before` has completed."""
        return any(
            found["id"] != before and found["status"] == "PRIMARY" and found["rolloutState"] == "COMPLETED"
            for found in self.aws.deployments(cluster, service)
        )


def main() -> None:
    story = Story()
    print("ECS Task Patching Automation: from the retirement notice to the verified patch, on a local AWS")

    story.step("Build the functions (the first build takes some minutes)")
    build()
    story.done("built")

    story.step("Start a local AWS with three Fargate services")
    with LocalAws() as aws:
        for cluster, service in SERVICES:
            aws.create_service(cluster, service)
        window = "daily 18:00-20:00"
        aws.tag("staging", "web", window=window)
        story.say(f"services: {', '.join('/'.join(pair) for pair in SERVICES)}")
        story.say(f"staging/web has its own maintenance window, from its tag ecs-task-patching:window={window}")
        story.done(f"ready at {aws.url}")

        story.step(f"Deploy the stack with sam deploy, TimeZone={ZONE} and EnableDrills=true")
        outputs = aws.deploy(TimeZone=ZONE, EnableDrills="true", NotificationDetail="each")
        demo = Demo(aws, outputs, story)
        story.say(f"findings of the configuration check: {outputs['ConfigurationFindings']}")
        story.done("deployed")

        story.step("AWS Health sends a retirement notice (events/service-notice.json, with its dates moved to today)")
        notice = today("service-notice")
        story.say(f"affected services: {', '.join(notice['resources'])}")
        story.say(f"retirement date, from which AWS replaces the tasks: {notice['detail']['startTime']}")
        send_drill(aws, notice)
        pending = wait_for(
            "the schedules", lambda: found if len(found := demo.pending_deployments()) == len(SERVICES) else None, story
        )
        story.done(f"{len(pending)} deployments are scheduled, each at the start time in its maintenance window")
        story.say()
        demo.show_plan(pending)
        story.say()
        story.say("One message notifies the owner:")
        demo.show_message("Drill: Scheduled: 3 services")

        story.step("The same notice arrives again, because AWS delivers events at least once")
        send_drill(aws, notice)
        time.sleep(3)
        if demo.pending_deployments() != pending:
            raise Failed("the second delivery changed a schedule")
        if len(demo.inbox.messages()) != 1:
            raise Failed("the second delivery sent another message")
        story.done("every schedule is unchanged, and no second message was sent")

        story.step("An operator runs the deployment of prod/web now, by moving its schedule")
        [name] = [name for name in pending if name.startswith("prod.web.")]
        story.say("before:")
        demo.show_service("prod", "web")
        before = aws.deployments("prod", "web")[0]["id"]
        demo.schedules.run_now(name)
        wait_for("EventBridge Scheduler", lambda: name not in demo.pending_deployments(), story)
        check = wait_for(
            "the verification check", lambda: demo.schedule_of("prod", "web", Kind.VERIFICATION_CHECK), story
        )
        wait_for("ECS to replace the tasks", lambda: demo.has_rolled_out("prod", "web", before), story)
        story.say("after:")
        demo.show_service("prod", "web")
        story.done("prod/web is redeployed, and deploy has deleted its schedule; the other services wait for their start times")

        story.step("The same schedule is delivered twice, but the service is redeployed once")
        given = pending[name]["Target"]["Input"]
        response = aws.client("lambda").invoke(FunctionName=outputs["DeployFunctionName"], Payload=given)
        answer = json.loads(response["Payload"].read())
        if answer.get("outcome") != "skipped":
            raise Failed(f"the second delivery was not skipped: {answer}")
        story.done(f"{answer['outcome']}: {answer['reason']}")

        story.step("The verification check finds that prod/web is patched (normally after two minutes; here, at once)")
        demo.schedules.run_now(check)
        demo.show_message("Drill: Patched: prod/web")
        story.say()
        completed = wait_for("the event Patch Completed", lambda: demo.completed_event("web"), story)
        story.done(f"event Patch Completed on the event bus: {completed['detail']['reason']}")

        story.step("The wake-up of staging/web is lost, and the heartbeat repeats it (normally within the hour; here, at once)")
        lost = demo.schedule_of("staging", "web", Kind.DEPLOYMENT)
        demo.schedules.lose_wake_up(lost)
        story.say("its schedule is set to half an hour ago, in such a way that EventBridge Scheduler never fires it")
        heartbeat = json.dumps({"version": 1, "kind": "heartbeat"})
        response = aws.client("lambda").invoke(FunctionName=outputs["VerifyFunctionName"], Payload=heartbeat)
        answer = json.loads(response["Payload"].read())
        if answer.get("woken") != [lost]:
            raise Failed(f"the heartbeat did not wake deploy again: {answer}")
        story.say(f"the heartbeat has found {answer['pending']} pending schedules, and made {lost} again")
        before = aws.deployments("staging", "web")[0]["id"]
        demo.schedules.run_now(lost)
        wait_for("the deployment", lambda: demo.has_rolled_out("staging", "web", before), story)
        story.done("staging/web is redeployed")

        story.step("The deadline check finds that prod/api is not patched, because its schedule was deleted (here, at once)")
        story.say("it normally runs 30 minutes before the deadline, which is 2 hours before the retirement date")
        demo.schedules.delete(demo.schedule_of("prod", "api", Kind.DEPLOYMENT))
        [check] = demo.schedules.names(kind=Kind.DEADLINE_CHECK)
        demo.schedules.run_now(check)
        demo.show_message("Drill: Not patched: 1 service")
        story.say()
        story.done("the owner is notified before AWS replaces the tasks")

    print(
        f"\nDone in {story.seconds():.0f} s: one notice scheduled 3 services; 1 was redeployed and verified as patched, "
        "1 was redeployed after its wake-up was lost, and 1 was reported before the deadline. Nothing was done twice. "
        "The local AWS is stopped."
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.")
        sys.exit(130)
    except Failed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        sys.exit(1)
