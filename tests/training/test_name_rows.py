"""Own rows of names: every marked span is a name of its list, in twenty languages and their scripts."""

from __future__ import annotations

import itertools
import random
import re
import unicodedata

import pytest

from training.encoder.labels import ENTITIES
from training.encoder.rows import Example
from training.encoder.synthetic.marked import LABELS, filled
from training.encoder.synthetic.papers import PAPERS, Paper, PaperNames, paper_rows
from training.encoder.synthetic.tweets import tweet_rows
from training.encoder.synthetic.wires import MORE, WireNames, wire_rows

SCRIPTS = {
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "ar": "ARABIC",
    "hi": "DEVANAGARI",
    "zh": "CJK",
    "ja": "CJK",
    "ko": "HANGUL",
}
ROWS = paper_rows(random.Random(1), each=60)


def names(paper: Paper, label: str) -> set[str]:
    lists = {
        "LOCATION": f"{paper.places},{paper.in_places}",
        "ORGANIZATION": f"{paper.bodies},{paper.of_bodies}",
        "NRP": paper.nationals,
        "DATE_TIME": paper.dates,
    }
    return {name.rpartition("|")[2].lower() for name in lists[label].split(",")}


def marked(row: Example) -> list[tuple[str, str]]:
    assert row.entities is not None
    return [(row.text[start:end], label) for start, end, label in row.entities]


@pytest.mark.parametrize("language", sorted(PAPERS))
def test_every_span_is_a_whole_name_of_its_list(language: str) -> None:
    found = [pair for row in ROWS if row.language == language for pair in marked(row)]
    assert {label for _, label in found} >= {"PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME"}
    wrong = [
        (name, label)
        for name, label in found
        if label != "PERSON" and unicodedata.normalize("NFC", name.lower()) not in names(PAPERS[language], label)
    ]
    assert [(name, label) for name, label in wrong if not name.isupper()] == []


@pytest.mark.parametrize("language", sorted(PAPERS))
def test_each_sentence_can_be_filled_and_some_have_no_names(language: str) -> None:
    paper = PAPERS[language]
    names = PaperNames(paper, random.Random(1))
    rows = [filled(frame, names, random.Random(seed), source="test") for seed, frame in enumerate(paper.frames)]
    assert [row.text for row in rows if "<" in row.text or "|" in row.text or "[" in row.text] == []
    assert any(not row.entities for row in rows)


@pytest.mark.parametrize("language", sorted(SCRIPTS))
def test_people_are_written_in_the_script_of_their_language(language: str) -> None:
    people = [name for row in ROWS if row.language == language for name, label in marked(row) if label == "PERSON"]
    letters = {unicodedata.name(letter).split()[0] for name in people for letter in name if letter.isalpha()}
    assert letters <= {SCRIPTS[language], "HIRAGANA", "KATAKANA"}


@pytest.mark.parametrize("language", ["cs", "pl", "ru", "uk"])
def test_a_name_behind_a_preposition_stands_in_its_case(language: str) -> None:
    paper = PAPERS[language]
    names = PaperNames(paper, random.Random(1))
    nominative = {name for name in re.split("[,;|]", paper.people) if not name.endswith("енко")}
    assert all(names.of("Q").split()[0] not in nominative for _ in range(50))


def test_a_preposition_before_a_date_is_not_marked() -> None:
    class Names:
        def of(self, kind: str) -> str:
            return "am |Montag" if kind == "D" else "Ann"

    row = filled("<P> kam <D>", Names(), random.Random(1), source="test")
    assert row.text.lower() == "ann kam am montag"
    assert row.entities == ((0, 3, "PERSON"), (11, 17, "DATE_TIME"))


def test_slots_are_labels_of_the_model() -> None:
    assert set(LABELS.values()) <= set(ENTITIES)


WIRES = wire_rows(random.Random(1), count=300)
TWEETS = tweet_rows(random.Random(1), count=600)


@pytest.mark.parametrize("rows", [WIRES, TWEETS], ids=["wires", "tweets"])
def test_spans_lie_within_the_text_in_order_and_hold_no_outer_space(rows: list[Example]) -> None:
    for row in rows:
        spans = [(start, end) for start, end, _ in row.entities or ()]
        assert spans == sorted(spans)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
        assert all(name and name == name.strip() for name, _ in marked(row))
        assert not set("[]{}<|") & set(row.text)


def test_a_second_mention_is_the_family_name_of_the_person_before() -> None:
    names = WireNames(MORE[0], random.Random(1))
    assert all(names.of("F") in person for person in (names.of("P") for _ in range(30)))


def test_the_short_form_of_a_body_is_made_of_its_letters() -> None:
    names = WireNames(MORE[2], random.Random(2))
    for _ in range(30):
        body = names.of("O")
        assert set(names.of("B").lower()) <= set(body.lower())


def test_handles_are_no_names_and_hashtags_of_names_are_marked_without_their_sign() -> None:
    starts = [(row.text, start) for row in TWEETS for start, _, _ in row.entities or ()]
    assert not any(text[start - 1 : start] == "@" or text[start] == "@" for text, start in starts)
    assert sum(text[start - 1 : start] == "#" for text, start in starts) > 50
    assert not any(text[start] == "#" for text, start in starts)
