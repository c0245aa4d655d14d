"""The demo's parts: cutting a text into tokens, showing a conversation, and saying what is missing."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from demo.conversations import Conversation, conversations
from demo.screen import panel, view
from demo.stage import Judged, run
from demo.tokens import tokens
from demo.topic import Violation, print_violations
from demo.transcript import Evidence, Piece, Transcript
from demo.verdict import faults

TALK = Conversation(
    session="talk",
    title="A talk",
    policy="pci",
    text="card 4111111111111111.",
    released="card ************1111.",
    violations=(("no-cards", "CREDIT_CARD"),),
    stays="4111111111111111",
)
EVENT = Violation(
    id="1",
    sequence=1,
    session="talk",
    time="2026-11-22T04:00:00.000Z",
    severity="high",
    rule="no-cards",
    label="CREDIT_CARD",
    decided="redact",
    done="redact",
    span=(5, 21),
    shape="9999[9]",
    leaked_chars=0,
    held_ms=12.0,
)


def _transcript(**changes: object) -> Transcript:
    transcript = Transcript(
        received=TALK.text,
        released_to=len(TALK.text),
        pieces=[Piece("card "), Piece("************1111", "no-cards"), Piece(".")],
        violations=Counter(TALK.violations),
        is_complete=True,
    )
    return dataclasses.replace(transcript, **changes)  # type: ignore[arg-type]  # the tests name real fields


def _printed(show: Callable[[Console], None], *, width: int = 120) -> str:
    output = StringIO()
    show(Console(file=output, width=width, force_terminal=False))
    return output.getvalue()


@given(st.text())
def test_tokens_together_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_tokens_cut_a_card_number_into_many() -> None:
    assert tokens("card 4111 1111.") == ["card", " ", "411", "1", " ", "111", "1", "."]


def test_nothing_is_missing_when_everything_happened() -> None:
    assert faults(TALK, _transcript(), [EVENT]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_complete": False}, "the stream did not end with a summary"),
        ({"received": "card"}, "not all of the text was sent"),
        ({"pieces": [Piece("card .")]}, "'card .' was let out"),
        ({"blocked_by": "no-cards"}, "blocked by no-cards"),
        ({"leaked_chars": 3}, "3 characters leaked"),
        ({"violations": Counter()}, "the summary has no violation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_that_went_wrong_is_named(changes: dict[str, object], expected: str) -> None:
    assert faults(TALK, _transcript(**changes), [EVENT]) == [expected]


def test_a_beginning_of_what_must_stay_is_a_leak() -> None:
    found = faults(TALK, _transcript(pieces=[Piece("card 411111")]), [EVENT])

    assert found == ["'card 411111' was let out", "part of what had to stay was let out"]


def test_a_violation_that_is_not_in_the_topic_is_missed() -> None:
    assert faults(TALK, _transcript(), []) == ["the topic has no violation"]
    assert faults(TALK, _transcript(), [EVENT, EVENT]) == ["the topic has 2 x no-cards/CREDIT_CARD"]


def test_every_conversation_is_another_and_keeps_its_secret() -> None:
    talks = conversations()

    assert len({talk.session for talk in talks}) == len(talks) >= 5
    assert [talk.title for talk in talks if talk.stays and talk.stays not in talk.text] == []
    assert [talk.title for talk in talks if talk.stays and talk.stays in talk.released] == []
    assert any(talk.text == talk.released and not talk.text.isascii() for talk in talks)


def test_held_text_is_what_came_in_and_has_not_left() -> None:
    transcript = Transcript(received="card 4111", released_to=5)

    assert (transcript.held, transcript.withheld) == ("4111", "")
    transcript.blocked_by = "no-cards"
    assert (transcript.held, transcript.withheld) == ("", "4111")


def test_the_panel_shows_what_came_in_what_is_held_and_what_was_let_out() -> None:
    transcript = Transcript(received="my card is 4111\u200b", released_to=11, pieces=[Piece("my card is ")])

    shown = _printed(lambda console: console.print(panel(TALK, transcript)))

    assert "came in" in shown
    assert "let out" in shown
    assert shown.count("4111‹200B›") == 2
    assert shown.count("my card is") == 2


def test_without_a_terminal_it_prints_a_line_for_each_release_and_block() -> None:
    transcript = Transcript(received="card 4111", released_to=5, pieces=[Piece("card ")])

    def show(console: Console) -> None:
        with view(console, TALK) as screen:
            screen.show(transcript)
            screen.show(transcript)
            transcript.blocked_by, transcript.message = "no-cards", "Stopped."
            screen.show(transcript)

    assert _printed(show).splitlines() == [
        "",
        "--- A talk [policy pci]",
        "in    9  held   0  let out 'card '",
        "in    9  held   0  BLOCKED by no-cards: Stopped.",
    ]


def test_the_table_has_a_row_for_each_violation() -> None:
    shown = _printed(lambda console: print_violations(console, [EVENT]), width=160)

    assert "no-cards" in shown
    assert "9999[9]" in shown
    assert "5-21" in shown


@pytest.mark.parametrize(("faults", "status"), [((), 0), (("characters leaked",), 1)])
def test_the_exit_status_says_whether_everything_happened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: Sequence[str], status: int
) -> None:
    async def demo(_console: Console, folder: Path, tokens_per_second: float) -> Sequence[Judged]:
        folders.append(folder)
        assert (folder.is_dir(), tokens_per_second) == (True, 7.0)
        return [Judged("A scene", "fine", ()), Judged("Another", "fine", faults)]

    folders: list[Path] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["demo", "--tokens-per-second", "7"])

    assert run(demo, program="demo", about="", tokens_per_second=35.0, errors=()) == status
    assert folders[0].exists() == (status != 0)


def test_a_demo_that_could_not_run_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def demo(_console: Console, _folder: Path, _tokens_per_second: float) -> Sequence[Judged]:
        raise LookupError("nobody there")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["demo"])

    assert run(demo, program="demo", about="", tokens_per_second=35.0, errors=(LookupError,)) == 2
    assert "could not run: nobody there" in capsys.readouterr().out


def test_the_evidence_for_a_sentence_is_shown_and_missed_when_it_is_not() -> None:
    talk = dataclasses.replace(TALK, supported=1)
    found = Evidence("card <*>", "doc", 0.97)
    transcript = _transcript(evidence=[found])

    assert faults(talk, transcript, [EVENT]) == []
    assert faults(talk, _transcript(), [EVENT]) == ["0 sentences had evidence"]
    assert "✓ 0.97 doc: card <*>" in _printed(lambda console: console.print(panel(talk, transcript)))
