"""Sets of exemplars as they are kept: read from files, bounded, and known by digest (`exemplars` says what they do).

A file of JSON lines has them: `{"id", "is": "attack" | "false_alarm"}` with a `text`, or with nothing but its `vector`
(half precision, base64) and the `model` that made it. `label` says which label a false alarm is about. A set is
immutable, and named by the digest of its content. Sets are kept by digest for detectors that are built from policies,
which say the digest and no more. Nothing here loads a model or its libraries: policies are read without them.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import DetectorError

MOST = 10_000
"""How many exemplars a set may have: each is compared with each segment."""
MOST_BYTES = 32 * 1024 * 1024
TEXT_LIMIT_CHARS = 2000
_SETS = 64

Floats: TypeAlias = NDArray[np.float32]
Kind: TypeAlias = Literal["attack", "false_alarm"]


class Exemplar(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One known text, or its vector. What else is known of it (`note`, `by`, `added`, `event`) is for people."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    kind: Kind = msgspec.field(name="is")
    text: Annotated[str, Meta(max_length=TEXT_LIMIT_CHARS)] = ""
    vector: str = ""
    model: str = ""
    label: str = ""
    note: str = ""
    by: str = ""
    added: str = ""
    event: str = ""

    @property
    def is_attack(self) -> bool:
        """Whether it is to be found; else it is to be spared."""
        return self.kind == "attack"


class Exemplars(msgspec.Struct, frozen=True):
    """A set: its exemplars in order, and the digest of its content."""

    digest: str
    items: tuple[Exemplar, ...]


_decoder = msgspec.json.Decoder(Exemplar)


def parse(data: bytes) -> Exemplars:
    """The exemplars in a file's content. Raises `DetectorError` that names the line and none of its text."""
    if len(data) > MOST_BYTES:
        raise DetectorError(f"it is larger than {MOST_BYTES // 2**20} MiB; keep fewer exemplars")
    items = [_parsed(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if len(items) > MOST:
        raise DetectorError(f"it has {len(items)} exemplars, and may have {MOST}; keep those that matter")
    seen: set[str] = set()
    for each in items:
        if each.id in seen:
            raise DetectorError(f"two exemplars have the id {each.id}; give each its own")
        seen.add(each.id)
    return Exemplars(hashlib.sha256(data).hexdigest(), tuple(items))


def _parsed(number: int, line: bytes) -> Exemplar:
    try:
        found = _decoder.decode(line)
        if found.vector:
            unpacked(found.vector)
    except (msgspec.DecodeError, ValueError) as error:
        said = str(error).partition(" - ")[0] if isinstance(error, msgspec.DecodeError) else "its vector is none"
        raise DetectorError(f"line {number}: {said}") from None
    if not (found.text.strip() or found.vector):
        raise DetectorError(f"line {number}: an exemplar has a text, or a vector")
    if found.vector and not found.model:
        raise DetectorError(f"line {number}: a vector says which model made it")
    return found


def packed(vector: Floats) -> str:
    """A vector as it is kept: half precision, base64."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def unpacked(text: str) -> Floats:
    """The vector again, of length 1. Raises `ValueError`."""
    vector = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float32)
    length = float(np.linalg.norm(vector))
    if not len(vector) or not np.isfinite(length) or length < 1e-6:
        raise ValueError("no direction")
    unit: Floats = vector / length
    return unit


# --- Sets by digest ---------------------------------------------------------------------------------------------------

_kept: OrderedDict[str, Exemplars] = OrderedDict()


def keep(exemplars: Exemplars) -> str:
    """Keep a set for detectors that will be built; its digest."""
    _kept[exemplars.digest] = exemplars
    _kept.move_to_end(exemplars.digest)
    while len(_kept) > _SETS:
        _kept.popitem(last=False)
    return exemplars.digest


def kept(named: str) -> Exemplars:
    """The set of `NAME@digest`. Raises `DetectorError`."""
    found = _kept.get(named.rpartition("@")[2])
    if found is None:
        message = (
            "exemplars are read with the policy's file: name a file NAME.jsonl in the folder `exemplars` beside it"
        )
        raise DetectorError(message, path=("exemplars",))
    return found


_folders: tuple[Path, ...] = (Path("tidegate-exemplars"),)


def use_folders(folders: Iterable[Path]) -> None:
    """Look for sets there, too, from now on: where stores are copied to."""
    global _folders
    _folders = tuple(folders)


def folders() -> tuple[Path, ...]:
    """Where sets are looked for, besides beside a policy's file."""
    return _folders
