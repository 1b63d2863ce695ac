"""The scenarios: what fails, where, and what happens in the night all the same."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from helpers import now, wire
from proxy import (
    ANSWER_CUT,
    ANSWER_LOST,
    ERROR,
    EXPIRED,
    REFUSED,
    RESET,
    SLOW,
    THROTTLED,
    UNAVAILABLE,
    Aim,
    Call,
    Fault,
    nothing,
)
from stack import Kind
from stage import ROLLOUT, Night


class End(Enum):
    """What must become of each service."""

    PATCHED = "patched"
    HELD = "held until the deadline check reports it"
    SCHEDULED = "scheduled"


@dataclass(frozen=True)
class Scenario:
    """A night in which something fails."""

    fault: str  # its row in the table
    where: str
    play: Callable[[Night], None]
    aim: Callable[[Night], Aim] = lambda _: nothing
    services: int = 2
    end: End = End.PATCHED

    def __str__(self) -> str:
        return f"{self.fault}: {self.where}" if self.where else self.fault


# ---- Aims ------------------------------------------------------------------------------------------------------------


def once(site: Call, fault: Fault, meanwhile: Callable[[], None] = lambda: None) -> Aim:
    """The first call of a site gets the fault, and meanwhile something else happens."""
    left = [site]

    def aim(call: Call) -> Fault:
        if call not in left:
            return None
        left.clear()
        meanwhile()
        return fault

    return aim


def lost_and_refused(site: Call) -> Aim:
    """The answer of the first call of a site is lost, and the SDK's retry is refused: the call fails, and has taken effect."""
    faults = [REFUSED, ANSWER_LOST]
    return lambda call: faults.pop() if faults and call == site else None


def share(part: float, fault: Fault, seed: int, seconds: float) -> Aim:
    """A part of all calls gets the fault, for so many seconds after the first call of each function."""
    dice, began = random.Random(seed), {}

    def aim(call: Call) -> Fault:
        over = time.monotonic() - began.setdefault(call.function, time.monotonic()) > seconds
        return None if over or dice.random() >= part else fault

    return aim


# ---- Nights ----------------------------------------------------------------------------------------------------------


def changed_event(night: Night, seconds: int, **detail: object) -> dict:
    """The notice's event, sent so many seconds after the first one."""
    event = copy.deepcopy(night.event)
    event["id"] += f"-{seconds}"
    event["time"] = wire(now() + timedelta(seconds=seconds))
    event["detail"] |= detail
    return event


def moved_date(night: Night) -> dict:
    """An event that moves the retirement date by two days."""
    night.dates.append(f"{now() + timedelta(days=9):%a, %d %b %Y %H:%M:%S GMT}")
    return changed_event(night, 5, startTime=night.dates[-1])


def whole_night(night: Night) -> None:
    """From the event to the deadline check. The retirement date moves, and the first wake-ups are lost."""
    night.ingest()
    night.ingest(moved_date(night))
    night.lose(Kind.DEPLOYMENT)
    night.heartbeat()
    night.deploy()
    night.verify()
    night.fire(Kind.DIGEST)
    night.check_the_deadline()


def twice(night: Night, work: Callable[[], None]) -> None:
    """Does the same twice at once."""
    night.stage.proxy.injected += 1
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(work) for _ in range(2)]:
            done.result()


def twice_at_once(night: Night) -> None:
    """Everything is delivered twice at once."""
    twice(night, night.ingest)
    for kind in (Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK):
        if kind is Kind.VERIFICATION_CHECK:
            time.sleep(ROLLOUT)
        for schedule in night.due(kind):
            twice(night, lambda: night.deliver(schedule))


def again_later(night: Night) -> None:
    """Everything is delivered once more, when it is over."""
    night.ingest()
    delivered = []
    for kind in (Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK):
        due = night.due(kind)
        time.sleep(ROLLOUT)
        for schedule in due:
            night.deliver(schedule)
        delivered += due
    night.ingest()
    for schedule in delivered:
        night.deliver(schedule)
    night.stage.proxy.injected += 1 + len(delivered)


def reordered(night: Night) -> None:
    """The pages come in the wrong order, and an old event after a new one."""
    entities = night.event["detail"]["affectedEntities"]
    for nth, seconds in ((2, 0), (1, 0), (2, 5), (1, 5), (1, 0), (2, 0)):
        named = [entities[nth - 1]]
        event = changed_event(night, seconds, page=str(nth), totalPages="2", affectedEntities=named)
        night.ingest(event | {"resources": [entity["entityValue"] for entity in named]})
        night.stage.proxy.injected += 1


def lost_wake_up(kind: Kind) -> Callable[[Night], None]:
    """EventBridge Scheduler does not fire the schedules of a kind."""

    def play(night: Night) -> None:
        night.ingest()
        if kind is not Kind.DEPLOYMENT:
            night.deploy()
        if kind is Kind.DEADLINE_CHECK:
            night.verify()
        lost = night.lose(kind)
        if not lost:
            raise AssertionError(f"there is no {kind}")
        night.stage.proxy.injected += lost

    return play


def cut_by_time_out(night: Night) -> Aim:
    """Lambda ends ingest in the middle of a page, three times."""
    created, cuts = 0, {200, 500, 800}

    def aim(call: Call) -> Fault:
        nonlocal created
        created += call == Call("ingest", "CreateSchedule", Kind.DEPLOYMENT.value)
        if created not in cuts:
            return None
        cuts.remove(created)
        night.stage.kill("IngestFunction")
        return {}

    return aim


def while_edited(site: Call, edit: str) -> Callable[[Night], None]:
    """A new event about the notice arrives. At its first call of a site, an operator edits all schedules."""

    def play(night: Night) -> None:
        night.ingest()
        night.stage.proxy.aim = once(site, {}, lambda: night.edit(edit))
        night.ingest(moved_date(night))
        night.check_the_edits()

    return play


# ---- All scenarios ---------------------------------------------------------------------------------------------------


def kill(site: Call, fault: Fault) -> Callable[[Night], Aim]:
    """The function dies at the first call of a site."""
    return lambda night: once(site, fault, lambda: night.stage.kill(night.stage.running))


def of_each_site(sites: list[Call]) -> list[Scenario]:
    """Faults of a single call, at each call site in turn."""
    faults: list[tuple[str, Callable[[Call], Callable[[Night], Aim]]]] = [
        ("500 before the effect", lambda site: lambda _: once(site, ERROR)),
        ("answer lost after the effect", lambda site: lambda _: once(site, ANSWER_LOST)),
        ("answer lost after the effect, and the retry refused", lambda site: lambda _: lost_and_refused(site)),
        ("access denied", lambda site: lambda _: once(site, REFUSED)),
        ("function killed before the effect", lambda site: kill(site, RESET)),
        ("function killed after the effect", lambda site: kill(site, {})),
    ]
    return [
        Scenario(fault, f"{site.function}, {site}", whole_night, aim(site), services=1)
        for fault, aim in faults
        for site in sites
    ]


def of_shares(seed: int) -> list[Scenario]:
    """Faults of a part of all calls."""
    rows = [
        ("throttled", THROTTLED, (0.1, 0.5, 0.9), 8),
        ("500", ERROR, (0.1, 0.5), 8),
        ("503", UNAVAILABLE, (0.5,), 8),
        ("connection reset", RESET, (0.1, 0.5), 8),
        ("answer cut in the middle", ANSWER_CUT, (0.1, 0.5), 8),
        ("answer lost", ANSWER_LOST, (0.1, 0.5), 8),
        ("slower than the client waits", SLOW, (0.1,), 60),
        ("credentials refused for a while", EXPIRED, (1.0,), 2),
    ]
    return [
        Scenario(
            f"{name}, {part:.0%} of the calls", f"seed {seed + nth}", whole_night,
            lambda _, part=part, fault=fault, nth=nth, seconds=seconds: share(part, fault, seed + nth, seconds),
            services=3,
        )
        for name, fault, parts, seconds in rows
        for part in parts
        for nth in range(3 if part < 1 and fault is not SLOW else 1)
    ]


def of_deliveries() -> list[Scenario]:
    """Deliveries as AWS permits them, and wake-ups that it loses."""
    kinds = (Kind.DEPLOYMENT, Kind.VERIFICATION_CHECK, Kind.DEADLINE_CHECK)
    return [
        Scenario("delivered twice at once", "", twice_at_once),
        Scenario("delivered again when it is over", "", again_later),
        Scenario("pages and events out of order", "", reordered),
        *(Scenario("scheduler does not fire", kind.value, lost_wake_up(kind)) for kind in kinds),
        Scenario("page of 1,000 cut by the time-out", "", Night.ingest, cut_by_time_out, services=1_000, end=End.SCHEDULED),
    ]


def of_edits(sites: list[Call]) -> list[Scenario]:
    """An operator edits the schedules while ingest handles a moved date: before any call but the one that writes them.

    EventBridge Scheduler writes without a condition, so that nothing can protect an edit that comes in between. With one service,
    no other one is in between.
    """
    writes = [Call("ingest", f"{verb}Schedule", Kind.DEPLOYMENT.value) for verb in ("Create", "Update")]
    return [
        Scenario(f"operator {edit}s the schedule meanwhile", f"ingest, {site}", while_edited(site, edit), services=1, end=end)
        for edit, end in (("disable", End.HELD), ("move", End.PATCHED), ("describe", End.PATCHED))
        for site in sites
        if site not in writes
    ]
