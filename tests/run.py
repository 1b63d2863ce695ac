"""`make test`: all checks, fastest first. The last lines summarize the results."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from build import cargo
from commands import ROOT, Failed, clean_environment

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
PYTEST = re.compile(r"(\d+) (passed|failed|skipped|error)")

# clippy-driver is rustc with clippy's lints, and `cargo test` runs what it compiles. `cargo clippy` would compile every
# dependency once more.
CLIPPY = {"RUSTC_WORKSPACE_WRAPPER": "clippy-driver"}
END_TO_END_PROCESSES = 4

# Its dependencies conflict with those of the SAM CLI. The date pins them, and the cache keeps them.
CHECKOV = ("uvx", "--exclude-newer", "2026-11-20", "--from", "checkov==3.3.30", "checkov")
UV = {"UV_CACHE_DIR": str(ROOT / ".venv" / "uv"), "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
NO_DATABASE = "failed to fetch advisory database"  # what cargo-deny says
SKIPPED = "SKIPPED: the database of known vulnerabilities is not reachable"

Show = Callable[[str], None]  # shows a part of a check's output
Check = Callable[[Show], tuple[int, str]]  # returns the exit code and the output


@dataclass
class Result:
    """What became of a check."""

    name: str
    code: int
    seconds: float
    passed: int
    failed: int
    skipped: int


def at_once(text: str) -> None:
    """Shows output as it arrives."""
    print(text, end="", flush=True)


def clippy(show: Show) -> tuple[int, str]:
    """Compiles everything, with all lints. A warning is a failure."""
    try:
        _, warnings = cargo("test", "--workspace", "--no-run", "--locked", env=CLIPPY)
    except Failed as failure:
        warnings = [str(failure)]
    show("".join(warnings))
    return (1 if warnings else 0), ""


def dependencies(show: Show) -> tuple[int, str]:
    """Checks licenses, versions and sources of the dependencies, and known vulnerabilities where their database is reachable."""
    code, printed = stream(("cargo-deny", "--locked", "check", "licenses", "bans", "sources"), {}, show)
    if code == 0:
        code, printed = stream(("cargo-deny", "--locked", "check", "advisories"), {}, show)
        if code != 0 and NO_DATABASE in printed:
            code, printed = 0, SKIPPED
            show(f"   {SKIPPED}\n")
    return code, printed


def command(*command: str, **env: str) -> Check:
    """A check that is a command."""
    return lambda show: stream(command, env, show)


# Uses one core, so that the checks after it run beside it, but for the end-to-end tests, which wait for answers
BESIDE = "unit and property tests"
ALONE = "end-to-end tests"
CHECKS: list[tuple[str, Check]] = [
    ("rustfmt", command("cargo", "fmt", "--all", "--check")),
    ("clippy", clippy),
    (BESIDE, command("cargo", "test", "--workspace", "--locked", "--no-fail-fast", **CLIPPY)),
    ("sam validate --lint", command("sam", "validate", "--lint")),
    ("cfn-lint in every Region", command("cfn-lint", "template.yaml", "--regions", "ALL_REGIONS")),
    (
        "checkov",
        command(*CHECKOV, "--file", "template.yaml", "--framework", "cloudformation", "--compact", "--quiet",
                "--skip-download", **UV),
    ),
    ("dependencies", dependencies),
    (
        ALONE,
        command("pytest", "-ra", "-n", str(END_TO_END_PROCESSES), "--dist", "loadfile", "tests/end_to_end"),
    ),
    ("permissions in use", command("python", "tests/policies.py")),
]


def stream(command: tuple[str, ...], env: dict[str, str], show: Show) -> tuple[int, str]:
    """Runs a command, shows its output as it arrives, and returns its exit code and output."""
    show(f"   {' '.join(command)}\n")
    env = clean_environment() | {"CARGO_INCREMENTAL": "0", "CARGO_TERM_COLOR": "never", "PYTHONUNBUFFERED": "1"} | env
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    lines = []
    try:
        for line in process.stdout:
            show(line)
            lines.append(line)
        return process.wait(), "".join(lines)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def counts(name: str, printed: str) -> tuple[int, int, int]:
    """The numbers of tests that passed, failed and were skipped."""
    if name == BESIDE:
        found = CARGO.findall(printed)
        passed, failed, skipped = (sum(int(row[column]) for row in found) for column in range(3))
        return passed, failed, skipped
    if name == ALONE:
        last = printed.strip().splitlines()[-1] if printed.strip() else ""
        numbers = {kind: int(number) for number, kind in PYTEST.findall(last)}
        return numbers.get("passed", 0), numbers.get("failed", 0) + numbers.get("error", 0), numbers.get("skipped", 0)
    return 0, 0, int(printed == SKIPPED)


def measured(name: str, check: Check, show: Show) -> Result:
    """Runs a check."""
    show(f"\n== {name}\n")
    started = time.monotonic()
    code, printed = check(show)
    passed, failed, skipped = counts(name, printed)
    if name.endswith("tests") and code == 0 and passed == 0:
        code = 1  # a test run without any test is a failure
    return Result(name, code, time.monotonic() - started, passed, failed, skipped)


def run_all() -> list[Result]:
    """Runs all checks. What runs beside others is shown when it has ended."""
    results, shown, beside = [], [], None
    with ThreadPoolExecutor(1) as threads:
        for name, check in CHECKS:
            if name == BESIDE:
                beside = threads.submit(measured, name, check, shown.append)
                continue
            if name == ALONE and beside:
                results.append(beside.result())
                at_once("".join(shown))
            results.append(measured(name, check, at_once))
    return results


def main() -> int:
    results = run_all()
    print("\n== summary")
    for result in results:
        ran = f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped"
        ran = ran if result.name.endswith("tests") or result.skipped else ""
        print(f"{'ok    ' if result.code == 0 else 'FAILED'}  {result.name:<24} {result.seconds:5.0f} s  {ran}".rstrip())
    passed, failed, skipped = (sum(getattr(result, kind) for result in results) for kind in ("passed", "failed", "skipped"))
    broken = [result.name for result in results if result.code != 0]
    if broken:
        print(f"Failed checks: {', '.join(broken)}")
        failed = max(failed, 1)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
