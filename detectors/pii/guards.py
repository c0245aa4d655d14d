"""What a match must look like beside its pattern. Presidio's recognizers take much for personal data that is none.

A guard may read eight times `REACH` characters left of the match, and one right of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from detectors.pii import presidio

REACH = 24
"""Characters left of a match that say what it is."""

Guard = Callable[[str, int, int], bool]
"""`(text, start, end)` of a match -> whether it is what it looks like."""


def is_address(text: str, start: int, end: int) -> bool:
    """An IP address of some machine: no version, netmask or example, no slice or `abc::def` of a program."""
    found, before = text[start:end], text[max(0, start - REACH) : start]
    is_named = _NAMES_ADDRESS.search(before) is not None
    if ":" in found and "." not in found:
        return _is_ipv6(found) and not (_EXAMPLE_IPV6.match(found) and _is_in_source(text, start, end))
    if before[-1:] in _BEFORE_VERSION or _MORE_OF_VERSION.match(text, end):
        return False
    number = found.rpartition(":")[2]
    if _NAMES_VERSION.search(before) or _OPERATOR.search(before) or _NOBODYS.match(number):
        return False
    if _RESERVED.match(number) and _is_in_source(text, start, end):
        return False
    return is_named or not _LIKE_VERSION.fullmatch(number)


_BEFORE_VERSION = frozenset("vV-_.")
_MORE_OF_VERSION = re.compile(r"\.\d|[-+~][0-9A-Za-z]|[_@]|\.(?:tar|tgz|zip|whl|jar|deb|rpm|dll|so|exe)\b")
_NAMES_VERSION = re.compile(
    r"(?:version|\bver|release|build|firmware|driver|revision|\boid|(?:upgrade|update|downgrade)d? to|section|chapter"
    r"|figure|table|clause|paragraph)s?(?:_?(?:no|number|info))?__[\s.:=(\"'>]{0,5}\Z".replace("__", "_{0,2}"),
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"[<>=!~^]=[\s\"']{0,2}\Z|(?<!-)[<>~^]\Z|[A-Za-z]/\Z")
"""`>=1.2.0.2`, and a product's name as in `Chrome/120.0.0.0`."""
_QUOTES = frozenset("\"'")
_NOBODYS = re.compile(
    r"127\.|0\.|255\.|169\.254\.169\.254(?!\d)|(\d+)\.\1\.\1\.\1(?!\d)|\d+\.0\.0\.0|1\.2\.3\.|[\d.]+\.0/\d"
)
"""Loopback, unspecified, netmasks, networks as such, where a cloud tells its machines who they are, and `1.1.1.1` and
`1.2.3.4` of examples."""
_RESERVED = re.compile(r"192\.0\.[02]\.|198\.51\.100\.|203\.0\.113\.")
"""RFC 5737 and 6890: for documentation and protocols. In a program it is an example."""
_LIKE_VERSION = re.compile(
    r"(?:1\.[0-3]|2\.(?:5|16))\..*|(?!10\.)\d{1,2}(?:\.\d{1,2}){3}|[\d.]+\.0|[\d.]+\.255\.255|(?:22[4-9]|2[34]\d)\..*"
)
"""Object identifiers, what has four small numbers, networks, broadcasts and groups: an address only where a word says
so."""
_NAMES_ADDRESS = re.compile(
    r"(?:\bips?|ipv4|address|addr|hosts?|hostname|server|from|dns|ping|gateway|connect\w*|client|inet|peer|remote"
    r"|nameserver|router|device|node|endpoint|login|target)"
    r"(?: (?:is|was|to|at|of|address)){0,2}[\s\"'=:(\[]{0,4}\Z|//\Z|@\Z",
    re.IGNORECASE,
)


def _is_in_source(text: str, start: int, end: int) -> bool:
    """Whether it stands in a program: in quotes, with a network's length, or in a comment."""
    if text[start - 1 : start] in _QUOTES or text[end : end + 1] in _QUOTES or "/" in text[start:end]:
        return True
    return _IN_COMMENT.search(text, max(0, start - 2 * REACH), start) is not None


_IN_COMMENT = re.compile(r"(?:\A|\n)[ \t]*(?:#|//|\*|--|;|>>>|\.\. )[^\n]*\Z")


def _is_ipv6(found: str) -> bool:
    """A global, local or mapped address of one machine, not two numbers with colons between them."""
    address = found.split("/")[0].split("%")[0]
    groups = [group for group in address.split(":") if group]
    if address.endswith("::") or _IS_GROUP.match(address):
        return False
    if "::" not in found:
        return len({len(group) for group in groups}) > 1 or len(groups[0]) > 2
    if not _BEGINS_IPV6.match(found):
        return False
    has_letters = any(not group.isdigit() for group in groups)
    return len(groups) > 3 or (len(groups) > 1 and has_letters)


_IS_GROUP = re.compile(r"ff[0-9a-f]{2}:", re.IGNORECASE)
_EXAMPLE_IPV6 = re.compile(r"2001:0?db8:", re.IGNORECASE)
_BEGINS_IPV6 = re.compile(r"[23][0-9a-f]{3}:|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|64:ff9b:|::ffff:", re.IGNORECASE)


def is_mail(text: str, start: int, end: int) -> bool:
    """Somebody's address, not that of a repository (`git@host:path`) or a password in a page's (`https://me:it@host`)."""
    if _IN_URL.search(text, max(0, start - REACH), start):
        return False
    return text[start:end].partition("@")[0].lower() not in _NOBODYS_MAIL


_IN_URL = re.compile(r"://(?:[^\s/@]{1,20}:)?\Z")


_NOBODYS_MAIL = frozenset(("git", "hg", "svn", "ssh", "root"))


def is_local_mail(text: str, start: int, end: int) -> bool:
    """A name at a host's name, in letters: not `lodash@4` or the prompt of a shell."""
    host = text[start:end].partition("@")[2]
    return is_mail(text, start, end) and host[:1].isalpha() and text[end : end + 1] not in frozenset(":/(=~")


def is_mailbox(text: str, start: int, end: int) -> bool:
    """An address behind somebody's name: a blank before the bracket, and a host in letters."""
    return _BEHIND_NAME.search(text, max(0, start - 4), start) is not None and is_local_mail(text, start, end)


_BEHIND_NAME = re.compile(r"[\w\"'.)] <\Z")


def is_card(text: str, start: int, end: int) -> bool:
    """A number that begins as cards of its length do, and is not a part of something longer."""
    found = text[start:end]
    digits = re.sub(r"\D", "", found)
    if digits == found and digits.endswith("00000"):
        return False
    numbers = _CARD_NUMBER if digits == found else _ANY_CARD
    if not numbers.fullmatch(digits) or not is_apart(text, start, end):
        return False
    if digits == found and _PERIODIC.fullmatch(digits) and not _is_named_card(text, start):
        return False
    if "+" in found:
        return not _is_in_sum(text, start, end)
    return " " not in found or not _is_in_columns(text, start, end)


def _is_in_sum(text: str, start: int, end: int) -> bool:
    """Whether numbers with a plus between them go on, or come to something: `4+5=9`."""
    return text[start - 1 : start] == "+" or text[end : end + 1] in frozenset("+=")


def _is_in_columns(text: str, start: int, end: int) -> bool:
    """Whether it is part of a row of numbers, in which no cards stand side by side, and nothing names one.

    Written as cards are, it is one behind an order's number and before a year, too: so few make no row.
    """
    is_written_so = _GROUPS_OF_CARD.fullmatch(text, start, end) is not None
    is_row = _has_fours_before(text, start) if is_written_so else _has_number_beside(text, start, end)
    return is_row and not _is_named_card(text, start)


def _is_named_card(text: str, start: int) -> bool:
    return _NAMES_CARD.search(text, max(0, start - 4 * REACH), start) is not None


def _has_fours_before(text: str, start: int) -> bool:
    """Whether numbers of four digits stand before it that are no cards themselves, which have four each."""
    before = _FOURS_BEFORE.search(text, max(0, start - _ROW), start)
    groups = len(before.group().split()) if before else 0
    return LEAST_BEFORE <= groups <= _MOST_BEFORE and groups % 4 > 0


def _has_number_beside(text: str, start: int, end: int) -> bool:
    return bool(_NUMBER_BEFORE.search(text, max(0, start - REACH), start) or _FOUR_BEHIND.match(text, end))


_GROUPS_OF_CARD = re.compile(r"\d{4}(?: \d{4}){3}(?: \d{3})?|\d{4} \d{6} \d{4,5}")
LEAST_BEFORE = 3
"""Numbers of four digits before a card that make it one of a row, unless they are cards themselves: four each."""
_ROW, _MOST_BEFORE = 8 * REACH, 36
"""Characters before a card in which such numbers are counted, and how many can be without being cut."""
_FOURS_BEFORE = re.compile(r"(?<![\w.+-])(?:\d{4} {1,2})+\Z")
_NUMBER_BEFORE = re.compile(r"(?<![\w/])[\w.+-]{3,16}\d {1,2}\Z")
_FOUR_BEHIND = re.compile(r" {1,2}\d{4}(?!\d)")
_NAMES_CARD = re.compile(r"card|visa|amex|american express|maestro|discover|pan\b|cc\b|credit|debit", re.IGNORECASE)


def is_odd_card(text: str, start: int, end: int) -> bool:
    """A card number of a length that few have."""
    digits = re.sub(r"\D", "", text[start:end])
    return bool(_ANY_CARD.fullmatch(digits)) and is_apart(text, start, end)


_PERIODIC = re.compile(r"(\d\d)\1+\d?")
"""`6363636363636363`, which is no card unless it is called one or written in groups, as `4242 4242 4242 4242` is."""


_CARD_NUMBER = re.compile(
    r"4\d{15}"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|35\d{14}|(?:2131|1800)\d{11}"  # JCB
    r"|6\d{15}|5[06-8]\d{14}"  # Discover, UnionPay, Maestro, RuPay
)
_ANY_CARD = re.compile(
    rf"{_CARD_NUMBER.pattern}|4\d{{12}}|4\d{{18}}|3(?:0[0-5]|[689]\d)\d{{13}}|35\d{{17}}|6\d{{11,18}}|5[06-8]\d{{10,17}}"
)


def is_apart(text: str, start: int, end: int) -> bool:
    """Not a part of a longer number or name: `AB-1234`, `0.1234`, `1234/5678`."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return not (_PART_BEFORE.search(before) or _PART_AFTER.match(after))


_PART_BEFORE = re.compile(r"\w[-_/.*^]\Z|[})\]]/\Z")
_PART_AFTER = re.compile(r"[-./_]\d|[-_]\w|\*{1,2}\w|\^")


def is_group_apart(text: str, start: int, end: int) -> bool:
    """Not a part of something longer, and no stretch of a row of numbers with blanks between them."""
    if not is_apart(text, start, end):
        return False
    is_spaced = " " in text[start:end]
    return not (is_spaced and (_ROW_BEFORE.search(text, max(0, start - 2), start) or _ROW_AFTER.match(text, end)))


_ROW_BEFORE = re.compile(r"\d \Z")
_ROW_AFTER = re.compile(r" \d")


def is_social_security(text: str, start: int, end: int) -> bool:
    """Not the `111-22-3333` of examples."""
    return is_group_apart(text, start, end) and not _ALIKE.fullmatch(text, start, end)


_ALIKE = re.compile(r"(\d)\1\1\D(\d)\2\D(\d)\3{3}")


def is_device(text: str, start: int, end: int) -> bool:
    """Not a row of bytes that count or are alike (`00:11:22:33:44:55`), the address of a group, or a row of numbers."""
    found = re.sub(r"[:.-]", "", text[start:end])
    values = bytes.fromhex(found)
    if _GROUP_MAC.match(found) or (found.isdigit() and "-" in text[start:end]):
        return False
    return len(set(values)) > 2 and len({after - before for before, after in pairwise(values)}) > 1


_GROUP_MAC = re.compile(r"01005e|0180c2|3333", re.IGNORECASE)


def is_bank_account(text: str, start: int, end: int) -> bool:
    """Not an account's id at some service (`account_id`, `"ownerAccount": "111122223333"`), nor a negative number."""
    before, digits = text[max(0, start - 2 * REACH) : start], text[start:end]
    if not is_apart(text, start, end) or _ACCOUNT_ID.search(before) or _IN_FOURS.fullmatch(digits):
        return False
    return not (digits in _COUNTING or _DAY.fullmatch(digits)) or _NUMBER_NAMED.search(before) is not None


_ACCOUNT_ID = re.compile(
    r"(?i:account|acct)s?(?:Ids?|IDs?|[_ -]ids?)\b(?:\W{0,6}(?i:(?:string)?value)\b)?\W{0,6}\Z"
    r"|(?i:arn|iam|aws)\W{0,4}\Z|::\Z|[=(,:] ?-\Z"
    r"|(?i:owner|aws|cloud|gcp|azure|user|service|target|source|instance|member|principal|by|caller"
    r"|linked|payer|tenant)[ _-]?(?i:accounts?)\W{0,6}\Z"
)
_IN_FOURS = re.compile(r"(\d)\1{3}(\d)\2{3}(\d)\3{3}")
_COUNTING = "12345678901234567890"
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_NUMBER_NAMED = re.compile(r"(?i:number|no|nr|num|#)\W{0,6}(?:is |was )?\Z")


def is_url(text: str, start: int, end: int) -> bool:
    """The host ends in a public suffix; without a scheme or `www.`, in none that is a file's or attribute's ending."""
    scheme, host, rest = _URL_PARTS.match(text[start:end].lower()).group(1, 2, 3)  # type: ignore[union-attr]  # a host
    if not scheme and not host.startswith("www.") and not _is_plain_domain(host, has_path=bool(rest)):
        return False
    if _OF_OBJECT.match(host):
        return False
    parts = presidio.offline_suffixes()(host)
    return bool(parts.domain and parts.suffix)


def _is_plain_domain(host: str, *, has_path: bool) -> bool:
    *_, name, ending = host.split(".")
    return ending not in _FILE_ENDINGS and (has_path or (len(name) > 1 and ending not in _WORD_ENDINGS))


_OF_OBJECT = re.compile(r"(?:self|cls|this)\.")
_URL_PARTS = re.compile(r"(https?://)?([^/:?#]+)(.*)", re.DOTALL)
_FILE_ENDINGS = frozenset("as cc java md mo mov pl pm ps pub py rs run sc sh so st vi zip".split())
_WORD_ENDINGS = frozenset(
    "ac ad al am ba black blue by call cat center click cool coop data date day do email events fit fm foo fun "
    "games get gg go green group help hm host id im ink int is la lat limited link list live lol ma map me media "
    "menu mm mn ms mu my name ne network new next no now nu one open page phone photo pics ping pink pk play plus "
    "post pr prime pro prod promo properties protection red report sa safe save se search secure security select "
    "services sg shell show sl sm spot sr star store stream style support sy systems tab tc tel test tips tk tm "
    "to today tools top total tr trust tt tv va version video vote watch work works ws you zero zone".split()
)
"""Top-level domains that may be the word after a full stop without its space, or an attribute: `done.So`,
`self.name`."""


def has_one_case(text: str, start: int, end: int) -> bool:
    """Not `AB123456 a`, where an article follows."""
    found = text[start:end]
    return found in (found.upper(), found.lower())


def has_own_letter(text: str, start: int, end: int) -> bool:
    """Not a part of something longer, and not `1234567 a`, where an article follows."""
    found = text[start:end]
    return is_group_apart(text, start, end) and not (found[-2] == " " and found[-1].islower())


def is_long_id(text: str, start: int, end: int) -> bool:
    """At least six characters: `Dh800` is a price."""
    return end - start >= 6
