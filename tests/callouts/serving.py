"""A real listener of call-outs on port 0, over plans made by hand, with an outbox in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from sidecar.callouts.server import CalloutServer
from sidecar.config import Callouts, Limits
from sidecar.outbox.event import StreamDecision, Violation
from sidecar.policy.plan import Plan
from sidecar.tokens import Tokens
from sidecar.values import Action
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.servers import Serving, serving

GUARD = plan(
    (WordScanner(r"\d{4} \d{4}", label="CREDIT_CARD"), [rule(Action.REDACT, "CREDIT_CARD")]),
    (SegmentFlagger("forbidden", label="injection"), [rule(Action.BLOCK, "injection", index=1, message="Let us not.")]),
    (SegmentFlagger("odd", label="odd"), [rule(Action.ANNOTATE, "odd", index=2)]),
    max_hold_ms=60_000,
)
CARD = "My card is 4111 1111, thanks."
MASKED = "My card is <CREDIT_CARD>, thanks."
BAD = "This is forbidden. More."
FINE = "What a fine day it is."


@dataclass
class Calling:
    """A running listener, and what was recorded."""

    url: str
    serving: Serving
    http: aiohttp.ClientSession
    server: CalloutServer

    async def post(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        send = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.http.post(f"{self.url}{path}", headers=headers, **send) as answer:
            return answer.status, await answer.json(content_type=None)

    @property
    def violations(self) -> list[Violation]:
        return self.serving.violations

    @property
    def decisions(self) -> list[StreamDecision]:
        return self.serving.decisions


@asynccontextmanager
async def calling(
    *plans: Plan, tokens: Tokens | None = None, limits: Limits | None = None, **settings: Any
) -> AsyncIterator[Calling]:
    """A listener that stops with the context."""
    async with serving(*(plans or (GUARD,)), limits=limits) as running:
        server = CalloutServer(running.engine, Callouts(listen="127.0.0.1:0", **settings), tokens)
        try:
            await server.start()
            async with aiohttp.ClientSession() as http:
                yield Calling(f"http://{server.address}", running, http, server)
        finally:
            await server.stop()
