"""`sam local invoke`, which needs Docker and the Lambda base image."""

import json
import platform
import shutil
import subprocess

import pytest
from commands import ROOT, run
from local_aws import LocalAws, docker_bridge

IMAGE = f"public.ecr.aws/lambda/provided:al2023-{'arm64' if platform.machine() == 'aarch64' else 'x86_64'}"


def image_is_present():
    docker = shutil.which("docker")
    return docker and subprocess.run([docker, "image", "inspect", IMAGE], capture_output=True).returncode == 0


@pytest.mark.skipif(
    not (image_is_present() and docker_bridge()), reason=f"this machine does not have Docker or its image {IMAGE}"
)
def test_sam_local_invoke_prints_the_answer_as_json(stack):
    with LocalAws(docker_bridge()) as aws:  # at an address that containers can reach
        run("sam", "build", "--config-env", "local", env=aws.env)
        group = aws.deploy()["ScheduleGroupName"]
        aws.write_template_for_sam_local()
        command = ["sam", "local", "invoke", "IngestFunction", "--config-env", "local", "--skip-pull-image"]
        done = subprocess.run(
            [*command, "-e", "events/iso-dates.json"], cwd=ROOT, env=aws.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        schedules = aws.client("scheduler").list_schedules(GroupName=group, NamePrefix="prod.")["Schedules"]
    assert answer["starts_at"] == "2030-01-02T18:00:00Z"
    assert [outcome["entity"] for outcome in answer["outcomes"]] == [
        "prod/billing", "arn:aws:ecs:eu-west-2:111122223333:service/prod/reports",
    ]
    names = sorted(outcome["schedule"] for outcome in answer["outcomes"])
    assert names == sorted(schedule["Name"] for schedule in schedules)
