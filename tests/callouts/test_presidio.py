"""`POST /analyze` and `POST /anonymize`: what clients of Presidio send, and what they read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.callouts.presidio import _apart, _Entity
from sidecar.values import Action
from tests.callouts.serving import CARD, FINE, Calling, calling
from tests.fakes import WordScanner, plan, rule

TEXT = "My name is Ann, my card 4111 1111."


CARDS = replace(rule(Action.REDACT, "CREDIT_CARD"), detector="pii")


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling(
        plan((WordScanner(r"\d{4} \d{4}", label="CREDIT_CARD"), [CARDS]), max_hold_ms=60_000)
    ) as running:
        yield running


async def test_entities_have_presidios_form(door: Calling):
    status, found = await door.post("/analyze", {"text": CARD, "language": "en"})

    assert status == 200
    [entity] = found
    assert CARD[entity["start"] : entity["end"]] == "4111 1111"
    assert entity["entity_type"] == "CREDIT_CARD"
    assert entity.keys() == {"entity_type", "start", "end", "score", "analysis_explanation", "recognition_metadata"}


async def test_several_texts_have_a_list_each(door: Calling):
    _, found = await door.post("/analyze", {"text": [FINE, CARD], "language": "en"})

    assert [len(each) for each in found] == [0, 1]


@pytest.mark.parametrize("wish", [{"entities": ["PERSON"]}, {"score_threshold": 1.1}, {"allow_list": ["4111 1111"]}])
async def test_what_is_not_wished_for_is_left_out(door: Calling, wish: dict[str, Any]):
    assert (await door.post("/analyze", {"text": CARD, "language": "en"} | wish))[1] == []


async def test_recognizers_of_the_request_are_refused(door: Calling):
    status, answer = await door.post("/analyze", {"text": CARD, "ad_hoc_recognizers": [{"name": "x"}]})

    assert (status, answer) == (400, {"error": "ad_hoc_recognizers: are not served; write a rule on `patterns`"})


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        (None, "My name is <PERSON>, my card <CREDIT_CARD>."),
        ({"type": "replace", "new_value": "X"}, "My name is X, my card X."),
        ({"type": "redact"}, "My name is , my card ."),
        ({"type": "keep"}, TEXT),
        (
            {"type": "mask", "masking_char": "#", "chars_to_mask": 4, "from_end": True},
            "My name is ###, my card 4111 ####.",
        ),
        (
            {"type": "mask", "masking_char": "#", "chars_to_mask": 4, "from_end": False},
            "My name is ###, my card #### 1111.",
        ),
    ],
)
async def test_operators_do_what_presidios_do(door: Calling, operator: dict[str, Any] | None, text: str):
    entities = [
        {"start": 11, "end": 14, "score": 0.8, "entity_type": "PERSON"},
        {"start": 24, "end": 33, "score": 1.0, "entity_type": "CREDIT_CARD"},
    ]
    body = {"text": TEXT, "analyzer_results": entities}
    _, answer = await door.post("/anonymize", body | ({"anonymizers": {"DEFAULT": operator}} if operator else {}))

    assert answer["text"] == text
    for item in answer["items"]:
        assert answer["text"][item["start"] : item["end"]] == item["text"]
    assert [each["entity_type"] for each in answer["items"]] == ["CREDIT_CARD", "PERSON"]


async def test_a_hash_is_sha256(door: Calling):
    body = {
        "text": "Ann",
        "analyzer_results": [{"start": 0, "end": 3, "entity_type": "PERSON"}],
        "anonymizers": {"PERSON": {"type": "hash"}},
    }
    _, answer = await door.post("/anonymize", body)

    assert answer["text"] == "17239b6e250110330eda64a29c610bf146f89883371fab093feda03bec61b646"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"analyzer_results": [{"start": 2, "end": 9, "entity_type": "A"}]}, "analyzer_results[0]: is no place"),
        ({"anonymizers": {"A": {"type": "encrypt"}}}, "anonymizers.type: 'encrypt' is not served"),
        ({"anonymizers": {"A": {"type": "hash", "hash_type": "md5"}}}, "anonymizers.hash_type: 'md5' is neither"),
    ],
)
async def test_what_cannot_be_done_is_told(door: Calling, change: dict[str, Any], said: str):
    body = {"text": "Ann", "analyzer_results": [{"start": 0, "end": 3, "entity_type": "A"}]} | change
    status, answer = await door.post("/anonymize", body)

    assert status == 400
    assert answer["error"].startswith(said)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.floats(0, 1)), max_size=12))
def test_kept_places_are_apart_and_cover_the_longest(places: list[tuple[int, int, float]]):
    entities = [_Entity(start, start + size, "A", score) for start, size, score in places]
    kept = _apart(entities, 30)

    assert all(one.end <= other.start for one, other in pairwise(kept))
    for each in entities:
        assert any(other.start < each.end and each.start < other.end for other in kept)
