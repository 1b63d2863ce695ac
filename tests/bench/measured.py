"""What was measured: every run of every case, and their medians."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

COLD, WARM, REPEATED = 0, 1, 2


@dataclass(frozen=True)
class Spread:
    """The median of some runs, with the fastest and the slowest."""

    median: float
    fastest: float
    slowest: float

    @staticmethod
    def of(values: list[float]) -> Spread:
        return Spread(median(values), min(values), max(values))

    def __str__(self) -> str:
        digits = 0 if self.median >= 20 else 1
        return f"{self.median:,.{digits}f} ({self.fastest:,.{digits}f}-{self.slowest:,.{digits}f})"


class Measured:
    """Runs, by case and latency. The latency "share" is 10 ms, with a share of a CPU."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, int | str], list[dict]] = defaultdict(list)
        self.zips: dict[str, int] = {}
        self.rules: list[tuple[str, float]] = []

    def add(self, name: str, latency: int | str, run: dict) -> None:
        failed = [done["answer"] for done in run["invocations"] if done["failed"]]
        if failed:
            raise RuntimeError(f"{name} failed: {failed[0]}")
        self.runs[name, latency].append(run)

    def names(self, latency: int | str = 10) -> list[str]:
        return [name for name, with_latency in self.runs if with_latency == latency]

    def start(self, name: str, latency: int | str = 10) -> Spread:
        return Spread.of([run["start_ms"] for run in self.runs[name, latency]])

    def cold(self, name: str, latency: int | str = 10) -> Spread:
        """From the start of the process to the first answer."""
        return Spread.of([run["start_ms"] + run["invocations"][COLD]["ms"] for run in self.runs[name, latency]])

    def time(self, name: str, which: int, latency: int | str = 10) -> Spread | None:
        runs = [run["invocations"] for run in self.runs[name, latency]]
        return Spread.of([invocations[which]["ms"] for invocations in runs]) if len(runs[0]) > which else None

    def cpu(self, name: str, which: int, latency: int | str = 10) -> float:
        """The CPU time of one invocation, in milliseconds; of the cold one, with the start."""
        start = [run["start_cpu_ms"] if which == COLD else 0 for run in self.runs[name, latency]]
        spent = [run["invocations"][which]["cpu_ms"] for run in self.runs[name, latency]]
        return median(map(sum, zip(start, spent)))

    def peak(self, name: str, latency: int | str = 10) -> float:
        """The most memory that the process had, in MiB."""
        return median(run["peak_kib"] for run in self.runs[name, latency]) / 1024

    def calls(self, name: str, which: int = COLD) -> dict[str, int]:
        return self.runs[name, 10][0]["invocations"][which]["calls"]
