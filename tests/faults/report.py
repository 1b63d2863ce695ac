"""The tables of a run, for the terminal and for docs/reliability.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from judge import Verdict
from scenarios import Scenario


@dataclass
class Row:
    """What became of one scenario."""

    scenario: Scenario
    injected: int  # how often the fault was injected
    verdict: Verdict
    seconds: float
    story: list[str] = field(default_factory=list)  # what each invocation answered


def table(header: list[str], rows: Iterable[list]) -> str:
    """A table in Markdown. All columns but the first are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


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
    cpu = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else None
    name = model[1] if model else platform.machine()
    return f"{os.cpu_count()} cores ({name}), {platform.system()}"


def write(document: Path, sections: dict[str, str]) -> None:
    """Replaces sections of the document, between their markers."""
    written = document.read_text()
    for name, body in sections.items():
        between = re.compile(rf"(<!-- faults: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        written, found = between.subn(lambda marked, body=body: f"{marked[1]}{body}\n{marked[2]}", written)
        if found != 1:
            raise RuntimeError(f"{document.name} has {found} places for the table {name}; expected 1")
    document.write_text(written)
