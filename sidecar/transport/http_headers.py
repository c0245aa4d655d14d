"""Which headers a proxy passes on, and its own."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict

OWN = "x-tidegate-"
POLICY = "x-tidegate-policy"
STREAM = "x-tidegate-stream"
DECISION = "x-tidegate-decision"
REQUEST_DECISION = "x-tidegate-request-decision"
UNGUARDED = "unguarded"
"""The decision for what passed without being looked at."""

_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    "upgrade".split()
)
_OF_REQUEST = frozenset("host content-length expect".split())
OF_BODY = frozenset("content-length content-md5 digest content-digest repr-digest etag".split())
"""What describes a body byte for byte: the body that leaves may be another. Its encoding stays."""


def to_upstream(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """A request's headers as the upstream gets them."""
    return _kept(headers, _OF_REQUEST)


def to_client(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """An answer's headers as the client gets them, its body left as it was."""
    return _kept(headers, frozenset())


def to_client_guarded(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The same for an answer whose body may have changed."""
    return _kept(headers, OF_BODY)


def identity_only(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """The headers of a request whose answer must be readable."""
    headers["Accept-Encoding"] = "identity"
    return headers


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


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
