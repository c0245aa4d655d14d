"""What a stream's policy match may rest on: facts from the settings, and from headers that the operator trusts.

A header that the settings do not name says nothing: whoever calls cannot choose a policy, a tenant or a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidecar.codec.weave import Text
from sidecar.config import Facts, Limits
from sidecar.session import Passage, StreamStart
from sidecar.telemetry.tracing import parse_traceparent
from sidecar.values import Channel, Direction, Part

_SOURCES = frozenset({Part.CONTEXT, Part.TOOL_RESULT})


def start_of(facts: Facts, headers: Mapping[str, str], document: Any) -> StreamStart:
    """The start of a request's stream. `headers` must not tell cases apart; `document` is the parsed request."""
    named = facts.headers

    def told(header: str, otherwise: str = "") -> str:
        return headers.get(header, otherwise) if header else otherwise

    model = document.get("model") if isinstance(document, dict) else None
    return StreamStart(
        direction=Direction.INPUT,
        policy=told(named.policy, facts.policy),
        tenant=told(named.tenant, facts.tenant),
        session_id=told(named.session_id),
        request_id=told(named.request_id),
        prompt_version=told(named.prompt_version),
        labels={**facts.labels, **{label: headers[name] for label, name in named.labels.items() if name in headers}},
        model=model if isinstance(model, str) else "",
        trace=parse_traceparent(headers.get("traceparent", "")),
    )


def sources_of(texts: Iterable[Text], limits: Limits) -> tuple[str, tuple[Passage, ...]]:
    """The user's last words, and the passages that the answer should rest on, as far as the limits allow."""
    prompt = ""
    passages: list[Passage] = []
    room = limits.max_context_chars
    for part, number, text in _whose(texts):
        if part is Part.USER:
            prompt = text
        elif part in _SOURCES and len(passages) < limits.max_context_passages and len(text) <= room:
            passages.append(Passage(str(number), text))
            room -= len(text)
    return (prompt if len(prompt) <= room else ""), tuple(passages)


def _whose(texts: Iterable[Text]) -> Iterator[tuple[Part, int, str]]:
    for lane, text in texts:
        if lane.channel is Channel.CONTENT:
            yield lane.part, lane.choice, text
