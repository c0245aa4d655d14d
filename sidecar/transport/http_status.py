"""The one table from errors to HTTP statuses. The body is the provider's own error shape, made by its codec.

| error                    | status | adds          |
| ------------------------ | ------ | ------------- |
| `CallerError`, a limit   | 413    |               |
| other `CallerError`      | 400    |               |
| `UnknownPathError`       | 404    |               |
| `UnknownPolicy`          | 500    |               |
| `Overloaded`, `Draining` | 503    | `Retry-After` |
| `UpstreamTimeoutError`   | 504    |               |
| `IdleStream`             | 504    |               |
| `UpstreamError`          | 502    |               |
| `UnreadableAnswerError`  | 502    |               |
| anything else            | 500    |               |

No policy for a stream is a fault of the settings, not of the caller. Anything else is a fault of ours; the log has it.
"""

from __future__ import annotations

import math

import msgspec

from sidecar.errors import CallerError, Draining, IdleStream, Overloaded, TidegateError, UnknownPolicy

_DRAINING_RETRY_SECONDS = 1
_FAULT = "the guard failed on this request; nothing that was held has left"


class UpstreamError(TidegateError):
    """The upstream cannot be reached, or broke its answer off."""


class UpstreamTimeoutError(TidegateError):
    """The upstream did not answer in time, or said nothing for too long."""


class UnknownPathError(TidegateError):
    """The path is not one that is guarded, and the settings refuse such paths."""


class UnreadableAnswerError(TidegateError):
    """The upstream's answer cannot be checked, and the settings refuse such answers."""


class HttpStatus(msgspec.Struct, frozen=True):
    """How an exchange fails."""

    code: int
    message: str
    retry_after_seconds: int | None = None


def http_status_of(error: Exception) -> HttpStatus:
    """The status for an error."""
    match error:
        case CallerError():
            is_too_large = error.limit and not error.field.startswith("start.")
            return HttpStatus(413 if is_too_large else 400, str(error))
        case UnknownPathError():
            return HttpStatus(404, str(error))
        case UnknownPolicy():
            return HttpStatus(500, f"the guard's policies do not fit its settings: {error}")
        case Overloaded():
            return HttpStatus(503, str(error), math.ceil(error.retry_ms / 1000))
        case Draining():
            return HttpStatus(503, str(error), _DRAINING_RETRY_SECONDS)
        case IdleStream() | UpstreamTimeoutError():
            return HttpStatus(504, str(error))
        case UpstreamError() | UnreadableAnswerError():
            return HttpStatus(502, str(error))
        case _:
            return HttpStatus(500, _FAULT)
