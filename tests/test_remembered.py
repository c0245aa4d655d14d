"""Detectors that remember: they find what they find without it, however a text is cut, and ask once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.offline import guard_text
from sidecar.policy.compile.detection import Made
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.remembered import Memory
from tests.policy.doubles import CATALOG, Tone

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
rules:
  - {id: names, detect: {detector: words, words: {NAME: [Bob, Bo]}}, action: {redact: {with: mask}}}
  - {id: tone, detect: {detector: tone}, action: {redact: {with: label, form: name}}}
"""
PATTERNS = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
rules:
  - {id: cards, detect: {detector: pii}, action: {redact: {with: mask}}}
  - {id: keys, detect: {detector: secrets}, action: {redact: {with: label}}}
  - {id: ways, detect: {detector: invisible_text}, action: {redact: {with: remove}}}
"""


def plan_of(text: str = POLICY) -> Plan:
    (loaded,) = load_text(text)
    return compile_policy(loaded, catalog=CATALOG) if text is POLICY else compile_policy(loaded)


PLAN, REAL = plan_of(), plan_of(PATTERNS)


def cut(text: str, places: Sequence[int]) -> list[str]:
    inner = sorted({place for place in places if 0 < place < len(text)})
    return [text[start:end] for start, end in zip([0, *inner], [*inner, len(text)], strict=True)]


@given(
    texts=st.lists(st.text("Bob angry.\n", max_size=30), min_size=1, max_size=4),
    places=st.lists(st.lists(st.integers(1, 30), max_size=6), min_size=1, max_size=4),
)
def test_what_is_remembered_is_what_is_found(texts: list[str], places: list[list[int]]) -> None:
    memory = Memory()
    remembering = memory.of(PLAN)
    for text in texts:
        for each in places:
            chunks = cut(text, each)
            assert guard_text(remembering, chunks) == guard_text(PLAN, chunks)


@given(
    text=st.lists(
        st.sampled_from(["4111 1111 1111 1111", "jo@x.org", "\u200b", "ghp_", "a", " ", "\uff14", "."]), max_size=12
    ).map("".join),
    places=st.lists(st.integers(1, 60), max_size=6),
)
def test_what_is_remembered_of_real_scanners_is_what_is_found(text: str, places: list[int]) -> None:
    memory = Memory()
    remembering, chunks = memory.of(REAL), cut(text, places)
    first = guard_text(remembering, chunks)
    assert first == guard_text(remembering, chunks) == guard_text(REAL, chunks)


@given(text=st.text("Bob angry.", max_size=40), places=st.lists(st.integers(1, 40), max_size=6))
def test_a_memory_that_holds_little_forgets_and_is_right(text: str, places: list[int]) -> None:
    remembering, chunks = Memory(max_entries=2).of(PLAN), cut(text, places)
    assert [guard_text(remembering, chunks) for _ in range(2)] == [guard_text(PLAN, chunks)] * 2


class CountingTone(Tone):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        self.asked += len(items)
        return super().detect(items)


def test_an_item_is_asked_about_once() -> None:
    detector = CountingTone()
    (batch,) = PLAN.batches
    plan = Memory().of(replace(PLAN, batches=(replace(batch, detector=detector),)))
    assert {guard_text(plan, "so angry").text() for _ in range(3)} == {"<angry>"}
    assert detector.asked == 1


def test_plans_that_share_detectors_share_what_they_found(tmp_path) -> None:
    made: Made = {}
    plans = []
    for name, threshold in (("old", 0.5), ("new", 0.9)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(POLICY.replace("detector: tone", f"detector: tone, threshold: {threshold}"), encoding="utf-8")
        plans += [plan for _, plan in compile_file(path, catalog=CATALOG, made=made).policies]
    memory = Memory()
    old, new = map(memory.of, plans)
    guard_text(old, "Bob is angry.")
    asked, known = memory.asked, memory.known
    guard_text(new, "Bob is angry.")
    assert memory.known - known == memory.asked - asked > 0
