"""What a stream's policy match may rest on: facts from the settings, and from what the operator trusts.

A header or attribute that the settings do not name says nothing: whoever calls cannot choose a policy, a tenant or a
label. Weakest first: fixed facts, headers, Envoy's attributes; the labels of the mesh's identity nobody else can set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import field

from detectors.task import Task
from sidecar.codec.weave import Text
from sidecar.config import MESH, FactNames, Facts, Limits
from sidecar.errors import CallerError
from sidecar.start import Passage, StreamStart
from sidecar.telemetry.tracing import parse_traceparent
from sidecar.transport.identity import Peer, forwarded, mesh_labels
from sidecar.values import Channel, Direction, Part
from sidecar.wording.languages import preferred

_SOURCES = frozenset({Part.CONTEXT, Part.TOOL_RESULT})


class Caller(msgspec.Struct, frozen=True):
    """What is known of who asks, beside what a request says. `headers` must not tell cases apart.

    `attributes` are Envoy's, as far as the settings name them.
    """

    headers: Mapping[str, str]
    peer: Peer = Peer()
    attributes: Mapping[str, str] = field(default_factory=dict)
    route: str = ""
    """The way by which it came, where no fact says it."""


def start_of(facts: Facts, caller: Caller, document: Any) -> StreamStart:
    """The start of a request's stream. `document` is the parsed request."""
    asked = document.get("model") if isinstance(document, dict) else None
    identity = caller.attributes.get(facts.identity.attribute, "") or forwarded(
        facts.identity, caller.peer, caller.headers
    )
    return StreamStart(
        direction=Direction.INPUT,
        policy=_told(facts, caller, "policy") or facts.policy,
        tenant=_told(facts, caller, "tenant") or facts.tenant,
        session_id=_told(facts, caller, "session_id"),
        request_id=_told(facts, caller, "request_id"),
        prompt_version=_told(facts, caller, "prompt_version"),
        route=_told(facts, caller, "route") or caller.route,
        labels={**facts.labels, **_labels(facts, caller), **mesh_labels(identity)},
        model=_told(facts, caller, "model") or (asked if isinstance(asked, str) else ""),
        trace=parse_traceparent(caller.headers.get("traceparent", "")),
        languages=preferred(_told(facts, caller, "language")),
    )


def pinned(facts: Facts, caller: Caller, said: StreamStart) -> StreamStart:
    """A start that a gRPC caller made, with what is not its to say put right.

    Policy, tenant, model and labels that the operator knows win over the caller's; ids that it gave stay. Raises
    `CallerError` when it claims a label of the mesh's.
    """
    if any(label.startswith(MESH) for label in said.labels):
        raise CallerError(f"only the mesh sets labels that begin with {MESH}", field="start.labels")
    known = start_of(facts, caller, None)
    own = next(iter(caller.peer.identities), "") if f"{MESH}identity" not in known.labels else ""
    return msgspec.structs.replace(
        said,
        policy=known.policy or said.policy,
        tenant=known.tenant or said.tenant,
        model=known.model or said.model,
        route=known.route,
        session_id=said.session_id or known.session_id,
        request_id=said.request_id or known.request_id,
        prompt_version=known.prompt_version or said.prompt_version,
        languages=known.languages,
        labels={**said.labels, **known.labels, **mesh_labels(own)},
    )


def named_attributes(facts: Facts) -> frozenset[str]:
    """The attributes of Envoy's that the settings name."""
    names = facts.attributes
    texts = {value for value in names.model_dump().values() if isinstance(value, str)}
    return frozenset({*texts, *names.labels.values(), facts.identity.attribute} - {""})


def _told(facts: Facts, caller: Caller, fact: str) -> str:
    """A fact that Envoy tells, or else a header."""
    return _value(facts.attributes, caller.attributes, fact) or _value(facts.headers, caller.headers, fact)


def _value(names: FactNames, values: Mapping[str, str], fact: str) -> str:
    name: str = getattr(names, fact)
    return values.get(name, "") if name else ""


def _labels(facts: Facts, caller: Caller) -> dict[str, str]:
    sources = ((facts.headers, caller.headers), (facts.attributes, caller.attributes))
    return {label: values[name] for names, values in sources for label, name in names.labels.items() if name in values}


def with_sources(start: StreamStart, texts: Sequence[Text], limits: Limits) -> StreamStart:
    """With the user's last words, and the passages that the answer should rest on, as far as the limits allow."""
    prompt, left_out = "", 0
    passages: list[Passage] = []
    room = limits.max_context_chars
    for part, number, text in _whose(texts):
        if part is Part.USER:
            prompt = text
        elif part not in _SOURCES:
            continue
        elif len(passages) < limits.max_context_passages and len(text) <= room:
            passages.append(Passage(str(number), text))
            room -= len(text)
        else:
            left_out += 1
    return msgspec.structs.replace(
        start,
        prompt=prompt if len(prompt) <= room else "",
        context=tuple(passages),
        passages_left_out=left_out,
        task=_task_of(texts, limits.max_context_chars),
    )


def _task_of(texts: Sequence[Text], room: int) -> Task:
    """What the answer's calls are to serve. Of what was read, the latest is kept where there is no room for all."""
    said: dict[Part, list[str]] = {part: [] for part in Part}
    for part, _, text in _whose(texts):
        said[part].append(text)
    untrusted: list[str] = []
    read = [text for part, _, text in _whose(texts) if part in _SOURCES]
    for text in reversed(read):
        room -= len(text)
        if room < 0:
            break
        untrusted.append(text)
    return Task(
        said[Part.USER],
        instructions=said[Part.SYSTEM],
        untrusted=untrusted[::-1],
        definitions=said[Part.TOOL_DEFINITION],
        is_cut=room < 0,
    )


def _whose(texts: Iterable[Text]) -> Iterator[tuple[Part, int, str]]:
    for each in texts:
        if each.lane.channel is Channel.CONTENT:
            yield each.lane.part, each.lane.choice, each.text
