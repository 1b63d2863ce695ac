"""The budgets, as ratios of what was measured in the same run. docs/performance.md says where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from measured import COLD, REPEATED, WARM, Measured

# The longest chains of calls of which each needs the answer of the one before. docs/performance.md lists them.
INGEST_CHAIN = 7
DEPLOY_CHAIN = 10
WRITES = {"CreateSchedule", "UpdateSchedule", "DeleteSchedule", "PutEvents", "Publish", "UpdateService"}
MIB = 1024 * 1024


@dataclass(frozen=True)
class Budget:
    name: str
    limit: float
    measured: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> tuple[str, str, str, str]:
        sign = "at least" if self.at_least else "at most"
        verdict = "met" if self.met else "**missed**"
        limit, measured = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (self.limit, self.measured))
        return self.name, f"{sign} {limit}{self.unit}", f"{measured}{self.unit}", verdict


def judge(measured: Measured) -> list[Budget]:
    thousand, python = "ingest, 1000", "ingest (Python), 1000"
    noop = measured.peak("no-op")
    # Other programs on the machine can only make a run slower, so the fastest one is judged by the clock.
    new = measured.time(thousand, WARM).fastest
    times_python = measured.time(python, WARM).median / measured.time(thousand, WARM).median
    repeated = measured.time(thousand, REPEATED).median / measured.time(thousand, WARM).median
    writes = sum(count for call, count in measured.calls(thousand, REPEATED).items() if call in WRITES)
    return [
        *(chain(measured, "ingest, 1", INGEST_CHAIN, latency) for latency in (10, 30)),
        *(chain(measured, "deploy, forces", DEPLOY_CHAIN, latency) for latency in (10, 30)),
        Budget("ingest, 1,000 services, warm, 10 ms, fastest run", 350, new, " ms"),
        Budget("ingest, 1,000 services, warm, 10 ms, faster than Python", 4.5, times_python, " ×", at_least=True),
        Budget("ingest, 1,000 services, repeated notice, of the time of a new one", 0.5, repeated, " ×"),
        Budget("ingest, 1,000 services, repeated notice, calls that write", 0, writes, ""),
        Budget("deadline check, 1,000 services, calls", 200, sum(measured.calls("deadline check, 1000").values()), ""),
        Budget("console, 1,000 pending, cold, 10 ms", 1000, measured.cold("console, 1000", 10).median, " ms"),
        Budget("console, 1,000 pending, memory above the no-op's", 16, measured.peak("console, 1000") - noop, " MiB"),
        Budget("operate, memory above the no-op's", 16, measured.peak("operate, holds") - noop, " MiB"),
        Budget("ingest, 1 service, cold, 0 ms, faster than Python", 8, colder(measured, 0), " ×", at_least=True),
        Budget("ingest, 1 service, memory, of Python's", 0.2, measured.peak("ingest, 1") / measured.peak("ingest (Python), 1"), " ×"),
        Budget("ingest, 1,000 services, memory above the no-op's", 16, measured.peak(thousand) - noop, " MiB"),
        *(Budget(f"zip of {name}", 3, size / MIB, " MiB") for name, size in measured.zips.items()),
    ]


def chain(measured: Measured, name: str, length: int, latency: int) -> Budget:
    """What a function may take that does nothing but wait for the calls that depend on one another."""
    least = measured.cold("no-op", latency).median + length * latency
    return Budget(
        f"{name}, cold, {latency} ms, of a no-op and {length} calls", 1.3, measured.cold(name, latency).median / least, " ×"
    )


def colder(measured: Measured, latency: int) -> float:
    """How many times faster than Python the first answer comes."""
    return measured.cold("ingest (Python), 1", latency).median / measured.cold("ingest, 1", latency).median
