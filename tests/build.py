"""Builds the functions for the local AWS, with cargo's development profile.

What is deployed to AWS is optimized for size by `sam build`, which takes minutes and shares nothing with the test
programs. Here, the functions and the test programs share every compiled dependency. What `sam build` makes is tried by
end_to_end/test_sam_local.py, which needs Docker.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import yaml

from commands import FUNCTIONS, ROOT, cargo
from local_aws import BUILT_TEMPLATE


def build() -> None:
    """Builds the functions, and writes their packages and a template that refers to them."""
    packages = {}
    for program in cargo(*FUNCTIONS)[0]:
        package = BUILT_TEMPLATE.parent / f"{program.name}.zip"
        _package(program, package)
        packages[program.name] = package.name
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)
    for resource in template["Resources"].values():
        if binary := resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary"):
            code = "CodeUri" if resource["Type"] == "AWS::Serverless::Function" else "Code"
            resource["Properties"][code] = packages[binary]
    BUILT_TEMPLATE.write_text(json.dumps(template, indent=2))  # JSON is YAML


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
