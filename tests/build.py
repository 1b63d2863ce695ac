"""Builds the functions for the local AWS, with cargo's development profile.

What is deployed to AWS is optimized for size by `sam build`, which takes minutes and shares nothing with the test
programs. Here, the functions and the test programs share every compiled dependency. `make bench` tries what is deployed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import yaml

from local_aws import BUILT_TEMPLATE, ROOT, Failed, clean_environment

LOG = ROOT / "target" / "build.log"
PROGRESS = re.compile(rb"Building \[[=> ]*\] (\d+)/(\d+)")
REDRAWN = re.compile(rb" *Building \[[^\r\n]*\r?")


def build() -> None:
    """Builds the functions, and writes their packages and a template that refers to them."""
    packages = {}
    for program in cargo("build", "--workspace", "--bins", "--locked")[0]:
        package = BUILT_TEMPLATE.parent / f"{program.name}.zip"
        _package(program, package)
        packages[program.name] = package.name
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)
    for resource in template["Resources"].values():
        if binary := resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary"):
            code = "CodeUri" if resource["Type"] == "AWS::Serverless::Function" else "Code"
            resource["Properties"][code] = packages[binary]
    BUILT_TEMPLATE.write_text(json.dumps(template, indent=2))  # JSON is YAML


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


def _package(program: Path, package: Path) -> None:
    """Writes the package of a function, unless it is there already."""
    if package.exists() and package.stat().st_mtime > program.stat().st_mtime:
        return
    package.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry, program.read_bytes(), zipfile.ZIP_DEFLATED, 1)


class CloudFormationLoader(yaml.SafeLoader):
    """Reads `!Ref` and the other short forms as their long forms."""


def _long_form(loader: yaml.Loader, tag: str, node: yaml.Node) -> dict:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


CloudFormationLoader.add_multi_constructor("!", _long_form)
