"""`make local`: a local AWS with the deployed stack, to try things by hand, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading

from local_aws import LOCAL_TEMPLATE, REGION, ROOT, Failed, LocalAws, build, docker_bridge, is_taken

PORT = 4566  # a fixed one, so that what people typed once works again
SERVICES = [("prod", "web"), ("prod", "api"), ("staging", "web")]


def main() -> None:
    host = docker_bridge() or "127.0.0.1"
    if is_taken(host, PORT):
        raise Failed(f"{host}:{PORT} is taken, perhaps by another `make local`")
    build()
    with LocalAws(host, PORT) as aws:
        for cluster, service in SERVICES:
            aws.create_service(cluster, service)
        outputs = aws.deploy(EnableDrills="true")
        template = aws.write_template_for_sam_local().relative_to(ROOT)
        print(f"""
A local AWS runs at {aws.url}, with the stack and the services {', '.join('/'.join(pair) for pair in SERVICES)}.
In another terminal:

  export AWS_ENDPOINT_URL={aws.url} AWS_DEFAULT_REGION={REGION} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  export PATH="{ROOT / '.venv' / 'bin'}:$PATH"

  sam remote invoke IngestFunction --stack-name ecs-task-patching --event-file events/service-notice.json
  sam local invoke IngestFunction --config-env local -e events/service-notice.json   # needs Docker; uses {template}

  {outputs['ListPendingCommand']}

Ctrl-C stops it.""", flush=True)
        try:
            threading.Event().wait()
        finally:
            LOCAL_TEMPLATE.unlink(missing_ok=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
        sys.exit(1)
