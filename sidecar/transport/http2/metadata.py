"""Metadata: header fields to what services see, and back. Binary values are base64, several of one name have commas."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence

import grpc

from sidecar.transport.http2.compression import Refused
from sidecar.transport.http2.headers import Field

Metadata = Sequence[tuple[str, str | bytes]]

_BINARY = "-bin"


def metadata_of(fields: Sequence[Field]) -> list[tuple[str, str | bytes]]:
    """A request's metadata. Raises `Refused` for a binary value that is no base64.

    A text that is not printable ASCII is left out, as gRPC's protocol allows: it could not be sent on.
    """
    found: list[tuple[str, str | bytes]] = []
    for raw_name, value in fields:
        name = raw_name.decode("ascii")
        if name.endswith(_BINARY):
            found += ((name, each) for each in _binary(name, value))
        elif value.isascii() and value.decode("ascii").isprintable():
            found.append((name, value.decode("ascii")))
    return found


def encoded(metadata: Metadata) -> list[tuple[str, str]]:
    """Metadata as header fields."""
    return [
        (name, base64.b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value)
        for name, value in metadata
    ]


def _binary(name: str, value: bytes) -> Iterator[bytes]:
    for each in value.split(b","):
        bare = each.strip(b" \t").rstrip(b"=")
        try:
            yield base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"the metadata {name} is no base64") from None
