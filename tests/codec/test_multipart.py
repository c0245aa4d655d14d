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


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="%b"',
        b'Content-Disposition: form-data; name="a"; filename="\\"%b"',
        b'Content-Disposition: form-data; name="a"; filename="a"; filename="%b"',
        b"Content-Disposition: form-data; name=a; filename=%b",
        b'Content-Disposition: "%b"',
        b'Content-Disposition: form-data; name="a"; title="%b"',
        FIELD + b"\r\nX-Note: %b",
        FIELD + b"\r\nContent-Type: text/plain; format=%b",
        FIELD + b"\r\nContent-Type: text/%b",
    ],
)
def test_a_card_in_the_headers_of_a_part_is_masked(head: bytes) -> None:
    assert guarded(body((head % CARD, b"a"))) == body((head % b"<CARD>", b"a"))


def test_a_card_in_an_encoded_name_of_a_file_is_masked() -> None:
    head = b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%b.png"
    assert guarded(body((head % b"4111%201111%201111%201111", b"a"))) == body((head % b"%3CCARD%3E", b"a"))
    clean = body((head % b"caf%c3%a9%20a", b"a"))
    assert guarded(clean) == clean


def test_what_stands_beside_the_parts_is_read() -> None:
    assert guarded(CARD + b"\r\n" + body((FIELD, b"a")) + CARD) == b"<CARD>\r\n" + body((FIELD, b"a")) + b"<CARD>"


@pytest.mark.parametrize(
    "head",
    [
        FIELD,
        FILE + b"audio/mpeg",
        b'content-disposition: form-data; name="timestamp_granularities[]"',
        FIELD + b"\r\nContent-Type: application/json; charset=UTF-8\r\nMIME-Version: 1.0",
        FIELD + b"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Length: 1",
        b"Content-Type: application/http\r\nContent-ID: <a+b@c>\r\nContent-Transfer-Encoding: binary",
    ],
)
def test_usual_headers_are_no_text(head: bytes) -> None:
    held = WholeMultipart(body((head, b"a")), "xx", is_request=True)
    assert {each.text for each in held.texts} <= {"a", "a.bin"}


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
        (body((FIELD + b"\r\nContent-Type: text/plain; charset=utf-7", b"+ADQ-111")), "xx"),
        (body((FIELD + b"\r\nContent-Type: text/plain; charset=latin-1", "é".encode())), "xx"),
        (body((FIELD + b"\r\nContent-Type: text/plain", CARD.decode().encode("utf-16-le"))), "xx"),
        (body((FIELD + b"\r\nContent-Type: text/plain;\r\n charset=utf-7", b"a")), "xx"),
        (body((b'Content-Disposition: form-data; name="_charset_"', b"utf-7"), (FIELD, b"+ADQ-111")), "xx"),
        (body((FIELD + b"\r\nContent-Type: multipart/mixed; boundary=yy", b"--yy\r\n\r\na\r\n--yy--")), "xx"),
        (body((FIELD + b"\r\nContent-Type: message/rfc822", b"Content-Transfer-Encoding: base64\r\n\r\naa")), "xx"),
        (body((FIELD + b"\r\nContent-Type: application/x-www-form-urlencoded", b"a=4111+1111")), "xx"),
        (body((FIELD, b"a\r\n--xxx: " + CARD + b"\r\n\r\nb")), "xx"),
        (body((FIELD, b"a")).removesuffix(b"--\r\n") + b"\r\n" + FIELD + b"\r\n\r\nb", "xx"),
        (body((FIELD, b"a")) + body((FIELD, b"b")), "xx"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, boundary: str) -> None:
    with pytest.raises(UnknownShapeError):
        WholeMultipart(data, boundary, is_request=True)
