"""The file that outlives a restart: all groups with their samples. And pinned references, in the same form.

It holds no text and no ids of streams: counts, names of apps, tenants and prompt versions, and embeddings of a sample
of queries, from which somebody with the model could guess at what was asked. So it is readable by its owner alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sidecar.drift.groups import Group, GroupKey
from sidecar.errors import TidegateError

_VERSION = 1
_MODE = 0o600


class DriftError(TidegateError):
    """A file of samples cannot be read or written, or is none."""


class KeptGroup(msgspec.Struct, frozen=True):
    """A group under its key."""

    key: GroupKey
    group: Group


class _Kept(msgspec.Struct, frozen=True, tag="tidegate.drift", tag_field="what"):
    groups: list[KeptGroup]
    version: int = _VERSION


class _Written(msgspec.Struct, frozen=True, tag="tidegate.drift", tag_field="what"):
    groups: list[msgspec.Raw]
    version: int = _VERSION


def read(path: Path) -> dict[GroupKey, Group]:
    """The groups in a file. Raises `DriftError`: it is not there, or is no such file."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except OSError as error:
        raise DriftError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DriftError(f"{path} is no file of drift samples, or was cut short: remove it to begin anew") from None
    if kept.version != _VERSION:
        raise DriftError(f"{path} is of version {kept.version}; this Tidegate reads {_VERSION}")
    return {each.key: each.group for each in kept.groups}


def written(groups: Iterable[tuple[GroupKey, Group]]) -> bytes:
    """What a file of these groups holds. Each is encoded at one go: others may run between two of them, not within."""
    return msgspec.json.encode(_Written([msgspec.Raw(msgspec.json.encode(KeptGroup(*each))) for each in groups]))


def write(path: Path, content: bytes) -> None:
    """Write a file whole, or leave what was there. Raises `DriftError`."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise DriftError(f"cannot write {path}: {error.strerror}") from None
