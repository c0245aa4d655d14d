"""Streams that come out of two versions alike are guarded once, and what is told is what guarding twice tells."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.remembered import Heard
from workbench.preview.alike import Pair
from workbench.preview.replay import Asked, Replay
from workbench.preview.tally import Tally
from workbench.preview.traffic import Row

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: default, version: "1"}\n'
RULES = """rules:
  - id: cards
    detect: {detector: pii, labels: {CREDIT_CARD: 0.5, EMAIL_ADDRESS: 0.5}}
    action: {redact: {with: stand_in}}
  - {id: names, detect: {detector: patterns, keywords: {NAME: [Kraken]}}, action: {block: {message: "No."}}}
"""
CARD, MAIL, NAME = "4111 1111 1111 1111", "bob@example.org", "Kraken"
CHANGES = {
    "nothing that matters": ("id: cards", "id: cards\n    description: why\n    severity: low"),
    "how it is replaced": ("{redact: {with: stand_in}}", "{redact: {with: label}}"),
    "a threshold": ("EMAIL_ADDRESS: 0.5", "EMAIL_ADDRESS: 1.0"),
    "a label": (", EMAIL_ADDRESS: 0.5", ""),
    "what stops it": ('{block: {message: "No."}}', "annotate"),
    "a message": ('message: "No."', 'message: "Never."'),
    "whom it reads": ("keywords: {NAME: [Kraken]}", "keywords: {NAME: [Kraken]}, parts: [model]"),
    "in shadow": ('action: {block: {message: "No."}}', 'action: {block: {message: "No."}}, enforcement: shadow'),
    "under a condition": ("id: names,", "id: names, when: \"finding.part == 'user'\","),
    "what stands before it": ("rules:\n", "rules:\n  - {id: first, detect: {detector: pii}, action: annotate}\n"),
}
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["user", "model"]),
        st.lists(st.sampled_from(["hello", CARD, MAIL, NAME, "reply to 4539 5787 6362 1486"]), min_size=1).map(
            " ".join
        ),
    ),
    min_size=1,
    max_size=4,
)


def replaying(folder: Path, old: str, new: str) -> Replay:
    folder.mkdir(exist_ok=True)
    paths = []
    for name, text in (("old", old), ("new", new)):
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(HEAD + text, encoding="utf-8")
    return Replay(Asked((str(paths[0]),), (str(paths[1]),)))


def row(turns: list[dict[str, str]]) -> list[Row]:
    return [Row(0, "t:1", json.dumps({"id": "c", "turns": turns}).encode())]


def told(tally: Tally) -> tuple[Any, ...]:
    return tally.changes, tally.rules, tally.parts, tally.examples


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Replay]:
    folder = tmp_path_factory.mktemp("pairs")
    changed = {name: RULES.replace(*change) for name, change in CHANGES.items()}
    assert all(text != RULES for text in changed.values())
    return {name: replaying(folder / str(number), RULES, text) for number, (name, text) in enumerate(changed.items())}


@given(change=st.sampled_from(sorted(CHANGES)), said=TURNS)
def test_what_is_told_is_what_guarding_twice_tells(
    pairs: dict[str, Replay], change: str, said: list[tuple[str, str]]
) -> None:
    rows = row([{who: text} for who, text in said])
    once = pairs[change].tally_of(rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Replay, "_is_alike", lambda *_: False)
        twice = pairs[change].tally_of(rows)
    assert told(once) == told(twice)


@pytest.mark.parametrize(
    ("change", "text", "is_alike"),
    [
        ("nothing that matters", f"{CARD} {MAIL}", True),
        ("how it is replaced", "hello", True),
        ("how it is replaced", CARD, False),
        ("a threshold", CARD, True),
        ("a label", CARD, True),
        ("what stops it", CARD, True),
        ("what stops it", NAME, False),
        ("under a condition", NAME, False),
        ("what stands before it", CARD, False),
    ],
)
def test_a_stream_is_guarded_once_where_the_change_meets_nothing(
    pairs: dict[str, Replay], change: str, text: str, is_alike: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bool] = []
    truly = Pair.is_alike

    def noted(pair: Pair, heard: Collection[Heard], *, has_calls: bool) -> bool:
        answers.append(truly(pair, heard, has_calls=has_calls))
        return answers[-1]

    monkeypatch.setattr(Pair, "is_alike", noted)
    pairs[change].tally_of(row([{"user": text}]))
    assert answers == [is_alike]


def test_what_a_request_hid_comes_back_where_only_the_answers_policies_differ(tmp_path: Path) -> None:
    """The request is guarded once for both, and both answers know what stands in for what."""
    asked = 'metadata: {name: asked, version: "1"}\nmatch: {directions: [input]}'
    answered = 'metadata: {name: answered, version: "1"}\nmatch: {directions: [output]}'
    first = HEAD.partition("metadata")[0]
    policies = f"{asked}\n{RULES}---\n{first}{answered}\n{RULES}"
    paths = []
    for name, text in (("old", policies), ("new", policies.replace(*CHANGES["a message"]))):
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(first + text, encoding="utf-8")
    replay = Replay(Asked((str(paths[0]),), (str(paths[1]),)))
    tally = replay.tally_of(row([{"user": f"card {CARD}"}, {"model": f"{NAME} has {CARD}"}]))
    assert sum(tally.changes.values()) == 2
