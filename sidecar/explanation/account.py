"""The account of a stream: what was asked, read, found, decided, held and let out. Plain values; `to_json` is its JSON.

Offsets are half-open, in Unicode code points of the text as it was given, unless a field says otherwise. Unlike events,
an account quotes the text: it is for whoever has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from detectors.types import Look
from sidecar.values import ActionName, Channel, Direction, Part, SeverityName

Fate: TypeAlias = Literal["decided", "dominated", "not_decided", "under_threshold", "label_not_asked", "not_read"]
"""What became of a finding at a rule.

It was decided about; another finding of the rule contains it; it met the rule and nothing was decided about it (`why`
says why); its score is too low; the rule does not ask for its label; the rule does not read this text.
"""
Kind: TypeAlias = Literal["kept", "replaced", "restored", "withheld", "stopped"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of the stream."""

    direction: Direction
    part: Part
    channel: Channel
    labels: Mapping[str, str]
    attributes: Mapping[str, str]
    tenant: str
    model: str
    route: str
    prompt_version: str
    policy: str
    """The policy that was named; empty when it is chosen by what the stream is."""
    is_history: bool
    context: tuple[str, ...]
    """The ids of the passages."""


class PolicyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was looked at, in the order in which they are tried."""

    name: str
    version: str
    digest: str
    order: int
    is_taken: bool
    why: str


class ReaderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A detector, and what it read of the text."""

    name: str
    model: str
    """Empty for a scanner, which reads the text as it arrives."""
    rules: tuple[str, ...]
    """The rules that read what it finds in this text."""
    is_reading: bool
    why: str
    """What it read, or why it read nothing."""
    looks: tuple[Look, ...] = ()
    """How a scanner read the text otherwise than as it is written. Changes have offsets of the text that it reads."""
    segments: tuple[SegmentAccount, ...] = ()


class SegmentAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that a model was given: `[start, end)` of the text, with context from `context_start` on."""

    number: int
    """From 1, in the order of the text."""
    start: int
    end: int
    context_start: int
    is_waited_for: bool
    """Whether text waits for its verdict."""
    failure: str
    looks: tuple[Look, ...] = ()
    """How it was read otherwise than as it is written. Changes have offsets of the segment."""


class RuleFate(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule made of a finding."""

    rule: str
    threshold: float | None
    fate: Fate
    why: str


class FindingAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Something a detector found, whatever its score. `segment` is the number of the model's segment."""

    detector: str
    label: str
    start: int
    end: int
    text: str
    score: float
    reason: str
    segment: int | None
    is_read: bool
    """Whether any rule reads it; else the detector was asked for this account alone."""
    fates: tuple[RuleFate, ...]


class RuleAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the policy: whether it read the text, and how its findings ended."""

    id: str
    detector: str
    action: ActionName
    is_enforced: bool
    is_reading: bool
    why: str


class DecisionAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's decision about a finding, and what was done. `winner` is the rule whose action shows at this place."""

    rule: str
    severity: SeverityName
    label: str
    start: int
    end: int
    text: str
    score: float | None
    threshold: float | None
    reason: str
    decided: ActionName
    done: ActionName
    winner: str
    why: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the text, and what left for it."""

    kind: Kind
    start: int
    end: int
    text: str
    """What left; empty for what was removed, and for what was stopped."""
    arrived: int
    """How many characters had come when the last of it left."""
    held_chars: int
    """How many characters had come, at most, behind one of it that still waited."""
    rule: str
    why: str


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """What came out."""

    text: str
    action: ActionName
    blocked_by: str
    message: str
    max_held_chars: int
    leaked_chars: int
    unscanned_chars: int
    unscanned_why: tuple[str, ...]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, in the order in which it happens. Without a policy that takes the stream, it ends after `policies`."""

    asked: Asked
    text: str
    policies: tuple[PolicyAccount, ...]
    policy: str
    is_decoded: bool = False
    """Whether the text is JSON that was read decoded: findings, segments and decisions then count in `read_text`."""
    read_text: str = ""
    rules: tuple[RuleAccount, ...] = ()
    readers: tuple[ReaderAccount, ...] = ()
    findings: tuple[FindingAccount, ...] = ()
    decisions: tuple[DecisionAccount, ...] = ()
    pieces: tuple[Piece, ...] = ()
    final: Final | None = None


def to_json(account: msgspec.Struct) -> dict[str, Any]:
    """As it is printed."""
    built: dict[str, Any] = msgspec.to_builtins(account)
    return built
