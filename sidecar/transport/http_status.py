"""The one table from errors to HTTP statuses. The body is the provider's own error shape, made by its codec.

| error                    | status | adds          |
| ------------------------ | ------ | ------------- |
| `RefusedError`           | its own|               |
| `CallerError`, a limit   | 413, or the provider's own: `Shape.too_long` | |
| other `CallerError`      | 400    |               |
| `SlowBodyError`          | 408    |               |
| `Unauthenticated`        | 401    |               |
| `Forbidden`              | 403    |               |
| `UnknownPolicy`          | 500    |               |
| `Overloaded`, `Draining` | 503    | `Retry-After`, `Retry-After-Ms` |
| `UpstreamTimeoutError`   | 504    |               |
| `IdleStream`             | 504    |               |
| `UpstreamError`          | 502    |               |
| `UnreadableAnswerError`  | 502, or the answer's own that tells an error |   |
| anything else            | 500    |               |

No policy for a stream is a fault of the settings, not of the caller. Anything else is a fault of ours; the log has it.
"""

from __future__ import annotations

import math

import msgspec

from sidecar.errors import (
    CallerError,
    Draining,
    Forbidden,
    IdleStream,
    Overloaded,
    TidegateError,
    Unauthenticated,
    UnknownPolicy,
)
from sidecar.transport.decision import FIRST_ERROR, Refuse

TOO_LARGE = "too large"
"""The reason where a request is longer than a limit: providers have words of their own for that."""
_DRAINING_RETRY_MS = 1000
_FAULT = "the guard failed on this request; nothing that was held has left"


class UpstreamError(TidegateError):
    """The upstream cannot be reached, or broke its answer off."""


class UpstreamTimeoutError(TidegateError):
    """The upstream did not answer in time, or said nothing for too long."""


class SlowBodyError(TidegateError):
    """A request's body did not arrive in time."""


class RefusedError(TidegateError):
    """The exchange is refused for what its head says."""

    def __init__(self, refused: Refuse) -> None:
        super().__init__(refused.message)
        self.refused = refused


class UnreadableAnswerError(TidegateError):
    """The upstream's answer cannot be checked, and the settings refuse such answers."""


class HttpStatus(msgspec.Struct, frozen=True):
    """How an exchange fails. `reason` is a word for metrics."""

    code: int
    reason: str
    message: str
    retry_after_ms: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Those that say when to try again. Some clients read milliseconds, in which callers differ."""
        if self.retry_after_ms is None:
            return {}
        return {"retry-after": str(math.ceil(self.retry_after_ms / 1000)), "retry-after-ms": str(self.retry_after_ms)}


def http_status_of(error: Exception, answered: int = 0) -> HttpStatus:  # noqa: C901 - a table
    """The status for an error. `answered` is that of the upstream's answer, if there is one."""
    match error:
        case RefusedError():
            return HttpStatus(error.refused.status, error.refused.reason, str(error))
        case CallerError():
            is_too_large = error.limit and not error.field.startswith("start.")
            return HttpStatus(413, TOO_LARGE, str(error)) if is_too_large else HttpStatus(400, "caller", str(error))
        case Unauthenticated() | Forbidden():
            return HttpStatus(401 if isinstance(error, Unauthenticated) else 403, "token", str(error))
        case SlowBodyError():
            return HttpStatus(408, "slow body", str(error))
        case UnknownPolicy():
            return HttpStatus(500, "settings", f"the guard's policies do not fit its settings: {error}")
        case Overloaded():
            return HttpStatus(503, "overloaded", str(error), error.retry_ms)
        case Draining():
            return HttpStatus(503, "draining", str(error), _DRAINING_RETRY_MS)
        case IdleStream() | UpstreamTimeoutError():
            return HttpStatus(504, "timeout", str(error))
        case UnreadableAnswerError():
            return HttpStatus(answered if answered >= FIRST_ERROR else 502, "unreadable answer", str(error))
        case UpstreamError():
            return HttpStatus(502, "upstream", str(error))
        case _:
            return HttpStatus(500, "fault", _FAULT)
