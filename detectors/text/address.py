"""What an address says, as a browser reads it: scheme, host, and what a server is told by it.

Browsers are lenient, and so is this: backslashes part as slashes do, any number of slashes may follow a web scheme, a
host may be percent-encoded, written in full-width letters, as one number (`2130706433`) or in octal.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

import msgspec

from detectors.text.normalise import LOOK_ALIKES

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):")
_PARTED = re.compile(r"[/\\?#|]")
_PORT = re.compile(r":\d*$")
_NUMBER = r"(?:0x[0-9a-f]*|\d+)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}")
_NESTED = re.compile(r"https?(?::|%3a)(?:/|\\|%2f|%5c){2}", re.IGNORECASE)
_DIGITS_FOR_LETTERS = str.maketrans("013457", "oleast")
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_OPAQUE = frozenset({"javascript", "vbscript", "data"})
WEB = frozenset({"http", "https", "ftp", "ws", "wss"})
"""Schemes after which browsers look for a host, however many slashes stand there."""
_MOST_NESTED = 4


class Address(msgspec.Struct, frozen=True):
    """An address. `host` is in ASCII (punycode) and lower case where it can be; empty where there is none.

    `path` begins behind the host, `query` behind the question mark. `host_as_written` is percent-decoded.
    """

    scheme: str
    host: str
    host_as_written: str
    userinfo: str
    path: str
    query: str
    has_slashes: bool = True
    """Whether slashes stand between a scheme and the host."""

    @property
    def is_of_a_host(self) -> bool:
        """Whether it leads to a host for certain: `http:8080` and `//comment` do not."""
        return self.has_slashes or "." in self.host_as_written

    @property
    def is_ip(self) -> bool:
        """Whether the host is a number, not a name."""
        return ip_of(self.host) is not None


def read(text: str) -> Address:
    """What an address says. It never fails: what is no host is an empty one."""
    found = _SCHEME.match(text)
    scheme = found.group(1).lower() if found else ""
    rest = text[found.end() :] if found else text
    if scheme in _OPAQUE:
        return Address(scheme, "", "", "", rest, "")
    if scheme == "mailto":
        to, _, query = rest.partition("?")
        return Address(scheme, _plain_host(to.rpartition("@")[2]), to.rpartition("@")[2], "", "", query)
    inner = rest.lstrip("/\\") if not scheme or scheme in WEB else rest[2:]
    end = found.start() if (found := _PARTED.search(inner)) else len(inner)
    userinfo, _, host = inner[:end].rpartition("@")
    path, _, query = inner[end:].partition("#")[0].partition("?")
    written = unquote(host if host.startswith("[") and host.endswith("]") else _PORT.sub("", host))
    has_slashes = bool(scheme) and len(inner) < len(rest)
    return Address(scheme or "https", _plain_host(written), written, userinfo, path, query, has_slashes)


def nested(text: str) -> Sequence[str]:
    """The hosts of web addresses that stand inside an address: where a redirect may lead."""
    places = [each.start() for each in _NESTED.finditer(text, 1)][:_MOST_NESTED]
    return [host for place in places if (host := read(_part(unquote(text[place:]))).host)]


def _part(text: str) -> str:
    """A nested address, up to what belongs to the outer one."""
    return re.split(r"[&\s]", text, maxsplit=1)[0]


def _plain_host(written: str) -> str:
    host = unicodedata.normalize("NFKC", written).casefold().replace("。", ".").rstrip(".").strip("[]")
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    number = ip_of(host)
    return str(number) if number is not None else host


def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host is, in any of the forms that browsers take; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return _ipv4_of_numbers(host) if _NUMBERS.fullmatch(host) else None


def _ipv4_of_numbers(host: str) -> ipaddress.IPv4Address | None:
    """`127.1`, `0x7f.1`, `017700000001`: the last number fills what is left (WHATWG URL, "IPv4 parser")."""
    try:
        numbers = [_number(each) for each in host.split(".")]
        value = numbers[-1]
        for place, each in enumerate(numbers[:-1]):
            value += each << (8 * (3 - place))
        return ipaddress.IPv4Address(value)
    except ValueError:  # also `AddressValueError`
        return None


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if len(text) > 1 and text.startswith("0") else int(text)


class Hosts:
    """A list of hosts: `example.org` is that host alone, `*.example.org` all below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        plain = [each.lower() for each in patterns]
        self._exact = frozenset(_plain_host(each) for each in plain if not each.startswith("*."))
        self._below = tuple(f".{_plain_host(each[2:])}" for each in plain if each.startswith("*."))
        self._skeletons = {skeleton(each): each for each in self._exact | {each[1:] for each in self._below}}

    def has(self, host: str) -> bool:
        """Whether a host is on the list."""
        return host in self._exact or host.endswith(self._below)

    def is_imitated(self, host: str, written: str) -> bool:
        """Whether a host that is not on the list looks like one, or has one's name before its own."""
        looks_same = self._skeletons.keys() & {skeleton(host), skeleton(written)}
        return bool(looks_same) or any(f".{name}." in f".{host}" for name in self._skeletons.values())


def skeleton(host: str) -> str:
    """What a host looks like at a glance: look-alike letters, digits and pairs of letters made one."""
    plain = unicodedata.normalize("NFKC", host).casefold().translate(LOOK_ALIKES).translate(_DIGITS_FOR_LETTERS)
    for pair, letter in _PAIRS:
        plain = plain.replace(pair, letter)
    return plain


def mixes_scripts(written: str) -> bool:
    """Whether a label of a host has Latin letters beside letters that look like Latin ones."""
    return any(_is_mixed(label) for label in unicodedata.normalize("NFKC", written).split("."))


def _is_mixed(label: str) -> bool:
    has_latin = any(each.isascii() and each.isalpha() for each in label)
    alike = [ord(each) in LOOK_ALIKES for each in label if not each.isascii() and each.isalpha()]
    return bool(alike) and (has_latin or all(alike))
