"""Which way of the relay leads where: paths of its listener, and URLs of the servers behind it. Pure.

| at the relay | at the server |
| --- | --- |
| `PATH`, `PATH/` | its URL: messages, streams, the end of a session |
| `PATH/~TARGET` | `TARGET` of its origin: where a stream of HTTP+SSE told its client to send messages |
| `/.well-known/NAME` + `PATH`, `PATH/.well-known/NAME` | what it says of its authorization, at the same place there |

What a server says of these places of its own is said of the relay's instead, so that clients come back to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from yarl import URL

from detectors.text.address import ip_of
from sidecar.config import McpServer as ServerSettings

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts of web pages of this machine's own."""
TOLD = "~"
"""Begins what a server told a client to send messages to."""
_WELL_KNOWN = re.compile(
    r"(?P<before>(?:/[^?#]*)?)/\.well-known/"
    r"(?P<name>oauth-protected-resource|oauth-authorization-server|openid-configuration)(?P<after>(?:/[^?#]*)?)"
)
_RESOURCE_METADATA = re.compile(r'(resource_metadata\s*=\s*")([^"]*)(")', re.I)
RESOURCE = "oauth-protected-resource"


class Place(msgspec.Struct, frozen=True):
    """Where a server is reached: its name, the path at the relay, and its URL."""

    name: str
    path: str
    upstream: URL

    @property
    def origin(self) -> str:
        """The server's scheme, host and port."""
        return str(self.upstream.origin())


class Way(msgspec.Struct, frozen=True):
    """Where a request leads. `told` is the target of HTTP+SSE; `instead` is tried where nothing is at `url`."""

    place: Place
    url: URL
    told: str = ""
    is_metadata: bool = False
    instead: URL | None = None


def places_of(servers: Mapping[str, ServerSettings]) -> tuple[Place, ...]:
    """The places of the settings' servers."""
    return tuple(
        Place(name, (each.path or f"/{name}").rstrip("/"), URL(each.upstream, encoded=True))
        for name, each in servers.items()
    )


def way_of(places: Iterable[Place], target: str) -> Way | None:
    """Where a request's target leads; None where it leads nowhere. Of two paths that fit the longer one counts."""
    path, mark, query = target.partition("?")
    ordered = sorted(places, key=lambda each: len(each.path), reverse=True)
    if (found := _WELL_KNOWN.fullmatch(path)) is not None:
        return _metadata(ordered, found)
    for place in ordered:
        if path in (place.path, f"{place.path}/"):
            added = "/" if path != place.path and not place.upstream.raw_path.endswith("/") and place.path else ""
            return Way(place, URL(f"{_bare(place.upstream)}{added}{mark}{query}", encoded=True))
        if path.startswith(f"{place.path}/{TOLD}/"):
            told = target[len(place.path) + 2 :]
            return Way(place, URL(place.origin + told, encoded=True), told=told)
    return None


def _metadata(places: list[Place], found: re.Match[str]) -> Way | None:
    before, name, after = found["before"], found["name"], found["after"].rstrip("/")
    place = next((each for each in places if each.path in (before + after, f"{before + after}/")), None)
    if place is None and not before + after and len(places) == 1:
        place = places[0]
    if place is None:
        return None
    own, root = place.upstream.raw_path.rstrip("/"), f"/.well-known/{name}"
    path = f"{own}{root}" if before else f"{root}{own}" if after else root
    other = "" if before or not after else root
    return Way(
        place,
        URL(place.origin + path, encoded=True),
        is_metadata=True,
        instead=URL(place.origin + other, encoded=True) if other else None,
    )


def _bare(url: URL) -> str:
    return str(url.with_query(None)).rstrip("?") if url.query_string else str(url)


# -- what a server says of its own places -----------------------------------------------------------------------------


def told_target(place: Place, said: str) -> str | None:
    """Where on its own origin a server has messages sent to; None where it names another."""
    try:
        url = place.upstream.join(URL(said.strip(), encoded=True))
        return url.raw_path_qs if url.origin() == place.upstream.origin() else None
    except ValueError:
        return None


def relayed_target(place: Place, told: str) -> str:
    """The same place at the relay."""
    return f"{place.path}/{TOLD}{told}"


def challenge_of(place: Place, relay: str, said: str) -> str:
    """A header `WWW-Authenticate` with the relay's address of the metadata. `relay` is the relay's own URL."""

    def replaced(found: re.Match[str]) -> str:
        is_own = found[2].startswith(f"{place.origin}/.well-known/{RESOURCE}")
        own = f"{relay}/.well-known/{RESOURCE}{place.path}" if is_own else found[2]
        return f"{found[1]}{own}{found[3]}"

    return _RESOURCE_METADATA.sub(replaced, said)


def resource_of(place: Place, relay: str, document: Any) -> str | None:
    """What the resource of a server's metadata is called at the relay; None where it is not the server's own."""
    said = document.get("resource") if isinstance(document, dict) else None
    if not isinstance(said, str):
        return None
    own, bare = str(place.upstream).rstrip("/"), said.rstrip("/")
    return relay + place.path if bare and (own == bare or own.startswith(f"{bare}/")) else None


def is_own_host(said: str, own: Iterable[str]) -> bool:
    """Whether a header `Host` names this machine: by its address, as `localhost`, or as one of these URLs does.

    A page reaches it by any other name when that name has been made to lead here.
    """
    host = _host_of(f"//{said}")
    return host in {*LOCAL, *map(_host_of, own)} or ip_of(host) is not None or host.endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether this machine alone reaches what listens at an address: one that a socket told."""
    address = ip_of(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and address.is_loopback


def _host_of(url: str) -> str:
    """The host of a URL, as a name is compared; one that has none is called by what no name holds."""
    try:
        return (urlsplit(url).hostname or "/").removesuffix(".")
    except ValueError:
        return "/"


def is_local_or(origins: Iterable[str], origin: str) -> bool:
    """Whether a page of this origin may ask: one of this machine's own, or one that the settings name."""
    try:
        host = URL(origin).host
    except ValueError:
        return False
    return host in LOCAL or origin.rstrip("/") in {each.rstrip("/") for each in origins}
