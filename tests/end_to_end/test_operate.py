"""The operate function: each line of docs/operations.md as printed, and what it refuses."""

import json
import re
from datetime import timedelta

import pytest
from helpers import (
    Window, changed, cutoff_after_all_tasks, deploy_input, deployment_ids, detail_types, notice, now, old_service, outcome,
    start_time, tag, typed, wait_until, windows, wire,
)
from local_aws import ROOT
from stack import Kind

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
LINE = re.compile(
    r"^(aws lambda invoke --function-name ecs-task-patching-operate .*?--payload '(.*?)' /dev/stdout)$", re.MULTILINE
)
LINES = {json.loads(payload)["operation"]: line for line, payload in LINE.findall(OPERATIONS)}


@pytest.fixture(scope="module", autouse=True)
def window(stack):
    """A window whose next opening is the start time of every notice in this file."""
    window = Window.opening(timedelta(days=3))
    with windows(stack, window):
        yield window


@pytest.fixture
def pending(stack, cluster):
    """The name of the schedule of the service `web`, and its notice."""
    event = notice(f"{cluster}|web")
    return outcome(stack.ingest(event))["schedule"], event


def run(stack, cluster, folder, operation, **other):
    """Runs the line of the document, with the names of the test and other values in its request. Returns the answer."""
    line = LINES[operation].replace('"prod"', f'"{cluster}"')
    for name, value in other.items():
        line, replaced = re.subn(rf'"{name}": "[^"]*"', f'"{name}": "{value}"', line)
        assert replaced == 1, line
    return typed(stack, folder, line)


def result(answer):
    """The only result of an answer: whether it is done, and its text."""
    [found] = answer["results"]
    return found["done"], found["text"]


def test_every_everyday_task_is_one_line_of_the_document():
    assert {"plan-again", "redrive", "drill", "approve", "hold", "release", "move", "run-now", "cancel", "hold-all", "release-all"} <= set(LINES)


def test_a_deployment_is_held_and_released_as_printed(stack, cluster, pending, tmp_path):
    name, event = pending
    done, text = result(run(stack, cluster, tmp_path, "hold"))
    assert done and text.startswith(f"{cluster}/web is held"), text
    schedule = stack.schedules.get(name)
    assert schedule["State"] == "DISABLED" and "(load test until Monday)" in schedule["Description"]
    assert outcome(stack.ingest(event))["outcome"] == "held"
    [entry] = stack.schedules.input(name)["history"]
    assert (entry["operation"], entry["reason"]) == ("hold", "load test until Monday")
    assert result(stack.operate({"operation": "run-now", "cluster": cluster, "service": "web"})) == (
        False, f"{cluster}/web is held; release it first, then run it.",
    )
    done, text = result(run(stack, cluster, tmp_path, "release"))
    assert done and text.startswith(f"{cluster}/web is released; it starts on "), text
    assert stack.schedules.get(name)["State"] == "ENABLED"
    assert outcome(stack.ingest(event))["outcome"] == "unchanged"
    wait_until(lambda: detail_types(stack, cluster).count("Patch Changed By Operator") == 2)


def test_a_deployment_is_moved_as_printed_and_stays_there(stack, cluster, pending, tmp_path):
    name, event = pending
    moment = (now() + timedelta(days=2)).replace(second=0)
    at = f"{moment:%Y-%m-%d %H:%M} UTC"
    done, text = result(run(stack, cluster, tmp_path, "move", at=at))
    assert done, text
    assert "CHG0042" in stack.schedules.get(name)["Description"]
    answer = outcome(stack.ingest(event))
    assert answer["outcome"] == "held" and start_time(answer) == moment
    late = {"operation": "move", "cluster": cluster, "service": "web", "at": wire(now() + timedelta(days=6, hours=23))}
    done, text = result(stack.operate(late))
    assert not done and 'add "force": true' in text
    done, text = result(stack.operate(late | {"force": True}))
    assert done and "that is after its deadline" in text


def test_a_deployment_runs_now_as_printed(stack, cluster, tmp_path):
    stack.aws.create_service(cluster, "web")
    stack.ingest(notice(f"{cluster}|web", cutoff=cutoff_after_all_tasks()))
    before = deployment_ids(stack, cluster)
    done, text = result(run(stack, cluster, tmp_path, "run-now"))
    assert done and "blockers still apply" in text
    wait_until(lambda: set(deployment_ids(stack, cluster)) - set(before), seconds=150)


def test_a_drill_proves_the_way_as_printed_and_touches_nothing(stack, cluster, tmp_path):
    stack.aws.create_service(cluster, "web")
    tag(stack, cluster, mode="deploy")
    before = deployment_ids(stack, cluster)
    done, text = result(run(stack, cluster, tmp_path, "drill"))
    assert done and "so the event bus, the rule and ingest work. Nothing was changed." in text, text
    assert "Ingest says: observe mode: would redeploy on " in text
    [message] = stack.inbox.messages(f"{cluster}/web")
    assert message["Subject"].startswith("Drill: Observe mode: 1 service")
    assert deployment_ids(stack, cluster) == before
    assert stack.schedules.names(cluster) == [] == stack.schedules.names(kind=Kind.DRILL)
    assert stack.inbox.records(cluster) == []


def test_a_drill_is_refused_where_the_rule_would_not_accept_it(stack, cluster):
    request = {"operation": "drill", "cluster": cluster, "service": "web"}
    with changed(stack, "OperateFunctionName", ENABLE_DRILLS="false"):
        done, text = result(stack.operate(request))
    assert not done and "EnableDrills=true" in text
    assert stack.operate({"operation": "drill", "notice": "arn:1"})["text"].startswith('Drill needs "cluster" and "service"')


def test_a_deployment_is_cancelled_as_printed_and_its_notice_schedules_it_again(stack, cluster, pending, tmp_path):
    name, event = pending
    done, text = result(run(stack, cluster, tmp_path, "cancel"))
    assert done and "hold it instead to prevent that" in text
    assert stack.schedules.get(name) is None
    assert outcome(stack.ingest(event))["outcome"] == "scheduled"
    run(stack, cluster, tmp_path, "cancel")
    stack.aws.create_service(cluster, "web")
    done, text = result(run(stack, cluster, tmp_path, "cancel"))
    assert not done and "so there is nothing to cancel: it is patched, was cancelled before, or no notice names it" in text


def test_a_whole_notice_is_held_and_several_services_are_released(stack, cluster):
    event = notice(*(f"{cluster}|{service}" for service in ("api", "jobs", "web")))
    names = {one["service"]: one["schedule"] for one in stack.ingest(event)["outcomes"]}
    answer = stack.operate({"operation": "hold", "notice": event["detail"]["eventArn"]})
    assert answer["text"] == "Hold: done for 3 services."
    assert {stack.schedules.get(name)["State"] for name in names.values()} == {"DISABLED"}
    some = [{"cluster": cluster, "service": service} for service in ("api", "web")]
    assert stack.operate({"operation": "release", "services": some})["text"] == "Release: done for 2 services."
    assert stack.schedules.get(names["jobs"])["State"] == "DISABLED"


def test_a_reason_and_a_ticket_can_be_mandatory(stack, cluster, pending):
    request = {"operation": "hold", "cluster": cluster, "service": "web", "reason": "why"}
    with changed(stack, "OperateFunctionName", REQUIRE_REASON="true"):
        assert stack.operate(request)["text"].startswith("Hold needs a reason and a ticket")
        assert stack.operate({"operation": "hold-all"})["text"].startswith("Hold-all needs a reason and a ticket")
        assert result(stack.operate(request | {"ticket": "CHG1"}))[0]


def test_everything_is_stopped_and_released_as_printed(stack, cluster, tmp_path):
    cutoff = old_service(stack, cluster)
    before = deployment_ids(stack, cluster)
    try:
        answer = run(stack, cluster, tmp_path, "hold-all")
        assert answer["results"] == [] and answer["done"] and answer["text"].startswith("All deployments are stopped."), answer
        answer = stack.deploy(deploy_input(cluster, cutoff))
        assert answer["outcome"] == "postponed" and "(outage of the network); nothing starts until release-all" in answer["reason"]
        assert deployment_ids(stack, cluster) == before
        [message] = stack.inbox.messages(f"{cluster}/web")
        assert message["Message"].startswith("All deployments are stopped: an operator stopped all deployments on ")
    finally:
        answer = run(stack, cluster, tmp_path, "release-all")
    assert answer["text"].startswith("Deployments start again at their times"), answer
    assert stack.deploy(deploy_input(cluster, cutoff))["outcome"] == "started"


def test_a_deployment_is_approved_as_printed_and_asked_for_again_when_it_moves(stack, cluster, tmp_path):
    stack.aws.create_service(cluster, "web")
    tag(stack, cluster, mode="approve")
    event = notice(f"{cluster}|web")
    answer = outcome(stack.ingest(event))
    name = answer["schedule"]
    assert answer["outcome"] == "scheduled" and answer["awaits_approval"]
    schedule = stack.schedules.get(name)
    assert schedule["State"] == "DISABLED" and "awaiting approval" in schedule["Description"]
    [message] = stack.inbox.messages(f"{cluster}/web")
    assert message["Subject"].startswith("Needs approval: 1 service")
    request = {"cluster": cluster, "service": "web"}
    assert result(stack.operate(request | {"operation": "run-now"})) == (
        False, f"{cluster}/web needs approval; approve it first, then run it.",
    )
    done, text = result(run(stack, cluster, tmp_path, "approve"))
    assert done and text.startswith(f"{cluster}/web is approved; it starts on "), text
    assert stack.schedules.get(name)["State"] == "ENABLED"
    assert outcome(stack.ingest(event))["outcome"] == "unchanged"
    done, text = result(stack.operate(request | {"operation": "move", "at": wire(now() + timedelta(days=1))}))
    assert done and text.endswith("Its new start time has to be approved again.")
    assert stack.schedules.get(name)["State"] == "DISABLED"
    stack.schedules.edit(name, State="ENABLED")  # which approves it
    assert result(stack.operate(request | {"operation": "approve"}))[0]


def test_the_message_about_a_plan_has_a_command_that_approves_it(stack, cluster, tmp_path):
    stack.aws.create_service(cluster, "web")
    tag(stack, cluster, mode="approve")
    name = outcome(stack.ingest(notice(f"{cluster}|web")))["schedule"]
    [message] = stack.inbox.messages(f"{cluster}/web")
    [command] = re.findall(r"^ *(aws lambda invoke .*/dev/stdout)$", message["Message"], re.MULTILINE)
    assert typed(stack, tmp_path, command)["text"].startswith(f"{cluster}/web is approved")
    assert stack.schedules.get(name)["State"] == "ENABLED"


def test_a_notice_is_planned_again_as_printed(stack, cluster, pending, tmp_path):
    name, _ = pending
    stack.schedules.delete(name)
    done, text = result(run(stack, cluster, tmp_path, "plan-again"))
    assert done and text.startswith(f"{cluster}/web is planned again"), text
    wait_until(lambda: stack.schedules.get(name))
    stack.aws.create_service(cluster, "other")
    done, text = result(stack.operate({"operation": "plan-again", "cluster": cluster, "service": "other"}))
    assert not done and text.startswith("Nothing is known of a notice for that")


@pytest.mark.parametrize("operation", ["approve", "hold", "release", "run-now", "cancel", "plan-again", "drill"])
def test_a_name_that_nothing_knows_is_called_wrong(stack, cluster, operation):
    stack.aws.create_service(cluster, "web")
    answer = stack.operate({"operation": operation, "cluster": cluster, "service": "wbe"})
    expected = f"Amazon ECS has no active service wbe in the cluster {cluster}; check both names."
    assert not answer["done"] and not result(answer)[0] and answer["text"].endswith(expected), answer


def test_an_unknown_field_is_refused(stack, cluster, pending):
    request = {"operation": "hold", "cluster": cluster, "service": "web", "resaon": "load test"}
    answer = stack.operate(request)
    assert (answer["operation"], answer["done"], answer["results"]) == ("hold", False, [])
    assert answer["text"].startswith('The request has the field "resaon", which is unknown; use one of these: operation, cluster, ')
    assert stack.schedules.get(pending[0])["State"] == "ENABLED"


def test_what_would_start_says_that_everything_is_stopped(stack, cluster, pending):
    try:
        stack.operate({"operation": "hold-all", "reason": "outage"})
        done, text = result(stack.operate({"operation": "run-now", "cluster": cluster, "service": "web"}))
        assert done and text.endswith("(outage). It does not start until release-all."), text
    finally:
        stack.operate({"operation": "release-all"})
