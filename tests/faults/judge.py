"""What became of each service: lost, doubled, or wrongly reported."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from scenarios import End
from stack import Kind
from stage import Night

ALARMING = ("Patch Needs Attention", "Patch Failed")


@dataclass
class Verdict:
    """What is wrong at the end of a night, one line each."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """All of it."""
        named = (("lost", self.lost), ("doubled", self.doubled), ("wrongly reported", self.wrong))
        return [f"{name}: {line}" for name, lines in named for line in lines]


def judge(night: Night, end: End) -> Verdict:
    """Compares what is in ECS, in the schedule group and in the notifications with what must be there."""
    found = Verdict(wrong=list(night.surprises))
    if left := night.stage.letters():
        found.lost.append(f"{left} letters are in the dead-letter queue")
    {End.PATCHED: _patched, End.HELD: _held, End.SCHEDULED: _scheduled}[end](night, found)
    return found


def _patched(night: Night, found: Verdict) -> None:
    messages = night.stage.stack.inbox.messages(night.cluster)
    for name in night.pending(Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK, Kind.DEADLINE_CHECK):
        found.lost.append(f"{name} is still pending")
    for service in night.services:
        events = _events(night, service)
        named = f"{night.cluster}/{service}"
        updates = night.stage.proxy.updates[night.cluster, service]
        tasks = night.stage.aws.tasks(night.cluster, service)
        is_patched = bool(tasks) and all(task["createdAt"] > night.cutoff for task in tasks)
        completed = _distinct(events, "Patch Completed")
        if not is_patched:
            found.lost.append(f"{named} is not patched")
        if not completed:
            found.lost.append(f"no event says that {named} is patched")
        if updates > 1:
            found.doubled.append(f"{named} was deployed {updates} times")
        if len(completed) > 1:
            found.doubled.append(f"{named} was reported as patched {len(completed)} times")
        announced = len(_distinct(events, "Patch Scheduled"))
        if announced not in ({1, 1 + night.moves} if night.edits else {1 + night.moves}):
            found.wrong.append(f"{named} was announced {announced} times")
        if completed and not is_patched:
            found.wrong.append(f"{named} was reported as patched")
        for event in events:
            if event["detail-type"] in ALARMING:
                found.wrong.append(f"{named}: {event['detail-type']}: {event['detail'].get('reason')}")
        for message in messages:
            if message["Subject"].startswith(("Not patched", "Needs attention")) and named in message["Message"]:
                found.wrong.append(f"{named}: {message['Subject']}: {message['Message'][:400]}")
        patched = [message["Message"].split("Patched:")[-1] for message in messages if "Patched:" in message["Message"]]
        if not any(named in text for text in patched):
            found.lost.append(f"no message says that {named} is patched")


def _held(night: Night, found: Verdict) -> None:
    if night.deadline is None:
        found.lost.append("the deadline was not checked")
        return
    reported = night.deadline["unpatched"]
    for service in night.services:
        named = f"{night.cluster}/{service}"
        if night.stage.proxy.updates[night.cluster, service]:
            found.wrong.append(f"{named} was deployed, though an operator disabled its schedule")
        if not any(line.startswith(f"{named}: ") for line in reported):
            found.lost.append(f"{named} is not reported before its deadline: {night.deadline}")
        if _distinct(_events(night, service), "Patch Completed"):
            found.wrong.append(f"{named} was reported as patched")


def _scheduled(night: Night, found: Verdict) -> None:
    names = night.pending(Kind.DEPLOYMENT)
    for service in night.services:
        named = f"{night.cluster}/{service}"
        scheduled = [name for name in names if name.split(".")[1] == service]
        if len(scheduled) != 1:
            (found.doubled if scheduled else found.lost).append(f"{named} has {len(scheduled)} schedules")
    announced = {event["detail"].get("service") for event in night.stage.stack.inbox.events(night.cluster)}
    for service in night.services:
        if service not in announced:
            found.lost.append(f"no event says that {night.cluster}/{service} is scheduled")


def _events(night: Night, service: str) -> list[dict]:
    events = night.stage.stack.inbox.events(night.cluster)
    return [event for event in events if event["detail"].get("service") == service]


def _distinct(events: list[dict], detail_type: str) -> set[str]:
    """What the events of a type say. Events are sent at least once: those that say the same, in whatever words, are one."""
    details = [event["detail"] | {"reason": None} for event in events if event["detail-type"] == detail_type]
    return {json.dumps(detail, sort_keys=True) for detail in details}
