"""Passages: nothing is lost in splitting, and the evidence of a claim is found."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.grounding.passages import (
    BRIEF_WORDS,
    MAX_SENTENCES,
    ROOM_WORDS,
    PassageIndex,
    content_words,
    merge,
    split_passages,
    split_sentences,
    stem,
)

TEXTS = st.text(alphabet="aB. !?\n\u00e9\"'1,", max_size=300)

BRIDGE = (
    "Harbour Bridge. The bridge was opened in 1932 by the premier. It carries eight lanes of traffic. "
    "Its arch is 503 metres long. Painters work on it all year. The toll is paid by drivers going south."
)
BAKERY = "Rosa runs a bakery in Turin. She sells forty kinds of bread. The shop closes on Mondays."


@pytest.mark.parametrize(
    ("text", "sentences"),
    (
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. J. Smith went to the U.S. in May. He left.", ["Dr. J. Smith went to the U.S. in May.", "He left."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros.", "Fine."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("a title\nthe text", ["a title", "the text"]),
        ("   ", []),
    ),
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


@settings(max_examples=60)
@given(TEXTS)
def test_every_visible_character_is_in_a_passage(text: str) -> None:
    covered = {place for passage in split_passages(text) for place in range(passage.start, passage.end)}
    assert [place for place, character in enumerate(text) if not character.isspace() and place not in covered] == []


@settings(max_examples=60)
@given(TEXTS)
def test_passages_are_bounded_and_overlap_by_at_most_one_sentence(text: str) -> None:
    passages = split_passages(text)
    assert all(passage.last_sentence - passage.first_sentence < MAX_SENTENCES for passage in passages)
    for before, after in pairwise(passages):
        assert after.first_sentence in (before.last_sentence, before.last_sentence + 1)
        assert after.last_sentence > before.last_sentence


@pytest.mark.parametrize(
    ("one", "other"),
    (("opened", "opening"), ("city", "cities"), ("bridge", "bridges"), ("stop", "stopped"), ("1,200", "1200")),
)
def test_inflected_forms_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_the_best_passage_holds_the_words_of_the_claim() -> None:
    index = PassageIndex([BAKERY, BRIDGE])
    best = index.select("The arch of the bridge is 503 metres long.")[0]
    assert "503 metres" in best.text
    assert best.passages[0].document == 1
    assert best.recall > 0.75


def test_a_passage_from_inside_is_read_behind_the_beginning_of_its_document() -> None:
    best = PassageIndex([BRIDGE]).select("The toll is paid by drivers.")[0]
    assert best.text.startswith("Harbour Bridge … ")


def test_evidence_in_two_documents_is_joined() -> None:
    index = PassageIndex([BAKERY, BRIDGE])
    chosen = index.select("Rosa's bakery in Turin sells bread and the bridge was opened in 1932.")
    both = [evidence for evidence in chosen if {part.document for part in evidence.passages} == {0, 1}]
    assert both
    assert both[0].recall > max(evidence.recall for evidence in chosen if len(evidence.passages) == 1)


def test_the_number_of_pairs_does_not_grow_with_the_context() -> None:
    many = PassageIndex([BRIDGE] + [BAKERY.replace("Rosa", f"Rosa{number}") for number in range(100)])
    assert len(many.select("The bridge was opened in 1932.")) <= 3


def test_unrelated_passages_do_not_push_the_evidence_out() -> None:
    claim = "The bridge carries eight lanes of traffic."
    alone = PassageIndex([BRIDGE]).select(claim)[0].text
    assert PassageIndex([BAKERY] * 30 + [BRIDGE] + [BAKERY] * 20).select(claim)[0].text == alone


def test_a_claim_without_a_common_word_is_still_given_a_passage_and_an_empty_context_none() -> None:
    assert PassageIndex([BAKERY]).select("Quantum chromodynamics")[0].recall == 0.0
    assert PassageIndex().select("anything") == []


def test_added_documents_are_found_as_if_they_had_been_there() -> None:
    grown = PassageIndex([BAKERY])
    grown.add(BRIDGE)
    claim = "The arch is 503 metres long."
    assert grown.select(claim) == PassageIndex([BAKERY, BRIDGE]).select(claim)


def test_what_bears_out_a_claim_in_several_places_is_gathered() -> None:
    text = " ".join(f"Day {number} was long and nothing of note was seen by anyone at sea." for number in range(40))
    story = text.replace("Day 5 was long", "The ship Orca left Bergen").replace(
        "Day 31 was long", "A storm broke its mast"
    )
    chosen = PassageIndex([story]).select("The Orca left Bergen and lost its mast in a storm.")
    gathered = chosen[-1]
    assert "left Bergen" in gathered.text
    assert "storm broke its mast" in gathered.text
    assert gathered.recall > max(evidence.recall for evidence in chosen[:-1])
    assert " … " in gathered.text


def test_what_is_gathered_is_bounded_and_in_the_order_of_the_documents() -> None:
    documents = [f"{BRIDGE} {BAKERY} Number {number}." for number in range(20)]
    claim = "Rosa sells bread near the bridge that painters work on all year."
    gathered = PassageIndex(documents).select(claim)[-1]
    places = [(part.document, part.start) for part in gathered.passages]
    assert places == sorted(places)
    texts = (documents[part.document][part.start : part.end] for part in gathered.passages)
    assert len(claim.split()) + sum(len(text.split()) for text in texts) <= ROOM_WORDS


def test_what_is_gathered_briefly_is_a_part_of_that_in_fewer_words() -> None:
    documents = [f"{BRIDGE} {BAKERY} Number {number}." for number in range(20)]
    claim = "Rosa sells bread near the bridge that painters work on all year."
    index = PassageIndex(documents)
    brief, gathered = index.brief(claim), index.select(claim)[-1]
    words = sum(len(documents[part.document][part.start : part.end].split()) for part in brief.passages)
    assert 0 < words <= BRIEF_WORDS
    assert len(brief.text) < len(gathered.text)
    assert brief.is_gathered
    assert 0 < brief.recall <= gathered.recall
    assert PassageIndex(["No word of it."]).brief("Rosa sells bread.").text == "No word of it."


@settings(max_examples=60)
@given(st.lists(TEXTS, max_size=4), TEXTS)
def test_indexes_that_are_joined_choose_what_one_index_of_all_documents_does(documents: list[str], claim: str) -> None:
    whole = PassageIndex(documents)
    joined = PassageIndex.joined([PassageIndex(documents[:2]), PassageIndex(documents[2:])])
    assert joined.passages == whole.passages
    assert joined.select(claim) == whole.select(claim)


def test_neighbours_are_merged_without_repeating_a_sentence() -> None:
    passages = split_passages(BRIDGE)
    (joined,) = merge([passages[1], passages[0]])
    assert (joined.start, joined.end) == (passages[0].start, passages[1].end)


def test_stop_words_carry_no_meaning_unless_there_is_nothing_else() -> None:
    assert content_words("the bakery of Rosa") == [stem("bakery"), stem("Rosa")]
    assert content_words("to be") == ["to", "be"]
