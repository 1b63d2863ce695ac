"""The tables of a run, for the terminal and for docs/reliability.md."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field

from judge import Verdict
from scenarios import Scenario
from tables import processor, table


@dataclass
class Row:
    """What became of one scenario."""

    scenario: Scenario
    injected: int  # how often the fault was injected
    verdict: Verdict
    seconds: float
    story: list[str] = field(default_factory=list)  # what each invocation answered


def of_faults(rows: list[Row]) -> str:
    """One line for each fault, in the order in which the scenarios are written."""
    faults: dict[str, list[Row]] = {}
    for row in rows:
        faults.setdefault(row.scenario.fault, []).append(row)
    faults["all"] = rows
    return table(
        ["fault", "nights", "times injected", "services", "lost", "doubled", "wrongly reported"],
        [
            [
                fault,
                f"{len(of)}",
                f"{sum(row.injected for row in of):,}",
                f"{sum(row.scenario.services for row in of):,}",
                *(sum(len(getattr(row.verdict, kind)) for row in of) for kind in ("lost", "doubled", "wrong")),
            ]
            for fault, of in faults.items()
        ],
    )


def machine() -> str:
    """The machine on which the command runs."""
    return f"{os.cpu_count()} cores ({processor()}), {platform.system()}"
