"""`POST /kong`: what Kong's plugin sends as docs/callouts.md sets it up, and what it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.callouts.serving import BAD, CARD, FINE, Calling, calling


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


@pytest.mark.parametrize("source", ["INPUT", "OUTPUT"])
@pytest.mark.parametrize(
    ("said", "is_blocked", "message", "rules"),
    [
        (FINE, False, "", ""),
        (BAD, True, "Let us not.", "rule-1"),
        (CARD, True, "It holds what a policy replaces, which Kong cannot do here.", "rule-0"),
        ("Odd: this is odd.", False, "", "rule-2"),
    ],
)
async def test_what_kong_reads(door: Calling, source: str, said: str, is_blocked: bool, message: str, rules: str):
    status, answer = await door.post("/kong", {"content": said, "source": source})

    assert status == 200
    assert (answer["block"], answer["block_message"], answer["reason"]) == (is_blocked, message, rules)
    assert door.decisions[0].direction == source.lower()
    assert all(each.where.part == ("user" if source == "INPUT" else "model") for each in door.violations)


async def test_a_wrong_request_blocks(door: Calling):
    status, answer = await door.post("/kong", {"content": FINE, "source": "SIDE"})

    assert (status, answer["block"]) == (400, True)
