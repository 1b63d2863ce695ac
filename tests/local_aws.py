"""A local AWS for the demo and the tests. It listens on a free port and leaves nothing behind.

It is ministack, a Python package. It ignores the AWS configuration of the user, and cannot reach a real account.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from commands import REGION, ROOT, Failed, clean_environment, run

BUILT_TEMPLATE = ROOT / ".aws-sam" / "local" / "template.json"
LOCAL_TEMPLATE = ROOT / ".aws-sam" / "local.yaml"  # outside the folder that `sam build` empties; also in samconfig.toml
ACCOUNT = "111122223333"
IMAGE = f"example/app:1.0@sha256:{'0123456789abcdef' * 4}"  # a digest, which always names the same image
BUCKET = "local-artifacts"  # also in samconfig.toml


class LocalAws:
    """A local AWS that runs for the length of a `with` block."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, enforce_iam: bool = False) -> None:
        self._enforce_iam = enforce_iam
        self._folder = tempfile.mkdtemp(prefix="local-aws-")
        self._log = Path(self._folder, "log")
        self._calls = Path(self._folder, "calls")
        self._process: subprocess.Popen[bytes] | None = None
        self._host, self._port = host, port or _free_port(host)
        self.url = f"http://{self._host}:{self._port}"
        self.endpoint_of_functions = self.url
        self._clients: dict[str, object] = {}
        self._template_url: str | None = None
        self.env = clean_environment() | {"AWS_ENDPOINT_URL": self.url}

    def __enter__(self) -> LocalAws:
        env = self.env | {
            "AWS_ENDPOINT_URL": self.endpoint_of_functions,
            "BIND_HOST": self._host,
            "MINISTACK_HOST": self._host,  # custom resources send their answers here
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "DOCKER_HOST": "unix:///nonexistent",  # simulates ECS tasks, with or without Docker
            "TMPDIR": self._folder,
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",  # on AWS: 1 minute, then 2
            # On AWS, LoggingConfig sets these variables.
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AUTH": str(self._enforce_iam).lower(),
            "LOCAL_AWS_CALLS": str(self._calls),
        }
        try:
            with self._log.open("wb") as log:
                # In a session of its own, so that Ctrl-C reaches only this process, which then stops the whole group.
                self._process = subprocess.Popen(
                    [sys.executable, str(ROOT / "tests" / "local_aws_process.py")],
                    env=env, stdout=log, stderr=subprocess.STDOUT, cwd=self._folder, start_new_session=True,
                )
            self._wait_until_ready()
            self.client("s3").create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            # AWS has this default, the local AWS does not.
            self.client("ecs").put_account_setting(name="fargateTaskRetirementWaitPeriod", value="7")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            for stop in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self._process.pid, stop)
                    self._process.wait(timeout=5)
                    break
                except subprocess.TimeoutExpired:
                    continue
                except ProcessLookupError:
                    break
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self) -> str:
        """Everything that the local AWS has printed."""
        return self._log.read_text(errors="replace")

    def calls(self) -> list[tuple[str, str, str, bool]]:
        """What roles did, each once: the role, the action, the resource, and whether IAM allowed it."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [tuple(json.loads(line)) for line in lines]

    def _wait_until_ready(self) -> None:
        for _ in range(240):
            if self._process is None or self._process.poll() is not None:
                raise Failed(f"the local AWS did not start:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.25)
        raise Failed(f"the local AWS was not ready within a minute:\n{self.log()}")

    def client(self, service: str, **options: object):
        """A boto3 client for a service of the local AWS, with other options of its `Config` if wanted."""
        if not options and service in self._clients:
            return self._clients[service]
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(**{"retries": {"max_attempts": 3}, "read_timeout": 120} | options),
        )
        if not options:
            self._clients[service] = client  # making one takes 0.1 s of CPU time
        return client

    def deploy(self, stack: str = "ecs-task-patching", **parameters: str) -> dict[str, str]:
        """Deploys the built stack, and returns its outputs.

        The first time with `sam deploy`, which uploads the packages; then with the template that it sent to AWS
        CloudFormation, which takes a fraction of the time.
        """
        formation = self.client("cloudformation")
        if self._template_url:
            self._form(stack, parameters, self._template_url)
        else:
            self._sam_deploy(stack, parameters)
            sent = formation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
            self.client("s3").put_object(Bucket=BUCKET, Key="template", Body=sent.encode())
            self._template_url = f"{self.url}/{BUCKET}/template"
        [described] = formation.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def _sam_deploy(self, stack: str, parameters: dict[str, str]) -> None:
        config = ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
        command = ["sam", "deploy", *config, "--template-file", str(BUILT_TEMPLATE), "--stack-name", stack]
        if parameters:
            command += ["--parameter-overrides", *(f"{name}='{value}'" for name, value in parameters.items())]
        run(*command, env=self.env)

    def _form(self, stack: str, parameters: dict[str, str], template_url: str) -> None:
        """Creates a stack, or updates it. As with `sam deploy`, parameters that are not given keep their values."""
        formation = self.client("cloudformation")

        def described() -> dict:
            return formation.describe_stacks(StackName=stack)["Stacks"][0]

        try:
            before = {given["ParameterKey"]: given["ParameterValue"] for given in described().get("Parameters", [])}
            act = formation.update_stack
        except formation.exceptions.ClientError:
            before, act = {}, formation.create_stack
        act(
            StackName=stack,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in (before | parameters).items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        while (status := described()["StackStatus"]).endswith("IN_PROGRESS"):
            time.sleep(0.2)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Failed(f"{stack}: {status}: {formation.describe_stack_events(StackName=stack)['StackEvents']}")

    def create_service(self, cluster: str, service: str, image: str = IMAGE, **options) -> None:
        """Creates a Fargate service with two tasks, and its cluster if necessary."""
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName=cluster)
        ecs.register_task_definition(
            family=service,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": service, "image": image, "essential": True}],
        )
        ecs.create_service(
            cluster=cluster,
            serviceName=service,
            taskDefinition=service,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            **({"desiredCount": 2} | options),
        )

    def tag(self, cluster: str, service: str, **tags: str) -> None:
        """Sets tags of a service, without their prefix: `tag("prod", "web", mode="off")`."""
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{service}"
        tags = [{"key": f"ecs-task-patching:{key}", "value": value} for key, value in tags.items()]
        self.client("ecs").tag_resource(resourceArn=arn, tags=tags)

    def tasks(self, cluster: str, service: str) -> list[dict]:
        """The running tasks of a service."""
        ecs = self.client("ecs")
        arns = ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"]
        return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []

    def deployments(self, cluster: str, service: str) -> list[dict]:
        """The deployments of a service."""
        return self.client("ecs").describe_services(cluster=cluster, services=[service])["services"][0]["deployments"]

    def write_template_for_sam_local(self, stack: str = "ecs-task-patching") -> Path:
        """Writes the template for `sam local invoke`, with the variables of the deployed functions and the endpoint.

        Its functions are those of `sam build`, which run in Lambda's image as well as on the machine that built them.
        """
        template = json.loads(BUILT_TEMPLATE.read_text())
        functions = self.client("lambda")
        resources = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                deployed = functions.get_function_configuration(FunctionName=physical[name])
                variables = deployed.get("Environment", {}).get("Variables", {})
                endpoint = self.url.replace("127.0.0.1", "host.docker.internal")  # the name in Docker Desktop
                resource["Properties"]["CodeUri"] = str(ROOT / ".aws-sam" / "build" / name)
                resource["Properties"]["Environment"] = {"Variables": variables | {"AWS_ENDPOINT_URL": endpoint}}
        path = LOCAL_TEMPLATE
        path.write_text(json.dumps(template, indent=2))  # JSON is YAML
        return path


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def is_taken(host: str, port: int) -> bool:
    """Whether a process listens on this port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def docker_bridge() -> str | None:
    """The address at which containers of `sam local invoke` reach this machine, if Docker runs on it.

    Other machines cannot reach this address. With Docker Desktop there is no such address, and containers reach
    127.0.0.1 as host.docker.internal.
    """
    docker = shutil.which("docker")
    if docker is None:
        return None
    inspected = subprocess.run([docker, "network", "inspect", "bridge"], capture_output=True, text=True)
    if inspected.returncode != 0:
        return None
    configs = json.loads(inspected.stdout)[0]["IPAM"]["Config"]
    networks = [ipaddress.ip_network(config["Subnet"]) for config in configs]
    address = next((str(network[1]) for network in networks if network.version == 4), "")
    try:
        _free_port(address)
    except OSError:
        return None
    return address
