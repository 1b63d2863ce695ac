"""The console function: its pages, and the requests that its buttons send, as CloudWatch invokes it."""

import html
import json
import re
from datetime import timedelta

import pytest
from helpers import Window, changed, notice, now, windows
from local_aws import BUILT_TEMPLATE
from stack import Kind

ACTION = re.compile(r'>([^<]*)</a><cwdb-action action="call" display="widget" endpoint="([^"]*)">(.*?)</cwdb-action>')


@pytest.fixture(scope="module", autouse=True)
def window(stack):
    """A window whose next opening is the start time of every notice in this file."""
    with windows(stack, Window.opening(timedelta(days=3))):
        yield


class Widget:
    """The widget, as a dashboard shows it."""

    def __init__(self, stack, **params):
        self._stack, self._console = stack, stack.outputs["ConsoleFunctionName"]
        self.call(self._console, params)

    def call(self, function, event, form=None):
        context = {"theme": "light", "forms": {"all": form or {}}}
        answer = self._stack.functions.invoke(FunctionName=function, Payload=json.dumps(event | {"widgetContext": context}).encode())
        self.html = json.loads(answer["Payload"].read())
        assert isinstance(self.html, str), self.html

    def click(self, label, form=None):
        """Clicks the first button or link with this label, with these values in the form."""
        found = {html.unescape(name): (arn, content) for name, arn, content in reversed(ACTION.findall(self.html))}
        arn, content = found[label]
        self.call(html.unescape(arn), json.loads(content), form)


def scheduled(stack, cluster, *services):
    """Plans a notice for services, and returns the names of their schedules."""
    answer = stack.ingest(notice(*(f"{cluster}|{service}" for service in services)))
    return [one["schedule"] for one in answer["outcomes"]]


def test_the_dashboard_shows_the_console_at_its_top(stack):
    body = json.loads(BUILT_TEMPLATE.read_text())["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    first = min(widgets, key=lambda widget: widget["y"])
    assert first["type"] == "custom" and first["properties"]["endpoint"] == "${ConsoleFunction.Arn}"
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(places) == len(set(places))


def test_what_is_pending_is_shown_filtered_and_linked_to_its_service(stack, cluster):
    scheduled(stack, cluster, "api", "web")
    widget = Widget(stack)
    widget.click("Filter", {"filter-cluster": cluster})
    assert f"Select {cluster}/api" in widget.html and f"Select {cluster}/web" in widget.html
    widget.click("Filter", {"filter-cluster": cluster, "filter-text": "API"})
    assert f"Select {cluster}/api" in widget.html and f"Select {cluster}/web" not in widget.html
    widget.click(f"{cluster}/api")
    assert f"<h3>{cluster}/api</h3>" in widget.html and "Amazon ECS does not know this service." in widget.html
    with changed(stack, "ConsoleFunctionName", TIME_ZONE="Europe/London"):
        widget = Widget(stack, view="service", cluster=cluster, service="api")
        widget.click("Show UTC")
        assert f"<h3>{cluster}/api</h3>" in widget.html and ">Show local times</a>" in widget.html


def test_the_page_of_a_service_reads_its_tasks_and_deployments(stack, cluster):
    stack.aws.create_service(cluster, "web")
    scheduled(stack, cluster, "web")
    page = Widget(stack, view="service", cluster=cluster, service="web").html
    assert f"{cluster}/web" in page and "not authorized" not in page


def test_the_checked_services_are_held_and_released(stack, cluster):
    names = scheduled(stack, cluster, "api", "jobs", "web")
    widget = Widget(stack)
    widget.click("Hold", {f"{cluster}/api": True, f"{cluster}/web": True, f"{cluster}/jobs": False})
    assert "<h3>Hold: 2 services</h3>" in widget.html and "AWS still replaces their old tasks" in widget.html
    widget.click("Hold", {"reason": "<b>load test", "ticket": "CHG1"})
    assert "Hold: done for 2 services." in widget.html
    states = [stack.schedules.get(name)["State"] for name in names]
    assert states == ["DISABLED", "ENABLED", "DISABLED"]
    widget.click("Back to the list")
    widget.click("Filter", {"filter-cluster": cluster, "filter-state": "held"})
    assert "CHG1, &lt;b&gt;load test" in widget.html and "2 of " in widget.html
    widget.click(f"{cluster}/api")
    widget.click("Release")
    widget.click("Release")
    assert f"{cluster}/api is released; it starts on " in widget.html
    assert stack.schedules.get(names[0])["State"] == "ENABLED"


def test_a_deployment_is_moved_with_the_time_in_the_form(stack, cluster):
    [name] = scheduled(stack, cluster, "web")
    widget = Widget(stack, view="service", cluster=cluster, service="web")
    widget.click("Move")
    widget.click("Move")
    assert 'role="alert"><strong>Not done:</strong> Choose the new start time.' in widget.html
    widget.click("Back to the form")
    moment = now() + timedelta(days=2)
    widget.click("Move", {"at": f"{moment:%Y-%m-%dT%H:%M}"})
    assert f"{cluster}/web is moved to " in widget.html
    assert stack.schedules.get(name)["ScheduleExpression"] == f"at({moment:%Y-%m-%dT%H:%M}:00)"


def test_everything_is_stopped_and_released(stack):
    widget = Widget(stack)
    try:
        widget.click("Stop everything")
        widget.click("Stop everything", {"reason": "outage"})
        assert "All deployments are stopped." in widget.html
        widget.click("Back to the list")
        assert "Blocked now:" in widget.html and "(outage)" in widget.html
        widget.click("Release everything")
        widget.click("Release everything")
        assert "Deployments start again at their times" in widget.html
    finally:
        stack.operate({"operation": "release-all"})


def test_the_other_operations_say_what_they_did(stack, cluster):
    scheduled(stack, cluster, "web")
    expected = {
        "Plan again": "is planned again", "Run now": "starts on", "Cancel deployment": "is cancelled",
    }
    for label, text in expected.items():
        widget = Widget(stack, view="service", cluster=cluster, service="web")
        widget.click(label)
        widget.click(label)
        assert f"{cluster}/web" in widget.html and text in widget.html, widget.html
    assert stack.schedules.names(cluster, "web", Kind.DEPLOYMENT) == []


def test_a_dead_letter_is_shown_with_its_reason_and_sent_back(stack, cluster):
    queue = stack.outputs["DeadLetterQueueUrl"]
    sqs = stack.aws.client("sqs")
    sqs.send_message(
        QueueUrl=queue, MessageBody=json.dumps(notice(f"{cluster}|web")),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": "<i>throttled"}},
    )
    widget = Widget(stack, view="health")
    assert "&lt;i&gt;throttled" in widget.html and "in the dead-letter queue" in widget.html
    widget.click("Redrive all")
    widget.click("Redrive all")
    assert "sent back to their functions" in widget.html or "sent back to its function" in widget.html


def test_a_drill_is_one_click_on_the_page_of_a_service(stack, cluster):
    stack.aws.create_service(cluster, "web")
    widget = Widget(stack, view="service", cluster=cluster, service="web")
    widget.click("Drill")
    assert "<strong>Done:</strong>" in widget.html and "so the event bus, the rule and ingest work" in widget.html


def test_the_console_documents_itself(stack):
    answer, error = stack.invoke("ConsoleFunctionName", {"describe": True})
    assert error is None and answer.startswith("## ECS Task Patching")
