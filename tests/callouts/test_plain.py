"""`POST /v1/check`: what may go on, what was found, and how a wrong request is told."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sidecar.config import Limits
from tests.callouts.serving import BAD, CARD, FINE, GUARD, MASKED, Calling, calling


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


async def test_a_text_that_is_fine_comes_back_as_it_is(door: Calling):
    status, answer = await door.post("/v1/check", {"text": FINE})

    assert status == 200
    assert (answer["action"], answer["blocked"], answer["text"], answer["violations"]) == ("allow", False, FINE, [])
    assert answer["policy"] == {"name": GUARD.name, "version": GUARD.version, "digest": GUARD.digest}
    assert answer["stream_id"] == door.decisions[0].ids.stream


async def test_what_is_replaced_is_told_with_its_place(door: Calling):
    _, answer = await door.post("/v1/check", {"text": CARD, "tenant": "acme", "labels": {"app": "shop"}})

    assert (answer["action"], answer["text"]) == ("redact", MASKED)
    [violation] = answer["violations"]
    assert CARD[violation["start"] : violation["end"]] == "4111 1111"
    assert {"label": "CREDIT_CARD", "decided": "redact", "done": "redact", "shadow": False}.items() <= violation.items()
    [event] = door.violations
    assert (event.ids.tenant, event.app.labels) == ("acme", {"app": "shop"})


async def test_a_blocked_text_does_not_come_back(door: Calling):
    _, answer = await door.post("/v1/check", {"text": BAD})

    assert (answer["action"], answer["blocked"], answer["message"], answer["rule"]) == (
        "block",
        True,
        "Let us not.",
        "rule-1",
    )
    assert "text" not in answer


async def test_several_texts_are_told_apart(door: Calling):
    _, answer = await door.post("/v1/check", {"texts": [FINE, CARD, "Odd: this is odd."], "direction": "output"})

    assert answer["texts"] == [FINE, MASKED, "Odd: this is odd."]
    assert [(each["text"], each["label"]) for each in answer["violations"]] == [(1, "CREDIT_CARD"), (2, "odd")]


async def test_messages_come_back_as_they_may_go_on(door: Calling):
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": CARD}]},
    ]
    _, answer = await door.post("/v1/check", {"messages": messages, "model": "m"})

    assert answer["messages"] == [messages[0], {"role": "user", "content": [{"type": "text", "text": MASKED}]}]
    [event] = door.violations
    assert event.where.part == "user"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "body: is not JSON"),
        ({}, "body: holds exactly one of text, texts and messages"),
        ({"text": "a", "texts": ["b"]}, "body: holds exactly one of"),
        ({"text": 3}, r"body: Expected `str | null`, got `int` - at `$.text`"),
        ({"text": "a", "polcy": "b"}, "body: Object contains unknown field `polcy`"),
        ({"text": "a", "direction": "up"}, "body: Invalid enum value 'up' - at `$.direction`"),
        ({"messages": [{"role": "user", "content": "a"}], "direction": "output"}, "messages: are a request"),
        (
            {"messages": [{"role": "user", "Content": "a"}]},
            "messages: is no request of openai-chat whose texts can be read",
        ),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(door: Calling, body: Any, said: str):
    status, answer = await door.post("/v1/check", body)

    assert status == 400
    assert answer["error"]["type"] == "caller"
    assert answer["error"]["message"].startswith(said)
    assert not door.decisions


async def test_a_policy_that_nobody_has_is_told(door: Calling):
    status, answer = await door.post("/v1/check", {"text": FINE, "policy": "nobodys"})

    assert (status, answer["error"]["type"]) == (404, "policy")


async def test_limits_are_named():
    async with calling(limits=Limits(max_stream_chars=10)) as door:
        status, answer = await door.post("/v1/check", {"text": FINE})

    assert status == 413
    assert "at most 10 are allowed" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/check", {"texts": [FINE] * 3}),
        ("/v1/moderations", {"input": [FINE] * 3}),
        ("/analyze", {"text": [FINE] * 3, "language": "en"}),
        ("/api/v1/text/contents", {"contents": [FINE] * 3, "detector_params": {}}),
        ("/api/v1/text/chat", {"messages": [{"role": "user", "content": FINE}] * 3, "detector_params": {}}),
    ],
)
async def test_more_texts_than_may_be_are_refused_in_each_forms_own_words(path: str, body: dict[str, Any]):
    async with calling(limits=Limits(max_request_texts=2)) as door:
        status, answer = await door.post(path, body)
        assert door.decisions == []

    assert status == 413
    assert re.search("at most 2 are allowed|more than 2 texts", json.dumps(answer))


async def test_the_operators_facts_stand():
    other = replace(GUARD, name="other")
    async with calling(GUARD, other, facts={"policy": "other", "labels": {"app": "fixed"}}) as door:
        _, answer = await door.post("/v1/check", {"text": CARD, "policy": GUARD.name, "labels": {"app": "said"}})

        assert answer["policy"]["name"] == "other"
        assert door.violations[0].app.labels == {"app": "fixed"}


@pytest.mark.parametrize("number", ["7" * 5_000, "1e999"], ids=["integer", "float"])
async def test_a_body_with_a_number_of_any_size_is_json(door: Calling, number: str):
    message = f'{{"role": "user", "content": "{CARD}", "n": {number}}}'
    body = f'{{"messages": [{message}]}}'.encode()
    async with door.http.post(f"{door.url}/v1/check", data=body) as answer:
        text = await answer.text()
        assert answer.status == 200
    assert json.loads(text, parse_int=str, parse_float=str)["messages"] == [
        {"role": "user", "content": MASKED, "n": number}
    ]


async def test_a_number_of_any_size_is_none_of_another_kind(door: Calling):
    status, answer = await door.post("/v1/check", b'{"text": ' + b"7" * 5_000 + b"}")
    assert (status, "Expected `str" in str(answer)) == (400, True)
    status, answer = await door.post("/v1/check", b'{"messages": [' + b"7" * 5_000 + b"}")
    assert (status, "is not JSON" in str(answer)) == (400, True)
