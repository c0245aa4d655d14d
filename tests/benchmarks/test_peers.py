"""What ways of guarding are compared by follows from what was measured, and a real client understands the stand-in."""

from __future__ import annotations

import pytest

from benchmarks.first_token import designs
from benchmarks.first_token.waits import after_checks, on_time
from benchmarks.peers import choices
from benchmarks.peers.choices import CARD, TIDEGATE, TOKEN_MS, Measured
from benchmarks.peers.moderation import answering, moderated
from benchmarks.peers.ways import LEAST_CHARS, TOKENS_A_CHUNK, _chunked, _growing
from workbench.bench.texts import pieces_of

TEXT = "It is what it is. And so it goes on. Then it ends."
VIOLATING = choices.with_card(TEXT)


def test_the_card_stands_in_the_middle():
    assert f"It is what it is. The card is {CARD}, valid until next May. Then it ends." == VIOLATING


@pytest.mark.parametrize(
    ("output", "out"),
    [
        ("", 0),
        ("It is what it is. The card is [CREDIT_CARD], valid until next May. Then it ends.", 0),
        ("It is what it is. The card is 4111 1[CREDIT_CARD]", 6),
        ('It is what it is. The card is 4111{"error": {}}', 4),
        (VIOLATING, 19),
        ("It is what it is. The card is 4111 1111 1111 1111, valid", 19),
        ("It is wh", 0),
    ],
)
def test_what_left_of_the_card(output: str, out: int):
    assert choices.card_chars_out(VIOLATING, output) == out


def test_what_had_left_before_a_scan_found_the_card():
    scanned = [VIOLATING[:20], VIOLATING[:35], VIOLATING[:49], VIOLATING]
    elsewhere, card = (0, 5, "DATE_TIME", 0.8), (30, 49, "CREDIT_CARD", 1.0)
    assert choices.before_found(VIOLATING, scanned, [[], [elsewhere], [card], [card]]) == VIOLATING[:35]
    assert choices.before_found(VIOLATING, scanned, [[], [], [], [elsewhere]]) == VIOLATING


def test_a_chunk_of_a_growing_text_leaves_with_its_scan():
    steps = sorted({*_chunked(TEXT)} - {0})
    assert steps == [len(text) for text in _growing(TEXT)]
    tokens = pieces_of(TEXT)
    assert steps[0] == min(
        chars for at in range(0, len(tokens), TOKENS_A_CHUNK) if (chars := len("".join(tokens[:at]))) > LEAST_CHARS
    )


def test_a_row_compares_with_the_first_way():
    tokens = pieces_of(TEXT)
    ways = [
        Measured("first", TIDEGATE, 3, 0.5, [on_time(designs.at_once(tokens), TOKEN_MS)], 0),
        Measured("second", TIDEGATE, 1, 2.0, [after_checks(designs.whole(tokens), TOKEN_MS, [200])]),
        Measured("third", TIDEGATE, 1, 1.0),
    ]
    first, second, third = choices.choices(ways, [tokens])
    end = len(tokens) * TOKEN_MS + 200
    assert (first.times_tidegate, first.first_token_ms, first.longest_hold_chars) == (1, 0, 0)
    assert second.cpu_seconds_per_1000_tokens == pytest.approx(2000 / len(tokens))
    assert (second.times_tidegate, second.first_token_ms, second.longest_hold_ms) == (4, end, end)
    assert second.longest_hold_chars == len(TEXT)
    assert (third.first_token_ms, third.longest_hold_ms, third.longest_hold_chars) == (None, None, None)


def test_a_real_client_understands_the_stand_in():
    with answering(latency_ms=1) as client:
        calls = moderated(client, ["One.", "Two."])
    assert len(calls) == 2
    assert all(each.cpu_seconds > 0 for each in calls)
