"""What became of each service: lost, doubled, or wrongly reported."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from helpers import text_of, wire
from scenarios import End
from stack import Kind
from stage import Night

# The section of a digest, or the text of a message, that proves services
PATCHED = re.compile(r"^Patched:\n((?:- .*(?:\n|$))+)", re.MULTILINE)
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
    proven = [section for message in messages for section in PATCHED.findall(message["Message"])]
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
        if not any(f"- {named}: " in section for section in proven):
            found.lost.append(f"no message says that {named} is patched")
        if updates != 1:
            (found.doubled if updates else found.lost).append(f"{named} was deployed {updates} times")
        if len(completed) > 1:
            found.doubled.append(f"{named} was reported as patched {len(completed)} times")
        if completed and not is_patched:
            found.wrong.append(f"{named} was reported as patched")
        deployments = {deployment["id"] for deployment in night.stage.aws.deployments(night.cluster, service)}
        for event in events:
            kind, detail = event["detail-type"], event["detail"]
            if kind in ALARMING:
                found.wrong.append(f"{named}: {kind}: {detail.get('reason')}")
            if kind == "Patch Completed" and detail.get("deployment_id") not in {None, *deployments}:
                found.wrong.append(f"{named} was patched by {detail['deployment_id']}, which ECS does not know")
        for message in messages:
            if message["Subject"].startswith(("Not patched", "Needs attention")) and named in message["Message"]:
                found.wrong.append(f"{named}: {message['Subject']}: {message['Message'][:400]}")
        _announced(night, service, found)


def _announced(night: Night, service: str, found: Verdict) -> None:
    """Each retirement date must be announced once, by an event and a message, unless an operator's edit says more."""
    named = f"{night.cluster}/{service}"
    dates = [datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC) for date in night.dates]
    scheduled = _distinct(_events(night, service), "Patch Scheduled")
    announced = sorted(json.loads(detail)["notices"][0]["starts_at"] for detail in scheduled)
    expected = sorted(map(wire, dates))
    if announced != expected and not (night.edits and announced == expected[:1]):
        found.wrong.append(f"{named} was announced for {announced}, and must be for {expected}")
    plans = [
        message["Subject"]
        for message in night.stage.stack.inbox.messages(night.cluster)
        if message["Subject"].startswith("Scheduled: ") and named in message["Message"]
    ]
    for date in dates[:1] if night.edits else dates:
        if not any(subject.endswith(text_of(date)) for subject in plans):
            found.lost.append(f"no message announces {named} for {text_of(date)}")


def _held(night: Night, found: Verdict) -> None:
    messages = night.stage.stack.inbox.messages(night.cluster)
    for service in night.services:
        named = f"{night.cluster}/{service}"
        reports = [message for message in messages if message["Subject"].startswith("Not patched: ")]
        if not any(f"- {named}: " in message["Message"] for message in reports):
            found.lost.append(f"no message says that {named} is not patched")
        if night.stage.proxy.updates[night.cluster, service]:
            found.wrong.append(f"{named} was deployed, though an operator disabled its schedule")
        if _distinct(_events(night, service), "Patch Completed"):
            found.wrong.append(f"{named} was reported as patched")
        _announced(night, service, found)


def _scheduled(night: Night, found: Verdict) -> None:
    scheduled = {name.split(".")[1] for name in night.pending(Kind.DEPLOYMENT)}
    checks = [night.stage.stack.schedules.input(name) for name in night.pending(Kind.DEADLINE_CHECK)]
    checked = {service for check in checks for service in check["services"].get(night.cluster, [])}
    by_service: dict[str, list[dict]] = {}
    for event in night.stage.stack.inbox.events(night.cluster):
        by_service.setdefault(event["detail"].get("service"), []).append(event)
    for service in night.services:
        named = f"{night.cluster}/{service}"
        if service not in scheduled:
            found.lost.append(f"{named} is not scheduled")
        if service not in checked:
            found.lost.append(f"no deadline check is scheduled for {named}")
        announced = len(_distinct(by_service.get(service, []), "Patch Scheduled"))
        if announced != 1:
            (found.doubled if announced else found.lost).append(f"{named} was announced {announced} times")


def _events(night: Night, service: str) -> list[dict]:
    events = night.stage.stack.inbox.events(night.cluster)
    return [event for event in events if event["detail"].get("service") == service]


def _distinct(events: list[dict], detail_type: str) -> set[str]:
    """What the events of a type say. Events are sent at least once: those that say the same, in whatever words, are one."""
    details = [event["detail"] | {"reason": None} for event in events if event["detail-type"] == detail_type]
    return {json.dumps(detail, sort_keys=True) for detail in details}
