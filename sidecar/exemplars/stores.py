"""Exemplars out of a vector store: Qdrant or Chroma, each with its own client, which is an extra.

A point is an exemplar whose payload (Chroma: metadata) says what it `is`, `attack` or `false_alarm`, unless the
settings say it of all; its text is the payload's `text` (Chroma: the document). Without a text the point's vector
counts, if the payload's `model` says that the embedded model made it. `label` and `note` are taken over, no more.

Nothing is written to a store. Imports no more than the clients: it runs wherever they are installed.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from sidecar.errors import TidegateError

_PAGE = 256
_TIMEOUT_S = 10
_TAKEN = ("is", "text", "label", "model", "note")


class StoreError(TidegateError):
    """A store that cannot be read, or holds what is no exemplar; what was copied last stays in force."""


class Place(Protocol):
    """Which collection of which store, as settings say it."""

    @property
    def url(self) -> str:
        """Its address; empty where it is a folder."""
        ...

    @property
    def path(self) -> Any:
        """Its folder; None where it is a server."""
        ...

    @property
    def collection(self) -> str:
        """The collection's name."""
        ...

    @property
    def kind(self) -> str:
        """`qdrant` or `chroma`."""
        ...

    @property
    def is_all(self) -> str:
        """What all of it is; empty where each point says it."""
        ...


def read(place: Place, *, key: str = "", most: int) -> list[dict[str, str]]:
    """The exemplars of a collection, by id, as rows of a file; `key` is the store's, where it wants one.

    Raises `StoreError`: the client is not installed, the store does not answer, or there is more than `most`.
    """
    points = _qdrant(place, key) if place.kind == "qdrant" else _chroma(place, key)
    try:
        found = [*islice(points, most + 1)]
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - each client has errors of its own, and no common one
        said = str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"cannot read {place.collection} of {place.kind}: {said}") from None
    if len(found) > most:
        raise StoreError(f"{place.collection} has more than {most} exemplars; keep those that matter")
    rows = {point["id"]: _row(point, place) for point in found}
    return [rows[name] for name in sorted(rows)]


def _row(point: Mapping[str, Any], place: Place) -> dict[str, str]:
    """A point as a row of a file. Raises `StoreError`."""
    row = {name: str(point["payload"][name]) for name in _TAKEN if point["payload"].get(name)}
    row = {"id": point["id"], "is": place.is_all, **row}
    if not row["is"]:
        raise StoreError(f"{place.collection}: point {point['id']} does not say what it `is`: attack or false_alarm")
    if not row.get("text"):
        vector = point["vector"]
        if vector is None:
            raise StoreError(f"{place.collection}: point {point['id']} has neither a text nor a vector")
        row["vector"] = _packed(vector)
    else:
        row.pop("model", None)
    return row


def _packed(vector: Sequence[float]) -> str:
    """Half precision, base64, as files of exemplars have it."""
    return base64.b64encode(struct.pack(f"<{len(vector)}e", *vector)).decode()


def _qdrant(place: Place, key: str) -> Iterator[dict[str, Any]]:
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise StoreError("reading from Qdrant needs its client: install tidegate-sidecar[qdrant]") from None
    if place.path is not None:
        client = QdrantClient(path=str(place.path))
    else:
        client = QdrantClient(url=place.url, api_key=key or None, timeout=_TIMEOUT_S, check_compatibility=False)
    try:
        after: Any = None
        while True:
            found, after = client.scroll(
                place.collection, limit=_PAGE, offset=after, with_payload=True, with_vectors=True
            )
            for each in found:
                payload = each.payload or {}
                vector = each.vector if isinstance(each.vector, list) else None  # named ones are somebody else's
                yield {"id": str(payload.get("id") or each.id), "payload": payload, "vector": vector}
            if after is None:
                return
    finally:
        client.close()


def _chroma(place: Place, key: str) -> Iterator[dict[str, Any]]:
    try:
        import chromadb
    except ImportError:
        raise StoreError("reading from Chroma needs its client: install tidegate-sidecar[chroma]") from None
    settings = chromadb.Settings(anonymized_telemetry=False)
    if place.path is not None:
        client = chromadb.PersistentClient(str(place.path), settings=settings)
    else:
        host, _, port = place.url.partition("://")[2].rstrip("/").rpartition(":")
        headers = {"authorization": f"Bearer {key}"} if key else None
        is_tls = place.url.startswith("https")
        client = chromadb.HttpClient(host, int(port), ssl=is_tls, headers=headers, settings=settings)
    collection = client.get_collection(place.collection, embedding_function=None)
    begin = 0
    while True:
        page = collection.get(limit=_PAGE, offset=begin, include=["documents", "metadatas", "embeddings"])
        for number, name in enumerate(page["ids"]):
            payload = dict(page["metadatas"][number] or {})
            if page["documents"][number]:
                payload["text"] = page["documents"][number]
            yield {"id": name, "payload": payload, "vector": [float(each) for each in page["embeddings"][number]]}
        if len(page["ids"]) < _PAGE:
            return
        begin += _PAGE
