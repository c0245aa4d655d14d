"""Versions: which Tidegate this is, and which of two is the older one."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version


def tidegate_version() -> str:
    """The version of the installed distribution; `unknown` when it runs from a bare checkout."""
    try:
        return version("tidegate-sidecar")
    except PackageNotFoundError:
        return "unknown"


def is_older(one: str, other: str) -> bool:
    """Whether version `one` comes before `other`: numbers in them count as numbers, so 2.9 is older than 2.10."""
    return _order(one) < _order(other)


def _order(text: str) -> list[tuple[int, int, str]]:
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.findall(r"[0-9]+|[A-Za-z]+", text)]
