"""What the Rust functions are compared with: ingest and deploy as an experienced Python developer writes them.

boto3, with clients outside of the handler, threads, and the same calls to AWS in the same order. What it leaves out makes
it faster: windows, tags, calendars, retries, conflicts, texts. It is its own runtime: a loop over the Runtime API, which
is less to import than AWS's.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

THREADS = 32
GROUP = os.environ["SCHEDULE_GROUP"]
SETTINGS = Config(max_pool_connections=THREADS, retries={"mode": "standard"})
session = boto3.session.Session()
ecs, events, scheduler, sns = (
    session.client(name, config=SETTINGS) for name in ("ecs", "events", "scheduler", "sns")
)
pool = ThreadPoolExecutor(THREADS)


def every(call, items) -> list:
    """Calls with each item, at the same time."""
    return list(pool.map(call, items))


def batches(items: list, size: int) -> list[list]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def name_of(*parts: str) -> str:
    return f"{'.'.join(parts)[:40]}.{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:20]}"


def get(name: str) -> dict | None:
    try:
        return scheduler.get_schedule(GroupName=GROUP, Name=name)
    except scheduler.exceptions.ResourceNotFoundException:
        return None


def create(name: str, at: datetime, target: str, body: dict, **options) -> None:
    scheduler.create_schedule(
        GroupName=GROUP,
        Name=name,
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        ActionAfterCompletion="NONE",
        Target={
            "Arn": target,
            "RoleArn": os.environ["SCHEDULER_ROLE_ARN"],
            "DeadLetterConfig": {"Arn": os.environ["DEAD_LETTER_QUEUE_ARN"]},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185},
            "Input": json.dumps(body),
        },
        **options,
    )


def delete(name: str) -> None:
    try:
        scheduler.delete_schedule(GroupName=GROUP, Name=name)
    except scheduler.exceptions.ResourceNotFoundException:
        pass  # the schedule that fired has the name that the Rust function gave it


def listed(prefix: str) -> list[dict]:
    return list(scheduler.get_paginator("list_schedules").paginate(GroupName=GROUP, NamePrefix=prefix))


def put(entries: list[dict]) -> None:
    events.put_events(Entries=entries)


def event(kind: str, cluster: str, service: str) -> dict:
    detail = json.dumps({"cluster": cluster, "service": service})
    return {"Source": "ecs-task-patching", "DetailType": kind, "Detail": detail, "Resources": [service]}


def publish(subject: str, message: str) -> None:
    sns.publish(TopicArn=os.environ["NOTIFICATION_TOPIC_ARN"], Subject=subject, Message=message)


def describe(batch: tuple[str, list[str]]) -> list[dict]:
    cluster, names = batch
    return ecs.describe_services(cluster=cluster, services=names, include=["TAGS"])["services"]


def ingest(notice: dict) -> dict:
    detail = notice["detail"]
    page = [name_of(detail["eventArn"], detail["page"], kind) for kind in ("check", "memory")]
    services = [entity["entityValue"].split("|") for entity in detail["affectedEntities"]]
    by_cluster: dict[str, list[str]] = {}
    for cluster, service in services:
        by_cluster.setdefault(cluster, []).append(service)
    known = pool.map(get, page)
    every(describe, [(cluster, some) for cluster, names in by_cluster.items() for some in batches(names, 10)])
    if any(known):
        if len(services) > 100:
            every(listed, {name_of(*service)[:15] for service in services})  # a hundred names with each
        else:
            every(get, [name_of(*service) for service in services])
        return {"counts": {"unchanged": len(services)}}
    now, lock = datetime.now(timezone.utc), name_of("lock", page[0])
    create(lock, now, os.environ["DEPLOY_FUNCTION_ARN"], {"owner": "me"}, State="DISABLED")
    every(get, [*page, "stop"])
    at = now + timedelta(days=1)

    def schedule(service: list[str]) -> None:
        body = {"version": 1, "cluster": service[0], "service": service[1], "event_arn": detail["eventArn"]}
        create(name_of(*service), at, os.environ["DEPLOY_FUNCTION_ARN"], body, Description=f"Patches {service[1]}")

    every(schedule, services)
    entries = [event("Patch Scheduled", *service) for service in services]
    putting = [pool.submit(put, some) for some in batches(entries, 10)]
    publish("Scheduled", "\n".join(f"{cluster}/{service}: {at}" for cluster, service in services))
    for done in putting:
        done.result()
    create(page[0], at, os.environ["VERIFY_FUNCTION_ARN"], {"services": services})
    delete(lock)
    return {"outcomes": [{"entity": service, "outcome": "scheduled"} for service in services]}


def deploy(task: dict) -> dict:
    cluster, service = task["cluster"], task["service"]
    now, name = datetime.now(timezone.utc), name_of(cluster, service)
    lock = name_of("lock", name)
    create(lock, now, os.environ["DEPLOY_FUNCTION_ARN"], {"owner": "me"}, State="DISABLED")
    pending, tasks = pool.submit(get, name), pool.submit(ecs.list_tasks, cluster=cluster, serviceName=service)
    [found] = describe((cluster, [service]))
    definition = pool.submit(ecs.describe_task_definition, taskDefinition=found["taskDefinition"])
    ecs.describe_tasks(cluster=cluster, tasks=tasks.result()["taskArns"])
    pending.result(), definition.result()
    get("stop")
    ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
    putting = pool.submit(put, [event("Patch Started", cluster, service)])

    def wake_verify(kind: str) -> None:
        create(name_of(cluster, service, kind), now + timedelta(minutes=2), os.environ["VERIFY_FUNCTION_ARN"], task)

    every(wake_verify, ["check", "digest"])
    putting.result()
    get(name)
    delete(name)
    delete(lock)
    return {"outcome": "started"}


def main() -> None:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = "/2018-06-01/runtime/invocation"
    while True:
        api.request("GET", f"{path}/next")
        answer = api.getresponse()
        request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        body = json.load(answer)
        done = ingest(body) if "detail" in body else deploy(body)
        api.request("POST", f"{path}/{request}/response", json.dumps(done))
        api.getresponse().read()


if __name__ == "__main__":
    main()
