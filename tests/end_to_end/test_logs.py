"""What the logs hold of events: names, ids, and invalid values of known fields, shortened. Nothing else."""

import uuid

from helpers import deploy_input, notice, now, old_service, outcome

FUNCTIONS = ("Ingest", "Deploy", "Verify", "Operate", "Console")


def logged(stack):
    """The lines of all functions."""
    logs = stack.aws.client("logs")
    lines = []
    for function in FUNCTIONS:
        group = f"/aws/lambda/{stack.outputs[f'{function}FunctionName']}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines += [event["message"] for page in pages for event in page["events"]]
    return lines


def test_logs_hold_names_and_ids_and_nothing_else_of_an_event(stack, cluster):
    secret = f"hunter{uuid.uuid4().hex}"
    unknown = {"token": secret, "nested": [{secret: secret}]}
    cutoff = old_service(stack, cluster)
    event = notice(
        f"{cluster}|web",
        cutoff=cutoff,
        eventDescription=[{"language": secret, "latestDescription": f"{secret}: tasks launched after {now()}"}],
        eventMetadata=unknown,
    ) | unknown
    event["detail"]["affectedEntities"][0] |= {"tags": unknown, "entityMetadata": unknown}
    planned = outcome(stack.ingest(event))
    assert planned["outcome"] == "scheduled"

    # An input with more than deploy knows, and one that is no input.
    stack.deploy(deploy_input(cluster, cutoff) | unknown)
    stack.invoke("DeployFunctionName", [secret, {cluster: secret}])
    stack.invoke("DeployFunctionName", secret)
    # Events that are refused: another one, one with an unusable date, and no event at all.
    stack.ingest_fails(event | {"source": "aws.ec2"})
    stack.ingest_fails(event | {"detail": event["detail"] | {"startTime": "x" * 300 + secret}})
    stack.ingest_fails(event | {"detail": event["detail"] | {"affectedEntities": "x" * 300 + secret}})
    stack.ingest_fails([secret])
    # A request of an operator that is refused, and the page of a viewer.
    stack.invoke("OperateFunctionName", {"operation": "hold", "cluster": cluster} | unknown)
    stack.invoke("ConsoleFunctionName", {"widgetContext": {"forms": {"all": unknown}, "params": unknown}})

    lines = logged(stack)
    assert any(cluster in line and '"outcome":"scheduled"' in line for line in lines)
    assert any(cluster in line and '"outcome":"started"' in line for line in lines)
    assert any("detail.startTime is" in line for line in lines)
    assert [line for line in lines if secret in line] == []


def test_environment_variables_and_credentials_are_not_logged(stack, cluster):
    stack.ingest(notice(f"{cluster}|web"))
    configuration = stack.functions.get_function_configuration(FunctionName=stack.outputs["IngestFunctionName"])
    assert "SCHEDULER_ROLE_ARN" in configuration["Environment"]["Variables"]
    assert [line for line in logged(stack) if "SCHEDULER_ROLE_ARN" in line or "AWS_SECRET_ACCESS_KEY" in line] == []
