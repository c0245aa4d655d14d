"""`POST /v2/guard`: what clients of Lakera send, and what they read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.callouts.serving import BAD, CARD, FINE, Calling, calling


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


async def test_a_fine_conversation_is_not_flagged(door: Calling):
    _, answer = await door.post("/v2/guard", {"messages": [{"role": "user", "content": FINE}]})

    assert answer == {"flagged": False, "metadata": {"request_uuid": door.decisions[0].ids.stream}}


async def test_places_and_detectors_are_told_where_asked_for(door: Calling):
    body = {
        "messages": [{"role": "system", "content": FINE}, {"role": "user", "content": CARD}],
        "project_id": "project-7",
        "payload": True,
        "breakdown": True,
        "dev_info": True,
        "metadata": {"session_id": "s-1"},
    }
    _, answer = await door.post("/v2/guard", body)

    assert answer["flagged"]
    [place] = answer["payload"]
    assert (place["text"], place["message_id"], CARD[place["start"] : place["end"]]) == ("4111 1111", 1, "4111 1111")
    [part] = answer["breakdown"]
    assert (part["project_id"], part["detected"], part["message_id"]) == ("project-7", True, 1)
    assert door.violations[0].app.labels == {"project": "project-7"}
    assert door.violations[0].ids.session == "s-1"


async def test_a_block_is_a_flag(door: Calling):
    _, answer = await door.post("/v2/guard", {"messages": [{"role": "user", "content": BAD}], "breakdown": True})

    assert answer["flagged"]
    assert [each["detected"] for each in answer["breakdown"]] == [True]


async def test_a_wrong_request_is_told(door: Calling):
    status, answer = await door.post("/v2/guard", {"message": "x"})

    assert (status, answer["error"]["type"]) == (400, "caller")
