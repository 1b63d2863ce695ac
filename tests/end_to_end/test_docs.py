"""The documents: their links, what they tell people to type, and what they must not leave out."""

import json
import re
import subprocess
import time
from datetime import timedelta

import pytest
import yaml
from helpers import changed, notice, now, outcome
from build import CloudFormationLoader
from commands import REGION, ROOT
from local_aws import ACCOUNT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [
        *ROOT.glob("*.md"),
        ROOT / "events" / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
}
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:lambdas|tests|events|docs)(?:/[\w.-]+)*/?|[\w.-]+\.(?:yaml|md|toml))`")


def prose(name):
    """A document without its examples."""
    return FENCE.sub("", DOCUMENTS[name])


def examples(language):
    """Every example in a language, with its document."""
    return [
        pytest.param(body, id=f"{name}:{number}")
        for name, text in DOCUMENTS.items()
        for number, (tag, body) in enumerate(FENCE.findall(text), 1)
        if tag == language
    ]


def anchors(name):
    """The anchors of a document's headings, as GitHub makes them."""
    found = []
    for heading in re.findall(r"^#+ +(.*?) *$", prose(name), re.MULTILINE):
        text = LINK.sub(lambda link: link[0].split("](")[0][1:], heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        repeated = sum(1 for known in found if known == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", known))
        found.append(f"{slug}-{repeated}" if repeated else slug)
    return found


# ---- Links and form ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_internal_link_leads_somewhere(name):
    broken = []
    for target in LINK.findall(prose(name)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = ((ROOT / name).parent / file).resolve() if file else ROOT / name
        known = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else file
        if not path.exists() or (anchor and anchor not in (anchors(known) if known in DOCUMENTS else [])):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_the_maps_name_exists(name):
    assert [path for path in sorted(set(PATH.findall(prose(name)))) if not (ROOT / path).exists()] == []


def test_the_readme_is_short_has_eight_words_and_links_every_document():
    readme = DOCUMENTS["README.md"]
    assert len(readme.splitlines()) <= 200
    glossary = readme.partition("\n## Glossary\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| \*\*", glossary, re.MULTILINE)) == 8
    linked = {target.partition("#")[0] for target in LINK.findall(prose("README.md"))}
    assert sorted(name for name in DOCUMENTS if name != "README.md" and name not in linked) == []


@pytest.mark.parametrize("example", examples("sh"))
def test_every_shell_example_can_be_parsed(example):
    done = subprocess.run(["bash", "-n"], input=example, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", examples("json"))
def test_every_json_example_is_json(example):
    json.loads(example)


# ---- Commands that readers type ------------------------------------------------------------------------------------


def test_the_drill_as_printed_schedules_the_service_and_says_that_ecs_does_not_know_it(stack):
    [entries] = re.findall(r"aws events put-events --entries '(.*?)'", DOCUMENTS["README.md"], re.DOTALL)
    assert stack.aws.client("events").put_events(Entries=json.loads(entries))["FailedEntryCount"] == 0
    for _ in range(40):
        if names := stack.schedules.names("my-cluster"):
            break
        time.sleep(0.5)
    [name] = names
    assert stack.schedules.input(name)["service"] == "my-service"
    [message] = stack.inbox.messages("my-cluster/my-service")
    assert message["Subject"].startswith("Drill: Unknown to ECS: 1 service"), "the local AWS has no such service"


def test_a_notice_is_planned_again_as_printed(stack, cluster):
    [event] = re.findall(r"cat > again.json <<'END'\n(.*?)\nEND\n", DOCUMENTS["docs/operations.md"], re.DOTALL)
    event = json.loads(event)
    sent = notice(f"{cluster}|web")
    stack.aws.create_service(cluster, "web")
    with changed(stack, "IngestFunctionName", MODE="observe"):
        assert outcome(stack.ingest(sent))["outcome"] == "skipped"
    assert stack.schedules.names(cluster) == []
    assert (event["account"], event["region"]) == (ACCOUNT, REGION)
    event["time"] = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    event["detail"] |= {
        "eventArn": sent["detail"]["eventArn"],
        "startTime": f"{now() + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
        "affectedEntities": [{"entityValue": f"{cluster}|web"}],
    }
    assert outcome(stack.ingest(event))["outcome"] == "scheduled"
    [name] = stack.schedules.names(cluster)


def test_the_outputs_that_the_commands_read_exist(stack):
    read = set(re.findall(r"\$\(output (\w+)\)", DOCUMENTS["docs/operations.md"]))
    assert "ListPendingCommand" in read
    assert sorted(read - set(stack.outputs)) == []


# ---- What must not be left out ---------------------------------------------------------------------------------------


def template():
    return yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)


def test_every_parameter_is_explained_with_its_default():
    found = {name: str(parameter["Default"]) for name, parameter in template()["Parameters"].items()}
    assert "MaintenanceWindows" in found
    for name, default in found.items():
        [told] = re.findall(rf"^\| `{name}` \| (.*?) \|", DOCUMENTS["docs/configuration.md"], re.MULTILINE)
        assert told.strip("`") == (default or "none"), name


def test_every_action_that_a_role_is_granted_is_explained():
    granted = set()
    for resource in template()["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            [policy] = resource["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement.get("Fn::If", [None, statement])[1]["Action"]
                granted |= {actions} if isinstance(actions, str) else set(actions)
    assert "ecs:UpdateService" in granted
    table = DOCUMENTS["docs/security.md"].partition("\n## Permissions\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"`([a-z]+:[A-Z]\w+)`", table))
    assert granted == explained


def test_the_rule_is_restored_as_the_template_has_it():
    [pattern] = re.findall(r"--event-pattern '(.*?)'", DOCUMENTS["docs/troubleshooting.md"], re.DOTALL)
    expected = template()["Resources"]["RetirementRule"]["Properties"]["EventPattern"]
    drills, without_drills = expected["source"]["Fn::If"][1:]
    assert json.loads(pattern) == expected | {"source": without_drills} and "ecs-task-patching.drill" in drills


def test_every_alarm_is_explained():
    alarms = {name for name, found in template()["Resources"].items() if found["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == set(re.findall(r"`(\w+Alarm)`", DOCUMENTS["docs/notifications.md"]))
