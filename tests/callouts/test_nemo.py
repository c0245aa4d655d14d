"""`POST /v1/checks`: what clients of NeMo Guardrails' server send, and what they read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.callouts.serving import BAD, CARD, FINE, MASKED, Calling, calling

USER = {"role": "user", "content": FINE}


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


@pytest.mark.parametrize(
    ("messages", "status", "content", "rail"),
    [
        ([USER], "passed", FINE, None),
        ([{"role": "user", "content": CARD}], "modified", MASKED, None),
        ([{"role": "user", "content": BAD}], "blocked", "Let us not.", "rule-1"),
        ([USER, {"role": "assistant", "content": FINE}], "passed", FINE, None),
        ([USER, {"role": "assistant", "content": CARD}], "modified", MASKED, None),
        ([USER, {"role": "assistant", "content": BAD}], "blocked", "Let us not.", "rule-1"),
        (
            [{"role": "user", "content": BAD}, {"role": "assistant", "content": FINE}],
            "blocked",
            "Let us not.",
            "rule-1",
        ),
        ([{"role": "user", "content": [{"type": "text", "text": CARD}]}], "modified", MASKED, None),
        ([{"role": "user", "content": [1, {"text": 5}, {"type": "text", "text": CARD}]}], "modified", MASKED, None),
    ],
)
async def test_messages_pass_or_are_modified_or_blocked(
    door: Calling, messages: object, status: str, content: str, rail: str | None
) -> None:
    code, answer = await door.post("/v1/checks", {"model": "m", "messages": messages})

    assert (code, answer) == (200, {"status": status, "content": content, "rail": rail})


async def test_a_question_and_its_answer_are_judged_each_as_what_it_is(door: Calling) -> None:
    messages = [USER, {"role": "assistant", "content": FINE}]
    body = {"model": "m", "messages": messages, "guardrails": {"config_id": "test", "thread_id": "thread-of-sixteen"}}
    await door.post("/v1/checks", body)

    assert [(each.direction, each.ids.session) for each in door.decisions] == [
        ("input", "thread-of-sixteen"),
        ("output", "thread-of-sixteen"),
    ]


async def test_rail_types_narrow_what_is_judged(door: Calling) -> None:
    messages = [{"role": "user", "content": BAD}, {"role": "assistant", "content": FINE}]
    _, answer = await door.post("/v1/checks", {"messages": messages, "guardrails": {"rail_types": ["output"]}})

    assert answer["status"] == "passed"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"messages": []}, 400, "no message"),
        ({"messages": [USER], "guardrails": {"rail_types": ["output"]}}, 400, "nothing of the messages"),
        ({"messages": [USER], "guardrails": {"config_ids": ["a", "b"]}}, 400, "one judges"),
        ({"messages": [USER], "guardrails": {"config_id": "nowhere"}}, 404, "nowhere"),
    ],
)
async def test_what_cannot_be_judged_is_told(door: Calling, body: object, status: int, said: str) -> None:
    code, answer = await door.post("/v1/checks", body)

    assert code == status
    assert said in answer["error"]["message"]


async def test_the_arguments_of_a_call_at_the_end_are_judged(door: Calling) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "mail", "arguments": '{"body": "This is forbidden."}'}}
    messages = [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]
    _, answer = await door.post("/v1/checks", {"messages": messages})

    assert answer["status"] == "blocked"
