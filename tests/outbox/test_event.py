"""The events: what they say, and what they never say."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.builders import (
    LABELS_LIMIT,
    TEXT_LIMIT_CHARS,
    fault_event,
    session_key,
    timestamp,
    uuid7,
    violation_event,
)
from sidecar.outbox.encode import from_proto, to_proto
from sidecar.outbox.event import EXCERPT_LIMIT_CHARS, Fault, FaultKind, Kind, StreamDecision, TagsRef, Violation
from sidecar.outbox.evidence import EvidenceKey, Keeping, shape_of
from sidecar.values import Action, Decision, Severity
from tests.outbox.samples import (
    INFO,
    NOW,
    SECRET,
    TRACE,
    a_decision,
    a_failed_decision,
    a_fault,
    a_plan,
    a_stream_decision,
    a_violation,
)


def test_violation_says_who_where_what_and_how_far_text_had_left():
    event = a_violation()
    data = event.data
    assert isinstance(data, Violation)
    assert (event.kind, event.severity, event.key, event.subject) == (
        Kind.VIOLATION,
        Severity.HIGH,
        "acme|session-1",
        "stream-1",
    )
    assert (data.ids.stream, data.ids.session, data.ids.tenant, data.ids.request) == (
        "stream-1",
        "session-1",
        "acme",
        "request-1",
    )
    assert data.ids.trace == TRACE
    assert data.time.occurred == "2026-09-21T14:13:20.250Z"
    assert (data.policy.rule, data.policy.severity, data.policy.enforcement, data.policy.action) == (
        "rule-0",
        "high",
        "enforce",
        "redact",
    )
    assert (data.detector.name, data.detector.label, data.detector.score, data.detector.threshold) == (
        "fake",
        "WORD",
        0.9,
        0.5,
    )
    assert msgspec.to_builtins(data.where) == {
        "direction": "output",
        "part": "model",
        "choice": 0,
        "channel": "content",
        "span": {"start": 10, "end": 19, "unit": "code_point"},
    }
    assert msgspec.to_builtins(data.exposure) == {"released_to": 10, "leaked_chars": 0, "held_ms": 41.235}
    assert (data.decided, data.done) == ("redact", "redact")
    assert (data.app.model, data.app.prompt_version, data.app.labels) == ("some-model", "7", {"app": "support-bot"})


def test_what_was_decided_and_what_was_done_are_both_there():
    data = violation_event(INFO, a_plan(), a_decision(done=Action.ALLOW), NOW).data
    assert isinstance(data, Violation)
    assert (data.decided, data.done) == ("redact", "allow")


def tagged(decision: Decision, **changes: Any) -> Violation:
    """The violation of a rule with other properties, as it comes back from protobuf."""
    usual = a_plan()
    other = dataclasses.replace(usual, rules=(dataclasses.replace(usual.rules[0], **changes),))
    event = violation_event(INFO, other, decision, NOW)
    data = from_proto(event.kind, to_proto(event.data).SerializeToString())
    assert data == event.data
    assert isinstance(data, Violation)
    return data


def test_a_violation_carries_the_tags_of_its_rule_and_of_what_was_found():
    assert tagged(a_decision()).tags is None
    assert tagged(a_decision(), detector="pii").tags == TagsRef(
        owasp=("LLM02:2025",), atlas=("AML.T0057",), nist=("AI.600-1:2.4",)
    )
    stated = tagged(a_decision(), detector="pii", tags={"owasp": ("LLM07:2025", "ASI03:2026"), "atlas": ()})
    assert stated.tags == TagsRef(owasp=("LLM07:2025", "ASI03:2026"), nist=("AI.600-1:2.4",))
    assert tagged(a_failed_decision(), detector="pii").tags is None


def test_failure_counts_its_segment_as_not_looked_at():
    data = violation_event(INFO, a_plan(), a_failed_decision(), NOW).data
    assert isinstance(data, Violation)
    assert data.failure is not None
    assert data.failure.kind == "timeout"
    assert msgspec.to_builtins(data.coverage) == {"scanned": 0, "unscanned": 30, "reason": "timeout"}
    assert data.detector.score is None


def test_decision_event_matters_more_when_something_was_found():
    data = a_stream_decision().data
    assert isinstance(data, StreamDecision)
    assert data.violations == {"rule-0": 2}
    assert a_stream_decision().severity is Severity.LOW


def test_fault_without_a_stream_has_no_session():
    event = a_fault()
    assert (event.key, event.data.ids.stream, event.subject) == ("", "", "toxicity")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "acme|session-1"),
        ({"tenant": ""}, "|session-1"),
        ({"session_id": ""}, "acme|request-1"),
        ({"session_id": "", "request_id": ""}, "acme|stream-1"),
    ],
)
def test_key_is_the_session_or_the_next_best(changes: dict[str, str], key: str):
    assert session_key(replace(INFO, **changes)) == key


def test_same_value_has_the_same_hash_and_another_key_another():
    hashes = {a_violation(hashed=True).data.evidence.hash for _ in range(2)}  # type: ignore[union-attr]
    assert len(hashes) == 1
    key = EvidenceKey(b"another key")
    other = violation_event(INFO, a_plan(), a_decision(), NOW, keeping=Keeping(key=key)).data
    assert isinstance(other, Violation)
    assert other.evidence.hash not in hashes
    assert other.evidence.key_id == key.id != EvidenceKey(SECRET).id


def test_without_a_key_there_is_no_hash():
    data = a_violation().data
    assert isinstance(data, Violation)
    assert (data.evidence.hash, data.evidence.key_id) == ("", "")


def test_match_that_was_not_kept_whole_has_no_hash():
    decision = a_decision()
    longer = replace(decision, finding=replace(decision.finding, end=decision.finding.end + 1))
    data = violation_event(INFO, a_plan(), longer, NOW, keeping=Keeping(key=EvidenceKey(SECRET))).data
    assert isinstance(data, Violation)
    assert data.evidence.hash == ""


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("4111 1111-AB", "9999 9999-aa"),
        ("jane@x.org", "aaaa@a.aaa"),
        ("Жанна ٣٤ 一", "aaaaa 99 9"),
        ("a\U000e0041\u200b\n\ufe0f", "a????"),
        ("x" * (EXCERPT_LIMIT_CHARS + 1), "a" * EXCERPT_LIMIT_CHARS + "…"),
        ("", ""),
    ],
)
def test_shape_shows_no_letter_no_digit_and_nothing_hidden(text: str, shape: str):
    assert shape_of(text) == shape


@given(st.text())
def test_shape_holds_only_shape(text: str):
    shape = shape_of(text)
    assert len(shape) <= EXCERPT_LIMIT_CHARS + 1
    assert not any(character.isalnum() and character not in "a9" for character in shape)
    assert all(" " <= character <= "~" or character == "…" for character in shape)


def test_reason_that_quotes_what_it_found_is_left_out():
    decision = a_decision("jane@x.org")
    quoting = replace(decision, finding=replace(decision.finding, reason="matched jane@x.org"))
    data = violation_event(INFO, a_plan(), quoting, NOW).data
    assert isinstance(data, Violation)
    assert data.detector.reason == ""


def test_what_the_application_says_is_bounded_and_cleaned():
    info = replace(
        INFO,
        session_id="s\x1b[31m\ud800" + "x" * 1000,
        labels={str(number): "v" * 1000 for number in range(1000)},
        trace="not a trace",
    )
    event = a_fault(info)
    assert event.data.ids.session.startswith("s\ufffd[31m\ufffdx")
    assert len(event.data.ids.session) == TEXT_LIMIT_CHARS
    assert isinstance(event.data, Fault)
    assert event.data.app is not None
    assert len(event.data.app.labels) == LABELS_LIMIT
    assert {len(value) for value in event.data.app.labels.values()} == {TEXT_LIMIT_CHARS}
    assert (event.traceparent, event.data.ids.trace) == ("", "")
    msgspec.json.encode(event)


def test_fault_counts_losses_by_severity_and_leaves_zeros_out():
    event = fault_event(FaultKind.EVENTS_LOST, "outbox", NOW, lost={Severity.HIGH: 1, Severity.LOW: 0})
    assert event.data.lost == {"high": 1}  # type: ignore[union-attr]
    assert event.severity is Severity.CRITICAL


def test_uuid7_is_one_and_carries_the_time():
    made = uuid.UUID(uuid7(NOW))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(NOW * 1000)
    assert uuid7(NOW) != uuid7(NOW)
    assert uuid7(NOW) < uuid7(NOW + 0.001)


def test_timestamp_is_utc_to_the_millisecond():
    assert timestamp(0.0019) == "1970-01-01T00:00:00.001Z"
