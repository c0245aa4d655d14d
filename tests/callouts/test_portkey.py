"""`POST /portkey`: what Portkey's webhook sends before and after a call, and what it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.callouts.serving import BAD, CARD, FINE, MASKED, Calling, calling


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


def before(said: str, **others: Any) -> dict[str, Any]:
    """A hook's body, as Portkey documents it."""
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": said}]
    return {
        "request": {
            "json": {"model": "gpt-4o", "messages": messages, "max_tokens": 9, "stream": False},
            "text": said,
            "isStreamingRequest": False,
            "isTransformed": False,
        },
        "response": {"json": {}, "text": "", "statusCode": None, "isTransformed": False},
        "provider": "openai",
        "requestType": "chatComplete",
        "metadata": {"session_id": "s-1"},
        "eventType": "beforeRequestHook",
    } | others


def after(said: str, **others: Any) -> dict[str, Any]:
    """The hook after the call."""
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    response = {"json": answer, "text": said, "statusCode": 200, "isTransformed": False}
    return before(FINE) | {"eventType": "afterRequestHook", "response": response} | others


async def test_what_is_fine_has_a_verdict_and_no_more(door: Calling):
    _, answer = await door.post("/portkey", before(FINE))

    assert answer["verdict"] is True
    assert "transformedData" not in answer
    assert door.decisions[0].ids.session == "s-1"


async def test_a_masked_request_comes_back_with_all_its_fields(door: Calling):
    body = before(CARD)
    _, answer = await door.post("/portkey", body)

    assert answer["verdict"] is True
    assert answer["data"]["rules"] == ["rule-0"]
    assert answer["transformedData"] == {"request": {"json": before(MASKED)["request"]["json"]}}


async def test_a_block_is_a_verdict_that_is_false(door: Calling):
    _, answer = await door.post("/portkey", before(BAD))

    assert answer["verdict"] is False
    assert answer["data"]["message"] == "Let us not."
    assert "transformedData" not in answer


async def test_an_answer_is_masked_in_its_place(door: Calling):
    _, answer = await door.post("/portkey", after(CARD))

    assert answer["transformedData"] == {"response": {"json": after(MASKED)["response"]["json"]}}
    assert door.violations[0].where.part == "model"
    assert door.decisions[0].direction == "output"


async def test_anthropics_messages_are_read_as_such(door: Calling):
    document = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": CARD}]}
    body = before(CARD, requestType="messages") | {"request": {"json": document, "text": CARD}}
    _, answer = await door.post("/portkey", body)

    masked = document | {"messages": [{"role": "user", "content": MASKED}]}
    assert answer["transformedData"] == {"request": {"json": masked}}


@pytest.mark.parametrize(("said", "verdict"), [(FINE, True), (CARD, False), (BAD, False)])
async def test_a_type_that_nobody_reads_passes_only_as_it_is(door: Calling, said: str, verdict: bool):
    _, answer = await door.post("/portkey", before(said, requestType="createSpeech"))

    assert answer["verdict"] is verdict
    assert ("message" in answer["data"]) is not verdict


async def test_of_a_type_that_nobody_knows_all_of_the_body_is_read(door: Calling):
    said = {"json": {"model": "gpt-image-1", "prompt": FINE, "style": {"notes": [CARD]}}, "text": FINE}
    _, answer = await door.post("/portkey", before(FINE, requestType="imageGenerate", request=said))

    assert answer["verdict"] is False
    assert "transformedData" not in answer


async def test_a_wrong_request_is_no_pass(door: Calling):
    status, answer = await door.post("/portkey", before(FINE) | {"eventType": "x"})

    assert (status, answer["verdict"]) == (400, False)
    assert answer["data"]["error"]["type"] == "caller"
