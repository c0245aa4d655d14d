"""What a rule may know of the session that a stream belongs to, when the stream begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The session as it stands when a stream begins. A stream keeps these facts to its end."""

    risk: float = 0.0
    """The sum of what was found in it, each worth less the longer it is ago."""
    violations: int = 0
    """How many there were."""
    untrusted: bool = False
    """Whether it has read text that strangers may have written."""
    sensitive: bool = False
    """Whether it has touched sensitive data."""
    sends: bool = False
    """Whether it is about to hand something to the outside."""


NOTHING_KNOWN = SessionFacts()
"""The facts of a stream that belongs to no session, or to one that just began."""
