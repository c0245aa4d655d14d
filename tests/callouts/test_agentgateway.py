"""`POST /request` and `POST /response`: what agentgateway's webhook sends, and the actions that it tells apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.callouts.serving import BAD, CARD, FINE, MASKED, Calling, calling


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


def prompt(*messages: tuple[str, str]) -> dict[str, Any]:
    return {"body": {"messages": [{"role": role, "content": content} for role, content in messages]}}


def choices(*contents: str) -> dict[str, Any]:
    return {"body": {"choices": [{"message": {"role": "assistant", "content": each}} for each in contents]}}


def kind_of(answer: Any) -> str:
    """The action as the gateway reads it: the first of these whose required fields are there."""
    action = answer["action"]
    if isinstance(action.get("body"), dict):
        return "mask"
    return "reject" if {"body", "status_code"} <= action.keys() else "pass"


async def test_a_fine_prompt_passes(door: Calling):
    status, answer = await door.post("/request", prompt(("system", "Be kind."), ("user", FINE)))

    assert (status, kind_of(answer)) == (200, "pass")
    assert len(door.decisions) == 1


async def test_a_masked_prompt_comes_back_whole(door: Calling):
    _, answer = await door.post("/request", prompt(("system", FINE), ("user", CARD), ("assistant", FINE)))

    assert kind_of(answer) == "mask"
    assert answer["action"] == {"body": prompt(("system", FINE), ("user", MASKED), ("assistant", FINE))["body"]} | {
        "reason": "rule-0"
    }
    assert [each.where.part for each in door.violations] == ["user"]


async def test_a_blocked_prompt_is_rejected_with_its_message(door: Calling):
    _, answer = await door.post("/request", prompt(("user", BAD)))

    assert kind_of(answer) == "reject"
    assert answer["action"] == {"body": "Let us not.", "status_code": 403, "reason": "rule-1"}


@pytest.mark.parametrize(("said", "kind"), [(FINE, "pass"), (CARD, "mask"), (BAD, "reject")])
async def test_an_answers_choices_are_judged_together(door: Calling, said: str, kind: str):
    _, answer = await door.post("/response", choices(FINE, said))

    assert kind_of(answer) == kind
    if kind == "mask":
        assert answer["action"]["body"] == choices(FINE, MASKED)["body"]
    assert door.decisions[0].direction == "output"


async def test_a_form_that_cannot_reject_is_refused(door: Calling):
    status, answer = await door.post("/request", {"messages": [{"role": "user", "content": BAD}], "model": "m"})

    assert status == 400
    assert "cannot reject" in answer["error"]["message"]
    assert not door.decisions
