"""The `aws` command, as far as the documents use it in what the tests run: one call, with its JSON answer.

AWS CLI version 2 is no Python package, so the tests cannot install it.
"""

import json
import sys
from pathlib import Path

import boto3
import jmespath

NUMBERS = {"VisibilityTimeout", "WaitTimeSeconds"}
LISTS = {"MessageAttributeNames"}
LOCAL = {"CliBinaryFormat", "Query"}  # options of the command, which are not sent


def parameters(words):
    """The options of a command, and the file that `aws lambda invoke` writes the answer of the function to."""
    found, file = {}, None
    while words:
        option = words.pop(0)
        if not option.startswith("--"):
            file = option
            continue
        name, value = "".join(part.capitalize() for part in option[2:].split("-")), words.pop(0)
        if value.startswith("file://"):
            value = Path(value.removeprefix("file://")).read_bytes()
        found[name] = int(value) if name in NUMBERS else [value] if name in LISTS else value
    return found, file


def main():
    service, operation, *words = sys.argv[1:]
    given, file = parameters(words)
    sent = {name: value for name, value in given.items() if name not in LOCAL}
    try:
        answer = getattr(boto3.client(service), operation.replace("-", "_"))(**sent)
    except Exception as error:  # as the command does: the text, and an exit code
        sys.exit(str(error))
    if file is not None:
        with open(file, "wb") as written:
            written.write(answer["Payload"].read())
    answer = {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "Payload")}
    print(json.dumps(jmespath.search(given["Query"], answer) if "Query" in given else answer))


if __name__ == "__main__":
    main()
