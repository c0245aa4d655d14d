"""Which headers a proxy passes on, and its own."""

from __future__ import annotations

import re

import msgspec
from multidict import CIMultiDict

from sidecar.codec import encoding

OWN = "x-tidegate-"
POLICY = "x-tidegate-policy"
STREAM = "x-tidegate-stream"
DECISION = "x-tidegate-decision"
REQUEST_DECISION = "x-tidegate-request-decision"
NOTICE = "x-tidegate-notice"
ADVICE = "x-tidegate-advice"
REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
"""Where client libraries look for an id to quote: OpenAI's and most others, Anthropic's, Amazon's."""
UNGUARDED = "unguarded"
"""The decision for what passed without being looked at."""

_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    "upgrade".split()
)
_OF_REQUEST = frozenset("host content-length expect".split())
OF_PARTS = frozenset("range if-range a-im".split())
"""What asks for a part of an answer: guarded answers come whole, so that a text is not read in pieces that hide it."""
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))', re.I)
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_CHARSET = re.compile(r""";\s*charset\*?\s*=\s*["']?\s*([^"';,\s]*)""", re.IGNORECASE)
OF_BODY = frozenset("content-length content-md5 digest content-digest repr-digest etag".split())
"""What describes a body byte for byte: the body that leaves may be another. Its encoding stays."""


class Described(msgspec.Struct, frozen=True):
    """What headers say of a body: its media type without parameters, its charset and its content coding; in lower case.

    Where they say two things, it is neither: nobody knows which one the other side believes.
    """

    kind: str = ""
    charset: str = ""
    coding: str = ""
    boundary: str = ""
    """What stands between the parts of a multipart body; as it was written."""

    @property
    def is_utf8(self) -> bool:
        """Whether its text, if it has any, is UTF-8 as far as its headers tell."""
        return self.charset in _UTF8

    @property
    def is_coding_known(self) -> bool:
        """Whether the coding can be undone."""
        return encoding.is_known(self.coding)


def size_of(headers: CIMultiDict[str]) -> int | None:
    """How many bytes a body has, where its headers tell."""
    told = headers.get("content-length", "").strip()
    return int(told) if told.isdecimal() else None


def described(headers: CIMultiDict[str]) -> Described:
    """What headers say of their body."""
    told = {value.strip() for value in headers.getall("Content-Type", ())}
    kinds = {value.partition(";")[0].strip().lower() for value in told}
    charsets = {found.lower() for value in told for found in _CHARSET.findall(value)}
    boundaries = {one or other for value in told for one, other in _BOUNDARY.findall(value)}
    boundary = boundaries.pop() if len(boundaries) == 1 else ""
    return Described(",".join(sorted(kinds)), ",".join(sorted(charsets)), coding_of(headers), boundary)


def to_upstream(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """A request's headers as the upstream gets them, its answer unread."""
    return _kept(headers, _OF_REQUEST)


def to_upstream_guarded(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The same for a request whose answer is read: it has to come whole, and not encoded."""
    kept = _kept(headers, _OF_REQUEST | OF_PARTS)
    kept["Accept-Encoding"] = "identity"
    return kept


def to_client(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """An answer's headers as the client gets them, its body left as it was."""
    return _kept(headers, frozenset())


def to_client_guarded(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The same for an answer whose body may have changed."""
    return _kept(headers, OF_BODY)


def coding_of(headers: CIMultiDict[str]) -> str:
    """A body's content coding; empty for none. Several in a row are a coding that nobody knows."""
    named = ",".join(headers.getall("Content-Encoding", ())).replace(" ", "").lower()
    return "" if named == "identity" else named


def _kept(headers: CIMultiDict[str], dropped: frozenset[str]) -> CIMultiDict[str]:
    named = {word.strip().lower() for value in headers.getall("Connection", ()) for word in value.split(",")}
    out = _HOP_BY_HOP | named | dropped
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in out and not name.lower().startswith(OWN)
    )
