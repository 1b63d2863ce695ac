"""`make bench`: measures the release builds, prints which budgets are met, and writes the tables and the plot of the docs."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import budgets
import plot
import report
from commands import Failed, cargo, clean_environment
from measured import Measured
from scenarios import BUILT, ROOT, cases, prepared

ROUNDS = {10: 5, 30: 3, 0: 3}  # by the milliseconds that a call takes
FUNCTIONS = ("ingest", "deploy", "verify", "operate", "console")
BENCH = ("--manifest-path", "tests/bench/Cargo.toml", "--target-dir", "target/bench", "--locked")  # cargo's arguments
DOCUMENT = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "time-by-services.svg"


def build() -> None:
    """Builds the functions as they are deployed, and the driver."""
    print("Building the functions for release (minutes, if something has changed)", flush=True)
    cargo("build", "--release", "--locked")
    cargo("build", "--release", "--bins", *BENCH)
    cargo("bench", "--no-run", *BENCH)


def zips() -> dict[str, int]:
    """The sizes of the functions' packages."""
    sizes = {}
    for function in FUNCTIONS:
        package = BUILT / f"{function}.zip"
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.write(ROOT / "target" / "release" / function, "bootstrap")
        sizes[function] = package.stat().st_size
    return sizes


def measure() -> Measured:
    """Runs every case with every latency, one after the other, several times over."""
    found, measured = cases(prepared()), Measured()
    for nth in range(max(ROUNDS.values())):
        for latency in (latency for latency, rounds in ROUNDS.items() if nth < rounds):
            for name, scenario in found.items():
                measured.add(name, latency, scenario.run(latency))
        print(f"   round {nth + 1} of {max(ROUNDS.values())}", flush=True)
    for name, scenario in found.items():
        measured.add(name, "share", scenario.run(10, limited=True))
    print("   with the CPU share that Lambda gives", flush=True)
    return measured


def rules() -> str:
    """What criterion prints about the rules."""
    print("Measuring the rules", flush=True)
    command = ["cargo", "bench", *BENCH, "--bench", "rules", "--", "--noplot"]
    env = clean_environment() | {"CRITERION_HOME": str(BUILT.parent / "criterion")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(done.stdout + done.stderr)
    return done.stdout


def main() -> int:
    build()
    started = time.monotonic()
    print("Measuring the functions", flush=True)
    measured = measure()
    measured.zips = zips()
    measured.rules = report.of_criterion(rules())
    judged = budgets.judge(measured)
    report.write(DOCUMENT, measured, judged)
    plot.write(PLOT, measured)
    print(report.text(measured, judged))
    print(f"{time.monotonic() - started:.0f} s")
    missed = [budget.name for budget in judged if not budget.met]
    print(f"{len(judged) - len(missed)} budgets met, {len(missed)} missed{': ' if missed else ''}{', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, RuntimeError) as failure:
        sys.exit(str(failure))
