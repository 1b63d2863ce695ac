"""`make local`: a local AWS with the deployed stack, to try commands by hand. Press Ctrl-C to stop it."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack

from build import build
from commands import REGION, ROOT, Failed
from console_page import ConsolePage
from every_state import every_state
from local_aws import LOCAL_TEMPLATE, LocalAws, docker_bridge, is_taken
from samples import SERVICES

PORT = 4566  # fixed, so that commands still work after a restart
PAGE_PORT = 8080


def main() -> None:
    host = docker_bridge() or "127.0.0.1"
    if is_taken(host, PORT):
        raise Failed(f"{host}:{PORT} is in use, perhaps by another `make local`")
    build()
    with ExitStack() as stopping:
        aws = stopping.enter_context(LocalAws(host, PORT))
        outputs = aws.deploy(EnableDrills="true")
        every_state(aws, outputs)
        services = ", ".join("/".join(pair) for pair in SERVICES)
        template = aws.write_template_for_sam_local().relative_to(ROOT)
        page = stopping.enter_context(ConsolePage(aws, outputs, 0 if is_taken("127.0.0.1", PAGE_PORT) else PAGE_PORT))
        print(f"""
The console is at {page.url} with services in every state: the page hosts it as a CloudWatch dashboard does.

The local AWS is ready at {aws.url}, with the deployed stack and, among others, three services: {services}.
Run these commands in another terminal:

  export AWS_ENDPOINT_URL={aws.url} AWS_DEFAULT_REGION={REGION} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  export PATH="{ROOT / '.venv' / 'bin'}:$PATH"

  sam remote invoke IngestFunction --stack-name ecs-task-patching --event-file events/service-notice.json
  sam build && sam local invoke IngestFunction --config-env local -e events/service-notice.json   # requires Docker; reads {template}

  {outputs['ListPendingCommand']}
  {outputs['DoctorCommand']}

Press Ctrl-C to stop it.""", flush=True)
        try:
            threading.Event().wait()
        finally:
            LOCAL_TEMPLATE.unlink(missing_ok=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running.")
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
        sys.exit(1)
