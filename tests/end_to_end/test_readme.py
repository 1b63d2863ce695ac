"""What the README tells people to type."""

import json
import re
import time

from local_aws import ROOT

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


def test_every_parameter_is_explained_with_its_default():
    template = (ROOT / "template.yaml").read_text()
    parameters = template[template.index("\nParameters:\n") : template.index("\nConditions:\n")]
    found = dict(re.findall(r"\n  (\w+):\n(?:    .*\n)*?    Default: (.*)\n", parameters))
    assert "MaintenanceWindows" in found
    for name, default in found.items():
        [told] = re.findall(rf"\| `{name}` \| (.*?) \|", README)
        assert told.strip("`") == (default.strip('"') or "none"), name
