"""The fixtures of the end-to-end tests. Everything that a test imports is in helpers.py."""

import os
import shutil
import uuid

import pytest

pytest.register_assert_rewrite("helpers")

from helpers import Stack  # noqa: E402
from build import build  # noqa: E402
from local_aws import LocalAws  # noqa: E402
from policies import USED, keep_used  # noqa: E402

FAILED = pytest.StashKey[bool]()


def pytest_configure(config):
    """Builds the functions once, before the tests are distributed to processes of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        build()
        shutil.rmtree(USED, ignore_errors=True)


@pytest.fixture(scope="session")
def aws():
    """A local AWS, which enforces IAM. Each process of the tests has its own."""
    with LocalAws(enforce_iam=True) as local:
        yield local
        keep_used(local.calls(), os.environ.get("PYTEST_XDIST_WORKER", "alone"))


@pytest.fixture(scope="session")
def stack(aws):
    """The deployed stack, with default parameters, but drills enabled and a message for each service."""
    return Stack(aws, aws.deploy(EnableDrills="true", NotificationDetail="each"))


@pytest.fixture
def cluster():
    """The name of a cluster that no other test uses, so that no two tests share a schedule."""
    return f"c{uuid.uuid4().hex[:8]}"


@pytest.fixture(autouse=True)
def show_the_log_of_the_local_aws_on_failure(request, stack):
    """Prints what the local AWS logged during a failed test."""
    start = len(stack.aws.log())
    yield
    if request.node.stash.get(FAILED, False):
        print(stack.aws.log()[start:][-6000:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report
