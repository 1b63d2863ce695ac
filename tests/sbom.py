"""`make sbom`: writes the bill of materials of the functions, in the format of CycloneDX. Publish it with a release.

It lists every crate that is compiled into a function, with its license and its checksum in Cargo.lock.
"""

from __future__ import annotations

import json
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

from commands import ROOT, clean_environment, run

BILL = ROOT / "target" / "sbom.cdx.json"
Crate = tuple[str, str]  # the name and the version
# The values of the parameter Architecture
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def bill() -> dict:
    """The bill of materials. It is the same for the same Cargo.lock."""
    functions = sorted(path.parent.parent.name for path in (ROOT / "lambdas").glob("*/src/main.rs"))
    lock = (ROOT / "Cargo.lock").read_text()
    locked = {(package["name"], package["version"]): package for package in tomllib.loads(lock)["package"]}
    licenses, needs = {}, {}
    for target in TARGETS:
        for crate, license, parent in _tree(functions, target):
            licenses[crate] = license
            needs.setdefault(crate, set())
            if parent:
                needs[parent].add(crate)
    own = [crate for crate in needs if crate[0] in functions]
    name, version = "ecs-task-patching", own[0][1]
    root = f"pkg:generic/{name}@{version}"
    graph = {root: own} | {_purl(crate): needed for crate, needed in needs.items()}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": name, "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [_component(crate, licenses[crate], locked[crate].get("checksum")) for crate in sorted(needs)],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(map(_purl, needed))} for ref, needed in sorted(graph.items())
        ],
    }


def _tree(functions: list[str], target: str) -> Iterator[tuple[Crate, str, Crate | None]]:
    """Each crate with its license and the crate that needs it. Build scripts and macros are not part of the functions."""
    packages = [argument for function in functions for argument in ("--package", function)]
    command = ("cargo", "tree", "--locked", "--target", target, *packages)
    form = ("--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "|{p}|{l}|")
    above: list[Crate] = []
    for line in run(*command, *form, env=clean_environment()).splitlines():
        if not line:
            continue
        depth, crate, license, _ = line.split("|")
        name, version = crate.split()[:2]
        above[int(depth) :] = [(name, version.removeprefix("v"))]
        # Some crates still write "MIT/Apache-2.0".
        yield above[-1], license.replace("/", " OR "), above[-2] if len(above) > 1 else None


def _purl(crate: Crate) -> str:
    return f"pkg:cargo/{crate[0]}@{crate[1]}"


def _component(crate: Crate, license: str, checksum: str | None) -> dict:
    name, version = crate
    component = {
        "type": "library", "bom-ref": _purl(crate), "name": name, "version": version, "purl": _purl(crate),
        "scope": "required", "licenses": [{"expression": license}],
    }
    return component | ({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {})


def main(path: Path = BILL) -> None:
    found = bill()
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(found['components'])} crates")


if __name__ == "__main__":
    main()
