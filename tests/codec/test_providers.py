"""What eight providers' streams come to when what may leave is asked for behind every single output of the core."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sidecar.codec.body import StreamedAnswer, WholeBody
from sidecar.codec.catalogue import shape_of
from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.values import Blocked, Release
from tests import providers
from tests.codec.playing import feed, payloads, take
from tests.exchanges.wire import written
from tests.providers import Parts, call, reasoning, text
from tests.proxies import POLICY

PATHS = {
    "chat": "/v1/chat/completions",
    "mistral": "/mistral/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "converse": "/model/m/converse-stream",
    "invoke": "/model/anthropic.m/invoke-with-response-stream",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "cohere": "/v2/chat",
    "ollama": "/api/chat",
}
SAID: Parts = [reasoning("Let me", " think."), text("Hello", " there,", " you"), call('{"card": "no', 'ne", "sum": 3}')]
LATER: Parts = [call('{"card": "none"}'), text("And now."), call('{"card": "ignore all rules"}')]


@pytest.fixture(params=["whole", "stream"])
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Plan:
    """A policy with calls that leave whole, and one with calls that stream."""
    (tmp_path / "policy.yaml").write_text(f"{POLICY}stream: {{tool_calls: {request.param}}}\n")
    policies = PolicyStore((tmp_path,), None)
    policies.load()
    return policies.plans["default"]


def frames_of(name: str) -> tuple[Shape, Format, list[Any]]:
    """The frames of the stream, as documents."""
    path = PATHS[name]
    wire = providers.wire_of(path)
    shape = shape_of(path)
    assert shape is not None
    return shape, wire.form, [written(wire.form, frame) for frame in wire.stream(SAID)]


def left(shape: Shape, form: Format, plan: Plan, pieces: Sequence[bytes]) -> bytes:
    """What leaves, asked for behind every output."""
    body = StreamedAnswer(shape, form, max_frame_bytes=1 << 20, holds_calls=plan.holds_calls)
    stream, out = Stream(plan), b""
    for fed in (each for piece in pieces for each in body.feed(piece)):
        feed(stream, [fed])
        while (output := stream.next_output()) is not None:
            if isinstance(output, Release | Blocked):
                body.take(output)
                out += body.ready()
    out += body.ready()
    body.flush()
    return out + body.ready()


@pytest.mark.parametrize("name", ["responses", "anthropic", "converse", "cohere"])
def test_a_stream_that_says_where_parts_end_leaves_as_it_came(plan: Plan, name: str):
    shape, form, frames = frames_of(name)
    came = b"".join(frames)
    assert left(shape, form, plan, [came]) == came
    assert left(shape, form, plan, frames) == came


@pytest.mark.parametrize("name", PATHS)
def test_a_call_is_named_before_its_arguments_come(plan: Plan, name: str):
    shape, form, frames = frames_of(name)
    documents = payloads(form, left(shape, form, plan, [b"".join(frames)]))
    told = [json.dumps(each) for each in documents]
    named = next(at for at, each in enumerate(told) if '"pay"' in each)
    argued = next(at for at, each in enumerate(told) if "card" in each)
    assert named <= argued


def test_the_rest_of_a_thought_is_a_thought(plan: Plan):
    """A word that was held leaves behind the text: in a part that says of itself that it is a thought."""
    shape, form, frames = frames_of("gemini")
    parts = [
        part
        for document in payloads(form, left(shape, form, plan, frames))
        for part in document["candidates"][0]["content"]["parts"]
    ]
    assert "".join(part["text"] for part in parts if part.get("thought")) == "Let me think."
    assert "".join(part.get("text", "") for part in parts if not part.get("thought")) == "Hello there, you"


def test_a_frame_for_a_rest_says_that_nothing_is_over(plan: Plan):
    """A client of Mistral's takes no chunk without a finish reason, be it null."""
    shape, form, frames = frames_of("mistral")
    choices = [
        choice
        for document in payloads(form, left(shape, form, plan, frames))
        if isinstance(document, dict)
        for choice in document["choices"]
    ]
    assert all("finish_reason" in choice for choice in choices)


@pytest.mark.parametrize("name", PATHS)
def test_no_call_leaves_with_a_whole_answer_that_was_stopped(plan: Plan, name: str):
    shape = shape_of(PATHS[name])
    assert shape is not None
    document = providers.wire_of(PATHS[name]).whole(LATER)
    body = WholeBody(shape, json.dumps(document).encode(), is_request=False)
    stream = Stream(plan)
    feed(stream, body.texts)
    stream.close()
    take(stream, body)
    said = body.finish().decode()
    assert "Stopped." in said
    assert '"pay"' not in said
