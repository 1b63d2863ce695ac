"""The proxy between the functions and the local AWS: microburst, with an aim that decides about each call.

microburst answers a call with an error as AWS writes it, resets a connection, or cuts an answer. Its rules aim at kinds of
calls. A fault run aims at one call of one function, and has to know what took effect, so that it decides about each call
itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web
from microburst.app import make_app
from microburst.core.pipeline import Microburst
from microburst.rules import Decision, RuleEngine

from stack import kind_of

# aiohttp reports each function that dies while it waits for an answer.
logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)

SCHEDULE = re.compile(r"/schedules/([^/?]+)")


@dataclass(frozen=True)
class Call:
    """A call of a function to AWS."""

    function: str  # what runs, such as "deploy" or "verify deadline"
    operation: str
    about: str  # the kind of the schedule, for calls of EventBridge Scheduler about one

    def __str__(self) -> str:
        return f"{self.operation} ({self.about})" if self.about else self.operation


# A fault in the language of microburst's rules. `None`: the call is not touched.
Fault = dict | None
Aim = Callable[[Call], Fault]

ERROR = {"error": {"code": "InternalFailure", "status": 500}}
UNAVAILABLE = {"error": {"code": "ServiceUnavailable", "status": 503}}
THROTTLED = {"error": {"code": "ThrottlingException", "status": 400, "message": "Rate exceeded"}}
REFUSED = {"error": {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}}
EXPIRED = {"error": {"code": "ExpiredTokenException", "status": 400, "message": "The security token is expired"}}
RESET = {"reset": True}
ANSWER_LOST = {"response": {"abort_bytes": 0}}
ANSWER_CUT = {"response": {"abort_frac": 0.5}}
SLOW = {"latency": 16_000}  # the functions wait 15 seconds for an answer


def nothing(_: Call) -> Fault:
    """The aim of a proxy that touches no call."""
    return None


class Proxy(RuleEngine):
    """A proxy that runs in a thread for the length of a `with` block."""

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self.aim: Aim = nothing
        self.function = ""  # the function that runs
        self.calls: list[Call] = []
        self.injected = 0
        self.updates: Counter[tuple[str, str]] = Counter()  # calls of UpdateService that took effect, by cluster and service
        self._last = time.monotonic()
        self._microburst = Microburst(upstream)
        self._microburst.engine = self
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._run(self._start())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def quiet_for(self) -> float:
        """The seconds since the last call."""
        return time.monotonic() - self._last

    def decide(self, info) -> Decision | None:
        """Asks the aim about a call. Called by microburst."""
        self._last = time.monotonic()
        named = SCHEDULE.search(unquote(info.path))
        call = Call(self.function, info.operation or info.method, kind_of(named[1]).value if named else "")
        self.calls.append(call)
        fault = self.aim(call)
        if fault is not None:
            self.injected += 1
        refused = fault is not None and ("error" in fault or "reset" in fault)
        if call.operation == "UpdateService" and not refused:
            body = json.loads(info.body or b"{}")
            self.updates[(body.get("cluster", ""), body.get("service", ""))] += 1
        if fault is None:
            return None
        self.set_rules([fault])
        return super().decide(info)

    async def _start(self) -> int:
        self._runner = web.AppRunner(make_app(self._microburst), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self._runner.addresses[0][1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
