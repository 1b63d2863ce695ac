"""The console in a browser: each button, the filter, 1,000 services, both themes, hostile texts.

The page of tests/console_page.py hosts it, as a CloudWatch dashboard does. The test of the screenshots writes those that the
documents show, with the environment variable SCREENSHOTS=docs/images.
"""

import json
import os
import shutil
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from console_page import ConsolePage
from every_state import every_state
from helpers import Window, changed, notice, now, outcome, windows
from local_aws import LocalAws, ROOT
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine")


@pytest.fixture(scope="module")
def driver():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1280,900"):
        options.add_argument(option)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


class Console:
    """The console, as a person sees it in the browser."""

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(url)
        self._wait_for_call(0)

    def _calls(self):
        return int(self.driver.execute_script("return document.getElementById('widget').dataset.calls || 0"))

    def _wait_for_call(self, before):
        WebDriverWait(self.driver, 60, poll_frequency=0.05).until(lambda _: self._calls() > before)

    @property
    def text(self):
        return self.driver.find_element(By.ID, "widget").text

    def click(self, label):
        """Clicks a button or link, and waits for the answer."""
        before = self._calls()
        self.driver.find_element(By.XPATH, f"//*[self::a or self::button][normalize-space()='{label}']").click()
        self._wait_for_call(before)

    def has(self, label):
        """Whether there is a button or link with this label."""
        return bool(self.driver.find_elements(By.XPATH, f"//*[self::a or self::button][normalize-space()='{label}']"))

    def type(self, name, text):
        field = self.driver.find_element(By.NAME, name)
        field.clear()
        field.send_keys(text)

    def choose(self, name, value):
        Select(self.driver.find_element(By.NAME, name)).select_by_value(value)

    def check(self, *services):
        for service in services:
            self.driver.find_element(By.NAME, service).click()

    def rows(self):
        return [row.text for row in self.driver.find_elements(By.CSS_SELECTOR, "#widget tbody tr")]

    def only(self, cluster):
        """Shows what is pending in one cluster."""
        self.choose("filter-cluster", cluster)
        self.click("Filter")

    def do(self, operation, **fields):
        """Clicks the button of an operation, and confirms it with these values in its form."""
        self.click(operation)
        for name, value in fields.items():
            self.driver.execute_script("document.getElementsByName(arguments[0])[0].value = arguments[1]", name, value)
        self.click(operation)
        return self.text


@pytest.fixture
def console(stack, driver):
    with ConsolePage(stack.aws, stack.outputs) as page:
        yield Console(driver, page.url)


@pytest.fixture
def planned(stack, cluster):
    """The schedules of two services of the cluster, by name."""
    with windows(stack, Window.opening(timedelta(days=3))):
        answer = stack.ingest(notice(f"{cluster}|api", f"{cluster}|web"))
    return {one["service"]: one["schedule"] for one in answer["outcomes"]}


def refreshed(console, cluster):
    console.click("Refresh")
    console.only(cluster)


def test_the_checked_services_are_held_and_released(stack, cluster, planned, console):
    refreshed(console, cluster)
    console.check(f"{cluster}/api", f"{cluster}/web")
    text = console.do("Hold", reason="load test", ticket="CHG1")
    assert "Hold: done for 2 services." in text
    assert {stack.schedules.get(name)["State"] for name in planned.values()} == {"DISABLED"}
    console.click("Back to the list")
    console.choose("filter-state", "held")
    console.only(cluster)
    assert len(console.rows()) == 2 and "CHG1, load test" in console.text
    console.check(f"{cluster}/web")
    assert f"{cluster}/web is released" in console.do("Release")
    assert stack.schedules.get(planned["web"])["State"] == "ENABLED"
    assert stack.schedules.get(planned["api"])["State"] == "DISABLED"


def test_the_operations_on_one_service_and_their_refusals(stack, cluster, planned, console):
    def on_page():
        refreshed(console, cluster)
        console.click(f"{cluster}/web")

    on_page()
    at = f"{now() + timedelta(days=1):%Y-%m-%dT03:00}"
    assert f"{cluster}/web is moved to " in console.do("Move", at=at)
    on_page()
    assert "move" in console.text and "What operators did" in console.text
    late = f"{now() + timedelta(days=8):%Y-%m-%dT03:00}"
    assert "is after the deadline" in console.do("Move", at=late)
    [refusal] = console.driver.find_elements(By.CSS_SELECTOR, "#widget [role=alert]")
    assert refusal.text.startswith("Not done:") and 'or use "Move, even past the deadline"' in refusal.text
    console.click("Back to the form")
    console.driver.execute_script("document.getElementsByName('at')[0].value = arguments[0]", late)
    console.click("Move, even past the deadline")
    refreshed(console, cluster)
    [mark] = [found.text for found in console.driver.find_elements(By.CSS_SELECTOR, "#widget td .ecs-task-patching-bad")]
    assert mark == "after the retirement date"
    on_page()
    console.do("Move", at=at)
    on_page()
    console.do("Hold")
    refreshed(console, cluster)
    console.check(f"{cluster}/web")
    assert "release it first, then run it" in console.do("Run now"), "the button is there for the other service"
    on_page()
    assert not console.has("Run now") and not console.has("Hold") and not console.has("Approve")
    console.do("Release")
    on_page()
    assert "starts on " in console.do("Run now")
    on_page()
    assert console.driver.find_element(By.CLASS_NAME, "ecs-task-patching-mark").text == "starting"
    assert "is cancelled" in console.do("Cancel deployment")
    assert stack.schedules.get(planned["web"]) is None
    refreshed(console, cluster)
    console.check(f"{cluster}/api")
    assert "is planned again" in console.do("Plan again")


def test_a_deployment_is_approved(stack, cluster, console):
    stack.aws.create_service(cluster, "web")
    stack.aws.tag(cluster, "web", mode="approve")
    with windows(stack, Window.opening(timedelta(days=3))):
        name = outcome(stack.ingest(notice(f"{cluster}|web")))["schedule"]
    refreshed(console, cluster)
    assert console.driver.find_element(By.CLASS_NAME, "ecs-task-patching-mark").text == "awaiting approval"
    console.check(f"{cluster}/web")
    assert f"{cluster}/web is approved" in console.do("Approve", ticket="CHG1")
    assert stack.schedules.get(name)["State"] == "ENABLED"


def test_a_reason_and_a_ticket_can_be_mandatory(stack, cluster, planned, console):
    with changed(stack, "OperateFunctionName", REQUIRE_REASON="true"), changed(stack, "ConsoleFunctionName", REQUIRE_REASON="true"):
        refreshed(console, cluster)
        console.check(f"{cluster}/web")
        text = console.do("Hold")
        assert "Not done: A reason and a ticket are required; fill in both fields." in text
        refreshed(console, cluster)
        console.check(f"{cluster}/web")
        console.click("Hold")
        assert "Reason (required)" in console.text
        console.click("Back")
        assert "With the checked services" in console.text


def test_everything_is_stopped_and_released(stack, console):
    try:
        assert "All deployments are stopped" in console.do("Stop everything", reason="outage")
        console.click("Back to the list")
        assert "Blocked now: An operator stopped all deployments" in console.text
        assert "Deployments start again" in console.do("Release everything")
    finally:
        stack.operate({"operation": "release-all"})


def test_the_doctor_and_the_dead_letters_are_on_the_health_page(stack, cluster, console):
    stack.aws.client("sqs").send_message(
        QueueUrl=stack.outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(notice(f"{cluster}|web")),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": "<b>throttled</b>"}},
    )
    console.click("Health")
    assert "A notice tonight would" in console.text and "<b>throttled</b>" in console.text
    assert "sent back to " in console.do("Redrive all")


def test_what_ended_is_shown_with_its_proof(stack, cluster, console):
    detail = {"id": cluster, "cluster": cluster, "service": "web", "stack": stack.name}
    detail |= {"outcome": "patched", "proof": "all <b>2</b> tasks are new", "notices": [{"event_arn": "arn:1"}]}
    entry = {"Source": "ecs-task-patching", "DetailType": "Patch Record", "Detail": json.dumps(detail)}
    stack.aws.client("events").put_events(Entries=[entry, entry])
    console.click("Done")
    assert console.text.count("all <b>2</b> tasks are new") == 1, "written twice"


def test_hostile_texts_are_shown_as_texts(stack, cluster, planned, console):
    hostile = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>"
    stack.operate({"operation": "hold", "cluster": cluster, "service": "web", "reason": hostile})
    refreshed(console, cluster)
    assert hostile in console.text
    console.type("filter-text", "\"><script>document.title='hacked'</script>")
    console.click("Filter")
    assert "Nothing matches the filter." in console.text
    assert console.driver.title == "ECS Task Patching: console"
    assert console.driver.execute_script("return document.querySelectorAll('#widget script, #widget img').length") == 0


def test_what_the_page_of_the_test_lets_through_is_what_cloudwatch_does(console):
    allowed = console.driver.execute_script("""
        const target = document.createElement("div");
        show(target, '<script>1</script><iframe></iframe><a href="javascript:x()" onclick="x()">a</a><b style="color:red">b</b>');
        return target.innerHTML;
    """)
    assert allowed == '<a>a</a><b style="color:red">b</b>'


def contrast(driver):
    """The lowest contrast of a text of the widget with its background."""
    return driver.execute_script("""
        const channel = value => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
        const light = color => { const [r, g, b] = color.match(/[\\d.]+/g).map(Number); return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
        const background = element => {
          for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor;
            if (!/, 0\\)$/.test(color)) return color;
          }
          return "rgb(255, 255, 255)";
        };
        let lowest = 21;
        for (const element of document.querySelectorAll("#widget *")) {
          if (!element.innerText || !element.offsetParent || element.closest("select")) continue;
          const [one, other] = [light(getComputedStyle(element).color), light(background(element))];
          lowest = Math.min(lowest, (Math.max(one, other) + .05) / (Math.min(one, other) + .05));
        }
        return lowest;
    """)


def test_both_themes_and_a_phone_are_readable(stack, cluster, planned, console):
    refreshed(console, cluster)
    assert "ecs-task-patching-light" in console.driver.page_source and contrast(console.driver) >= 4.5
    console.click("Dark theme")
    assert "ecs-task-patching-dark" in console.driver.page_source and contrast(console.driver) >= 4.5
    console.driver.set_window_size(400, 800)
    try:
        width, visible = console.driver.execute_script("return [document.body.scrollWidth, window.innerWidth]")
        assert width <= visible, "the page scrolls sideways"
    finally:
        console.driver.set_window_size(1280, 900)
        console.click("Light theme")


def test_tables_have_captions_and_headers(stack, cluster, planned, console):
    refreshed(console, cluster)
    tables = console.driver.find_elements(By.CSS_SELECTOR, "#widget table")
    assert tables and all(table.find_elements(By.TAG_NAME, "caption") for table in tables)
    scopes = {head.get_attribute("scope") for head in console.driver.find_elements(By.CSS_SELECTOR, "#widget th")}
    assert scopes == {"col", "row"}


def test_a_thousand_services_stay_usable(stack, cluster, planned, console):
    scheduler, group = stack.aws.client("scheduler"), stack.outputs["ScheduleGroupName"]
    schedule = stack.schedules.get(planned["web"])
    names = [f"{cluster}.bulk.{nth}" for nth in range(1_000)]
    fields = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "State", "ActionAfterCompletion")
    given = json.loads(schedule["Target"]["Input"])
    try:
        for nth, name in enumerate(names):
            target = schedule["Target"] | {"Input": json.dumps(given | {"service": f"bulk-{nth:04}"})}
            scheduler.create_schedule(GroupName=group, Name=name, Target=target, **{field: schedule[field] for field in fields})
        refreshed(console, cluster)
        assert "Page 1 of 41" in console.text and len(console.rows()) == 25
        console.click("Next")
        assert "Page 2 of 41" in console.text and len(console.rows()) == 25
        console.click("Last")
        assert len(console.rows()) == 2
        console.type("filter-text", "bulk-07")
        console.click("Filter")
        assert "100 of" in console.text and "Page 1 of 4" in console.text
    finally:
        for name in names:
            stack.schedules.delete(name)


# ---- The screenshots of the documents ----------------------------------------------------------------------------------


@contextmanager
def window_of(driver, width, height):
    driver.set_window_size(width, height)
    yield
    driver.set_window_size(1280, 900)


def test_the_pages_of_the_screenshots(driver, tmp_path):
    folder = ROOT / os.environ["SCREENSHOTS"] if "SCREENSHOTS" in os.environ else tmp_path
    with LocalAws() as aws:
        outputs = aws.deploy(EnableDrills="true")
        every_state(aws, outputs)
        with ConsolePage(aws, outputs) as page:
            console = Console(driver, page.url)
            marks = {mark.text for mark in driver.find_elements(By.CLASS_NAME, "ecs-task-patching-mark")}
            assert marks == {"awaiting approval", "held", "moved", "overdue", "retrying", "scheduled", "starting", "verifying"}

            def save(name, width=1280):
                height = driver.execute_script("return document.getElementById('widget').getBoundingClientRect().bottom + 24")
                with window_of(driver, width, int(height) + 140):
                    time.sleep(0.2)
                    driver.find_element(By.ID, "widget").screenshot(str(Path(folder, f"{name}.png")))

            save("console-pending")
            console.check("prod/web", "prod/api")
            console.click("Hold")
            save("console-confirm")
            console.click("Back")
            console.click("prod/jobs")
            console.click("Dark theme")
            save("console-service")
            console.click("Light theme")
            console.click("Health")
            assert "A notice tonight would" in console.text
            save("console-health")
    assert len(list(Path(folder).glob("console-*.png"))) == 4
