"""`POST /v1/moderations`, asked with OpenAI's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.moderation import Categories

from sidecar.callouts import openai_moderations
from sidecar.values import Action
from tests.callouts.serving import CARD, FINE, Calling, calling
from tests.fakes import SegmentFlagger, WordScanner, plan, rule

HARM = plan(
    (SegmentFlagger("fool", label="insult"), [rule(Action.BLOCK, "insult")]),
    (WordScanner(r"\d{4} \d{4}", label="CREDIT_CARD"), [rule(Action.REDACT, "CREDIT_CARD", index=1)]),
    max_hold_ms=60_000,
)


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling(HARM) as running:
        yield running


@pytest.fixture
async def client(door: Calling) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key="none", max_retries=0) as connected:
        yield connected


async def test_each_text_has_a_result_of_its_own(client: openai.AsyncOpenAI):
    answer = await client.moderations.create(input=[FINE, "You are a fool.", CARD], model="omni-moderation-latest")

    assert [each.flagged for each in answer.results] == [False, True, True]
    insulted = answer.results[1]
    assert insulted.categories.harassment
    assert insulted.category_scores.harassment > 0.5
    assert not insulted.categories.hate
    assert answer.results[2].categories.to_dict()["CREDIT_CARD"] is True


async def test_parts_are_one_text(client: openai.AsyncOpenAI):
    parts: Any = [{"type": "text", "text": "You are"}, {"type": "text", "text": "a fool."}]
    answer = await client.moderations.create(input=parts)

    assert [each.flagged for each in answer.results] == [True]


async def test_a_picture_is_refused_as_openai_refuses(client: openai.AsyncOpenAI):
    parts: Any = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    with pytest.raises(openai.BadRequestError, match="image_url, which cannot be read"):
        await client.moderations.create(input=parts)


def test_all_of_openais_categories_are_there():
    known = {field.alias or name for name, field in Categories.model_fields.items()}

    assert known == set(openai_moderations._CATEGORIES)
