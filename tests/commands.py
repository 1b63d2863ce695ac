"""Runs the commands that the demo and the tests consist of. Needs Python alone, so that it can compile while pip installs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-2"
FUNCTIONS = ("build", "--workspace", "--exclude", "load", "--bins", "--locked")  # cargo's arguments
LOG = ROOT / "target" / "build.log"
PROGRESS = re.compile(rb"Building \[[=> ]*\] (\d+)/(\d+)")
REDRAWN = re.compile(rb" *Building \[[^\r\n]*\r?")


class Failed(Exception):
    """A command failed, or the local AWS did not do what was expected. The text includes what the command printed."""


def clean_environment() -> dict[str, str]:
    """The environment variables, without those that could lead to a real AWS account, and without those of make."""
    others = ("AWS_", "SAM_CLI_", "MAKEFLAGS", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # sam, cargo-lambda
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_CHECK_VERSION": "0",
    }


def run(*command: str, env: dict[str, str], **options) -> str:
    """Runs a command in the project folder, and returns what it prints. A failure raises `Failed` with all output."""
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def cargo(*arguments: str, env: dict[str, str] | None = None) -> tuple[list[Path], list[str]]:
    """Runs a cargo command that builds. Returns the programs that it built, and the compiler's warnings.

    Shows one line of progress: how many crates of all are done, and for how long it runs. Everything else that cargo
    prints is in a file, and is shown if cargo fails.
    """
    command = ["cargo", *arguments, "--message-format=json"]
    env = clean_environment() | (env or {}) | {
        "CARGO_INCREMENTAL": "0",  # nothing is edited between two builds, and the files for it take gigabytes
        "CARGO_TERM_COLOR": "never",
        "CARGO_TERM_PROGRESS_WHEN": "always",
        "CARGO_TERM_PROGRESS_WIDTH": "100",
    }
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as log, tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=printed, stderr=subprocess.PIPE)
        try:
            _show_progress(process.stderr, log)
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        printed.seek(0)
        messages = [json.loads(line) for line in printed if line.startswith(b"{")]
    found = [message["message"]["rendered"] for message in messages if message["reason"] == "compiler-message"]
    LOG.write_bytes(REDRAWN.sub(b"", LOG.read_bytes()) + "\n".join(found).encode())
    if code != 0:
        raise Failed(f"{' '.join(command)} failed:\n{LOG.read_text(errors='replace')}")
    return [Path(program) for message in messages if (program := message.get("executable"))], found


def _show_progress(stderr, log) -> None:
    """Copies what cargo prints to the log, and shows how far it is: on a terminal in one line that changes, else now and then."""
    started = shown = time.monotonic()
    changes = sys.stdout.isatty()
    line = ""
    while chunk := os.read(stderr.fileno(), 65536):
        log.write(chunk)
        if counts := PROGRESS.findall(chunk):
            done, total = (int(count) for count in counts[-1])
            now = time.monotonic()
            line = f"   {done} of {total} crates, {now - started:.0f} s (log: {LOG.relative_to(ROOT)})"
            if changes or now - shown > 30:
                print(f"\r\033[K{line}" if changes else line, end="" if changes else "\n", flush=True)
                shown = now
    if changes and line:
        print("\r\033[K", end="", flush=True)


if __name__ == "__main__":
    try:
        cargo(*FUNCTIONS)
    except Failed as failure:
        sys.exit(str(failure))
