"""The sample events in events/, with their dates moved to today."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands import ROOT

EVENTS = ROOT / "events"
# The services that events/service-notice.json names, each with its cluster.
SERVICES = [("prod", "web"), ("prod", "api"), ("staging", "web")]
SENT_AT = datetime(2029, 12, 26, 18, 0, 5, tzinfo=UTC)  # the time of the first notice in the samples
_WORDED = re.compile(r"(?:\w{3}, )?\d{1,2} \w{3} \d{4} \d\d:\d\d(?::\d\d)? GMT")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def names() -> list[str]:
    """The names of all sample events. The input of a schedule is not an event."""
    return sorted(path.stem for path in EVENTS.glob("*.json") if path.stem != "deploy-input")


def as_written(name: str) -> dict:
    """A sample event as it is in its file."""
    return json.loads(Path(EVENTS, f"{name}.json").read_text())


def today(name: str, sent_at: datetime | None = None) -> dict:
    """A sample event with all dates moved by the same time, as if the first notice was sent at `sent_at`, or now."""
    distance = (sent_at or datetime.now(UTC).replace(microsecond=0)) - SENT_AT
    return json.loads(_move(json.dumps(as_written(name)), distance))


def _move(text: str, distance: timedelta) -> str:
    def worded(found: re.Match[str]) -> str:
        date = found[0].split(", ")[-1]
        form = "%d %b %Y %H:%M:%S GMT" if date.count(":") == 2 else "%d %b %Y %H:%M GMT"
        return (datetime.strptime(date, form) + distance).strftime(f"%a, {form}")

    def iso(found: re.Match[str]) -> str:
        return (datetime.strptime(found[0], "%Y-%m-%dT%H:%M:%SZ") + distance).strftime("%Y-%m-%dT%H:%M:%SZ")

    return _ISO.sub(iso, _WORDED.sub(worded, text))
