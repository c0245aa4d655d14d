"""Own rows of kinds, loaded roles and everyday text: both labels have the same shapes, and places say what they are."""

from __future__ import annotations

import random

import pytest

from training.encoder.places import placed_labels
from training.encoder.rows import Example
from training.encoder.synthetic.everyday import EVERYDAY, everyday_rows
from training.encoder.synthetic.kinds import LANGUAGES, SHAPES, SIDES, Side, kind_rows, read
from training.encoder.synthetic.loaded import loaded_rows
from training.encoder.synthetic.schemes import NATIVE, scheme_rows

PARTS = {*SIDES[0].values(), *SIDES[1].values(), "tell", "form", "text", "task", "note", "sign", "sum", "sure"}


@pytest.fixture(scope="module")
def rows() -> list[Example]:
    rng = random.Random(3)
    return [
        *kind_rows(rng, each=21),
        *loaded_rows(rng, each=200),
        *scheme_rows(rng, english=200, native=4),
        *everyday_rows(rng, each=5),
    ]


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_a_language_has_every_part_in_phrases_of_its_own(code: str) -> None:
    words = LANGUAGES[code]
    assert set(words) == PARTS
    assert all(phrase for phrases in words.values() for phrase in phrases)
    for attack, harmless in ((SIDES[1][name], SIDES[0][name]) for name in SIDES[1]):
        assert not set(words[attack]) & set(words[harmless])


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_shape_is_written_for_both_labels_and_leaves_no_slot_open(code: str) -> None:
    for shape in SHAPES:
        for label in (0, 1):
            text = shape(Side(LANGUAGES[code], label, random.Random(5)))
            assert text.strip()
            assert not {"{what}", "{form}"} & {text[at : at + 6] for at in range(len(text))}


def test_a_line_without_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        read("order without a colon")


def test_no_text_has_both_labels(rows: list[Example]) -> None:
    labels: dict[str, set[float]] = {}
    for row in rows:
        if row.injection is not None:
            labels.setdefault(row.text, set()).add(row.injection[0])
    assert not [text for text, found in labels.items() if len(found) > 1]


def test_requests_are_masked_in_documents_and_attacks_are_attacks_there(rows: list[Example]) -> None:
    placed = [placed_labels(row) for row in rows if row.kind in ("benign", "direct")]
    assert {(row.injection, row.foreign) for row in placed} == {((0, 1.0), None), ((1, 1.0), (1, 1.0))}


def test_a_note_to_the_model_is_an_attack_in_documents_only(rows: list[Example]) -> None:
    notes = {note for words in LANGUAGES.values() for note in words["note"]}
    found = [row for row in rows if any(note in row.text for note in notes)]
    assert found
    assert {(row.injection, row.foreign) for row in found} == {(None, (1, 1.0))}


@pytest.mark.parametrize("code", ["de", "it"])
def test_german_and_italian_have_many_sentences_and_long_texts(code: str, rows: list[Example]) -> None:
    assert len(set(EVERYDAY[code])) >= 150
    long = [row for row in rows if row.source == "own:everyday" and row.language == code and len(row.text) >= 400]
    assert len(long) >= 20


def test_the_same_state_gives_the_same_rows() -> None:
    assert kind_rows(random.Random(9), each=3) == kind_rows(random.Random(9), each=3)


def test_a_scheme_has_as_many_texts_of_either_label() -> None:
    rows = scheme_rows(random.Random(2), english=400, native=20)
    for code in ("en", *sorted(NATIVE)):
        labels = [row.injection[0] for row in rows if row.language == code and row.injection is not None]
        assert 0.3 < sum(labels) / len(labels) < 0.7, code
