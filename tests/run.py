"""`make test`: all checks, fastest first. The last lines summarize the results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from local_aws import ROOT, clean_environment

CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
PYTEST = re.compile(r"(\d+) (passed|failed|skipped|error)")

CHECKS = [
    ("rustfmt", ["cargo", "fmt", "--all", "--check"]),
    ("clippy", ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    ("unit and property tests", ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"]),
    ("sam validate --lint", ["sam", "validate", "--lint"]),
    ("cfn-lint", ["cfn-lint", "template.yaml"]),
    ("end-to-end tests", [sys.executable, "-m", "pytest", "-ra", "tests/end_to_end"]),
]


def stream(command: list[str]) -> tuple[int, str]:
    """Runs a command, shows its output as it arrives, and returns its exit code and output."""
    env = clean_environment() | {"CARGO_TERM_COLOR": "never", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    lines = []
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        return process.wait(), "".join(lines)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def counts(name: str, printed: str) -> tuple[int, int, int]:
    """The numbers of tests that passed, failed and were skipped."""
    if name == "unit and property tests":
        found = CARGO.findall(printed)
        passed, failed, skipped = (sum(int(row[column]) for row in found) for column in range(3))
        return passed, failed, skipped
    if name == "end-to-end tests":
        last = printed.strip().splitlines()[-1] if printed.strip() else ""
        numbers = {kind: int(number) for number, kind in PYTEST.findall(last)}
        return numbers.get("passed", 0), numbers.get("failed", 0) + numbers.get("error", 0), numbers.get("skipped", 0)
    return 0, 0, 0


def main() -> int:
    results = []
    for name, command in CHECKS:
        print(f"\n== {name}: {' '.join(os.path.basename(command[0]) if part is command[0] else part for part in command)}")
        started = time.monotonic()
        code, printed = stream(command)
        passed, failed, skipped = counts(name, printed)
        if name.endswith("tests") and code == 0 and passed == 0:
            code = 1  # a test run without any test is a failure
        results.append((name, code, time.monotonic() - started, passed, failed, skipped))

    print("\n== summary")
    for name, code, seconds, passed, failed, skipped in results:
        ran = f"{passed} passed, {failed} failed, {skipped} skipped" if name.endswith("tests") else ""
        print(f"{'ok    ' if code == 0 else 'FAILED'}  {name:<24} {seconds:5.0f} s  {ran}".rstrip())
    passed, failed, skipped = (sum(result[column] for result in results) for column in (3, 4, 5))
    broken = [name for name, code, *_ in results if code != 0]
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
