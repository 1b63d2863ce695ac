"""Has libFuzzer make up data for everything that the rules read from outside, a fixed number of times, and prints a table.

    tests/fuzz/run.py                  # all targets, as often as EXECUTIONS says
    tests/fuzz/run.py text 50000000    # one target, this often
    tests/fuzz/run.py --build          # builds the targets only
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from commands import ROOT, Failed, clean_environment

EXECUTIONS = {"console": 5_000, "text": 100_000, "notice": 500_000, "input": 500_000, "request": 500_000}  # the longest first
CARGO_FUZZ = "0.13.2"
TOOLS = ROOT / "target" / "tools"
FOLDER = ROOT / "tests" / "fuzz"
BUILT = ROOT / "target" / "fuzz"
# The rules have no unsafe code that a sanitizer could look into, and without one, the stable compiler is enough.
BUILD = ("--fuzz-dir", str(FOLDER), "--target-dir", str(BUILT), "--sanitizer", "none")
LIMITS = ("-max_len=4096", "-timeout=10", "-rss_limit_mb=512")  # bytes of data; seconds and memory of one execution
SEED = 1


@dataclass
class Row:
    """What became of a target."""

    target: str
    executions: int
    seconds: float
    memory: int  # at most, in MiB
    finding: Path | None  # the data that broke the target, if any did

    def __str__(self) -> str:
        found = "0" if self.finding is None else "**1**"
        return f"| {self.target} | {self.executions:,} | {self.seconds:.0f} | {self.memory} | {found} |"


HEAD = "| data | executions | seconds | memory, MiB | findings |\n| --- | ---: | ---: | ---: | ---: |"


def environment() -> dict[str, str]:
    env = clean_environment() | {"CARGO_INCREMENTAL": "0"}
    return env | {"PATH": f"{TOOLS / 'bin'}{os.pathsep}{env['PATH']}"}


def check(command: list[str], what: str) -> None:
    print(what, file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def build() -> None:
    """Installs cargo-fuzz into target/tools, and builds all targets."""
    if not (TOOLS / "bin" / "cargo-fuzz").exists():
        install = ["cargo", "install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root", str(TOOLS)]
        check(install, f"Installing cargo-fuzz {CARGO_FUZZ} into target/tools (once, takes about a minute)")
    check(["cargo", "fuzz", "build", *BUILD], "Building the fuzz targets")


def fuzz(target: str, executions: int) -> Row:
    """Starts with the samples, and stops at the first finding."""
    findings = BUILT / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as grown:
        samples = [grown, str(FOLDER / "corpus" / target), str(ROOT / "events")]
        options = [f"-runs={executions}", f"-seed={SEED}", f"-dict={FOLDER / 'words.dict'}", "-print_final_stats=1"]
        options += [*LIMITS, f"-artifact_prefix={findings / target}-", "-verbosity=0"]
        command = ["cargo", "fuzz", "run", *BUILD, target, *samples, "--", *options]
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, errors="replace")
    seconds = time.monotonic() - started
    finding = re.search(rf"Test unit written to (\S+)", done.stderr)
    if done.returncode != 0:
        print(done.stderr[-4000:], file=sys.stderr)
        if not finding:
            raise Failed(f"{' '.join(command)} failed with exit code {done.returncode}")
    statistic = lambda name: int(found[1]) if (found := re.search(rf"stat::{name}:\s+(\d+)", done.stderr)) else 0
    path = Path(finding[1]) if finding else None
    return Row(target, statistic("number_of_executed_units"), seconds, statistic("peak_rss_mb"), path)


def main(arguments: list[str]) -> int:
    chosen = EXECUTIONS
    if arguments == ["--build"]:
        build()
        return 0
    if arguments:
        target, *executions = arguments
        chosen = {target: int(executions[0]) if executions else EXECUTIONS[target]}
    build()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        rows = list(threads.map(lambda one: fuzz(*one), chosen.items()))
    print("\n".join([HEAD, *map(str, rows)]))
    findings = [row for row in rows if row.finding]
    for row in findings:
        sample = f"tests/fuzz/corpus/{row.target}"
        print(f"Finding: {row.finding}. Copy it into {sample} under a name that says what it is, and fix what it breaks.")
    return 1 if findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
