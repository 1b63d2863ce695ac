"""At the start time: deploy handles every state of a service, and a schedule fires without help."""

from datetime import timedelta

import pytest
from helpers import deploy_input, notice, now, old_service, outcome, rollout, wait_until


def test_a_service_with_old_tasks_is_redeployed_once_for_repeated_deliveries(stack, cluster):
    cutoff = old_service(stack, cluster)
    before = rollout(stack, cluster)["id"]
    first = stack.deploy(deploy_input(cluster, cutoff))
    assert first["outcome"] == "started"
    assert first["reason"].startswith("2 of 2 running tasks were created before ")
    assert first["deployment_id"] == rollout(stack, cluster)["id"] != before

    second = stack.deploy(deploy_input(cluster, cutoff))
    assert second["outcome"] == "skipped" and "deployment_id" not in second
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    wait_until(lambda: all(task["createdAt"] > cutoff for task in stack.aws.tasks(cluster, "web")))
    third = stack.deploy(deploy_input(cluster, cutoff))
    assert (third["outcome"], third["reason"].split(" were")[0]) == ("skipped", "all 2 running tasks")
    assert rollout(stack, cluster)["id"] == first["deployment_id"]


def test_a_service_redeployed_after_the_cutoff_is_skipped(stack, cluster):
    cutoff = now() - timedelta(days=1)
    stack.aws.create_service(cluster, "web")
    before = rollout(stack, cluster)["id"]
    assert stack.deploy(deploy_input(cluster, cutoff))["outcome"] == "skipped"
    assert rollout(stack, cluster)["id"] == before


@pytest.mark.parametrize("state", ["no cluster", "no service", "deleted", "scaled to zero"])
def test_a_service_without_tasks_to_patch_is_skipped_with_the_reason(stack, cluster, state):
    ecs = stack.aws.client("ecs")
    cutoff = now()
    expected = "the service no longer exists"
    if state == "no service":
        ecs.create_cluster(clusterName=cluster)
    elif state == "deleted":
        cutoff = old_service(stack, cluster)
        ecs.delete_service(cluster=cluster, service="web", force=True)
        expected = "the service is INACTIVE"
    elif state == "scaled to zero":
        cutoff = old_service(stack, cluster, desiredCount=0)
        expected = "the service's desired count is 0"
    answer = stack.deploy(deploy_input(cluster, cutoff))
    assert (answer["outcome"], answer["reason"]) == ("skipped", expected)


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_a_service_that_ecs_cannot_redeploy_is_not_actionable_and_comes_with_a_command(stack, cluster, controller):
    cutoff = old_service(stack, cluster, deploymentController={"type": controller})
    before = rollout(stack, cluster)["id"]
    answer = stack.deploy(deploy_input(cluster, cutoff))
    assert answer["outcome"] == "not-actionable"
    assert f"the deployment controller is {controller}, " in answer["reason"]
    assert answer["command"].startswith("aws ecs describe-services --cluster ")
    assert rollout(stack, cluster)["id"] == before


def test_a_schedule_fires_redeploys_its_service_and_is_deleted(stack, cluster):
    cutoff = old_service(stack, cluster)
    before = rollout(stack, cluster)["id"]
    name = outcome(stack.ingest(notice(f"{cluster}|web", cutoff=cutoff)))["schedule"]
    stack.schedules.run_now(name)
    wait_until(lambda: rollout(stack, cluster)["id"] != before)
    wait_until(lambda: rollout(stack, cluster)["rolloutState"] == "COMPLETED")
    assert stack.schedules.get(name) is None
    # Another notice arrives after the deployment. Its schedule finds nothing to do.
    again = outcome(stack.ingest(notice(f"{cluster}|web", cutoff=cutoff)))
    assert stack.deploy(stack.schedules.input(again["schedule"]))["outcome"] == "skipped"


def test_every_outcome_is_logged(stack, cluster):
    cutoff = old_service(stack, cluster)
    stack.deploy(deploy_input(cluster, cutoff))
    logs = stack.aws.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{stack.name}-deploy")["events"]
    [line] = [event["message"] for event in events if cluster in event["message"]]
    assert '"outcome":"started"' in line and '"deployment_id":"ecs-svc/' in line
