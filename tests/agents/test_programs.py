"""What a guard does to sessions of real agent programs: each runs with the same scripted model, direct and guarded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.frameworks.sessions import MAX_STEPS
from tests.agents.programs import Program
from tests.agents.script import Edit, Read, Say, Turn, Write
from tests.agents.sessions import run

pytestmark = [pytest.mark.agents, pytest.mark.slow]

AGENTS = (Path(__file__).parents[2] / "policies/agents.yaml").read_text()
STOPPED = "Stopped by the rule of words."
WORDS = f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: default, version: "1"}}
rules:
  - id: words
    detect: {{detector: patterns, keywords: {{WORD: ["xylozephyr"]}}}}
    action: {{block: {{message: "{STOPPED}"}}}}
"""
TASK = "Correct the program so that it takes every second row."
PROGRAM = 'xs = list(range(9))\nVERSION = ">=1.2.0.2"\nprint(xs[0:9])\n'
WORK: list[Turn] = [
    [Say("I look at it first."), Read("rows.py")],
    [Edit("rows.py", "print(xs[0:9])\n", "print(xs[1::2])\n")],
    [Say("Now a test."), Write("test_rows.py", "from rows import xs\n\nassert xs[5::2] == [5, 7]\n")],
    [Say("It takes every second row now.")],
]
DONE = {
    "rows.py": PROGRAM.replace("xs[0:9]", "xs[1::2]"),
    "test_rows.py": "from rows import xs\n\nassert xs[5::2] == [5, 7]\n",
}


def turns_for(program: Program, work: list[Turn]) -> list[Turn]:
    """A program without tools does all in one answer."""
    return work if program.has_tools else [[step for turn in work for step in turn]]


async def test_a_clean_session_is_the_same_direct_and_guarded(program: Program, tmp_path: Path):
    turns, folder = turns_for(program, WORK), tmp_path / "run"

    direct = await run(program, folder, {"rows.py": PROGRAM}, turns, tasks=[TASK])
    guarded = await run(program, folder, {"rows.py": PROGRAM}, turns, tasks=[TASK], policy=AGENTS)

    assert direct.files == guarded.files == DONE
    assert guarded.transcript == direct.transcript
    assert len(guarded.asked) == len(turns)
    assert "every second row now" in guarded.shown
    assert not guarded.violations


def _most_asks(program: Program, place: str) -> int:
    """One, but for a program that takes half an edit for a mistake, and one whose each step must be a call."""
    if program.name == "smolagents":
        return MAX_STEPS
    return 4 if program.name == "aider" and place == "call" else 1


@pytest.mark.parametrize("place", ["text", "call"])
async def test_a_block_ends_the_run_with_its_message_and_runs_nothing(program: Program, place: str, tmp_path: Path):
    said, written = ("a xylozephyr", "x = 1\n") if place == "text" else ("a file", "x = 'xylozephyr'\n")
    turns: list[Turn] = [[Say(f"I write {said} now. "), Write("made.py", written)]]

    session = await run(program, tmp_path / "run", {}, turns, tasks=[TASK], policy=WORDS)

    assert len(session.asked) == _most_asks(program, place)
    assert STOPPED in (session.shown if program.name != "smolagents" else json.dumps(session.besides))
    assert "made.py" not in session.files
    assert {violation.policy.rule for violation in session.violations} == {"words"}


async def test_a_stopped_word_in_a_file_ends_no_session(program: Program, tmp_path: Path):
    files = {"notes.txt": "Buy bread.\nCall xylozephyr.\n"}
    turns: list[Turn] = [[Read("notes.txt")], [Say("I have read it.")], [Say("And this is the rest.")]]
    turns = turns if program.has_tools else turns[1:]

    session = await run(program, tmp_path / "run", files, turns, tasks=["Read the notes.", "Go on."], policy=WORDS)

    first, resumed = session.told
    assert "xylozephyr" not in json.dumps(session.asked)
    if program.name == "smolagents":  # it hands results over as the user's newest words, which are refused
        assert STOPPED in first.shown
        return
    assert "I have read it." in first.shown
    assert "And this is the rest." in resumed.shown
    assert not first.is_error
    assert not resumed.is_error
    assert "rule" in json.dumps(session.asked)  # the sentence in its place names it


MAIL, TOKEN = "anna.berg@northwind-traders.com", "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
SETTINGS = f'OWNER = "{MAIL}"\nTOKEN = "{TOKEN}"\nxs = list(range(9))\nprint(xs[0:9])\n'
EDITED = f'OWNER = "{MAIL}"  # asks for it\nTOKEN = "{TOKEN}"\nxs = list(range(9))\nprint(xs[1::2])\n'
COPIED = f'from settings import xs\n\nassert xs[5::2] == [5, 7]\nOWNERS = ["{MAIL}", "{TOKEN}"]\n'
KNOWN = {MAIL: r'OWNER = [\\\\]*"([^"\\\\]+)', TOKEN: r'TOKEN = [\\\\]*"([^"\\\\]+)'}


async def test_what_a_tool_writes_holds_the_values_that_the_model_never_saw(program: Program, tmp_path: Path):
    turns, folder = turns_for(program, [
        [Read("settings.py")],
        [Edit("settings.py", f'OWNER = "{MAIL}"\n', f'OWNER = "{MAIL}"  # asks for it\n')],
        [Edit("settings.py", "print(xs[0:9])\n", "print(xs[1::2])\n"), Write("copied.py", COPIED)],
        [Say(f"I asked {MAIL}.")],
    ]), tmp_path / "run"  # fmt: skip
    files = {"settings.py": SETTINGS}

    direct = await run(program, folder, files, turns, tasks=[TASK], known=KNOWN)
    guarded = await run(program, folder, files, turns, tasks=[TASK], known=KNOWN, policy=AGENTS)

    assert guarded.files == direct.files == {"settings.py": EDITED, "copied.py": COPIED}
    assert len(guarded.asked) == len(direct.asked)
    assert f"I asked {MAIL}." in guarded.shown
    sent = json.dumps(guarded.asked)
    assert MAIL not in sent
    assert TOKEN not in sent
