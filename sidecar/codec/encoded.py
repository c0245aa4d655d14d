"""Text that stands encoded in a document: in base64, or in a data URL. Media are left alone.

What a value holds is told by its bytes, not by the type that stands beside it: programs open a script, a table or a
picture made of words whatever it is called. Base64 is taken as decoders take it: of either alphabet, with or without
padding, broken into lines or not. What cannot be base64 stands there plainly, and is text like any other.

Not opened: formats that hold their text in a form of their own, such as PDF with compressed pages, and archives.
"""

from __future__ import annotations

import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

_DATA_URL = re.compile(r"data:(?:[\w.+-]+/[\w.+-]+)?(?:;[^\s;,]*)*,", re.IGNORECASE)
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_IN_BASE64 = ";base64,"

_BLANKS = (b" ", b"\t", b"\r", b"\n")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LEAST_MEDIA_CHARS = 32
"""What is shorter is no picture and no sound: a word may look like base64."""
_HEAD_CHARS = 1024
"""How much of a picture tells that it is one."""
_LEAST_LATIN_BYTES = 64
"""In fewer bytes of anything it is no wonder that none is a control character."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BLANK = "\ufeff \t\r\n"
"""What may stand before JSON."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Opened(NamedTuple):
    """The text that a value holds, and what stands before it when it is written back in base64."""

    text: str
    prefix: str = ""
    is_plain: bool = False
    """Whether the value is the text itself."""


def opened(value: str, *, may_link: bool = False) -> Opened | None:
    """What a value holds; None for media, and, where it may be one, for a link."""
    if (head := _DATA_URL.match(value)) is not None:
        return _of_url(value, head.group())
    if may_link and _LINK.fullmatch(value):
        return None
    return _opened(_inside(value), value)


def is_json(text: str) -> bool:
    """Whether a file is read as JSON, or as a line of it each: what is not, behind all, is read as it stands."""
    return text.lstrip(_BLANK)[:1] in ("{", "[", '"')


def text_in(data: bytes) -> str:
    """The text that bytes are; nothing where they are none."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        is_latin = len(data) >= _LEAST_LATIN_BYTES and not _CONTROLS.search(data)
        return data.decode("latin-1") if is_latin else ""
    return text if text.strip("\0") else ""


def _of_url(url: str, head: str) -> Opened | None:
    payload = url[len(head) :]
    if head.lower().endswith(_IN_BASE64):
        return _opened(_inside(unquote(payload)), url, head)
    return _opened(text_in(unquote_to_bytes(payload)), url, head[:-1] + _IN_BASE64)


def _opened(text: str | None, value: str, prefix: str = "") -> Opened | None:
    """The value itself where it holds nothing else, or the text, unless that is empty."""
    if text is None:
        return Opened(value, is_plain=True)
    return Opened(text, prefix) if text else None


def _inside(value: str) -> str | None:
    """The text that base64 holds, empty for media; None where it is no base64."""
    is_media = _is_media(value)
    if is_media and _is_binary(_head_of(value)):
        return ""  # a picture of 10 MB: 1 ms, decoded 45
    data = _bytes_of(value)
    if data is None:
        return None
    return text_in(data) or ("" if is_media else None)


def _head_of(value: str) -> bytes:
    """The first bytes."""
    digits = "".join(value[:_HEAD_CHARS].split())
    return _bytes_of(digits[: len(digits) // 4 * 4]) or b""


def _bytes_of(value: str) -> bytes | None:
    """What base64 says; None where it is none."""
    try:
        digits = value.encode("ascii")
    except UnicodeEncodeError:
        return None
    if any(blank in digits for blank in _BLANKS):
        digits = digits.translate(None, b"".join(_BLANKS))
    digits = digits.rstrip(b"=")
    if b"-" in digits or b"_" in digits:
        digits = digits.translate(_STANDARD)
    try:
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)
    except binascii.Error:
        return None


def _is_binary(head: bytes) -> bool:
    """Whether what begins so is no text in any way; a character may be cut at the end."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = error.start > len(head) - 4
        return not is_cut and bool(_CONTROLS.search(head)) and not head.startswith(_UTF16)
    return False


def _is_media(value: str) -> bool:
    """Whether base64 that holds no text is what it seems: words have blanks between them, and lines that end early."""
    return " " not in value and value.isascii() and len(value.partition("\n")[0]) >= _LEAST_MEDIA_CHARS
