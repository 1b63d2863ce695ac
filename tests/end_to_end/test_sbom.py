"""The bill of materials of `make sbom`."""

import json
import tomllib

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from commands import ROOT, clean_environment, run
from sbom import TARGETS, bill


@pytest.fixture(scope="module")
def found():
    return bill()


def test_it_follows_the_schema_of_cyclonedx(found):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found)) is None


def test_it_lists_every_crate_of_the_functions_and_no_other(found):
    command = ("cargo", "tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    lines = {line for target in TARGETS for line in run(*command, "--target", target, env=clean_environment()).splitlines()}
    expected = {tuple(line.split()[:2]) for line in lines if line}
    assert ("aws-sdk-ecs" in {name for name, _ in expected}) and len(expected) > 100
    assert {(one["name"], f"v{one['version']}") for one in found["components"]} == expected


def test_every_crate_has_a_license_and_the_checksum_of_the_lock_file(found):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    for one in found["components"]:
        [license] = one["licenses"]
        assert license["expression"]
        assert [entry["content"] for entry in one.get("hashes", [])] == (
            [checksum] if (checksum := checksums[one["name"], one["version"]]) else []
        )


def test_it_is_the_same_for_the_same_lock_file(found):
    assert bill() == found
