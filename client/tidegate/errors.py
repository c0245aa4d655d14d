"""What a call to the sidecar can end with, beside an answer.

    TidegateError
    ├── GuardBlocked        the policy stopped the text                         (verdict)
    ├── InvalidRequest      something sent is not allowed                       (field)
    ├── UnknownPolicy       there is no such policy                             (policy)
    ├── NotAllowed          the sidecar asks for a token, and this one is not for that
    ├── Overloaded          no room just now; worth another try                 (retry_after)
    ├── Unavailable         no sidecar answers, or it is shutting down          (retry_after)
    ├── DeadlineExceeded    it took longer than the caller wanted to wait, or a stream was idle for too long
    └── SidecarFault        the sidecar failed

`str(error)` says what happened and, where the sidecar knows it, what to do. It never holds the text that was checked.
"""

from __future__ import annotations

from tidegate.types import Verdict


class TidegateError(Exception):
    """The root. `reason` is a short constant from the sidecar, such as `UNKNOWN_POLICY`; it may be empty."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class GuardBlocked(TidegateError):  # noqa: N818 - a decision, not a failure
    """The policy stopped the text. What came out before is all that may be shown, with `message` after it."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"blocked by rule {verdict.rule}", reason="BLOCKED")
        self.verdict = verdict

    @property
    def rule(self) -> str:
        """The rule's id."""
        return self.verdict.rule

    @property
    def message(self) -> str:
        """The policy's replacement text for the user; it may be empty."""
        return self.verdict.message


class InvalidRequest(TidegateError):  # noqa: N818 - it says what it is
    """Something that was sent is not allowed: `field` names it."""

    def __init__(self, message: str, *, field: str = "", reason: str = "INVALID") -> None:
        super().__init__(message, reason=reason)
        self.field = field


class UnknownPolicy(TidegateError):  # noqa: N818 - as above
    """There is no policy of that name, or none that takes the stream."""

    def __init__(self, message: str, *, policy: str = "") -> None:
        super().__init__(message, reason="UNKNOWN_POLICY")
        self.policy = policy


class NotAllowed(TidegateError):  # noqa: N818 - as above
    """The sidecar asks for a token, and there is none, or it is not for this tenant, or for gRPC."""


class Overloaded(TidegateError):  # noqa: N818 - as above
    """There is no room just now; try again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, reason="OVERLOADED")
        self.retry_after = retry_after


class Unavailable(TidegateError):  # noqa: N818 - as above
    """No sidecar answers, or it is shutting down; nothing was guarded."""

    def __init__(self, message: str, *, reason: str = "UNAVAILABLE", retry_after: float | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class DeadlineExceeded(TidegateError):  # noqa: N818 - as above
    """It took longer than the caller wanted to wait, or a stream was idle for too long."""


class SidecarFault(TidegateError):  # noqa: N818 - as above
    """The sidecar failed, or its answer was lost. What was held has not left."""
