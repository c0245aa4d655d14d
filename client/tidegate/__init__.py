"""Tidegate's client: what an application imports to have its token streams guarded.

    client = tidegate.Client("127.0.0.1:50051")
    for text in client.stream(tokens, policy="support-bot").text():
        show(text)

`AsyncClient` is the same for asyncio. `tidegate.reveal` opens pseudonyms.
"""

from __future__ import annotations

from tidegate.aio import AsyncClient, AsyncGuardedStream
from tidegate.client import Client, GuardedStream
from tidegate.errors import (
    DeadlineExceeded,
    GuardBlocked,
    InvalidRequest,
    NotAllowed,
    Overloaded,
    SidecarFault,
    TidegateError,
    Unavailable,
    UnknownPolicy,
)
from tidegate.types import (
    Action,
    Annotation,
    CheckResult,
    Chunk,
    Coverage,
    Grounding,
    GroundingSummary,
    Lane,
    Passage,
    Policy,
    Redaction,
    Release,
    Span,
    Summary,
    Tls,
    Usage,
    Verdict,
    Violation,
)

__all__ = [
    "Action",
    "Annotation",
    "AsyncClient",
    "AsyncGuardedStream",
    "CheckResult",
    "Chunk",
    "Client",
    "Coverage",
    "DeadlineExceeded",
    "Grounding",
    "GroundingSummary",
    "GuardBlocked",
    "GuardedStream",
    "InvalidRequest",
    "Lane",
    "NotAllowed",
    "Overloaded",
    "Passage",
    "Policy",
    "Redaction",
    "Release",
    "SidecarFault",
    "Span",
    "Summary",
    "TidegateError",
    "Tls",
    "Unavailable",
    "UnknownPolicy",
    "Usage",
    "Verdict",
    "Violation",
]
