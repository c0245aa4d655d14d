"""Who a caller is, as the mesh proves it: what no request can say of itself.

Three sources, each believed only where it cannot be forged: the certificate that a gRPC caller showed; the identity
that Envoy took from its client's certificate (an attribute of the external processor's own protocol); and the header
`x-forwarded-client-cert`, if the connection's other end is one of the configured peers. Of that header the last
element counts: the nearest proxy wrote it, and what a client sent stands before it.

An identity becomes the labels `mesh.identity` and, of a SPIFFE id such as `spiffe://prod/ns/chat/sa/api`,
`mesh.trust_domain`, `mesh.namespace` and `mesh.service_account`. Policies match on them, and events carry them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote

import msgspec

from sidecar.config import MESH, Identity

XFCC = "x-forwarded-client-cert"
UNIX = "unix"

_SPIFFE = re.compile(r"spiffe://(?P<trust_domain>[^/]+)(?:/ns/(?P<namespace>[^/]+)/sa/(?P<service_account>[^/]+))?")
_PAIR = re.compile(r'\s*(?P<key>[A-Za-z]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^,;"]*)\s*(?P<end>[;,]|\Z)')
_URI = "uri"


class Peer(msgspec.Struct, frozen=True):
    """The other end of a connection: its address (`unix` for a socket), and what its certificate proved."""

    address: str = ""
    identities: tuple[str, ...] = ()

    @classmethod
    def of_grpc(cls, name: str, auth: Mapping[str, Iterable[bytes]]) -> Peer:
        """The peer of a call, of its `peer()` and `auth_context()`."""
        kind, _, rest = unquote(name).partition(":")
        address = UNIX if kind == UNIX else rest.rpartition(":")[0].strip("[]")
        named = [each.decode("utf-8", "replace") for each in auth.get("x509_subject_alternative_name", ())]
        return cls(address, tuple(each for each in named if "://" in each))

    def is_one_of(self, trusted: tuple[str, ...]) -> bool:
        """Whether it is one of these: addresses, networks, `unix`, SPIFFE ids."""
        return any(self._is(each) for each in trusted)

    def _is(self, trusted: str) -> bool:
        if trusted == UNIX or "://" in trusted:
            return trusted == self.address or trusted in self.identities
        try:
            return ip_address(self.address) in ip_network(trusted)
        except ValueError:
            return False


def forwarded(settings: Identity, peer: Peer, headers: Mapping[str, str]) -> str:
    """The identity that a trusted peer says its client has; empty without one."""
    return identity_in(headers.get(XFCC, "")) if peer.is_one_of(settings.xfcc_peers) else ""


def identity_in(xfcc: str) -> str:
    """The URI of the header's last element; empty when there is none, or when the header is malformed."""
    identity, position, is_new = "", 0, True
    while position < len(xfcc):
        found = _PAIR.match(xfcc, position)
        if found is None:
            return ""
        if is_new:
            identity = ""
        if found["key"].lower() == _URI and not identity:
            identity = _unquoted(found["value"])
        position, is_new = found.end(), found["end"] == ","
    return identity


def mesh_label_names() -> tuple[str, ...]:
    """The labels that an identity may have."""
    return (f"{MESH}identity", *(f"{MESH}{key}" for key in _SPIFFE.groupindex))


def mesh_labels(identity: str) -> dict[str, str]:
    """The labels of an identity; none of an empty one."""
    if not identity:
        return {}
    found = _SPIFFE.fullmatch(identity)
    parts = found.groupdict() if found is not None else {}
    return {f"{MESH}identity": identity, **{f"{MESH}{key}": value for key, value in parts.items() if value}}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
