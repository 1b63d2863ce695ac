"""Notices over time: what each notice changes about the pending schedules."""

from datetime import datetime, timedelta

import pytest
import samples
from helpers import (
    SAMPLE_RESULTS,
    Window,
    notice,
    now,
    outcome,
    retirement_date,
    stand_alone_task,
    start_time,
    text_of,
    windows,
    wire,
)
from commands import REGION
from local_aws import ACCOUNT


def is_in_the_next_default_window(start: datetime, sent: datetime) -> bool:
    """Whether a start time is in the first half of Fri 22:00-02:00 UTC, an hour to a week after the notice."""
    since_opening = start - timedelta(hours=22)  # Fri 22:00-24:00 becomes Fri 00:00-02:00
    in_first_half = since_opening.weekday() == 4 and since_opening.hour * 60 + since_opening.minute <= 120
    return in_first_half and timedelta(hours=1) <= start - sent <= timedelta(days=7)


def test_a_notice_schedules_each_service_for_the_next_window(stack, cluster):
    event = notice(f"{cluster}|web", f"{cluster}|api", days=14)
    sent = now()
    answer = stack.ingest(event)
    assert answer["counts"] == {"scheduled": 2}
    assert answer["event_arn"] == event["detail"]["eventArn"]

    web = outcome(answer, f"{cluster}|web")
    start = start_time(web)
    assert is_in_the_next_default_window(start, sent)
    schedule = stack.schedules.get(web["schedule"])
    assert schedule["ScheduleExpression"] == f"at({start:%Y-%m-%dT%H:%M:%S})"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["ActionAfterCompletion"] == "NONE"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    date = text_of(retirement_date(event))
    expected = f"Redeploys on {text_of(start)}; retirement date: {date}; 1 notice; service: {cluster}/web"
    assert schedule["Description"] == expected

    target = schedule["Target"]
    assert target["Arn"].endswith(stack.outputs["DeployFunctionName"])
    assert "SchedulerRole" in target["RoleArn"]
    assert "DeadLetterQueue" in target["DeadLetterConfig"]["Arn"]
    assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 4 * 3600
    given = stack.schedules.input(web["schedule"])
    assert given["version"] == 1 and given["attempt"] == 0
    assert (given["cluster"], given["service"], given["slot"]) == (cluster, "web", web["slot"])
    assert [held["event_arn"] for held in given["notices"]] == [event["detail"]["eventArn"]]


@pytest.mark.parametrize("days", [14, -1], ids=["coming", "passed"])
def test_the_start_time_is_the_next_opening_whether_the_retirement_date_is_coming_or_passed(stack, cluster, days):
    window = Window.opening(timedelta(days=3))
    with windows(stack, window):
        answer = outcome(stack.ingest(notice(f"{cluster}|web", days=days)))
    assert (answer["outcome"], start_time(answer)) == ("scheduled", window.opens_at)


@pytest.mark.parametrize("days", [14, -1], ids=["coming", "passed"])
def test_an_open_window_counts_after_the_minimum_notice_while_half_of_it_is_left(stack, cluster, days):
    window = Window.opening(timedelta(hours=-1), hours=8)
    sent = now()
    with windows(stack, window):
        answer = outcome(stack.ingest(notice(f"{cluster}|web", days=days)))
    start = start_time(answer)
    assert sent + timedelta(hours=1) <= start <= now() + timedelta(hours=1, minutes=1)
    assert start.second == 0


def test_the_same_notice_again_changes_nothing(stack, cluster):
    event = notice(f"{cluster}|web")
    name = outcome(stack.ingest(event))["schedule"]
    before = stack.schedules.get(name)
    answer = stack.ingest(event)
    assert answer["counts"] == {"unchanged": 1}
    assert stack.schedules.get(name) == before


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_pages_share_one_schedule_per_service_in_any_order(stack, cluster, order):
    pages = {1: notice(f"{cluster}|web", f"{cluster}|search"), 2: notice(f"{cluster}|search", f"{cluster}|mail")}
    for page in pages.values():
        page["detail"]["eventArn"] = pages[1]["detail"]["eventArn"]
    first, second = (stack.ingest(pages[page]) for page in order)
    assert (first["counts"], second["counts"]) == ({"scheduled": 2}, {"scheduled": 1, "unchanged": 1})
    assert len(stack.schedules.names(cluster)) == 3


def test_a_second_notice_joins_the_schedule(stack, cluster):
    first, second = notice(f"{cluster}|web"), notice(f"{cluster}|web", days=9)
    name = outcome(stack.ingest(first))["schedule"]
    start = stack.schedules.input(name)["slot"]
    answer = outcome(stack.ingest(second))
    assert (answer["outcome"], answer["slot"], answer["schedule"]) == ("scheduled", start, name)
    arns = [held["event_arn"] for held in stack.schedules.input(name)["notices"]]
    assert arns == [first["detail"]["eventArn"], second["detail"]["eventArn"]]
    assert stack.schedules.names(cluster) == [name]
    assert "; 2 notices; " in stack.schedules.get(name)["Description"]


# The fallback any-day uses the same hours on another day, so the window of the second row is moved to tomorrow.
@pytest.mark.parametrize(("opens_in_days", "expected"), [(1, "scheduled"), (4, "rescheduled")])
def test_a_second_notice_with_an_earlier_deadline_moves_the_start_time_if_needed(
    stack, cluster, opens_in_days, expected
):
    window = Window.opening(timedelta(days=opens_in_days))
    with windows(stack, window):
        first = outcome(stack.ingest(notice(f"{cluster}|web", days=14)))
        second = outcome(stack.ingest(notice(f"{cluster}|web", days=2)))
    assert start_time(first) == window.opens_at
    assert second["outcome"] == expected
    assert start_time(second) == window.opens_at - timedelta(days=opens_in_days - 1)
    assert start_time(second) <= now() + timedelta(days=2) - timedelta(hours=2)
    assert len(stack.schedules.input(second["schedule"])["notices"]) == 2


def test_an_earlier_retirement_date_moves_the_start_time(stack, cluster):
    event = notice(f"{cluster}|web", days=14)
    sooner = notice(f"{cluster}|web", arn=event["detail"]["eventArn"], days=1.2)
    with windows(stack, Window.opening(timedelta(days=4))):
        first = outcome(stack.ingest(event))
        second = outcome(stack.ingest(sooner))
    assert second["outcome"] == "rescheduled"
    assert start_time(second) <= now() + timedelta(days=1.2) - timedelta(hours=2)
    assert second["schedule"] == first["schedule"]
    [held] = stack.schedules.input(second["schedule"])["notices"]
    assert held["starts_at"] == wire(retirement_date(sooner))


def test_a_notice_that_fits_no_window_is_left_to_aws_with_the_reason(stack, cluster):
    answer = outcome(stack.ingest(notice(f"{cluster}|web", days=0.1)))
    assert answer["outcome"] == "skipped" and "schedule" not in answer and "slot" not in answer
    assert "no opening of Fri 22:00-02:00 UTC fits" in answer["reason"]
    assert "AWS replaces the tasks from" in answer["reason"]
    assert stack.schedules.names(cluster) == []


def test_a_notice_whose_retirement_date_has_passed_gets_the_next_window(stack, cluster):
    sent = now()
    answer = outcome(stack.ingest(notice(f"{cluster}|web", days=-1)))
    assert answer["outcome"] == "scheduled"
    assert is_in_the_next_default_window(start_time(answer), sent)


def test_a_closed_notice_leaves_the_schedule_and_the_last_one_deletes_it(stack, cluster):
    first, second = notice(f"{cluster}|web"), notice(f"{cluster}|web", days=9)
    name = outcome(stack.ingest(first))["schedule"]
    stack.ingest(second)

    answer = outcome(stack.ingest(notice(f"{cluster}|web", arn=first["detail"]["eventArn"], statusCode="closed")))
    assert (answer["outcome"], answer["schedule"]) == ("cancelled", name)
    held = stack.schedules.input(name)["notices"]
    assert [notice["event_arn"] for notice in held] == [second["detail"]["eventArn"]]

    answer = outcome(stack.ingest(notice(f"{cluster}|web", arn=second["detail"]["eventArn"], statusCode="closed")))
    assert answer["outcome"] == "cancelled" and "schedule" not in answer
    assert stack.schedules.get(name) is None
    answer = outcome(stack.ingest(notice(f"{cluster}|web", arn=second["detail"]["eventArn"], statusCode="closed")))
    assert (answer["outcome"], answer["reason"]) == ("skipped", "AWS Health closed the notice; nothing was pending")


def test_a_resolved_entity_is_cancelled_and_the_others_stay(stack, cluster):
    entities = (f"{cluster}|web", f"{cluster}|api")
    event = notice(*entities)
    stack.ingest(event)
    answer = stack.ingest(notice(*entities, arn=event["detail"]["eventArn"], resolved=(f"{cluster}|api",)))
    assert outcome(answer, f"{cluster}|web")["outcome"] == "unchanged"
    assert outcome(answer, f"{cluster}|api")["outcome"] == "cancelled"
    assert len(stack.schedules.names(cluster)) == 1


def test_tasks_are_traced_to_their_service(stack, cluster):
    stack.aws.create_service(cluster, "web")
    alone = stand_alone_task(stack, cluster)["taskArn"]
    first, second = (task["taskArn"] for task in stack.aws.tasks(cluster, "web"))
    gone = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/00000000000000000000000000000000"
    answer = stack.ingest(notice(first, second, alone, gone))

    web = outcome(answer, first)
    assert (web["outcome"], web["cluster"], web["service"]) == ("scheduled", cluster, "web")
    assert outcome(answer, second)["outcome"] == "unchanged"
    assert outcome(answer, second)["schedule"] == web["schedule"]
    assert outcome(answer, gone)["outcome"] == "skipped"
    found = outcome(answer, alone)
    assert found["outcome"] == "not-actionable"
    assert 'started by "nightly"' in found["reason"]
    assert f"aws ecs run-task --cluster {cluster} --task-definition arn:aws:ecs:" in found["reason"]
    assert len(stack.schedules.names(cluster)) == 1


def test_a_service_arn_without_its_cluster_is_found(stack, cluster):
    service = f"s{cluster}"
    stack.aws.create_service(cluster, service)
    answer = outcome(stack.ingest(notice(f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{service}")))
    assert (answer["outcome"], answer["cluster"], answer["service"]) == ("scheduled", cluster, service)


def test_the_wait_period_of_the_account_gives_a_cutoff_that_the_description_does_not_state(stack, cluster):
    event = notice(f"{cluster}|web", days=6, eventDescription=[{"latestDescription": "Tasks will be retired."}])
    name = outcome(stack.ingest(event))["schedule"]
    [held] = stack.schedules.input(name)["notices"]
    starts_at, cutoff = (datetime.fromisoformat(held[date]) for date in ("starts_at", "cutoff"))
    assert starts_at - cutoff == timedelta(days=7)


def test_a_thousand_services_get_a_thousand_schedules_and_keep_them(stack, cluster):
    event = notice(*(f"{cluster}|service-{number:04}" for number in range(1000)))
    answer = stack.ingest(event)
    assert answer["counts"] == {"scheduled": 1000}
    names = stack.schedules.names(cluster)
    assert len(names) == 1000
    before = {name: stack.schedules.get(name) for name in names[::50]}

    assert stack.ingest(event)["counts"] == {"unchanged": 1000}
    assert sorted(stack.schedules.names(cluster)) == sorted(names)
    assert {name: stack.schedules.get(name) for name in before} == before
    for name in names:
        stack.schedules.delete(name)  # the console reads all that is pending, which would slow down its tests


def test_every_sample_event_has_the_documented_result(stack):
    assert sorted(SAMPLE_RESULTS) == samples.names()
    stack.aws.client("ecs").create_cluster(clusterName="prod")
    sent_at = now()
    results = {}
    for schedule in [*stack.schedules.names("prod"), *stack.schedules.names("staging")]:
        stack.schedules.delete(schedule)  # of other tests
    # A daily window fits before the original and the moved retirement date alike, at every hour of the week.
    with windows(stack, Window.opening(timedelta(hours=12), days="daily")):
        for name in SAMPLE_RESULTS:  # in this order, because updates follow their notice
            answer, error = stack.invoke("IngestFunctionName", samples.today(name, sent_at))
            results[name] = (error, answer["errorMessage"]) if error else answer["counts"]
    for name, expected in SAMPLE_RESULTS.items():
        if isinstance(expected, tuple):
            assert results[name][0] == expected[0] and expected[1] in results[name][1], results[name]
        else:
            assert results[name] == expected, name
