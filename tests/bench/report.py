"""The tables of a run, for the terminal and for docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from budgets import Budget, colder
from measured import COLD, REPEATED, WARM, Measured
from tables import processor, replace, table

CRITERION = re.compile(r"^(\S.*?)?\s*time:\s+\[\S+ \S+ (\S+) (\S+) ", re.MULTILINE)
MICROSECONDS = {"ns": 1e-3, "µs": 1, "ms": 1e3, "s": 1e6}


def of_criterion(printed: str) -> list[tuple[str, float]]:
    """The microseconds of each benchmark."""
    return [(name, float(value) * MICROSECONDS[unit]) for name, value, unit in CRITERION.findall(printed)]


def services_of(benchmark: str) -> int:
    """For how many services the rules work in a benchmark, as its name says."""
    found = re.search(r"([\d,]+) services?", benchmark)
    return int(found.group(1).replace(",", "")) if found else 1


def machine() -> str:
    load = f"a load of {os.getloadavg()[2]:.1f} in the last 15 minutes"
    linux = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({processor()}), {linux}, {load}"


def times(measured: Measured, latency: int | str) -> str:
    rows = []
    for name in measured.names(latency):
        cells = [measured.start(name, latency), measured.cold(name, latency)]
        cells += [measured.time(name, which, latency) or "" for which in (WARM, REPEATED)]
        rows.append([name, *cells, f"{measured.cpu(name, COLD, latency):,.1f}", f"{measured.peak(name, latency):.1f}"])
    header = ["", "start", "cold", "second event", "third event", "CPU time, cold", "peak memory, MiB"]
    return table(header, rows)


def calls(measured: Measured) -> str:
    rows = []
    for name in measured.names():
        for event, which in (("new", COLD), ("repeated", REPEATED)):
            if measured.time(name, which) is None or (which == REPEATED and "ingest" not in name):
                continue
            made = measured.calls(name, which)
            listed = ", ".join(f"{call} {count:,}" if count > 1 else call for call, count in made.items())
            label = f"{name}, {event}" if "ingest" in name else name
            rows.append([label, f"{sum(made.values()):,}", listed or "none"])
    return table(["", "calls", "by operation"], rows)


def sections(measured: Measured, judged: list[Budget]) -> dict[str, str]:
    """The tables, each with the name of its place in the document."""
    python = ", ".join(f"{colder(measured, latency):.1f} × at {latency} ms" for latency in (0, 10, 30))
    runs = ", ".join(f"{len(measured.runs['no-op', latency])} runs at {latency}" for latency in (0, 10, 30))
    rules = [[name, f"{value:,.1f}", f"{value / services_of(name):,.1f}"] for name, value in measured.rules]
    return {
        "machine": f"Measured on {machine()}. Milliseconds: median (fastest-slowest) of {runs} ms.",
        "budgets": table(["budget", "limit", "measured", ""], [list(budget.row()) for budget in judged]),
        "python": f"First answer about 1 service, against Python: {python}.",
        **{f"times {latency}": times(measured, latency) for latency in (0, 10, 30, "share")},
        "calls": calls(measured),
        "rules": table(["", "microseconds", "for each service"], rules),
    }


def text(measured: Measured, judged: list[Budget]) -> str:
    """What the command prints."""
    return "\n\n".join(f"{name}\n{body}" for name, body in sections(measured, judged).items())


def write(document: Path, measured: Measured, judged: list[Budget]) -> None:
    """Replaces the tables in the document, between their markers."""
    replace(document, "bench", sections(measured, judged))
