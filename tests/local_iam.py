"""IAM on the local AWS: what the functions and the schedules do needs a permission of their role, and is recorded.

ministack enforces IAM with AUTH=true, and gives each function the credentials of its role. Here is what it lacks for the
calls of the functions: the ARNs of schedules (it takes each for one of the group `default`), of what ECS has (it takes the
cluster for it) and of some others, the condition keys of the policies, TLS, the role that is passed to a schedule, the role
with which EventBridge Scheduler invokes a function, and the one with which AWS Lambda keeps a failed event.
"""

import contextvars
import json
import os
import re
from pathlib import Path

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge, iam, lambda_svc, scheduler, sts

CALLS = Path(os.environ["LOCAL_AWS_CALLS"])

_extract = iam_actions.extract_resource_arn
_enforce = iam_evaluator.enforce
_pin_origin = app.pin_request_origin
_route_failure = lambda_svc._route_async_failure
_recorded: set[tuple] = set()
# The condition keys of the request that is being checked
_context: contextvars.ContextVar[dict] = contextvars.ContextVar("context", default={})

# What a request for ECS is about: the field, and the kind of resource
ECS = {
    "DescribeServices": ("services", "service"),
    "UpdateService": ("service", "service"),
    "ListServiceDeployments": ("service", "service"),
    "DescribeServiceDeployments": ("serviceDeploymentArns", "service-deployment"),
    "DescribeTasks": ("tasks", "task"),
}
# A condition key of UpdateService, and the field that sets it
UPDATE_SERVICE = {
    "ecs:task-definition": "taskDefinition",
    "ecs:capacity-provider": "capacityProviderStrategy",
    "ecs:namespace": "serviceConnectConfiguration",
}


def _fields(body) -> dict:
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _call(headers: dict) -> str:
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1]


def _resource(service, method, path, headers, body, params, region, account):
    """The resource of a request."""
    _context.set({})
    if service == "scheduler" and (name := re.fullmatch(r"/schedules/(.+)", path)):
        group = _fields(body).get("GroupName") or params.get("groupName", "default")
        group = group[0] if isinstance(group, list) else group
        return f"arn:aws:scheduler:{region}:{account}:schedule/{group}/{name[1]}"
    if service == "events":
        fields = _fields(body)
        if sources := {entry.get("Source") for entry in fields.get("Entries", [])}:
            _context.set({"events:source": ",".join(sorted(sources))})  # the functions send events of one source at a time
        if rule := {"DescribeRule": fields.get("Name"), "ListTargetsByRule": fields.get("Rule")}.get(_call(headers)):
            return f"arn:aws:events:{region}:{account}:rule/{rule}"
    if service == "iam" and (role := params.get("PolicySourceArn")):
        return role[0] if isinstance(role, list) else role
    if service == "ssm" and _call(headers) == "GetCalendarState":
        return f"arn:aws:ssm:{region}:{account}:document/{_fields(body)['CalendarNames'][0]}"
    if service == "logs":
        return _extract(service, method, path, headers, body, params, region, account) + ":*"
    if service == "ecs":
        fields = _fields(body)
        call = _call(headers)
        _context.set({key: "set" for key, field in UPDATE_SERVICE.items() if field in fields})
        if call not in ECS:
            return "*"
        field, kind = ECS[call]
        named = fields.get(field) or ""
        named = named[0] if isinstance(named, list) else named
        cluster = fields.get("cluster", "default").rsplit("/", 1)[-1]
        return named if named.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:{kind}/{cluster}/{named}"
    return _extract(service, method, path, headers, body, params, region, account)


def _record(role: str, action: str, resource: str, allowed: bool) -> None:
    call = (role, action, resource, allowed)
    if call not in _recorded:
        _recorded.add(call)
        with CALLS.open("a") as calls:
            calls.write(json.dumps(call) + "\n")


def _role_of(caller: str) -> str | None:
    """The role in the ARN of a session."""
    session = re.fullmatch(r"arn:aws:sts::\d+:assumed-role/([^/]+)/.+", caller)
    return session[1] if session else None


def _checked(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    """Checks a request, and records it if a role made it."""
    denied = _enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn,
                      service_context={**(service_context or {}), **_context.get()})
    if role := _role_of(str((sts._sessions.get(access_key_id) or {}).get("Arn", ""))):
        _record(role, iam_action, resource_arn, denied is None)
    return denied


def _may(role: str, action: str, resource: str, **context: str) -> bool:
    """Whether a role may do what a service does with it."""
    account = get_account_id()
    checked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/service", principal_type="AssumedRole",
        principal_account=account, action=action, resource_arn=resource, region=get_region(), service_context=context,
    )
    limits = iam_evaluator._permissions_boundary(iam._roles, role, account)
    result = iam_evaluator.evaluate(checked, iam_evaluator._gather_role_policies(role, account), *limits)
    _record(role, action, resource, result.decision == "Allow")
    return result.decision == "Allow"


def _passing_a_role(write):
    def checked(name: str, body: dict):
        caller, passed = _role_of(iam_evaluator.caller_arn()), body.get("Target", {}).get("RoleArn", "")
        to_scheduler = {"iam:passedtoservice": "scheduler.amazonaws.com"}
        if caller and not _may(caller, "iam:PassRole", passed, **to_scheduler):
            message = f"User: {caller} is not authorized to perform: iam:PassRole on resource: {passed}"
            return scheduler._error(403, "AccessDeniedException", message)
        return write(name, body)

    return checked


def _invoking_with_the_role(invoke):
    def checked(target: dict, event: dict, rule: dict, view=None):
        role = target.get("RoleArn", "").rsplit("/", 1)[-1]
        if ":function:" not in target.get("Arn", "") or not role or _may(role, "lambda:InvokeFunction", target["Arn"]):
            return invoke(target, event, rule, view)
        return None

    return checked


def _keep_if_allowed(target_arn: str, func_name: str, event: dict, result: dict) -> None:
    role = lambda_svc._functions.get(func_name, {}).get("config", {}).get("Role", "").rsplit("/", 1)[-1]
    if _may(role, "sqs:SendMessage", target_arn):
        _route_failure(target_arn, func_name, event, result)


def enforce() -> None:
    """Completes what ministack enforces. Call it after the other changes of the local AWS."""
    iam_actions.extract_resource_arn = _resource
    iam_evaluator.enforce = _checked
    app.pin_request_origin = lambda source_ip, _: _pin_origin(source_ip, True)
    scheduler._create_schedule = _passing_a_role(scheduler._create_schedule)
    scheduler._update_schedule = _passing_a_role(scheduler._update_schedule)
    eventbridge._invoke_target = _invoking_with_the_role(eventbridge._invoke_target)
    lambda_svc._route_async_failure = _keep_if_allowed
