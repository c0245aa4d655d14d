"""Structured logs on stderr: one JSON object a line, or a line for people.

Checked text never gets here: messages are fixed texts with fields beside them, and of an exception only its type and
frames are written, as its message may quote what it was given. Tidegate's own errors hold no checked text; theirs is
kept.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from sidecar.errors import TidegateError

_OWN = ("sidecar", "detectors", "tidegate")
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the record's extra fields, and the exception's frames."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        line = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = describe(record.exc_info[1])
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record."""
        fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
        line = f"{_timestamp(record)} {record.levelname:<7} {record.name}: {record.getMessage()}{fields}"
        if record.exc_info:
            line += f"\n{describe(record.exc_info[1])}"
        return line


def describe(error: BaseException | None) -> str:
    """An exception without its message, unless it is one of Tidegate's: type, where it happened, and what caused it."""
    if error is None:
        return ""
    lines = [_headline(error), *_frames(error.__traceback__)]
    if isinstance(error, BaseExceptionGroup):
        lines += [describe(each) for each in error.exceptions]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines.append(f"after {describe(cause)}")
    return "\n".join(lines)


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Send the process's logs to stderr, in one style. Called once, by the command line.

    The level is for Tidegate's own logs; of others' only warnings are written, as they may tell more than they should.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OWN:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)


def _headline(error: BaseException) -> str:
    name = type(error).__qualname__
    return f"{name}: {error}" if isinstance(error, TidegateError | OSError) else name


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
