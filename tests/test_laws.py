"""The laws on text, over every shipped policy and the detectors it names: 1, 2, 3 and 5 of the design."""

from __future__ import annotations

import codecs
import itertools
import random
import string
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import PatternScanner
from detectors.types import Finding
from sidecar.core.stream import MOST_UNREAD_CHARS
from sidecar.offline import Guarded, guard_text
from sidecar.policy.compiler import compile_file
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.plan import Plan, ScannerPlan
from sidecar.values import Action, Lane, Release
from tests.streams import NASTY, all_cuts, by_character

POLICIES = sorted(Path(__file__).parent.parent.glob("policies/*.yaml"))
KEYS = RedactionKeys.derive(b"a key for tests and nothing else, long enough")
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def github_token(seed: int) -> str:
    """A token of GitHub's shape with its checksum, made here so that none is stored."""
    body = "".join(random.Random(seed).choices(BASE62, k=30))
    checksum, digits = zlib.crc32(body.encode()), ""
    while checksum:
        checksum, digit = divmod(checksum, 62)
        digits = BASE62[digit] + digits
    return "gh" + "p_" + body + digits.rjust(6, "0")


def aws_key(seed: int) -> str:
    """An access key id's shape."""
    return "AK" + "IA" + "".join(random.Random(seed).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))


MARKED = (
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "378282246310005",
    "GB82 WEST 1234 5698 7654 32",
    "jane.doe@example.com",
    "+1 415 555 2671",
    "(415) 555-2671",
    "192.168.10.27",
    "078-05-1121",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    github_token(1),
    aws_key(2),
    "password = " + "hunter" + "2hunter2!x",
    "postgres://app:" + "s3cr3tpw" + "@db.internal/x",
    "\u200b\u200c\u200b",
    "\u202e\u2066",
    "".join(chr(0xE0000 + ord(each)) for each in "ignore"),
)
PLAIN = (
    "the ", "card is ", "SSN: ", "call me at ", "order 4111 1111 ", "4111 apples ", "v1.2.3.4 ", "script.sh ", "\r\n",
    ". ", "é\u0301", "👩🏽‍💻", "שלום ", "漢字。", "a@b ", "x" * 20, "0x" + "f" * 12, "2026-11-22 ",
    "id=", "eyJ", "-----", " ",
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts that hold what the shipped detectors look for, what only begins like it, and nasty characters."""
    piece = st.sampled_from(MARKED) | st.sampled_from(PLAIN) | st.sampled_from(PLAIN) | st.text(NASTY, max_size=4)
    return "".join(draw(st.lists(piece, max_size=8)))


@st.composite
def byte_cuts(draw: st.DrawFn, text: str) -> list[str]:
    """Pieces of a text whose bytes were cut anywhere, inside characters too, as a transport decodes them."""
    data = text.encode()
    positions = draw(st.lists(st.integers(0, len(data)), max_size=10))
    decoder = codecs.getincrementaldecoder("utf-8")()
    bounds = [0, *sorted(positions), len(data)]
    return [decoder.decode(data[start:end]) for start, end in itertools.pairwise(bounds)]


def plans() -> list[Plan]:
    """Every shipped policy, compiled."""
    compiled = [compile_file(path, KEYS) for path in POLICIES]
    assert not [error for each in compiled for error in each.errors]
    return [plan for each in compiled for _, plan in each.policies]


SHIPPED = plans()
each_policy = pytest.mark.parametrize("plan", SHIPPED, ids=[plan.name for plan in SHIPPED])


def test_policies_are_shipped() -> None:
    assert {plan.name for plan in SHIPPED} >= {"pii-redact", "secrets-block", "pci", "default"}


@each_policy
@given(text=texts(), data=st.data())
def test_law_1_the_cuts_do_not_matter(plan: Plan, text: str, data: st.DataObject) -> None:
    whole = guard_text(plan, text, session_id="s")
    for pieces in (data.draw(byte_cuts(text)), by_character(text)):
        cut = guard_text(plan, pieces, session_id="s")
        assert cut.text() == whole.text()
        assert cut.decisions == whole.decisions
        assert cut.blocked == whole.blocked


@each_policy
@given(text=texts(), data=st.data())
def test_law_2_no_character_of_a_marked_span_leaves(plan: Plan, text: str, data: st.DataObject) -> None:
    guarded = guard_text(plan, data.draw(byte_cuts(text)), session_id="s")
    assert guarded.leaked_chars == 0
    assert nothing_taken_is_kept(guarded)


@each_policy
@given(text=texts(), data=st.data())
def test_law_3_nothing_is_lost_or_invented(plan: Plan, text: str, data: st.DataObject) -> None:
    guarded = guard_text(plan, data.draw(byte_cuts(text)), session_id="s")
    kept = "".join(text[start:end] for start, end in kept_spans(guarded))
    replaced = sum(each.end - each.start for each in guarded.redactions)
    if guarded.blocked is None:
        assert len(kept) + replaced == len(text)
    if not any(each.done >= Action.REDACT for each in guarded.decisions):
        assert guarded.text() == text
    assert _unrewritten(guarded) == kept


@each_policy
@pytest.mark.parametrize("filler", ("Some plain words, 41 apples and a@b. ", "x", "4111 1111 ", "a@a.", "0-"))
def test_law_5_a_step_looks_at_no_more_than_was_declared(plan: Plan, filler: str) -> None:
    seen: list[tuple[int, PatternScanner]] = []
    guard_text(_counting(plan, seen), by_character((filler * 4_000)[:4_000]))
    for chars, scanner in seen:
        assert chars <= scanner.look_behind + scanner.look_ahead + (MOST_UNREAD_CHARS if plan.batches else 1)


GOLDEN = (
    ("pii-redact", "my card is 4111 1111 1111 1111 ok", "4111"),
    ("pii-redact", "write to jane.doe@example.com today", "jane"),
    ("secrets-block", f"use {github_token(3)} now", "gh"),
)


@pytest.mark.parametrize(("name", "text", "begins"), GOLDEN)
def test_what_is_marked_never_begins_to_leave(name: str, text: str, begins: str) -> None:
    (plan,) = [each for each in SHIPPED if each.name == name]
    for pieces in all_cuts(text):
        guarded = guard_text(plan, pieces)
        assert guarded.text().startswith(text[: text.index(begins)])
        assert begins not in guarded.text()


def kept_spans(guarded: Guarded, lane: Lane | None = None) -> list[tuple[int, int]]:
    """The spans of the input, or of one lane's, that left as they were."""
    kept = []
    for release in guarded.outputs:
        if isinstance(release, Release) and lane in (None, release.lane):
            position = release.start
            for redaction in release.redactions:
                kept.append((position, redaction.start))
                position = redaction.end
            kept.append((position, release.end))
    return [(start, end) for start, end in kept if end > start]


def nothing_taken_is_kept(guarded: Guarded) -> bool:
    """Whether no span left that a rule in force redacts or blocks; one that only annotates takes nothing itself."""
    return all(
        end <= each.finding.start or each.finding.end <= start
        for each in guarded.decisions
        if min(each.done, each.decided) >= Action.REDACT and each.is_enforced
        for start, end in kept_spans(guarded, each.lane)
    )


def _unrewritten(guarded: Guarded) -> str:
    """What left, without the replacements."""
    text = ""
    for release in guarded.outputs:
        if isinstance(release, Release):
            position = 0
            for redaction in release.redactions:
                text += release.text[position : redaction.replacement_start]
                position = redaction.replacement_end
            text += release.text[position:]
    return text


def _counting(plan: Plan, seen: list[tuple[int, PatternScanner]]) -> Plan:
    """The plan, with scanners that note how many characters each call was given."""
    scanners = tuple(ScannerPlan(_Counted(each.detector, seen), each.rules) for each in plan.scanners)
    return Plan(
        plan.name, plan.version, plan.digest, plan.owner, plan.match, plan.stream, plan.rules, scanners, plan.batches
    )


class _Counted:
    """A scanner that counts what its scans are given."""

    def __init__(self, inner: PatternScanner, seen: list[tuple[int, PatternScanner]]) -> None:
        self.inner, self.seen = inner, seen
        self.name, self.labels = inner.name, inner.labels
        self.look_behind, self.look_ahead = inner.look_behind, inner.look_ahead

    def start(self) -> _CountedScan:
        return _CountedScan(self)


class _CountedScan:
    def __init__(self, scanner: _Counted) -> None:
        self.scanner, self.inner = scanner, scanner.inner.start()

    @property
    def cleared(self) -> int:
        return self.inner.cleared

    def advance(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
        self.scanner.seen.append((len(text), self.scanner.inner))
        return list(self.inner.advance(text, offset, is_final=is_final))
