"""Notices over time: what each changes about what is pending."""

from datetime import UTC, datetime, timedelta

import pytest
import samples
from conftest import notice, now, outcome
from local_aws import ACCOUNT, REGION


def friday(after: datetime) -> datetime:
    """The next opening of Fri 22:00-02:00 UTC that is an hour away, or the window that is open then."""
    earliest = after + timedelta(hours=1)
    if earliest.second:
        earliest += timedelta(seconds=60 - earliest.second)
    day = (earliest - timedelta(days=1)).replace(hour=22, minute=0, second=0)
    while True:
        if day.weekday() == 4:
            if day >= earliest:
                return day
            if earliest <= day + timedelta(hours=2):
                return earliest
        day += timedelta(days=1)


def test_a_notice_schedules_each_service_for_the_next_window(stack, cluster):
    event = notice(f"{cluster}|web", f"{cluster}|api", days=14)
    sent = now()
    answer = stack.ingest(event)
    assert answer["counts"] == {"scheduled": 2}
    assert answer["event_arn"] == event["detail"]["eventArn"]

    told = outcome(answer, f"{cluster}|web")
    slot = datetime.fromisoformat(told["slot"])
    assert slot in (friday(sent), friday(now()))
    schedule = stack.schedule(told["schedule"])
    assert schedule["ScheduleExpression"] == f"at({slot:%Y-%m-%dT%H:%M:%S})"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert schedule["Description"].startswith(f"Redeploys at {slot:%a %Y-%m-%d %H:%M} UTC; AWS's date: ")

    target = schedule["Target"]
    assert target["Arn"].endswith(stack.outputs["DeployFunctionName"])
    assert "SchedulerRole" in target["RoleArn"]
    assert "DeadLetterQueue" in target["DeadLetterConfig"]["Arn"]
    assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 4 * 3600
    given = stack.given(told["schedule"])
    assert given["version"] == 1 and given["attempt"] == 0
    assert (given["cluster"], given["service"], given["slot"]) == (cluster, "web", told["slot"])
    assert [held["event_arn"] for held in given["notices"]] == [event["detail"]["eventArn"]]


def test_the_same_notice_again_changes_nothing(stack, cluster):
    event = notice(f"{cluster}|web")
    name = outcome(stack.ingest(event))["schedule"]
    before = stack.schedule(name)
    answer = stack.ingest(event)
    assert answer["counts"] == {"unchanged": 1}
    assert stack.schedule(name) == before


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_pages_meet_in_one_schedule_in_whichever_order_they_come(stack, cluster, order):
    pages = {1: notice(f"{cluster}|web", f"{cluster}|search"), 2: notice(f"{cluster}|search", f"{cluster}|mail")}
    for page in pages.values():
        page["detail"]["eventArn"] = pages[1]["detail"]["eventArn"]
    first, second = (stack.ingest(pages[page]) for page in order)
    assert (first["counts"], second["counts"]) == ({"scheduled": 2}, {"scheduled": 1, "unchanged": 1})
    assert len(stack.names_with(cluster)) == 3


def test_a_second_notice_joins_the_schedule(stack, cluster):
    first, second = notice(f"{cluster}|web"), notice(f"{cluster}|web", days=9)
    name = outcome(stack.ingest(first))["schedule"]
    slot = stack.given(name)["slot"]
    told = outcome(stack.ingest(second))
    assert (told["outcome"], told["slot"], told["schedule"]) == ("scheduled", slot, name)
    arns = [held["event_arn"] for held in stack.given(name)["notices"]]
    assert arns == [first["detail"]["eventArn"], second["detail"]["eventArn"]]
    assert stack.names_with(cluster) == [name]
    assert "notices: 2" in stack.schedule(name)["Description"]


def test_a_second_notice_that_is_sooner_takes_the_first_along(stack, cluster):
    first = notice(f"{cluster}|web", days=14)
    name = outcome(stack.ingest(first))["schedule"]
    # Two days are too short for a Friday on most days, and enough for the same hours on any.
    second = notice(f"{cluster}|web", days=2)
    told = outcome(stack.ingest(second))
    deadline = now() + timedelta(days=2) - timedelta(hours=2)
    assert datetime.fromisoformat(told["slot"]) <= deadline
    assert told["outcome"] in ("rescheduled", "scheduled")
    assert len(stack.given(name)["notices"]) == 2


def test_a_moved_date_is_planned_again(stack, cluster):
    event = notice(f"{cluster}|web", days=14)
    first = outcome(stack.ingest(event))
    sooner = notice(f"{cluster}|web", arn=event["detail"]["eventArn"], days=1.2)
    told = outcome(stack.ingest(sooner))
    assert datetime.fromisoformat(told["slot"]) <= now() + timedelta(days=1.2) - timedelta(hours=2)
    assert told["schedule"] == first["schedule"]
    [held] = stack.given(told["schedule"])["notices"]
    assert held["starts_at"] == datetime.strptime(
        sooner["detail"]["startTime"], "%a, %d %b %Y %H:%M:%S GMT"
    ).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_notice_that_nothing_fits_is_left_to_aws_with_the_reason(stack, cluster):
    told = outcome(stack.ingest(notice(f"{cluster}|web", days=0.1)))
    assert told["outcome"] == "skipped" and "schedule" not in told and "slot" not in told
    assert "no window of Fri 22:00-02:00 UTC fits" in told["reason"]
    assert "AWS replaces the tasks from" in told["reason"]
    assert stack.names_with(cluster) == []


def test_a_notice_whose_date_has_passed_gets_the_next_window(stack, cluster):
    told = outcome(stack.ingest(notice(f"{cluster}|web", days=-1)))
    assert told["outcome"] == "scheduled"
    assert datetime.fromisoformat(told["slot"]) in (friday(now()), friday(now() - timedelta(seconds=30)))


def test_a_closed_notice_leaves_and_the_last_one_takes_the_schedule_along(stack, cluster):
    first, second = notice(f"{cluster}|web"), notice(f"{cluster}|web", days=9)
    name = outcome(stack.ingest(first))["schedule"]
    stack.ingest(second)

    told = outcome(stack.ingest(notice(f"{cluster}|web", arn=first["detail"]["eventArn"], statusCode="closed")))
    assert (told["outcome"], told["schedule"]) == ("cancelled", name)
    assert [held["event_arn"] for held in stack.given(name)["notices"]] == [second["detail"]["eventArn"]]

    told = outcome(stack.ingest(notice(f"{cluster}|web", arn=second["detail"]["eventArn"], statusCode="closed")))
    assert told["outcome"] == "cancelled" and "schedule" not in told
    assert stack.schedule(name) is None
    told = outcome(stack.ingest(notice(f"{cluster}|web", arn=second["detail"]["eventArn"], statusCode="closed")))
    assert (told["outcome"], told["reason"]) == ("skipped", "AWS Health closed the notice; nothing was pending")


def test_a_resolved_entity_leaves_and_the_others_stay(stack, cluster):
    entities = (f"{cluster}|web", f"{cluster}|api")
    event = notice(*entities)
    stack.ingest(event)
    answer = stack.ingest(notice(*entities, arn=event["detail"]["eventArn"], resolved=(f"{cluster}|api",)))
    assert outcome(answer, f"{cluster}|web")["outcome"] == "unchanged"
    assert outcome(answer, f"{cluster}|api")["outcome"] == "cancelled"
    assert len(stack.names_with(cluster)) == 1


def test_tasks_are_traced_to_their_service(stack, cluster):
    stack.aws.create_service(cluster, "web")
    stack.aws.create_service(cluster, "job", desiredCount=0)
    ecs = stack.aws.client("ecs")
    [alone] = ecs.run_task(
        cluster=cluster, taskDefinition="job", launchType="FARGATE", startedBy="nightly",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )["tasks"]
    first, second = (task["taskArn"] for task in stack.aws.tasks(cluster, "web"))
    gone = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/00000000000000000000000000000000"
    answer = stack.ingest(notice(first, second, alone["taskArn"], gone))

    told = outcome(answer, first)
    assert (told["outcome"], told["cluster"], told["service"]) == ("scheduled", cluster, "web")
    assert outcome(answer, second)["outcome"] == "unchanged"
    assert outcome(answer, second)["schedule"] == told["schedule"]
    assert outcome(answer, gone)["outcome"] == "skipped"
    told = outcome(answer, alone["taskArn"])
    assert told["outcome"] == "not-actionable"
    assert 'started by "nightly"' in told["reason"]
    assert f"aws ecs run-task --cluster {cluster} --task-definition arn:aws:ecs:" in told["reason"]
    assert len(stack.names_with(cluster)) == 1


def test_a_service_arn_without_its_cluster_is_found(stack, cluster):
    service = f"s{cluster}"
    stack.aws.create_service(cluster, service)
    told = outcome(stack.ingest(notice(f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{service}")))
    assert (told["outcome"], told["cluster"], told["service"]) == ("scheduled", cluster, service)


def test_the_wait_period_of_the_account_gives_the_cutoff_that_the_prose_does_not_state(stack, cluster):
    event = notice(f"{cluster}|web", days=6, eventDescription=[{"latestDescription": "Tasks will be retired."}])
    name = outcome(stack.ingest(event))["schedule"]
    [held] = stack.given(name)["notices"]
    starts_at, cutoff = (datetime.fromisoformat(held[date]) for date in ("starts_at", "cutoff"))
    assert starts_at - cutoff == timedelta(days=7)


def test_a_thousand_services_get_a_thousand_schedules_and_keep_them(stack, cluster):
    event = notice(*(f"{cluster}|service-{number:04}" for number in range(1000)))
    answer = stack.ingest(event)
    assert answer["counts"] == {"scheduled": 1000}
    names = stack.names_with(cluster)
    assert len(names) == 1000
    before = {name: stack.schedule(name) for name in names[::50]}

    assert stack.ingest(event)["counts"] == {"unchanged": 1000}
    assert sorted(stack.names_with(cluster)) == sorted(names)
    assert {name: stack.schedule(name) for name in before} == before


SAMPLES = {
    "service-notice": {"scheduled": 3},
    "update-moved-date": {"unchanged": 3},
    "entity-resolved": {"unchanged": 2, "cancelled": 1},
    "closed": {"cancelled": 2, "skipped": 1},
    "page-2-of-2": {"scheduled": 2},
    "page-1-of-2": {"scheduled": 1, "unchanged": 1},
    "stand-alone-task": {"skipped": 2},  # the local AWS knows no such tasks
    "iso-dates": {"scheduled": 2},
    "placeholders": {"scheduled": 1, "not-actionable": 2},
    "govcloud-arns": {"skipped": 3},
    "backup-region-copy": {"skipped": 3},
    "organisation-feed": {"skipped": 3},
    "malformed-entity": ("OutcomesFailed", "1 of 2 entities failed: prod » api: "),
    "malformed-event-code": ("InvalidEvent", 'detail.eventTypeCode is "AWS_ECS_SECURITY_NOTIFICATION"; expected'),
    "malformed-no-entities": ("InvalidEvent", 'detail.affectedEntities (with resources) is ["UNKNOWN", "111122223333"]'),
    "malformed-start-time": ("InvalidEvent", 'detail.startTime is "next Wednesday"; expected a date'),
    "malformed-not-health": ("InvalidEvent", 'detail-type is "ECS Task State Change"; expected "AWS Health Event"'),
}


def test_every_sample_does_what_its_explanation_says(stack):
    assert sorted(SAMPLES) == samples.names()
    stack.aws.client("ecs").create_cluster(clusterName="prod")
    sent_at = datetime.now(UTC).replace(microsecond=0)
    told = {}
    for name in SAMPLES:  # in this order: updates follow their notice
        answer, error = stack.invoke("IngestFunctionName", samples.today(name, sent_at))
        told[name] = (error, answer["errorMessage"]) if error else answer["counts"]
        if name in ("closed", "page-1-of-2", "iso-dates", "placeholders"):
            for schedule in [*stack.names_with("prod"), *stack.names_with("staging")]:
                stack.scheduler.delete_schedule(GroupName=stack.group, Name=schedule)
    for name, expected in SAMPLES.items():
        if isinstance(expected, tuple):
            assert told[name][0] == expected[0] and expected[1] in told[name][1], told[name]
        else:
            assert told[name] == expected, name
