"""What the README tells people to type."""

import json
import re
import time
from datetime import timedelta

from conftest import changed, notice, now, outcome
from local_aws import ACCOUNT, REGION, ROOT

README = (ROOT / "README.md").read_text()


def test_the_drill_as_printed_schedules_the_service(stack):
    [entries] = re.findall(r"aws events put-events --entries '(.*?)'", README, re.DOTALL)
    assert stack.aws.client("events").put_events(Entries=json.loads(entries))["FailedEntryCount"] == 0
    for _ in range(40):
        if names := stack.names_with("my-cluster"):
            break
        time.sleep(0.5)
    [name] = names
    assert stack.given(name)["service"] == "my-service"
    [message] = stack.ears.messages("my-cluster/my-service")
    assert message["Subject"].startswith("Task retirement: 1 service(s) will be redeployed")


def test_a_notice_is_planned_again_as_printed(stack, cluster):
    [event] = re.findall(r"cat > again.json <<'END'\n(.*?)\nEND\n", README, re.DOTALL)
    event = json.loads(event)
    sent = notice(f"{cluster}|web")
    stack.aws.create_service(cluster, "web")
    with changed(stack, "IngestFunctionName", MODE="observe"):
        assert outcome(stack.ingest(sent))["outcome"] == "skipped"
    assert stack.names_with(cluster) == []
    assert (event["account"], event["region"]) == (ACCOUNT, REGION)
    event["time"] = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    event["detail"] |= {
        "eventArn": sent["detail"]["eventArn"],
        "startTime": f"{now() + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
        "affectedEntities": [{"entityValue": f"{cluster}|web"}],
    }
    assert outcome(stack.ingest(event))["outcome"] == "scheduled"
    [name] = stack.names_with(cluster)


def test_every_parameter_is_explained_with_its_default():
    template = (ROOT / "template.yaml").read_text()
    parameters = template[template.index("\nParameters:\n") : template.index("\nConditions:\n")]
    found = dict(re.findall(r"\n  (\w+):\n(?:    .*\n)*?    Default: (.*)\n", parameters))
    assert "MaintenanceWindows" in found
    for name, default in found.items():
        [told] = re.findall(rf"\| `{name}` \| (.*?) \|", README)
        assert told.strip("`") == (default.strip('"') or "none"), name
