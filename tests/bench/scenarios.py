"""What is measured: the functions, the events that they get, and the AWS that they find."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "target" / "bench" / "release"
PLACE = "eu-west-2:111122223333"
NOW = datetime.now(timezone.utc).replace(second=0, microsecond=0)
CUTOFF = NOW - timedelta(minutes=5)
SIZES = (1, 50, 1000)
WHOLE_CPU_MB = 1769  # the memory with which Lambda gives a whole CPU
NOOP = (str(BUILT / "noop"),)
PYTHON = (sys.executable, str(Path(__file__).with_name("plain.py")))


def ours(function: str) -> tuple[str, ...]:
    return (str(ROOT / "target" / "release" / function),)


def environment() -> dict[str, str]:
    """What the template and Lambda set. The window is open now, so that deploy may start."""
    window = f"daily {NOW - timedelta(hours=1):%H:%M}-{NOW + timedelta(hours=3):%H:%M}"
    return {
        "ACCOUNT_ID": "111122223333",
        "PARTITION": "aws",
        "URL_SUFFIX": "amazonaws.com",
        "MAINTENANCE_WINDOWS": window,
        "SCHEDULE_GROUP": "bench",
        "SCHEDULER_ROLE_ARN": "arn:aws:iam::111122223333:role/bench",
        "DEAD_LETTER_QUEUE_ARN": f"arn:aws:sqs:{PLACE}:bench",
        "NOTIFICATION_TOPIC_ARN": f"arn:aws:sns:{PLACE}:bench",
        "INGEST_FUNCTION_ARN": f"arn:aws:lambda:{PLACE}:function:bench-ingest",
        "DEPLOY_FUNCTION_ARN": f"arn:aws:lambda:{PLACE}:function:bench-deploy",
        "VERIFY_FUNCTION_ARN": f"arn:aws:lambda:{PLACE}:function:bench-verify",
        "AWS_REGION": "eu-west-2",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }


def world(services: int = 1, *, new_tasks: bool = False, rolling: bool = False) -> dict:
    """What ECS answers about every service."""
    created = CUTOFF + timedelta(minutes=1 if new_tasks else -60)
    deployed = NOW - timedelta(minutes=2) if new_tasks or rolling else CUTOFF - timedelta(minutes=60)
    return {
        "services": services,
        "tasks_created_at": int(created.timestamp()),
        "deployed_at": int(deployed.timestamp()),
        "rolling": rolling,
    }


def notice(services: int, number: int = 1) -> dict:
    """A notice of AWS Health about so many services, as AWS sends it."""
    names = [f"prod|service-{nth:04}" for nth in range((number - 1) * services, number * services)]
    starts = NOW + timedelta(days=7)
    form = "%a, %d %b %Y %H:%M:%S GMT"
    text = f"Any tasks launched after {CUTOFF:{form}} were launched on the new platform version revision."
    event = json.loads((ROOT / "events" / "service-notice.json").read_text())
    event |= {"time": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "resources": names}
    event["detail"] |= {
        "eventArn": f"{event['detail']['eventArn']}{number}",
        "startTime": f"{starts:{form}}",
        "lastUpdatedTime": f"{NOW:{form}}",
        "eventDescription": [{"language": "en_US", "latestDescription": text}],
        "affectedEntities": [{"entityValue": name, "status": "PENDING"} for name in names],
    }
    return event


@dataclass
class Scenario:
    """One function, and what it gets."""

    command: tuple[str, ...]
    events: list[dict]
    world: dict = field(default_factory=world)
    schedules: dict = field(default_factory=dict)
    pause_ms: int = 0
    memory_mb: int = 256  # as in the template

    def run(self, latency_ms: int, *, limited: bool = False) -> dict:
        """Runs it once. The first event is the cold one."""
        asked = {
            "command": self.command,
            "env": environment() | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb)},
            "events": self.events,
            "pause_ms": self.pause_ms,
            "latency_ms": latency_ms,
            "cpu_share": self.memory_mb / WHOLE_CPU_MB if limited else None,
            "world": self.world,
            "schedules": self.schedules,
        }
        done = subprocess.run([BUILT / "driver"], input=json.dumps(asked), capture_output=True, text=True)
        if done.returncode != 0 or done.stderr:
            raise RuntimeError(f"{self.command} failed:\n{done.stdout[:2000]}{done.stderr[:2000]}")
        return json.loads(done.stdout)


def due(schedules: dict, kind: str) -> tuple[dict, list[dict]]:
    """The schedules, with those of a kind due for a minute, and their inputs."""
    schedules, inputs = copy.deepcopy(schedules), []
    at = NOW - timedelta(minutes=1)
    for schedule in schedules.values():
        body = json.loads(schedule["Target"]["Input"])
        if body.get("kind", "deploy") != kind:
            continue
        if "slot" in body:
            body |= {"slot": f"{at:%Y-%m-%dT%H:%M:%SZ}", "window_ends_at": f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"}
        schedule["ScheduleExpression"] = f"at({at:%Y-%m-%dT%H:%M:%S})"
        schedule["Target"]["Input"] = json.dumps(body)
        inputs.append(body)
    return schedules, inputs


def cases(prepare: dict[int, dict]) -> dict[str, Scenario]:
    """Everything that is measured, by name. `prepare` has the schedules that ingest leaves for so many services."""
    pending, inputs = due(prepare[2], "deploy")
    deployed = Scenario(ours("deploy"), inputs, world(2), pending).run(0)["schedules"]
    checks, check_inputs = due(deployed, "service")
    watched, [page] = due(prepare[1000], "deadline")
    watched = {name: found for name, found in watched.items() if "deadline" in found["Target"]["Input"]}
    found = {"no-op": Scenario(NOOP, [{}, {}, {}])}
    for name, command in (("ingest", ours("ingest")), ("ingest (Python)", PYTHON)):
        for services in SIZES:
            new = [notice(services, number) for number in (1, 2)]
            # 1,000 services take the 100 calls that ECS accepts at once. Ours would wait for its 20 a second.
            pause_ms = 5000 if services == 1000 and command != PYTHON else 0
            found[f"{name}, {services}"] = Scenario(command, [*new, new[1]], world(services), pause_ms=pause_ms)
    found["deploy, forces"] = Scenario(ours("deploy"), inputs, world(2), pending)
    found["deploy (Python), forces"] = Scenario(PYTHON, inputs, world(2), pending)
    found["deploy, skips"] = Scenario(ours("deploy"), inputs, world(2, new_tasks=True), pending)
    found["deploy, waits"] = Scenario(ours("deploy"), inputs, world(2, rolling=True), pending)
    found["verify, proves"] = Scenario(ours("verify"), check_inputs, world(2, new_tasks=True), checks)
    found["verify, checks again"] = Scenario(ours("verify"), check_inputs, world(2, rolling=True), checks)
    holds = [
        {"operation": "hold", "cluster": "prod", "service": f"service-{nth:04}", "reason": "load test"} for nth in (0, 1)
    ]
    found["operate, holds"] = Scenario(ours("operate"), holds, world(1000), prepare[1000])
    found["console, 1000"] = Scenario(ours("console"), [{}, {}], world(1000), prepare[1000], memory_mb=1024)
    found["deadline check, 1000"] = Scenario(ours("verify"), [page], world(1000, new_tasks=True), watched)
    return found


def prepared() -> dict[int, dict]:
    """The schedules that ingest leaves, by the number of services."""
    return {size: Scenario(ours("ingest"), [notice(size)], world(size)).run(0)["schedules"] for size in (2, 1000)}
