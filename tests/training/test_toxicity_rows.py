"""Own rows of hate and self-harm: groups on both sides, no text with two labels, nothing but meaning apart."""

from __future__ import annotations

import collections
import random

import pytest

from training.encoder.labels import TOXICITY
from training.encoder.rows import Example
from training.encoder.synthetic.hate_functions import GROUPS, hate_function_rows, hateful_sentences, respelled
from training.encoder.synthetic.hate_tongues import TONGUES, hate_tongue_rows
from training.encoder.synthetic.passages import LEAST_CHARS, passage_rows
from training.encoder.synthetic.self_harm import self_harm_rows

HATE = hate_function_rows(random.Random(1), hate=1500, harmless=1500, aside=600)
SELF_HARM = self_harm_rows(random.Random(1), harm=400, harmless=600, unclear=50)
PASSAGES = passage_rows(random.Random(1), harmless=60, attacked=60)


def label(row: Example, name: str) -> int | None:
    assert row.toxicity is not None
    return row.toxicity[TOXICITY.index(name)]


@pytest.mark.parametrize("rows", [HATE, SELF_HARM, PASSAGES], ids=["hate", "self-harm", "passages"])
def test_no_text_has_two_labels(rows: list[Example]) -> None:
    labels = collections.defaultdict(set)
    for row in rows:
        labels[row.text.lower()].add(row.toxicity)
    assert [text for text, found in labels.items() if len(found) > 1] == []


@pytest.mark.parametrize("rows", [HATE, SELF_HARM, PASSAGES], ids=["hate", "self-harm", "passages"])
def test_every_slot_is_filled(rows: list[Example]) -> None:
    assert [row.text for row in rows if "{" in row.text or "[" in row.text] == []


def test_rows_are_the_same_for_the_same_seed() -> None:
    assert hate_function_rows(random.Random(1), hate=1500, harmless=1500, aside=600) == HATE


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_a_group_stands_in_attacks_and_in_harmless_text(group: str) -> None:
    names = [name.lower() for name in GROUPS[group].plural.split(", ")]
    found = {label(row, "identity_attack") for row in HATE if any(name in row.text.lower() for name in names)}
    assert found >= {0, 1}


@pytest.mark.parametrize("name", ["Muslim", "disab", "grant"])
def test_the_groups_that_were_found_least_have_many_rows_on_both_sides(name: str) -> None:
    found = collections.Counter(label(row, "identity_attack") for row in HATE if name in row.text)
    assert min(found[0], found[1]) > 30


@pytest.mark.parametrize("sign", ["!", "?", "lol", "#truth", "everyone knows it."])
def test_an_ending_does_not_tell_the_sides_apart(sign: str) -> None:
    found = collections.Counter(label(row, "identity_attack") for row in HATE if row.text.endswith(sign))
    assert min(found[0], found[1]) > sum(found.values()) / 5


def test_insults_of_one_person_and_of_a_trade_attack_no_group() -> None:
    aside = hate_function_rows(random.Random(2), hate=0, harmless=0, aside=400)
    assert {label(row, "identity_attack") for row in aside} == {0}
    assert {label(row, "insult") for row in aside} == {0, 1, None}


def test_respelling_leaves_most_texts_and_never_the_short_words() -> None:
    text = "We all know what the neighbours think"
    found = [respelled(text, random.Random(seed)) for seed in range(400)]
    assert 0.7 < sum(each == text for each in found) / 400 < 0.95
    assert all(each.startswith("We all") for each in found if " " in each)


def test_a_long_passage_is_harmless_and_an_attacked_one_is_seen_whole() -> None:
    assert all(label(row, "toxicity") == 0 for row in PASSAGES if len(row.text) >= LEAST_CHARS + 100)
    assert all(len(row.text) < 480 for row in PASSAGES if 1 in (row.toxicity or ()))


def test_sentences_to_be_placed_are_hate_without_a_threat() -> None:
    assert len(hateful_sentences(random.Random(3), 20)) == 20


def test_a_swear_word_in_harmless_text_leaves_the_label_for_it_open() -> None:
    swearing = [row for row in (*HATE, *PASSAGES) if label(row, "toxicity") == 0 and "fuck" in row.text.lower()]
    assert {label(row, "obscene") for row in swearing} == {None}


TONGUE_ROWS = hate_tongue_rows(random.Random(1), each=100)


@pytest.mark.parametrize("language", sorted(TONGUES))
def test_each_group_of_a_language_stands_on_both_sides(language: str) -> None:
    rows = [row for row in TONGUE_ROWS if row.language == language]
    for group in TONGUES[language].groups.split(","):
        found = {label(row, "identity_attack") for row in rows if group.lower() in row.text.lower()}
        assert found == {0, 1}, group
    assert not set("{}") & set("".join(row.text for row in rows))
