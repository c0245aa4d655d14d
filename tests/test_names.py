"""Names through the whole core: one name is one redaction, however the text comes, and nothing of it gets out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.offline import guard_text
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from tests.streams import all_cuts, by_character, cuts_of
from tests.tiny_model import write_tiny_model

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: names, version: "1"}}
stream: {{max_segment_tokens: 8, min_segment_tokens: 0}}
rules:
  - id: data
    detect: {{detector: pii, labels: [{labels}], model: "{model}"}}
    action: redact
"""


def compiled(folder: Path, labels: str) -> Plan:
    path = folder / f"{labels.replace(', ', '-')}.yaml"
    path.write_text(POLICY.format(labels=labels, model=folder / "tiny"), encoding="utf-8")
    found = compile_file(path)
    assert not found.errors, found.errors
    ((_, plan),) = found.policies
    return plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("names")
    write_tiny_model(made / "tiny")
    return made


@pytest.fixture(scope="module")
def plan(folder: Path) -> Plan:
    return compiled(folder, "PERSON, EMAIL_ADDRESS")


TEXTS = (
    ("it was Ann Smith.", "it was ‹name›."),
    ("Ann Smith", "‹name›"),
    ("the the the the the the Ann Smith the", "the the the the the the ‹name› the"),
    ("the the the the the the the Ann Smith the", "the the the the the the the ‹name› the"),
    ("the the the the the the the the Ann Smith the", "the the the the the the the the ‹name› the"),
    ("Ann's and ann@example.com, Dr. Smith?", "‹name›'s and ‹email-address›, Dr. ‹name›?"),
    ("Ann\nSmith Ann. Ann! ann", "‹name›\n‹name› ‹name›. ‹name›! ‹name›"),
)


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_name_is_redacted_once_however_it_is_cut(plan: Plan, text: str, expected: str) -> None:
    decisions = guard_text(plan, text).decisions
    for pieces in all_cuts(text):
        guarded = guard_text(plan, pieces)
        assert guarded.text() == expected
        assert guarded.decisions == decisions


WORDS = ["Ann", "Smith", "ann", " ", " ", "the", ". ", "\n", "'s", "-", "ann@example.com ", "é", "漢"]


@given(st.lists(st.sampled_from(WORDS), max_size=24).map("".join), st.data())
def test_names_are_the_same_however_any_text_is_cut(plan: Plan, text: str, data: st.DataObject) -> None:
    whole = guard_text(plan, text)
    for pieces in (data.draw(cuts_of(text)), by_character(text)):
        guarded = guard_text(plan, pieces)
        assert (guarded.text(), guarded.decisions) == (whole.text(), whole.decisions)


def test_a_policy_pays_only_for_the_parts_that_its_rules_read(folder: Path) -> None:
    plans = {labels: compiled(folder, labels) for labels in ("EMAIL_ADDRESS", "PERSON", "PERSON, EMAIL_ADDRESS")}
    parts = {labels: (len(plan.scanners), len(plan.batches)) for labels, plan in plans.items()}
    assert parts == {"EMAIL_ADDRESS": (1, 0), "PERSON": (0, 1), "PERSON, EMAIL_ADDRESS": (1, 1)}
