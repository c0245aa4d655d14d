"""The segmenter: where cuts fall, and that they depend on the text alone."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.segmenter import Segmenter
from tests.streams import NASTY, all_cuts, by_character, cuts_of


def segments(pieces: list[str], max_tokens: int = 64, *, least_tokens: int = 0) -> list[str]:
    segmenter = Segmenter(max_tokens, least_tokens=least_tokens)
    text, ends = "", []
    for piece in pieces:
        text += piece
        kept = max(0, segmenter.start - 5)
        ends += segmenter.advance(text[kept:], kept)
    if (last := segmenter.finish()) is not None:
        ends.append(last)
    bounds = [0, *ends]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("", []),
        ("one", ["one"]),
        ("One. Two.", ["One.", " Two."]),
        ("One! (Two?) Three", ["One!", " (Two?)", " Three"]),
        ('He said "no." Then left.', ['He said "no."', " Then left."]),
        ("pi is 3.14 or so. Yes", ["pi is 3.14 or so.", " Yes"]),
        ("Dr. Who met e.g. J. Smith. Fine.", ["Dr. Who met e.g. J. Smith.", " Fine."]),
        ("At 5 Elm Rd Apt. 660, Ulm. Fine.", ["At 5 Elm Rd Apt. 660, Ulm.", " Fine."]),
        ("At H.No. 82 Nair Marg. Fine.", ["At H.No. 82 Nair Marg.", " Fine."]),
        ("1. First\n2. Second\n", ["1. First\n", "2. Second\n"]),
        ("a\n\n\nb", ["a\n", "\n\nb"]),
        ("a\r\nb", ["a\r\n", "b"]),
        ("Wait... what?! ok", ["Wait...", " what?!", " ok"]),
        ("你好。再见！”好", ["你好。", "再见！”", "好"]),
        ("   \n  ", ["   \n  "]),
        (
            "one two three four five six seven eight nine ten eleven twelve a b c d e f",
            ["one two three four five six seven eight nine ten eleven twelve a b c d ", "e f"],
        ),
    ),
)
def test_cuts_fall_where_a_reader_would_put_them(text: str, expected: list[str]) -> None:
    for pieces in all_cuts(text):
        assert segments(pieces) == expected


NAMES = (
    "Anna Maria Smith",
    "University of the Andes",
    "5 March 2024",
    "Paris, France",
    "12 Ünal St. Springfield, IL 62704",
    "Simone de Beauvoir",
    "Jan van der Berg",
)


@pytest.mark.parametrize("name", NAMES)
def test_no_cut_parts_a_name(name: str) -> None:
    for before in range(4, 17):
        text = "a " * before + name + " went on and on and on and on and on"
        ends = set(itertools.accumulate(map(len, segments([text]))))
        assert len(ends) > 1
        assert not ends & set(range(2 * before + 1, 2 * before + len(name))), before


def test_a_run_of_capitals_without_end_is_cut_between_words() -> None:
    text = "Word " * 200
    found = segments(by_character(text))
    assert "".join(found) == text
    assert max(map(len, found)) <= 5 * (64 + 12)
    assert all(each.startswith("Word") for each in found)


@given(
    st.lists(st.sampled_from(["Anna ", "of ", "5 ", "a ", "St. ", "Ünal, ", "De", "x. ", "\n", "漢 ", "'"])), st.data()
)
def test_cuts_around_names_ignore_chunks(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    whole = segments([text], max_tokens=4)
    assert "".join(whole) == text
    assert segments(by_character(text), max_tokens=4) == whole
    assert segments(data.draw(cuts_of(text)), max_tokens=4) == whole


def test_a_word_without_end_is_cut() -> None:
    text = "x" * 5000
    found = segments(by_character(text))
    assert "".join(found) == text
    assert max(map(len, found)) <= 6 * (64 + 16)


def test_first_segments_are_short() -> None:
    found = segments(["word " * 400])
    sizes = [len(each.split()) for each in found]
    assert sizes[:4] == [16, 32, 64, 64]


@given(st.text(NASTY, max_size=120), st.data())
def test_segments_tile_the_text_and_ignore_chunks(text: str, data: st.DataObject) -> None:
    whole = segments([text], max_tokens=4)
    assert "".join(whole) == text
    assert all(whole)
    assert all(not each.isspace() for each in whole[:-1])
    assert segments(data.draw(cuts_of(text)), max_tokens=4) == whole


@given(st.text(NASTY, max_size=60))
def test_a_cut_is_certain_once_the_character_after_it_came(text: str) -> None:
    whole = segments([text], max_tokens=4)
    segmenter, seen, position = Segmenter(4), "", 0
    ends: list[int] = []
    for character in text:
        seen += character
        for end in segmenter.advance(seen, 0):
            ends.append(end)
            assert len(seen) <= end + 1
    bounds = []
    for each in whole:
        position += len(each)
        bounds.append(position)
    assert ends == bounds[: len(ends)]


def test_short_sentences_and_lines_are_gathered() -> None:
    text = "Yes. One two three four. Five six seven.\n- eight\n- nine ten eleven twelve.\nMore of it. And the end"
    for pieces in all_cuts(text):
        assert segments(pieces, least_tokens=12) == [
            "Yes.",
            " One two three four. Five six seven.\n- eight\n- nine ten eleven twelve.\n",
            "More of it. And the end",
        ]


def test_the_least_grows_to_what_was_asked_for() -> None:
    found = segments(["word word word. " * 200], max_tokens=512, least_tokens=48)
    sizes = [len(each.split()) for each in found]
    assert sizes[:5] == [3, 9, 18, 36, 36]


def test_a_list_number_ends_no_sentence_inside_a_segment() -> None:
    text = "First of all, here are the steps to follow:\n1. Open it.\n2. Close the lid of it and wait for one minute."
    assert all(not each.endswith("2.") for each in segments([text], least_tokens=12))


@given(st.text(NASTY, max_size=120), st.integers(0, 12), st.data())
def test_gathered_segments_tile_the_text_and_ignore_chunks(text: str, least: int, data: st.DataObject) -> None:
    whole = segments([text], max_tokens=8, least_tokens=least)
    assert "".join(whole) == text
    assert all(whole)
    assert segments(data.draw(cuts_of(text)), max_tokens=8, least_tokens=least) == whole
