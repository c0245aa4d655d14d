"""What collects text before a check lets go when the check is done, and waits are counted from when a token came."""

from __future__ import annotations

from itertools import accumulate

import pytest

from benchmarks.first_token import designs
from benchmarks.first_token.waits import after_checks, on_time, waits

TOKENS = ["It", " is", " so", ".", " And", " on", "."]


def test_a_sentence_leaves_when_the_next_one_has_begun():
    assert designs.sentences(TOKENS) == [0, 0, 0, 0, 10, 10, 10, 17]


def test_a_window_leaves_when_it_is_full_and_the_rest_at_the_end():
    assert designs.windows(TOKENS, 3, 0) == [0, 0, 8, 8, 8, 16, 16, 17]


def test_what_the_next_window_reads_again_stays():
    assert designs.windows(TOKENS, 4, 2) == [0, 0, 0, 5, 5, 9, 9, 17]


def test_windows_of_bytes_leave_when_the_bytes_have_come():
    assert designs.byte_windows(TOKENS, 6) == [0, 0, 6, 6, 12, 12, 12, 17]


@pytest.mark.parametrize(
    ("design", "first", "held", "longest"),
    [(designs.at_once, 0, 0, 0), (designs.whole, 70, 17, 70)],
    ids=["nothing is collected", "everything is"],
)
def test_waits_of_the_two_extremes(design, first: int, held: int, longest: int):
    found = waits(TOKENS, 10, on_time(design(TOKENS), 10))
    assert (found.first_ms, max(found.held_chars), max(found.held_ms)) == (first, held, longest)


def test_a_token_is_let_go_with_its_last_character():
    found = waits(TOKENS, 10, on_time(designs.sentences(TOKENS), 10))
    assert found.first_ms == 40
    assert found.held_ms == [40, 30, 20, 10, 30, 20, 10]
    assert found.held_chars == [2, 5, 8, 9, 3, 6, 7]


def test_text_leaves_when_its_check_is_done():
    assert after_checks(designs.windows(TOKENS, 3, 0), 10, [5, 7, 1]) == [(25, 8), (57, 16), (71, 17)]


def test_a_check_waits_for_the_one_before():
    releases = after_checks(designs.at_once(TOKENS), 10, [25] * len(TOKENS))
    assert releases == [(25 * number, chars) for number, chars in enumerate(accumulate(map(len, TOKENS)), start=1)]
    found = waits(TOKENS, 10, releases)
    assert found.held_ms == [25, 40, 55, 70, 85, 100, 115]
    assert found.held_chars == [2, 5, 8, 7, 11, 11, 12]


def test_every_step_has_a_check():
    with pytest.raises(ValueError, match="zip"):
        after_checks(designs.whole(TOKENS), 10, [1, 1])
