r"""What stand-ins look like: an address for an address, digits for a card. A form writes a number, and reads it again.

A number is an **identity**, which a keyed hash gives to a value, and a **check** on it with the same key. So a stand-in
is known as one by itself, whatever was forgotten since, and nobody without the key can make one up: a text that holds
something of such a form by chance fails the check.

Every form is one that nothing real has: a reserved domain (RFC 2606), reserved address ranges (RFC 1112, section 4, and
RFC 3849), a country code that is not assigned, a card number of no issuer whose check digit is wrong. IPv4's
documentation ranges have 762 addresses, too few to be told apart from one that a text means: 240.0.0.0/4 has none.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detectors.text.regular import RegularScanner, Rule

_BASE32 = string.ascii_lowercase + "234567"
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aeiou"
_SYLLABLES = [first + second for first in _CONSONANTS for second in _VOWELS]
_NAME_SYLLABLES = 6
_PHONE = "+999"
_PHONE_DIGITS = 12
_CARD_CHECKS = 10**6
_CARD = re.compile(r"[0-9](?:[ -]?[0-9]){12,18}")
_MAIL = ("mail.", "@example.com")
_FIRST_RESERVED = 240 << 24
_BEGINS = r"(?:\b|[A-Za-z_])"
_ENDS = (r"\b", "[A-Za-z_]")
"""Beside a number no digits stand; letters may. Those are read with it: a rule for each end, so that two numbers with a
letter between them are both found."""


@dataclass(frozen=True, slots=True)
class Form:
    """What one kind of stand-in looks like. `pattern` is an ASCII regular expression that all of its texts match.

    It has `ids` identities with `checks` checks each. `write` puts a number down as it suits the value; `read` returns
    the number of a text that matched, or None where it can be none.
    """

    name: str
    pattern: str
    ids: int
    checks: int
    write: Callable[[int, str], str]
    read: Callable[[str], int | None]
    begins: str = ""
    ends: Sequence[str] = ("",)
    """What stands before and behind it, as patterns. It is no part of the stand-in."""


class Seal:
    """The key of one tenant's, or one session's, stand-ins. Its `repr` shows nothing."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def number(self, form: Form, value: str, attempt: int) -> int:
        """The number of a value, or another one at another attempt."""
        identity = self._hash(b"value", form, f"{attempt} {value}") % form.ids
        return identity * form.checks + self._check(form, identity)

    def is_on(self, form: Form, number: int) -> bool:
        """Whether a number was made with this key."""
        identity, check = divmod(number, form.checks)
        return identity < form.ids and self._check(form, identity) == check

    def _check(self, form: Form, identity: int) -> int:
        return self._hash(b"check", form, str(identity)) % form.checks

    def _hash(self, purpose: bytes, form: Form, text: str) -> int:
        told = b"\0".join((purpose, form.name.encode(), text.encode("utf-8", "surrogatepass")))
        return int.from_bytes(hmac.digest(self._key, told, "sha256")[:16])


def form_of(label: str, value: str) -> Form:
    """The form for what was found: by its label, and by the value where that has several."""
    if label == "CREDIT_CARD":
        digits = sum(each.isdigit() for each in value)
        return _CARDS[digits] if _CARD.fullmatch(value) else REFERENCE
    if label == "IP_ADDRESS":
        return _address_form(value)
    return _BY_LABEL.get(label, REFERENCE)


def _address_form(value: str) -> Form:
    try:
        return IPV4 if ipaddress.ip_address(value).version == 4 else IPV6
    except ValueError:
        return REFERENCE


# -- digits of a number -----------------------------------------------------------------------------------------------


def _written(number: int, digits: Sequence[str], length: int) -> str:
    """A number in a place system with these digits."""
    found: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(digits))
        found.append(digits[digit])
    return "".join(reversed(found))


def _read(text: str, digits: Sequence[str]) -> int | None:
    """The number that `_written` wrote so; None for what it never writes."""
    size, number = len(digits[0]), 0
    for start in range(0, len(text), size):
        digit = text[start : start + size]
        if digit not in digits:
            return None
        number = number * len(digits) + digits.index(digit)
    return number


def _digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, text))


# -- forms ------------------------------------------------------------------------------------------------------------


def _marked(name: str, begin: str, length: int, end: str, *, ids: int) -> Form:
    """A form of letters and digits between fixed words."""
    return Form(
        name,
        f"{re.escape(begin)}[a-z2-7]{{{length}}}{re.escape(end)}",
        ids,
        32**length // ids,
        lambda number, _: begin + _written(number, _BASE32, length) + end,
        lambda text: _read(text[len(begin) : len(text) - len(end)], _BASE32),
    )


def _card(digits: int) -> Form:
    """A number of no issuer with so many digits, grouped as the value is; the check digit is wrong."""
    inner = digits - 2

    def write(number: int, value: str) -> str:
        own = "9" + str(number).rjust(inner, "0")
        left = iter(own + str((_luhn(own) + 5) % 10))
        return "".join(next(left) if each.isdigit() else each for each in value)

    def read(text: str) -> int | None:
        own = _digits_of(text)
        return int(own[1:-1]) if own[-1] == str((_luhn(own[:-1]) + 5) % 10) else None

    pattern = rf"9(?:[ -]?[0-9]){{{digits - 1}}}"
    return Form(f"card {digits}", pattern, 10**inner // _CARD_CHECKS, _CARD_CHECKS, write, read, _BEGINS, _ENDS)


def _luhn(digits: str) -> int:
    """The check digit that would be right behind these."""
    total = 0
    for place, each in enumerate(reversed(digits)):
        doubled = int(each) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def _write_phone(number: int, value: str) -> str:
    digits = str(number).rjust(_PHONE_DIGITS, "0")
    between = " " if " " in value else ""
    return between.join((_PHONE, digits[:4], digits[4:8], digits[8:]))


def _read_phone(text: str) -> int | None:
    return int(_digits_of(text.removeprefix(_PHONE)))


def _write_ipv4(number: int, _value: str) -> str:
    return str(ipaddress.IPv4Address(_FIRST_RESERVED + number))


def _read_ipv4(text: str) -> int | None:
    try:
        return int(ipaddress.IPv4Address(text)) - _FIRST_RESERVED
    except ValueError:
        return None


def _write_ipv6(number: int, _value: str) -> str:
    groups = (number >> 24, number >> 12 & 0xFFF, number & 0xFFF)
    return "2001:db8::" + ":".join(f"f{group:03x}" for group in groups)


def _read_ipv6(text: str) -> int | None:
    return int("".join(group[1:] for group in text.removeprefix("2001:db8::").split(":")), 16)


def _write_mac(number: int, value: str) -> str:
    digits = f"02{number:010x}"
    between = "-" if "-" in value else ":"
    return between.join(digits[start : start + 2] for start in range(0, len(digits), 2))


def _read_mac(text: str) -> int | None:
    return int(re.sub("[:-]", "", text)[2:], 16)


def _write_name(number: int, _value: str) -> str:
    return _written(number, _SYLLABLES, _NAME_SYLLABLES).capitalize()


MAIL = _marked("mail", _MAIL[0], 10, _MAIL[1], ids=2**28)
TOKEN = _marked("token", "tok_", 16, "", ids=2**44)
REFERENCE = _marked("reference", "ref_", 12, "", ids=2**36)
PHONE = Form("phone", r"\+999(?:[ -]?[0-9]){12}", 10**7, 10**5, _write_phone, _read_phone, ends=_ENDS)
IPV4 = Form(
    "ipv4",
    r"2(?:4[0-9]|5[0-4])\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
    2**16,
    15 * 2**8,
    _write_ipv4,
    _read_ipv4,
    _BEGINS,
    _ENDS,
)
IPV6 = Form("ipv6", "2001:db8::f[0-9a-f]{3}:f[0-9a-f]{3}:f[0-9a-f]{3}", 2**20, 2**16, _write_ipv6, _read_ipv6)
MAC = Form("mac", "02(?:[:-][0-9a-f]{2}){5}", 2**20, 2**20, _write_mac, _read_mac, _BEGINS, ("",))
NAME = Form(
    "name",
    f"[{_CONSONANTS.upper()}][{_VOWELS}](?:[{_CONSONANTS}][{_VOWELS}]){{{_NAME_SYLLABLES - 1}}}",
    80**4,
    80**2,
    _write_name,
    lambda text: _read(text.lower(), _SYLLABLES),
)
_CARDS = {digits: _card(digits) for digits in range(13, 20)}

_BY_LABEL = {"EMAIL_ADDRESS": MAIL, "PHONE_NUMBER": PHONE, "MAC_ADDRESS": MAC, "PERSON": NAME}
FORMS = {each.name: each for each in (MAIL, TOKEN, REFERENCE, PHONE, IPV4, IPV6, MAC, NAME, *_CARDS.values())}


def make_scanner() -> RegularScanner:
    """What finds texts of all forms, however they are cut; each finding's label is its form's name."""
    return RegularScanner("stand_ins", [_rule(each, end) for each in FORMS.values() for end in each.ends])


def _rule(form: Form, end: str) -> Rule:
    return Rule(form.name, f"{form.begins}(?P<own>{form.pattern}){end}", 1.0, flags=re.ASCII, group="own")
