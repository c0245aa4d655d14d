"""Compares what happened with what had to happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from demo.conversations import Conversation
from demo.topic import Violation
from demo.transcript import Transcript

LEAK_CHARS = 6
"""So much of the beginning of what must stay counts as a leak of it."""


def faults(conversation: Conversation, transcript: Transcript, published: Iterable[Violation]) -> list[str]:
    """What is wrong with one conversation, a sentence each; nothing when all is as it must be."""
    wanted = Counter(conversation.violations)
    read = Counter((violation.rule, violation.label) for violation in published)
    checks = (
        (transcript.is_complete, "the stream did not end with a summary"),
        (transcript.received == conversation.text, "not all of the text was sent"),
        (transcript.released == conversation.released, f"{transcript.released!r} was let out"),
        (bool(transcript.blocked_by) == conversation.is_blocked, f"blocked by {transcript.blocked_by or 'no rule'}"),
        (not _leaked(conversation, transcript), "part of what had to stay was let out"),
        (transcript.leaked_chars == 0, f"{transcript.leaked_chars} characters leaked"),
        (transcript.violations == wanted, f"the summary has {_listed(transcript.violations)}"),
        (read == wanted, f"the topic has {_listed(read)}"),
        (len(transcript.evidence) == conversation.supported, f"{len(transcript.evidence)} sentences had evidence"),
    )
    return [fault for is_right, fault in checks if not is_right]


def _leaked(conversation: Conversation, transcript: Transcript) -> bool:
    return bool(conversation.stays) and conversation.stays[:LEAK_CHARS] in transcript.released


def _listed(violations: Counter[tuple[str, str]]) -> str:
    found = ", ".join(f"{count} x {rule}/{label}" for (rule, label), count in sorted(violations.items()))
    return found or "no violation"
