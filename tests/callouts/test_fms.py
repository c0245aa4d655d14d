"""The detectors API: what the FMS guardrails orchestrator sends, and what it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.callouts.serving import BAD, CARD, FINE, Calling, calling

CONTENTS = "/api/v1/text/contents"


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


async def test_each_text_has_its_own_detections(door: Calling) -> None:
    body = {"contents": [FINE, CARD, BAD, CARD], "detector_params": {}}
    status, answer = await door.post(CONTENTS, body, headers={"detector-id": "tidegate"})

    assert status == 200
    assert [[each["detection"] for each in detections] for detections in answer] == [
        [],
        ["CREDIT_CARD"],
        ["injection"],
        ["CREDIT_CARD"],
    ]
    [card] = answer[1]
    assert CARD[card["start"] : card["end"]] == card["text"] == "4111 1111"
    assert card["detection_type"] == "fake"
    assert 0 < card["score"] <= 1


async def test_texts_may_be_the_models(door: Calling) -> None:
    await door.post(CONTENTS, {"contents": [FINE], "detector_params": {"direction": "output"}})

    assert door.decisions[0].direction == "output"


async def test_a_conversation_an_answer_and_one_on_documents_are_judged(door: Calling) -> None:
    asked = {
        "/api/v1/text/chat": {"messages": [{"role": "user", "content": BAD}]},
        "/api/v1/text/generation": {"prompt": FINE, "generated_text": BAD},
        "/api/v1/text/context/doc": {"content": BAD, "context": [FINE], "context_type": "docs"},
    }
    answers = [await door.post(path, body) for path, body in asked.items()]

    assert [(status, [each["detection"] for each in answer]) for status, answer in answers] == [
        (200, ["injection"])
    ] * 3
    assert [each.direction for each in door.decisions] == ["input", "output", "output"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CONTENTS, {"contents": "one"}, 400),
        (CONTENTS, {"contents": ["one"], "detector_params": {"policy": "nowhere"}}, 404),
        ("/api/v1/text/context/doc", {"content": "x", "context": ["http://a"], "context_type": "url"}, 400),
    ],
)
async def test_a_failure_has_a_number_and_a_sentence(door: Calling, path: str, body: object, status: int) -> None:
    code, answer = await door.post(path, body)

    assert (code, answer["code"]) == (status, status)
    assert answer["message"]
