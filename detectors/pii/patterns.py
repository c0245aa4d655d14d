"""Patterns in place of Presidio's own where those are at fault, and what is done to all of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from detectors.pii.characters import ALNUM, ENDS, STARTS, UNSPACED, WORD

FLAGS = re.DOTALL | re.MULTILINE | re.IGNORECASE
"""Presidio's flags for every pattern."""


class Form(NamedTuple):
    """What a Presidio pattern is made from; `score` is what a match is worth before checks and context."""

    name: str
    regex: str
    score: float
    has_edges: bool = False
    """Whether the regex says itself what may stand beside a match; otherwise nothing of a word may."""

    @property
    def called(self) -> str:
        """What a match is, in the words of a finding's reason: the name without how much Presidio thinks of it."""
        return _OPINION.sub("", self.name)


_OPINION = re.compile(r" \((?:very )?(?:weak|low|medium|high)\)\Z", re.IGNORECASE)


_EDGE = rf"(?:(?<!{WORD})(?={WORD})|(?<={WORD})(?!{WORD}))"


def localised(regex: str) -> str:
    r"""A pattern of Presidio's with boundaries that hold beside scripts without spaces.

    `\s` becomes a space, so that numbers of two lines are not read as one.
    """
    return regex.removeprefix("(?i)").replace(r"\b", _EDGE).replace(r"\s", "[ \u00a0]")


def whole(regex: str) -> str:
    """A pattern whose matches neither begin nor end inside a word."""
    return f"{STARTS}(?:{regex}){ENDS}"


def without_edges(regex: str) -> str:
    """A pattern that matches wherever the given one could, quicker to read for a filter."""
    return regex.replace(STARTS, "").replace(ENDS, "").replace(_EDGE, "")


# ---------------------------------------------------------------- e-mail: Presidio's takes `email=` and quotes with it

LOCAL = rf"(?:{WORD}|[.%+&'~-])"
"""What the local part of an address may have."""
_DOMAIN_LABEL = rf"{ALNUM}(?:(?:{WORD}|-){{0,61}}{ALNUM})?"
_ADDRESSEE = rf"(?<!{ALNUM}){ALNUM}{LOCAL}{{0,59}}@"
EMAIL = (Form("e-mail address", rf"{_ADDRESSEE}(?:{_DOMAIN_LABEL}\.){{1,8}}{ALNUM}{{2,24}}(?!{ALNUM})", 0.5, True),)
INTERNAL_EMAIL = (
    Form(
        "e-mail address at an internal host",
        rf"{_ADDRESSEE}(?:{_DOMAIN_LABEL}\.){{1,8}}"
        r"(?:corp|internal|intern|local|localdomain|lan|intranet|intra|home|private|priv|dmz)"
        rf"(?![\w-]|\.{ALNUM})",
        0.5,
        has_edges=True,
    ),
)
MAILBOX = (Form("e-mail address in angle brackets", rf"(?<=<){_ADDRESSEE}{_DOMAIN_LABEL}(?=>)", 0.5, has_edges=True),)
"""As behind a sender's name: `cron <root@localhost>`."""
LOCAL_EMAIL = (Form("e-mail address at a host's name", rf"{_ADDRESSEE}{_DOMAIN_LABEL}(?![\w-]|\.{ALNUM})", 0.3, True),)

# ---------------------------------------------------------------- IP: Presidio's takes slices and names of programs

_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_HEXES = "[0-9A-Fa-f]{1,4}"
IP = (
    Form("IPv4", rf"{_IPV4}(?:/(?:3[0-2]|[12]?\d)(?!\d))?", 0.6),
    Form(
        "IPv4 in IPv6",
        rf"(?<![\w:.])(?:::(?:{_HEXES}:){{0,2}}|(?:{_HEXES}:){{1,6}}:?(?:{_HEXES}:){{0,5}}){_IPV4}(?:/1?\d?\d(?!\d))?",
        0.6,
    ),
    Form(
        "IPv6",
        rf"(?<![\w:.])(?:(?:{_HEXES}:){{7}}{_HEXES}|(?:{_HEXES}:){{1,6}}(?::{_HEXES}){{1,6}}|(?:{_HEXES}:){{1,7}}:"
        rf"|:(?::{_HEXES}){{2,7}})(?:%[0-9A-Za-z]{{1,15}})?(?:/1?\d?\d(?!\d))?(?![:.]\w)",
        0.6,
    ),
)

# ---------------------------------------------------------------- URL: Presidio's takes file names and full stops

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}(?:xn--[a-z0-9]{2,59}|[a-z]{2,24})"
_IN_URL = r"[^\s\"<>(){}\[\]|\\^`“”„«»‘’（）［］｛｝｜，；：！？。、" + UNSPACED + "]"
_PORT = r"(?::\d{1,5})?"
NOT_LAST_IN_URL = ".,;:!?'*_~"
_TAIL = rf"{_PORT}(?:[/?#]{_IN_URL}*(?<![{NOT_LAST_IN_URL}]))?"
_SCHEME = r"(?<![a-z0-9])https?://"
_DOMAIN = r"(?<![\w@.+%&'/\\-])"
URL = (
    Form("URL with a scheme", rf"{_SCHEME}{_HOST}(?![\w@-]|\.\w){_TAIL}", 0.6),
    Form("domain", rf"{_DOMAIN}{_HOST}(?![\w@(-]|\.\w|[.+%&'~]\w{{0,64}}@){_TAIL}", 0.5),
)
MOST_OF_URL = 512
LONG_URL = rf"(?:{_SCHEME}|{_DOMAIN}){_HOST}{_PORT}[/?#]{_IN_URL}{{{MOST_OF_URL}}}"
"""The beginning of an address that is reported in pieces."""
REST_OF_URL = re.compile(f"{_IN_URL}*")
"""What follows it."""
_HOST_BEGUN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,8}(?:[a-z0-9][a-z0-9-]{0,62})?"
_HOST_OVER = rf"{_HOST}(?:\.|:\d{{0,5}}|{_PORT}(?P<tail>[/?#]{_IN_URL}*)"
_SCHEME_BEGUN = r"(?<![a-z0-9])h(?:t(?:t(?:p(?:s?(?::/?)?)?)?)?)?"
OPEN_URLS = (
    rf"{_SCHEME_BEGUN}\Z|{_SCHEME}(?:{_HOST_BEGUN}|{_HOST_OVER}))\Z",
    rf"{_DOMAIN}(?:{_HOST_BEGUN}|{_HOST_OVER}|[+%&'~]\w{{0,64}}))\Z",
)
"""What may become an address of each form, or go on as one; a `tail` when its host is there and its path arrives."""

# ---------------------------------------------------------------- numbers in groups, with any separator between them

S = r"[-. /]"
"""What stands between the groups of a number, in the view that all recognizers read (`detectors.pii.view`)."""

_S = r"[-. /+]"
"""The same and the plus by which a form's encoding writes a blank: only where check digits tell a number from a sum."""

_ISSUER = r"(?:4\d{3}|5[0-8]\d{2}|6\d{3}|3\d{3}|2[1-7]\d{2}|1800)"
CARD = (
    Form("card number", rf"{_ISSUER}[- ]?\d{{3,4}}[- ]?\d{{3,4}}[- ]?\d{{3,5}}(?:[- ]?\d{{3}})?", 0.3),
    Form("card number with dots", rf"{_ISSUER}([./+])\d{{4}}\1\d{{4}}\1\d{{3,4}}(?:\1\d{{3}})?", 0.3),
    Form("card number in three groups", rf"3\d{{3}}({_S})\d{{6}}\1\d{{4,5}}", 0.3),
)
ODD_CARD = (
    Form("card number of 12 digits", rf"(?:5[06-8]|6\d)\d{{2}}{S}?\d{{4}}{S}?\d{{4}}", 0.3),
    Form("card number of another length", rf"{_ISSUER}\d{{9,11}}|{_ISSUER}\d{{13,15}}", 0.3),
)
"""Lengths that few cards have, and many numbers: none without a context word."""
SSN = (
    Form("SSN", rf"\d{{3}}({S})\d{{2}}\1\d{{4}}", 0.5),
    Form("SSN, other groups", r"\d{5}-\d{4}|\d{3}-\d{6}|\d{9}|\d{3}\+\d{2}\+\d{4}", 0.05),
)
_ITIN_GROUP = r"(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])"
ITIN = (
    Form("ITIN", rf"9\d{{2}}({S}){_ITIN_GROUP}\1\d{{4}}", 0.5),
    Form("ITIN without separators", rf"9\d{{2}}{_ITIN_GROUP}\d{{4}}", 0.3),
    Form("ITIN, other groups", rf"9\d{{2}}-{_ITIN_GROUP}\d{{4}}|9\d{{2}}{_ITIN_GROUP}-\d{{4}}", 0.05),
)
ROUTING = (
    Form("routing number", r"[0123678]\d{8}", 0.05),
    Form("routing number in groups", rf"[0123678]\d{{3}}{S}\d{{4}}{S}\d", 0.3),
)
NPI = (Form("NPI", rf"[12]\d{{3}}{S}?\d{{3}}{S}?\d{{3}}", 0.1),)
NHS = (Form("NHS number", rf"\d{{3}}{S}?\d{{3}}{S}?\d{{4}}", 0.5),)
NINO = (
    Form(
        "NINO",
        rf"(?!bg|gb|nk|kn|nt|tn|zz)[a-ceghj-pr-tw-z][a-ceghj-npr-tw-z][-. ]?\d\d{S}?\d\d{S}?\d\d{S}?[a-d]",
        0.5,
    ),
)
SIN = (
    Form("SIN in groups", rf"[1-79]\d{{2}}({S})\d{{3}}\1\d{{3}}", 0.5),
    Form("SIN", r"[1-79]\d{8}", 0.05),
)
TFN = (Form("TFN", rf"\d{{3}}{S}?\d{{3}}{S}?\d{{3}}", 0.1),)
ABN = (Form("ABN", rf"\d{{2}}{S}?\d{{3}}{S}?\d{{3}}{S}?\d{{3}}", 0.1),)
AADHAAR = (Form("Aadhaar", r"[2-9]\d{3}[-. /:]?\d{4}[-. /:]?\d{4}", 0.05),)
DNI = (Form("DNI", rf"\d?\d(?:{S}?\d{{3}}){{2}}{S}?[A-Z]", 0.5),)
NIE = (Form("NIE", rf"[XYZ][-.]?\d?\d{{7}}{S}?[A-Z]", 0.5),)
PASSPORT = (
    Form("nine digits", rf"\d{{9}}|\d{{3}}({S})\d{{3}}\1\d{{3}}", 0.05),
    Form("a letter and eight digits", r"[A-Z][-.]?\d{8}", 0.1),
)

# ---------------------------------------------------------------- MAC: Presidio's finds them inside longer fingerprints

_HEX = "[0-9A-Fa-f]"
_NOT_LONGER = rf"(?!:{_HEX}|-{_HEX})"
MAC = (
    Form("MAC with colons", rf"(?<!{_HEX}[:-])(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}{_NOT_LONGER}", 0.6),
    Form("MAC with hyphens", rf"(?<!{_HEX}[:-])(?:{_HEX}{{2}}-){{5}}{_HEX}{{2}}{_NOT_LONGER}", 0.6),
    Form("MAC with dots", rf"(?=[\d.]{{0,13}}[A-Fa-f]){_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}(?!\.{_HEX})", 0.18),
)

# ---------------------------------------------------------------- what Presidio does not look for

ETHEREUM = (Form("Ethereum address", rf"0x{_HEX}{{40}}", 0.6),)
LICENSE = (
    Form(
        "letters and digits",
        r"[A-Z]\d{4,14}|[A-Z]\d{18}|[A-Z]{2}\d{3,7}|[A-Z]\d{6}R|\d{9}[A-Z]|\d{2}[A-Z]{3}\d{5,6}|[A-Z]{2}\d{6}[A-Z]"
        r"|\d{8}[A-Z]{2}|\d{3}[A-Z]{2}\d{4}|[A-Z]\d[A-Z]\d[A-Z]|\d{7,8}[A-Z]",
        0.3,
    ),
)
LICENSE_DIGITS = (Form("digits", r"\d{6,14}|\d{16}", 0.01),)
HYPHENATED_LICENSE = (
    Form("driver's license with hyphens", r"[A-Z]\d{3}-\d{3,4}-\d{2,4}(?:-\d{2,3})?(?:-\d{1,3})?", 0.3),
)

# ---------------------------------------------------------------- IBAN

IBAN_LENGTHS = {
    "NO": 15,
    "BE": 16,
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    "LC": 32,
    "RU": 33,
}
"""Characters of each country's IBAN (SWIFT's registry)."""


def _iban(country: str, length: int) -> str:
    groups, rest = divmod(length - 4, 4)
    last = rf"{_S}?[A-Z0-9]{{{rest}}}" if rest else ""
    return rf"{country}[0-9]{{2}}(?:{_S}?[A-Z0-9]{{4}}){{{groups}}}{last}"


IBAN = (Form("IBAN", f"({'|'.join(_iban(*each) for each in sorted(IBAN_LENGTHS.items()))})", 1.0),)
"""One alternative for each country, of exactly its length.

Presidio's pattern takes up to 34 letters and digits, and so swallows the words that follow (`... 1332 FROM`); it wants
capitals, though many who type an IBAN do not. The recognizer leaves this score when the check digits of a lower-case
one are right.
"""

# ---------------------------------------------------------------- national ids with check digits (`detectors.pii.ids`)


def in_groups(*sizes: int, last: str = "") -> str:
    """Digits in groups of these sizes, with or without separators."""
    return f"{S}?".join(rf"\d{{{size}}}" for size in sizes) + last


DE_TAX = (Form("11 digits", rf"[1-9]\d(?:{S}?\d{{3}}){{3}}", 0.1),)
DE_PENSION = (Form("pension number", rf"\d{{2}}{S}?\d{{6}}{S}?[A-Z]{S}?\d{{3}}", 0.5),)
DE_CARD = (Form("ICAO document number", r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\dD?", 0.3),)
DE_HEALTH = (Form("health insurance number", r"[A-Z]\d{9}", 0.3),)
_NIR = r"[12]{0}\d\d{0}(?:0[1-9]|1[0-2]|[2-9]\d){0}(?:\d\d|2[AB]){0}\d{{3}}{0}\d{{3}}{0}\d\d"
FR_NIR = (
    Form("NIR in groups", _NIR.format("[- ]"), 0.6),
    Form("NIR", _NIR.format(f"{S}?"), 0.1),
)
FR_TAX = (Form("SPI", rf"[0-3]\d(?:{S}?\d\d){{0,1}}{S}?\d{{3}}{S}?\d{{3}}{S}?\d{{3}}", 0.1),)
NINE = (Form("9 digits", rf"\d{{3}}({S}?)\d{{3}}\1\d{{3}}|\d{{4}}{S}\d\d{S}\d{{3}}", 0.1),)
TEN = (Form("10 digits", rf"\d{{3}}{S}?\d{{3}}{S}?\d\d{S}?\d\d|\d{{3}}{S}\d\d{S}\d\d{S}\d{{3}}", 0.1),)
ELEVEN = (Form("11 digits", rf"\d{{3}}{S}?\d{{3}}{S}?\d{{3}}{S}?\d\d", 0.1),)
TWELVE = (Form("12 digits", rf"\d{{4}}{S}?\d{{4}}{S}?\d{{4}}", 0.1),)
SE_PERSONAL = (Form("personnummer", r"(?:19|20)?\d{6}[-+]?\d{4}", 0.4),)
BR_CPF = (
    Form("CPF in groups", rf"\d{{3}}{S}\d{{3}}{S}\d{{3}}{S}\d\d", 0.6),
    Form("CPF", r"\d{11}", 0.1),
)
BR_CNPJ = (
    Form("CNPJ in groups", rf"\d\d{S}\d{{3}}{S}\d{{3}}{S}\d{{4}}{S}\d\d", 0.6),
    Form("CNPJ", r"\d{14}", 0.1),
)
KR_RRN = (Form("RRN in groups", r"\d{6}-[1-8]\d{6}", 0.4), Form("RRN", r"\d{6} ?[1-8]\d{6}", 0.1))
BE_NATIONAL = (Form("national number", rf"\d\d{S}?\d\d{S}?\d\d{S}?\d{{3}}{S}?\d\d", 0.3),)
AT_INSURANCE = (Form("insurance number", rf"\d{{4}}{S}?\d{{6}}", 0.2),)
CH_AHV = (Form("AHV number", rf"756{S}?\d{{4}}{S}?\d{{4}}{S}?\d\d", 0.6),)
FI_PERSONAL = (Form("henkilötunnus", r"\d{6}[-+ABCDEFYXWVU]\d{3}[0-9A-FHJ-NPR-Y]", 0.5),)
DK_CPR = (Form("CPR", r"\d{6}-?\d{4}", 0.2),)
NO_BIRTH = (Form("fødselsnummer", rf"\d{{6}}{S}?\d{{5}}", 0.3),)
CZ_BIRTH = (Form("rodné číslo", r"\d{6}/?\d{4}", 0.3),)
RO_CNP = (Form("CNP", r"[1-8]\d{12}", 0.3),)
IE_PPS = (Form("PPS", r"\d{7}[A-W][A-IW]?", 0.5),)
CN_RESIDENT = (Form("resident id", r"[1-9]\d{5}(?:19|20)\d{9}[\dX]", 0.6),)
TW_IDENTITY = (Form("identity card", r"[A-Z][1289]\d{8}", 0.4),)
HK_IDENTITY = (Form("identity card", r"[A-Z]{1,2}\d{6}(?:\([0-9A]\)|[0-9A])", 0.3),)
TH_IDENTITY = (Form("identity card", rf"\d{S}?\d{{4}}{S}?\d{{5}}{S}?\d\d{S}?\d", 0.3),)
MX_CURP = (Form("CURP", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", 0.6),)
CL_RUT = (
    Form("RUT in groups", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]", 0.5),
    Form("RUT", rf"\d{{1,2}}{S}?\d{{3}}{S}?\d{{3}}{S}?[\dK]", 0.1),
)
AR_CUIT = (Form("CUIT", r"(?:2[03-7]|3[0347])-?\d{8}-?\d", 0.3),)
ZA_IDENTITY = (Form("identity number", rf"\d{{6}}{S}?\d{{4}}{S}?[01]\d{{2}}", 0.3),)
SNILS = (Form("SNILS", rf"\d{{3}}{S}?\d{{3}}{S}?\d{{3}}{S}?\d\d", 0.3),)
MEDICARE = (Form("Medicare", rf"[2-6]\d{{3}}{S}?\d{{5}}{S}?\d(?:{S}?\d)?", 0.2),)
LV_PERSONAL = (Form("personas kods", r"\d{6}-?\d{5}", 0.3),)
SI_EMSO = (Form("EMŠO", rf"[0-3]\d[01]\d[09]\d\d{S}?\d{{6}}", 0.3),)
LU_MATRICULE = (Form("matricule", rf"(?:18|19|20)\d\d{S}?[01]\d{S}?[0-3]\d{S}?\d{{3}}{S}?\d\d", 0.3),)
CY_TAX = (Form("eight digits and a letter", rf"[09]\d{{7}}{S}?[A-Z]", 0.3),)
MT_IDENTITY = (Form("seven digits and a letter", r"\d{7}[- ]?[ABGHLMPZ]", 0.3),)
GR_AMKA = (Form("ΑΜΚΑ", rf"\d{{6}}{S}?\d{{5}}|\d\d{S}\d\d{S}\d\d{S}\d{{5}}", 0.3),)
