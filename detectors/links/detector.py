r"""Addresses that lead out: which hosts a text may link to, and what a link carries away.

    detect:
      detector: links
      allow: [example.org, "*.corp.example"]
      labels: [IMAGE, DATA_LINK]

| label | an address |
|---|---|
| `LINK` | that a reader would click, to a host that is not allowed |
| `IMAGE` | that a renderer fetches by itself (an image, a frame, a style), to a host that is not allowed |
| `DATA_LINK` | whose path, query or host carries data: encoded or long parts, words, numbers (`links.carried`) |
| `IP_HOST` | whose host is an IP address, in whatever form |
| `LOOK_ALIKE` | whose host looks like an allowed one, has its name before its own, or mixes scripts |
| `USERINFO` | with a name or a password before the host, which readers take for the host |
| `SCHEME` | with a scheme that is not in `schemes` (`javascript:`, `data:`, `file:`) |

An address gets every label that fits it; one of an allowed host gets `SCHEME` alone. A host is allowed that `allow`
names and `deny` does not; with `deny` alone, `LINK` and `IMAGE` are found for its hosts only; with neither, for all. An
address inside an address (a redirect) counts as well.

Read are addresses with a scheme, `www.`, and `//host` where Markdown, HTML or CSS has an address; bare names of hosts
are not. Text is looked at as it stands and as it looks (`detectors.text.looks`).

How it works: a regular scanner finds where an address begins; from there on the characters are taken in that belong to
it, brackets by balance. Up to `MOST` characters are held until it is over, and then told; of what is longer, each
further `PIECE` is told as it comes, with the same labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from detectors.base import DetectorError, Params
from detectors.links.carried import carried
from detectors.text.address import WEB, Address, Hosts, mixes_scripts, nested, read
from detectors.text.looks import LooksScanner
from detectors.text.regular import NotRegular, RegularScanner, Rule
from detectors.types import Finding

THRESHOLD = 0.5
MOST = 1024
PIECE = 256
LOOK_BEHIND = 320
"""How far left of an address is read what it is for: an image's words stand there."""
LABELS = ("LINK", "IMAGE", "DATA_LINK", "IP_HOST", "LOOK_ALIKE", "USERINFO", "SCHEME")
_SCORES = {"LINK": 0.6, "IMAGE": 0.7, "IP_HOST": 0.75, "LOOK_ALIKE": 0.85, "USERINFO": 0.8, "SCHEME": 0.9}

_FIRST = r"""[^\s/\\"'<>(){}|`]"""
_HEADS = (
    rf"https?:[/\\]{{0,6}}{_FIRST}",
    rf"\b(?:ftps?|wss?|sftp|ssh|git|ldaps?|gopher|dict|tftp|smb|file|jar|intent|irc):[/\\]{{2,6}}{_FIRST}",
    r"\bdata:[a-z]{1,16}/[a-z0-9.+-]{1,40}[;,]",
    rf"\b(?:javascript|vbscript|mailto):{_FIRST}",
    r"\bwww\d?\.[a-z0-9]",
)
_BARE = rf"""(?:\]\(\s{{0,2}}<?|\]:\s{{1,3}}<?|=\s?["']?|url\(["']?)(?P<value>[/\\]{{2}}{_FIRST})"""
_NEVER = frozenset('"<>`“”„«»‹›「」『』【】、。，；：！？（）')
_PAIRED = {")": "(", "]": "[", "}": "{"}
_MOST_NESTED = 32
"""Brackets inside brackets that are told apart."""
_NOT_LAST = ".,;:!?'*_~&|"
_FETCHED = re.compile(
    r"""!\[[^\]]*\]\(\s*<?$|^[^\[]*\]\(\s*<?$|(?:^|\n)[ >]*\[[^\]\n]*\]:\s*<?$"""
    r"""|\b(?:src|srcset|poster|background|data|xlink:href)\s*=\s*["']?$|\burl\(\s*["']?$"""
    r"""|<(?:link|image|use)\b[^<>]*\bhref\s*=\s*["']?$|\bsrcset\s*=\s*["'][^"'<>]*$""",
    re.IGNORECASE,
)
"""What stands before an address that is fetched without a click. An image's words may reach further than is read."""
_HOST = re.compile(r"(?:\*\.)?[^\s/:@*?#\[\]]+(?:\.[^\s/:@*?#\[\]]+)*|[0-9A-Fa-f:.]+")
_PLAIN_WORD = re.compile(r"[^\W\d_]{0,24}[ \n\t.,;!?…)*]+")


def _host(pattern: str) -> str:
    if not _HOST.fullmatch(pattern):
        raise ValueError("is no host: write `example.org`, or `*.example.org` for all below it, without scheme or path")
    return pattern


HostPattern = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]
SchemeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]{0,31}$")]


class LinksParams(Params):
    """Where addresses may lead."""

    allow: tuple[HostPattern, ...] | None = Field(
        default=None, description="Hosts that may be led to; `*.example.org` is every host below it."
    )
    deny: tuple[HostPattern, ...] = Field(default=(), description="Hosts that may not, whatever `allow` says.")
    schemes: tuple[SchemeName, ...] = Field(
        default=("https", "http", "mailto"), min_length=1, description="Schemes that are nothing to tell."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> LinksParams:
        if self.allow is not None and not self.allow:
            raise ValueError("allow is empty: leave it out, which allows no host either")
        both = sorted({*(self.allow or ())} & {*self.deny})
        if both:
            raise ValueError(f"allow and deny both have {both[0]}: remove one of them")
        return self


class Links:
    """The detector type `links`."""

    name: ClassVar[str] = "links"
    params: ClassVar[type[Params]] = LinksParams
    summary: ClassVar[str] = "addresses that lead to hosts that are not allowed, or carry data out"

    @classmethod
    def labels_of(cls, params: Params) -> dict[str, float]:
        """All labels of the module's table."""
        return dict.fromkeys(LABELS, THRESHOLD)

    @classmethod
    def highest(cls, params: Params) -> dict[str, float]:
        """The score of each; of data, the most that any sign of it has."""
        return {**_SCORES, "DATA_LINK": 0.95}

    @classmethod
    def build(cls, params: Params) -> LooksScanner:
        """Make the scanner."""
        assert isinstance(params, LinksParams)
        try:
            return LooksScanner(LinksScanner(params))
        except NotRegular as error:
            raise DetectorError(str(error)) from error


class LinksScanner:
    """The pattern scanner for addresses. Immutable; shared by all streams."""

    def __init__(self, params: LinksParams) -> None:
        self.name = Links.name
        self.labels = frozenset(LABELS)
        rules = [Rule("head", head, 1.0, "an address", flags=re.IGNORECASE) for head in _HEADS]
        rules.append(Rule("head", _BARE, 1.0, "an address", flags=re.IGNORECASE, group="value"))
        self.regular = RegularScanner(Links.name, rules)
        self.look_behind = max(LOOK_BEHIND, self.regular.look_behind)
        self.look_ahead = max(MOST, self.regular.look_ahead)
        self.plain_words = _PLAIN_WORD
        self._allow = Hosts(params.allow or ())
        self._deny = Hosts(params.deny)
        self._tells_all = params.allow is not None or not params.deny
        self._schemes = frozenset(params.schemes)

    def start(self) -> LinksScan:
        """Open a scan for one lane."""
        return LinksScan(self)

    def judge(self, text: str, before: str) -> Sequence[tuple[str, float, str]]:
        """The labels of an address, with score and reason; `before` is what stands left of it."""
        address = read(text)
        if not address.host and address.scheme in WEB | {"mailto"}:
            return ()
        if not address.is_of_a_host:
            return ()
        return [*self._labels(address, text, before)]

    def _labels(self, address: Address, text: str, before: str) -> Iterator[tuple[str, float, str]]:
        if address.scheme not in self._schemes:
            yield "SCHEME", _SCORES["SCHEME"], "a scheme that is not among `schemes`"
        if not address.host:
            return
        hosts = (address.host, *nested(text))
        is_denied = any(map(self._deny.has, hosts))
        if not is_denied and all(map(self._allow.has, hosts)):
            return
        if is_denied or self._tells_all:
            label = "IMAGE" if _FETCHED.search(before) else "LINK"
            yield label, _SCORES[label], "the host is denied" if is_denied else "the host is not among those allowed"
        yield from self._signs(address)

    def _signs(self, address: Address) -> Iterator[tuple[str, float, str]]:
        """What is wrong with an address by its looks."""
        score, sign = carried(address)
        if score:
            yield "DATA_LINK", score, f"the address carries {sign}"
        if address.is_ip:
            yield "IP_HOST", _SCORES["IP_HOST"], "the host is an IP address"
        if self._is_look_alike(address):
            yield "LOOK_ALIKE", _SCORES["LOOK_ALIKE"], "the host looks like another one"
        if address.userinfo:
            yield "USERINFO", _SCORES["USERINFO"], "something stands before the host"

    def _is_look_alike(self, address: Address) -> bool:
        written = address.host_as_written
        if "xn--" in written.lower():
            try:
                written = written.lower().encode("ascii").decode("idna")
            except UnicodeError:
                return True
        is_imitated = not self._allow.has(address.host) and self._allow.is_imitated(address.host, written)
        return is_imitated or mixes_scripts(written)


class LinksScan:
    """The scan of one lane: where addresses begin, and the one that is being read."""

    def __init__(self, scanner: LinksScanner) -> None:
        self._scanner = scanner
        self._heads = scanner.regular.start()
        self._waiting: list[Finding] = []
        """Heads that were found behind what is being read."""
        self._open: _Reading | None = None
        self._reached = 0
        self._cleared = 0

    @property
    def cleared(self) -> int:
        """Every finding that starts before this lane offset was returned."""
        return self._cleared

    def fork(self) -> LinksScan:
        """Another scan in the same state."""
        other = copy(self)
        other._heads = self._heads.fork()
        other._open = copy(self._open)
        other._waiting = list(self._waiting)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        self._waiting += self._heads.advance(text, offset, is_final=is_final)
        found: list[Finding] = []
        while self._open is not None or self._waiting:
            if self._open is None:
                head = self._waiting.pop(0)
                if head.start < self._reached:
                    continue
                self._open = _Reading(self._scanner, head.start, head.end, text, offset)
            found += self._open.take(text, offset, is_final=is_final)
            self._reached = self._open.at
            if not self._open.is_over:
                break
            self._open = None
        self._cleared = self._heads.cleared if self._open is None else min(self._heads.cleared, self._open.begin)
        return found


class _Reading:
    """An address that is being read: what is told next begins at `begin`; its characters were taken up to `at`."""

    def __init__(self, scanner: LinksScanner, begin: int, head_end: int, text: str, offset: int) -> None:
        self._scanner = scanner
        self.begin = begin
        self.at = begin
        self.is_over = False
        self._head_end = head_end
        self._before = text[max(0, begin - offset - LOOK_BEHIND) : begin - offset]
        self._ends_at_quote = self._before.endswith("'")
        self._open: tuple[str, ...] = ()
        self._labels: Sequence[tuple[str, float, str]] | None = None

    def take(self, text: str, offset: int, *, is_final: bool) -> Iterator[Finding]:
        """Take in what belongs to it; what is told by that."""
        while self.at - offset < len(text):
            if not self._belongs(text[self.at - offset]):
                self.is_over = True
                break
            self.at += 1
            if self.at - self.begin >= (MOST if self._labels is None else PIECE):
                yield from self._tell(text, offset, self.at)
        if self.is_over or is_final:
            self.is_over = True
            yield from self._tell(text, offset, self._stripped(text, offset))

    def _belongs(self, char: str) -> bool:
        if self.at < self._head_end and char not in "([{":
            return True
        if char.isspace() or char in _NEVER or (char == "'" and self._ends_at_quote):
            return False
        if char in "([{":
            self._open += (char,) if len(self._open) < _MOST_NESTED else ()
        elif char in _PAIRED:
            if self._open[-1:] != (_PAIRED[char],):
                return False
            self._open = self._open[:-1]
        return True

    def _stripped(self, text: str, offset: int) -> int:
        """Where it ends without the marks of the sentence around it."""
        return self.begin + len(text[self.begin - offset : self.at - offset].rstrip(_NOT_LAST))

    def _tell(self, text: str, offset: int, end: int) -> Iterator[Finding]:
        if self._labels is None:
            self._labels = self._scanner.judge(text[self.begin - offset : end - offset], self._before)
        start, self.begin = self.begin, end
        if end > start:
            yield from sorted(Finding(start, end, *each) for each in self._labels)
