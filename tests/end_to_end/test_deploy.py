"""At the slot: every state of a service, and the schedule that fires by itself."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from conftest import notice, now, outcome


def given(cluster, cutoff, service="web"):
    """What a schedule hands over, for tasks that were created up to `cutoff`."""
    return {
        "version": 1,
        "cluster": cluster,
        "service": service,
        "notices": [{
            "event_arn": "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/1",
            "starts_at": f"{cutoff + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
            "cutoff": f"{cutoff:%Y-%m-%dT%H:%M:%SZ}",
        }],
        "slot": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "window_ends_at": f"{now() + timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}",
        "attempt": 0,
    }


def old_service(stack, cluster, **options):
    """A service all of whose tasks are older than the cut-off that is answered."""
    stack.aws.create_service(cluster, "web", **options)
    time.sleep(1.1)  # ECS tells times to the second here
    cutoff = now()
    time.sleep(1.1)
    return cutoff


def wait_until(found, seconds=40):
    for _ in range(seconds * 2):
        if answer := found():
            return answer
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")


def rollout(stack, cluster):
    [primary] = [found for found in stack.aws.deployments(cluster, "web") if found["status"] == "PRIMARY"]
    return primary


def test_a_service_with_old_tasks_is_redeployed_once_however_often_it_is_asked_for(stack, cluster):
    cutoff = old_service(stack, cluster)
    before = rollout(stack, cluster)["id"]
    told = stack.deploy(given(cluster, cutoff))
    assert told["outcome"] == "started"
    assert told["reason"].startswith("2 of 2 running task(s) were created before ")
    assert told["deployment_id"] == rollout(stack, cluster)["id"] != before

    again = stack.deploy(given(cluster, cutoff))
    assert again["outcome"] == "skipped" and "deployment_id" not in again
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    wait_until(lambda: all(task["createdAt"] > cutoff for task in stack.aws.tasks(cluster, "web")))
    later = stack.deploy(given(cluster, cutoff))
    assert (later["outcome"], later["reason"].split(" were")[0]) == ("skipped", "all 2 running task(s)")
    assert rollout(stack, cluster)["id"] == told["deployment_id"]


def test_a_service_that_was_redeployed_since_is_left_alone(stack, cluster):
    cutoff = now() - timedelta(days=1)
    stack.aws.create_service(cluster, "web")
    before = rollout(stack, cluster)["id"]
    assert stack.deploy(given(cluster, cutoff))["outcome"] == "skipped"
    assert rollout(stack, cluster)["id"] == before


@pytest.mark.parametrize("state", ["no cluster", "no service", "deleted", "scaled to nothing"])
def test_what_needs_no_patch_is_skipped_with_the_reason(stack, cluster, state):
    ecs = stack.aws.client("ecs")
    cutoff = now()
    expected = "the service is gone"
    if state == "no service":
        ecs.create_cluster(clusterName=cluster)
    elif state == "deleted":
        cutoff = old_service(stack, cluster)
        ecs.delete_service(cluster=cluster, service="web", force=True)
        expected = "the service is INACTIVE"
    elif state == "scaled to nothing":
        cutoff = old_service(stack, cluster, desiredCount=0)
        expected = "the service's desired count is 0: no task is to be patched"
    told = stack.deploy(given(cluster, cutoff))
    assert (told["outcome"], told["reason"]) == ("skipped", expected)


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_what_ecs_cannot_force_is_a_persons_task_with_a_command(stack, cluster, controller):
    cutoff = old_service(stack, cluster, deploymentController={"type": controller})
    before = rollout(stack, cluster)["id"]
    told = stack.deploy(given(cluster, cutoff))
    assert told["outcome"] == "not-actionable"
    assert f"the deployment controller is {controller}, " in told["reason"]
    assert told["command"].startswith("aws ecs describe-services --cluster ")
    assert rollout(stack, cluster)["id"] == before


def test_the_schedule_fires_redeploys_and_is_gone(stack, cluster):
    cutoff = old_service(stack, cluster)
    before = rollout(stack, cluster)["id"]
    name = outcome(stack.ingest(notice(f"{cluster}|web", cutoff=cutoff)))["schedule"]
    stack.edit(name, ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"})
    wait_until(lambda: rollout(stack, cluster)["id"] != before)
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    assert stack.schedule(name) is None
    # The notice comes once more, after everything: the new schedule will find nothing to do.
    again = stack.ingest(notice(f"{cluster}|web", cutoff=cutoff))
    assert stack.deploy(stack.given(outcome(again)["schedule"]))["outcome"] == "skipped"


def test_every_outcome_is_a_line_in_the_log(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.deploy(given(cluster, cutoff))
    logs = stack.aws.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{stack.group}-deploy")["events"]
    [line] = [event["message"] for event in events if cluster in event["message"]]
    assert '"outcome":"started"' in line and '"deployment_id":"ecs-svc/' in line
