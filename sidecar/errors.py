"""What can go wrong, as one tree. An error says what happened and what to do; it never holds checked text.

    TidegateError
    ├── ConfigError        the settings cannot be used                          (path)
    ├── PolicyError        a policy file cannot be used                         (code, file, line, column, path, remedy)
    │   └── PolicyErrors   all that is wrong with the policy files              (errors)
    ├── BundleError        a bundle of policies cannot be used                  (remedy)
    ├── UnknownPolicy      no policy of that name, or none takes the stream     (name)
    ├── ModelError         a model is missing, damaged, or gives wrong answers
    ├── DetectorFailure    a detector could not be built or run                 (detector)
    ├── CallerError        the caller broke a rule of the interface             (field, limit, kind)
    ├── Overloaded         no room just now; worth another try                  (what, retry_ms)
    ├── Unauthenticated    the caller has to show a token, and shows none that is known
    ├── Forbidden          the caller's token is not for what it asks
    ├── IdleStream         the other side was silent for too long               (seconds)
    └── Draining           the service is shutting down

There are no status codes here: `transport/status.py` has the one table. A block is a decision, so no error.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

_RETRY_MS = 400, 1000
"""When a caller may try again: not all at the same moment."""


class TidegateError(Exception):
    """The root. `str(error)` is one line for a person, without checked text."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class ConfigError(TidegateError):
    """The settings cannot be used. `path` names the key, such as `grpc.listen.0`; it may be empty."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class PolicyError(TidegateError):
    """A policy file cannot be used. `line` and `column` count from 1 (0: unknown). `path` is the key in the document.

    `code` is one of `sidecar.policy.codes`, which also says whether it is only a warning. `str(error)` is
    `file:line:column: path: message. remedy`, with what is unknown left out.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path = "",
        line: int = 0,
        column: int = 0,
        path: str = "",
        remedy: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.file = str(file)
        self.line = line
        self.column = column
        self.path = path
        self.remedy = remedy

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def __str__(self) -> str:
        sentence = f"{self.message.rstrip('.')}. {self.remedy}" if self.remedy else self.message
        return ": ".join(part for part in (self.place, self.path, sentence) if part)


class PolicyErrors(PolicyError):  # noqa: N818 - several of them
    """All that is wrong with the policy files, at least one error; itself it stands for the first. One line each."""

    def __init__(self, errors: Iterable[PolicyError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(
            first.message,
            file=first.file,
            line=first.line,
            column=first.column,
            path=first.path,
            remedy=first.remedy,
            code=first.code,
        )

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class BundleError(TidegateError):
    """A bundle of policies cannot be used. `str(error)` is `message. remedy`."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message


class UnknownPolicy(TidegateError):  # noqa: N818 - it is what it says: the glossary's words, not a suffix
    """No policy has the name that was asked for; with an empty name, none takes the stream."""

    def __init__(self, name: str, *, remedy: str = "") -> None:
        message = f"there is no policy named {name!r}" if name else "no policy takes this stream"
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.name = name
        self.remedy = remedy


class ModelError(TidegateError):
    """A model is missing, damaged, or does not give the answers it must."""


class DetectorFailure(TidegateError):  # noqa: N818 - `DetectorError` is the detectors' own
    """A detector could not be built or run."""

    def __init__(self, message: str, *, detector: str) -> None:
        super().__init__(f"detector {detector}: {message}")
        self.detector = detector


class CallerFault(StrEnum):
    """How a caller broke the interface."""

    INVALID = "invalid"
    OUT_OF_ORDER = "out_of_order"


class CallerError(TidegateError):
    """The caller broke a rule of the interface: `field` names what is wrong, `limit` what is allowed (0: no number)."""

    def __init__(self, message: str, *, field: str, limit: int = 0, kind: CallerFault = CallerFault.INVALID) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.limit = limit
        self.kind = kind


class Overloaded(TidegateError):  # noqa: N818 - as above
    """There is no room for more of `what` just now; try again after `retry_ms`: by chance, unless it is given."""

    def __init__(self, what: str, *, retry_ms: int | None = None) -> None:
        self.what = what
        self.retry_ms = random.randrange(*_RETRY_MS) if retry_ms is None else retry_ms  # noqa: S311 - no secret
        super().__init__(f"too many {what}; try again in {self.retry_ms} ms")


class Unauthenticated(TidegateError):  # noqa: N818 - as above
    """The caller has to show a token, and shows none that is known."""

    def __init__(self) -> None:
        super().__init__("a token is needed that is known here: `Authorization: Bearer tg_...`")


class Forbidden(TidegateError):  # noqa: N818 - as above
    """The caller's token is not for what it asks."""


class IdleStream(TidegateError):  # noqa: N818 - as above
    """Nothing came from the client, or the client took nothing, for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the stream made no progress for {seconds:g} s and was ended")
        self.seconds = seconds


class Draining(TidegateError):  # noqa: N818 - as above
    """The service is shutting down: running streams may finish, new ones go elsewhere."""

    def __init__(self) -> None:
        super().__init__("the service is shutting down; open the stream on another instance")
