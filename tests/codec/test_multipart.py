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
    "head",
    [
        FIELD,
        FILE + b"text/plain",
        FILE + b"application/json",
        FILE + b"application/octet-stream",
        FILE + b"x/y",
        FILE + b"image/png",
    ],
)
def test_a_card_in_a_part_is_masked(head: bytes) -> None:
    picture = (FILE + b"image/png", b"\x89PNG\r\n\xff")
    assert guarded(body((head, b"my " + CARD), picture)) == body((head, b"my <CARD>"), picture)


def test_a_card_in_the_name_of_a_file_is_masked() -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="%b.png"\r\nContent-Type: image/png'
    picture = b"\x89PNG\r\n\xff"
    assert guarded(body((head % CARD, picture))) == body((head % b"<CARD>", picture))


def test_clean_bodies_are_the_same_bytes() -> None:
    plain = (FIELD + b"\r\nContent-Transfer-Encoding: 8bit", b"a")
    data = (
        b"preamble\r\n" + body((FIELD, "grün".encode()), plain, (FILE + b"audio/wav", bytes(range(256)))) + b"epilogue"
    )
    assert guarded(data) == data


@pytest.mark.parametrize(
    ("data", "boundary"),
    [
        (body((FIELD, b"a")), ""),
        (body((FIELD, b"a")), "other"),
        (body((FILE + b"application/octet-stream", b"\xff\xfe")), "xx"),
        (body((FIELD + b"\r\nContent-Transfer-Encoding: base64", b"NDExMSAxMTExIDExMTEgMTExMQ==")), "xx"),
        (body((FIELD + b"\r\ncontent-transfer-encoding: Quoted-Printable", b"4111=20"), (FIELD, b"a")), "xx"),
        (body((FIELD + b'; filename="\xff.png"', b"a")), "xx"),
        (b"--xx\r\nno end of headers\r\n--xx--", "xx"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, boundary: str) -> None:
    with pytest.raises(UnknownShapeError):
        WholeMultipart(data, boundary, is_request=True)
