"""Multipart bodies: every part that may hold text is read, media go on as they came."""

from __future__ import annotations

import pytest

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.multipart import WholeMultipart
from sidecar.core.stream import Stream
from tests.codec.playing import feed, take
from tests.codec.test_body import MASKING

CARD = b"4111 1111 1111 1111"


def body(*parts: tuple[bytes, bytes], boundary: bytes = b"xx") -> bytes:
    written = b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return written + b"--" + boundary + b"--\r\n"


def guarded(data: bytes, boundary: str = "xx") -> bytes:
    parts, stream = WholeMultipart(data, boundary, is_request=True), Stream(MASKING)
    feed(stream, parts.texts)
    stream.close()
    take(stream, parts)
    return parts.finish()


FIELD = b'Content-Disposition: form-data; name="prompt"'
FILE = b'Content-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: '


@pytest.mark.parametrize(
    "head", [FIELD, FILE + b"text/plain", FILE + b"application/json", FILE + b"application/octet-stream", FILE + b"x/y"]
)
def test_a_card_in_a_part_is_masked(head: bytes) -> None:
    picture = (FILE + b"image/png", b"\x89PNG\r\n\xff")
    assert guarded(body((head, b"my " + CARD), picture)) == body((head, b"my <CARD>"), picture)


def test_clean_bodies_are_the_same_bytes() -> None:
    data = b"preamble\r\n" + body((FIELD, "grün".encode()), (FILE + b"audio/wav", bytes(range(256)))) + b"epilogue"
    assert guarded(data) == data


@pytest.mark.parametrize(
    ("data", "boundary"),
    [
        (body((FIELD, b"a")), ""),
        (body((FIELD, b"a")), "other"),
        (body((FILE + b"application/octet-stream", b"\xff\xfe")), "xx"),
        (b"--xx\r\nno end of headers\r\n--xx--", "xx"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, boundary: str) -> None:
    with pytest.raises(UnknownShapeError):
        WholeMultipart(data, boundary, is_request=True)
