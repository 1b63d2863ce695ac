"""With `NotificationDetail=digest`, one message says how all services of a notice stand when a window has closed."""

from contextlib import ExitStack

import pytest
from commands import ROOT
from helpers import (
    changed,
    cutoff_after_all_tasks,
    detail_types,
    notice,
    outcome,
    retirement_date,
    rollout,
    text_of,
    verification_check,
    wait_until,
)
from stack import Kind


@pytest.fixture
def digests(stack):
    """Ingest, deploy and verify send digests, as they do by default."""
    assert "Default: digest" in (ROOT / "template.yaml").read_text()
    with ExitStack() as functions:
        for function in ("IngestFunctionName", "DeployFunctionName", "VerifyFunctionName"):
            functions.enter_context(changed(stack, function, NOTIFICATION_DETAIL="digest"))
        yield


def digest(stack, event):
    """The name of the schedule of a notice's digest, if there is one."""
    arn = event["detail"]["eventArn"]
    names = stack.schedules.names(kind=Kind.DIGEST)
    return next((name for name in names if arn in stack.schedules.get(name)["Target"]["Input"]), None)


def test_one_digest_takes_the_place_of_messages_about_single_services(stack, cluster, digests):
    for service in ("web", "api"):
        stack.aws.create_service(cluster, service)
    event = notice(f"{cluster}|web", f"{cluster}|api", cutoff=cutoff_after_all_tasks())
    answer = stack.ingest(event)
    stack.schedules.run_now(outcome(answer, f"{cluster}|web")["schedule"])
    name = wait_until(lambda: digest(stack, event))
    check = wait_until(lambda: verification_check(stack, cluster))
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    stack.schedules.run_now(check)
    wait_until(lambda: "Patch Completed" in detail_types(stack, cluster))
    [planned] = stack.inbox.messages(cluster)
    assert planned["Subject"].startswith("Scheduled: 2 services, ")

    stack.schedules.run_now(name)
    wait_until(lambda: len(stack.inbox.messages(cluster)) == 2)
    message = stack.inbox.messages(cluster)[-1]
    date = text_of(retirement_date(event))
    assert message["Subject"] == f"1 of 2 services patched; 1 later, retirement date {date}"
    assert f"Patched:\n- {cluster}/web: 2 of 2 running tasks are new" in message["Message"]
    assert f"Will be redeployed later:\n- {cluster}/api: " in message["Message"]
    wait_until(lambda: stack.schedules.get(name) is None)


def test_what_needs_a_person_is_still_a_message_of_its_own(stack, cluster, digests):
    stack.aws.create_service(cluster, "web", deploymentController={"type": "EXTERNAL"})
    event = notice(f"{cluster}|web", cutoff=cutoff_after_all_tasks())
    stack.schedules.run_now(outcome(stack.ingest(event))["schedule"])
    wait_until(lambda: len(stack.inbox.messages(cluster)) == 2)
    assert stack.inbox.messages(cluster)[-1]["Subject"] == f"Needs attention: {cluster}/web"
