"""Files of exemplars: one is added, or all are replaced; whoever reads meanwhile sees one state or the other.

A file with texts is as private as what was checked: it is readable by its owner and
group. With vectors alone (`bare`) it holds no text; that a vector tells something of its text is in docs/feedback.md.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.base import DetectorError
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from detectors.models.exemplar_sets import MOST_BYTES, Exemplar, Exemplars, packed, parse
from detectors.models.exemplars import embedded
from sidecar.errors import TidegateError

_MODE = 0o640


class ExemplarError(TidegateError):
    """A file of exemplars that is wrong, or cannot be what is asked for."""


def read(path: Path) -> Exemplars:
    """The exemplars of a file. Raises `ExemplarError` that says what is wrong with it, or `OSError`."""
    with path.open("rb") as file:
        return checked(file.read(MOST_BYTES + 1), str(path))


def checked(data: bytes, called: str) -> Exemplars:
    """The exemplars in a file's content. Raises `ExemplarError`."""
    try:
        return parse(data)
    except DetectorError as error:
        raise ExemplarError(f"{called}: {error}") from None


def add(path: Path, exemplar: Exemplar) -> Exemplars:
    """Add one to a file, which need not be there; all that are in it now. Raises `ExemplarError` or `OSError`."""
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    data = before + msgspec.json.encode(exemplar) + b"\n"
    found = checked(data, str(path))
    _replace(path, data)
    return found


def put(path: Path, rows: Iterable[Mapping[str, Any]], *, is_bare: bool = False) -> bool:
    """Replace a file by these, if they are right and other ones; whether they were. Raises as `add`."""
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    found = checked(data, path.stem)
    if is_bare:
        data = b"".join(msgspec.json.encode(each) + b"\n" for each in bare(found.items))
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, data)
    return True


def bare(exemplars: Sequence[Exemplar], model: str = DEFAULT_MODEL) -> list[Exemplar]:
    """The same with vectors in place of texts. Raises `DetectorError` where there is no such model."""
    encoder = shared_encoder(model)
    texts = [each.text for each in exemplars if each.text]
    made = iter(embedded(encoder, texts))
    return [
        msgspec.structs.replace(each, text="", vector=packed(next(made)), model=encoder.card.identity)
        if each.text
        else each
        for each in exemplars
    ]


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside it, and rename that."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
