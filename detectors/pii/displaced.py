"""What a model read where something with a form stands: a form that is found beyond doubt says better what it is.

1. What spans just what a form does gives way to it (a wallet's `bitcoin address` is no postal one).
2. In a page's address there are no places, firms, peoples and dates, and in its host no persons either: a person in its
   path (`/u/andre`) stays, as it is told there. A host alone is left to the model (`Amazon.com`).
3. What a mail address goes on from (`jdoe` of `jdoe@example`) is a part of it, also where a segment ends inside.
   What is written as names are (`Jill@work`) is one unless a host with a dot follows, or the text ends.
4. A name that runs into a mail address or a page's ends before it.
5. A host that is two sentences without a blank between them (`I met Anna.In the evening`) displaces nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from detectors.pii.best import URL
from detectors.pii.words import PERSON
from detectors.types import Finding

_OF_NET = frozenset((URL, "EMAIL_ADDRESS"))
_MAILBOX = re.compile(r"[\w.+%-]{0,64}@\w(?P<host>[\w-]{0,62}(?:\.\w|\Z))?", re.ASCII)
_SENTENCES = re.compile(r"[^\W\d_]+\.(?P<next>[^\W\d_]+)")
_BLANK = re.compile(r"\s")
_EDGE = re.compile(r"[^\w)]+\Z")
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[^/?#\s]*", re.IGNORECASE)


def without_displaced(text: str, found: Sequence[Finding], rivals: Sequence[Finding]) -> Iterator[Finding]:
    """The findings of a model without those, or those parts, that stand in what has a form."""
    forms = [rival for rival in rivals if not _is_two_sentences(text, rival)]
    for each in found:
        kept = _before_form(text, each, forms)
        if not (_is_of_mailbox(text, kept, forms) or any(_is_displaced(text, kept, rival) for rival in forms)):
            yield kept


def _is_two_sentences(text: str, rival: Finding) -> bool:
    """Whether a host is the end of a sentence and the next one's first word, which has a capital."""
    parts = _SENTENCES.fullmatch(text, rival.start, rival.end) if rival.label == URL else None
    return parts is not None and parts["next"][0].isupper()


def _before_form(text: str, finding: Finding, rivals: Sequence[Finding]) -> Finding:
    """The finding up to where an address of the net begins in it that does not end before it."""
    for rival in rivals:
        if rival.label in _OF_NET and finding.start < rival.start < finding.end <= rival.end:
            end = finding.start + len(_EDGE.sub("", text[finding.start : rival.start]))
            return Finding(finding.start, max(end, finding.start + 1), finding.label, finding.score, finding.reason)
    return finding


def _is_of_mailbox(text: str, finding: Finding, rivals: Sequence[Finding]) -> bool:
    """Whether it is the beginning of a mail address; a name with blanks is somebody's (`Robert Hill@ACME`)."""
    mailbox = _MAILBOX.match(text, finding.end)
    if mailbox is None or _BLANK.search(text, finding.start, finding.end):
        return False
    if any(finding.end <= rival.start < mailbox.end() for rival in rivals if rival.label in _OF_NET):
        return False  # what follows begins behind it
    return mailbox["host"] is not None or text[finding.start].islower()


def _is_displaced(text: str, finding: Finding, rival: Finding) -> bool:
    is_same = (finding.start, finding.end) == (rival.start, rival.end)
    if rival.label != URL or is_same:
        return is_same and rival.label != URL
    if not rival.start <= finding.start < finding.end <= rival.end:
        return False
    host = _HOST.match(text, rival.start, rival.end)
    return finding.label != PERSON or host is None or finding.end <= host.end()
