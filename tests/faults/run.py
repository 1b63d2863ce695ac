"""`make faults`: plays every scenario, and prints for each fault what was lost, doubled or wrongly reported."""

from __future__ import annotations

import argparse
import os
import queue
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "end_to_end")]

from build import build  # noqa: E402
from commands import ROOT, Failed, cargo, clean_environment  # noqa: E402
from judge import Verdict, judge  # noqa: E402
import report  # noqa: E402
from report import Row, of_faults  # noqa: E402
from proxy import Call, nothing  # noqa: E402
from scenarios import End, Scenario, of_deliveries, of_each_site, of_edits, of_shares, whole_night  # noqa: E402
from stage import Night, Stage  # noqa: E402
from tables import replace  # noqa: E402

STAGES = 4  # nights at once: they mostly wait
SEED = 1
STEPS = 1_000_000
EXAMPLES = ("build", "--profile", "long", "-p", "interleavings", "-p", "load", "--examples", "--locked")  # cargo's arguments
DOCUMENT = ROOT / "docs" / "reliability.md"


def play(stage: Stage, scenario: Scenario) -> Row:
    """Plays a scenario, lets the faults stop, and judges what is left."""
    started = time.monotonic()
    stage.proxy.injected = 0
    stage.story.clear()
    night = Night(stage, scenario.services)
    stage.proxy.aim = scenario.aim(night)
    try:
        scenario.play(night)
        night.calm()
        if scenario.end is not End.SCHEDULED:
            night.finish()
        verdict = judge(night, scenario.end)
    except Exception as error:
        verdict = Verdict(wrong=[f"{error!r}\n{traceback.format_exc()}"])
    finally:
        stage.proxy.aim = nothing
        night.clean()
    return Row(scenario, stage.proxy.injected, verdict, time.monotonic() - started, list(stage.story))


def sites(stage: Stage) -> list[Call]:
    """Every call that a night without faults makes, once."""
    stage.proxy.calls.clear()
    row = play(stage, Scenario("no fault", "", whole_night))
    if row.verdict.lines():
        raise Failed("a night without faults failed:\n" + "\n".join(row.verdict.lines() + row.story))
    functions = ("ingest", "deploy", "verify")
    return [call for call in dict.fromkeys(stage.proxy.calls) if call.function.startswith(functions)]


def play_all(scenarios: list[Scenario], stages: list[Stage]) -> Iterator[Row]:
    """Plays the scenarios, as many at once as there are stages."""
    free: queue.SimpleQueue[Stage] = queue.SimpleQueue()
    for stage in stages:
        free.put(stage)

    def on_a_free_stage(scenario: Scenario) -> Row:
        stage = free.get()
        try:
            row = play(stage, scenario)
            if not row.injected:
                row.verdict.wrong.append("the fault was never injected")
            return row
        finally:
            free.put(stage)

    threads = ThreadPoolExecutor(len(stages))
    try:
        for row in as_completed([threads.submit(on_a_free_stage, scenario) for scenario in scenarios]):
            yield row.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def building_ahead() -> Iterator[None]:
    """Builds the programs of the other parts during a `with` block: nights mostly wait."""
    both = f"cargo {' '.join(EXAMPLES)}; {sys.executable} tests/fuzz/run.py --build"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["nice", "sh", "-c", both], cwd=ROOT, env=environment(), start_new_session=True, **quiet)
    try:
        yield
        process.wait()  # the parts build what has failed once more, and say why
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        raise


def nights(options: argparse.Namespace) -> tuple[bool, str]:
    """Plays all nights. Returns whether nothing was wrong, and the table."""
    build()
    with ExitStack() as opened:
        if options.part is None:
            opened.enter_context(building_ahead())
        with ThreadPoolExecutor(STAGES) as threads:
            stages = list(threads.map(lambda _: opened.enter_context(Stage()), range(STAGES)))
        found = sites(stages[0])
        ingest = [site for site in found if site.function == "ingest"]
        scenarios = of_deliveries() + of_shares(options.seed) + of_edits(ingest) + of_each_site(found)
        scenarios = [scenario for scenario in scenarios if options.only in str(scenario)]
        if not scenarios:
            raise Failed(f"no night has {options.only!r} in its line")
        rows = []
        for row in play_all(scenarios, stages):
            rows.append(row)
            wrong = row.verdict.lines()
            state = "WRONG" if wrong else "ok"
            print(f"{len(rows):4} of {len(scenarios)}  {state:5} {row.seconds:4.0f} s  {row.injected:4} faults  {row.scenario}")
            print("".join(f"      {line}\n" for line in (wrong + row.story if wrong else [])), end="", flush=True)
    rows.sort(key=lambda row: scenarios.index(row.scenario))
    return not any(row.verdict.lines() for row in rows), of_faults(rows)


def environment() -> dict[str, str]:
    return clean_environment() | {"CARGO_INCREMENTAL": "0"}


def program(*command: str) -> tuple[bool, str]:
    """Runs a program that prints a table, between the metrics of the functions, and shows its progress."""
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    return done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith("|"))


def example(name: str, *arguments: str) -> tuple[bool, str]:
    """Runs an example program of the test crates, optimized."""
    print("Building the program", flush=True)
    programs, _ = cargo(*EXAMPLES)
    return program(next(str(program) for program in programs if program.name == name), *arguments)


def steps(options: argparse.Namespace) -> tuple[bool, str]:
    """Makes random runs on an AWS in memory."""
    return example("steps", "--steps", str(STEPS), "--seed", str(options.seed))


def load(options: argparse.Namespace) -> tuple[bool, str]:
    """Sends ten notices of 1,000 services within a minute to an AWS in memory."""
    return example("load", "--seed", str(options.seed))


def fuzz(_: argparse.Namespace) -> tuple[bool, str]:
    """Has libFuzzer make up data."""
    return program(sys.executable, "tests/fuzz/run.py")


PARTS = {"nights": nights, "steps": steps, "load": load, "fuzz": fuzz}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, help="only this part")
    parser.add_argument("--only", default="", help="only the nights whose name contains this text; writes no document")
    parser.add_argument("--seed", type=int, default=SEED, help="which calls get a fault, where a part of them does")
    options = parser.parse_args()
    started = time.monotonic()
    tables, failed = {}, []
    for name, part in PARTS.items():
        if options.part in (None, name):
            print(f"\n== {name}", flush=True)
            done, tables[name] = part(options)
            print(f"\n{tables[name]}", flush=True)
            failed += [] if done else [name]
    minutes = (time.monotonic() - started) / 60
    if failed:
        print(f"\n{minutes:.0f} minutes. FAILED: {', '.join(failed)}")
        return 1
    if not options.only and options.seed == SEED:
        if options.part is None:
            tables["machine"] = f"Measured on {report.machine()}, with seed {SEED}, in {minutes:.0f} minutes once the functions are built."
        replace(DOCUMENT, "faults", tables)
    print(f"\n{minutes:.0f} minutes. Nothing was lost, doubled or wrongly reported.")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # and the local AWS with it
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
