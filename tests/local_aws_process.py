"""The process of the local AWS: ministack, with some differences.

ministack never fires a second at() schedule of one name: it remembers by name what has fired, also after the schedule was
deleted. On AWS, a schedule that is created after a deletion is a new one, and the functions rely on that: a retry or a
further check is the same schedule, deleted and created again.

It looks only every ten seconds for schedules whose time has come.

Its list of schedules ends after a hundred, without a token for the next page, so that it would hide the rest.

It does not write events into log groups, and does not know saved queries of CloudWatch Logs.

Its simulation of policies ignores what a request would say about itself, so that it denies what a condition allows.

And its list of subscriptions does not say which of them are not confirmed.

With AUTH=true, it enforces IAM: local_iam.py completes that.
"""

import json
import os
import time
from functools import partial

from ministack.app import main
from ministack.core import iam_evaluator
from ministack.services import cloudwatch_logs, eventbridge, iam, scheduler, sns
from ministack.services.cloudformation import provisioners

_delete_schedule = scheduler._delete_schedule
_list_schedules = scheduler._list_schedules
_simulate = iam._simulate_principal_policy
_list_subscriptions = sns._list_subscriptions_by_topic


def _delete_and_forget(name: str, query: dict):
    key = f"{query.get('groupName', 'default')}/{name}"
    for fired in [fired for fired in scheduler._schedule_last_fired if fired[2] == key]:
        del scheduler._schedule_last_fired[fired]
    return _delete_schedule(name, query)


def _list_all(query: dict):
    return _list_schedules({"MaxResults": "100000", **query})


_invoke_target = eventbridge._invoke_target


def _invoke_or_log(target: dict, event: dict, rule: dict, view=None):
    arn = target.get("Arn", "")
    if not arn.split(":")[2:3] == ["logs"]:
        return _invoke_target(target, event, rule, view)
    view = view or eventbridge._pattern_event_view(event)
    stream = {"logGroupName": arn.split(":", 6)[6], "logStreamName": "events"}
    cloudwatch_logs._create_log_stream(stream)
    line = {"timestamp": int(time.time() * 1000), "message": json.dumps(view.event_with_detail())}
    cloudwatch_logs._put_log_events({**stream, "logEvents": [line]})


eventbridge._invoke_target = _invoke_or_log
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda logical_id, props, stack: (f"{stack}-{logical_id}", {}),
    "delete": lambda *_: None,
}


def _simulate_with_context(parameters: dict):
    entry = "ContextEntries.member.1.ContextKey"
    key = iam._p(parameters, f"{entry}Name")
    known = {key.lower(): iam._p(parameters, f"{entry}Values.member.1")} if key else {}
    context = iam_evaluator.EvalContext
    iam_evaluator.EvalContext = partial(context, service_context=known)
    try:
        return _simulate(parameters)
    finally:
        iam_evaluator.EvalContext = context


def _list_with_state(parameters: dict):
    status, headers, body = _list_subscriptions(parameters)
    topic, _ = sns._get_topic(sns._p(parameters, "TopicArn"), "sns:ListSubscriptionsByTopic")
    for subscription in (topic or {}).get("subscriptions", []):
        if not subscription["confirmed"]:
            body = body.replace(f"<SubscriptionArn>{subscription['arn']}<".encode(), b"<SubscriptionArn>PendingConfirmation<")
    return status, headers, body


scheduler._SCHEDULE_TICK_INTERVAL = 1
scheduler._delete_schedule = _delete_and_forget
scheduler._list_schedules = _list_all
iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = _simulate_with_context
sns._list_subscriptions_by_topic = _list_with_state

if os.environ.get("AUTH") == "true":
    import local_iam

    local_iam.enforce()

if __name__ == "__main__":
    main()
