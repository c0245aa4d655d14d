"""Regexes and keywords of an author: whose backslashes YAML has read, what matches nothing, what is there twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from detectors.text.regular import can_match, parse
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import Place, Source
from sidecar.policy.loader import LoadedPolicy

_EATEN: Mapping[str, str] = {
    "\b": r"\b",
    "\x00": r"\0",
    "\x1b": r"\e",
    "\x85": r"\N",
    "\xa0": r"\_",
    "\u2028": r"\L",
    "\u2029": r"\P",
}
"""What YAML makes of escapes in double quotes that a regex is hardly meant to hold."""


def warnings(loaded: LoadedPolicy) -> Iterator[PolicyError]:
    """What is hardly meant by the patterns and keywords of a policy's rules."""
    for number, rule in enumerate(loaded.spec.rules):
        params, place = rule.detect.params, ("rules", number, "detect")
        patterns, keywords = params.get("patterns"), params.get("keywords")
        if rule.detect.detector == "patterns" and isinstance(patterns, list):
            yield from _patterns(loaded.source, (*place, "patterns"), patterns)
        if rule.detect.detector == "patterns" and isinstance(keywords, dict):
            for label, listed in keywords.items():
                yield from _keywords(loaded.source, (*place, "keywords", label), listed)


def _patterns(source: Source, place: Place, patterns: Sequence[Mapping[str, Any]]) -> Iterator[PolicyError]:
    seen: dict[tuple[str, str], int] = {}
    for number, pattern in enumerate(patterns):
        regex, where = pattern["regex"], (*place, number, "regex")
        yield from _eaten(source, where, regex)
        if not can_match(parse(regex)):
            message, remedy = "no text matches this regex", "write what is to be found, and a test that finds it"
            yield source.error(where, Code.MATCHES_NOTHING, message, remedy)
        first = seen.setdefault((pattern["label"], regex), number)
        if first != number:
            message = f"patterns[{first}] is the same"
            yield source.error(where, Code.TWICE_THE_SAME, message, "remove one of the two")


def _eaten(source: Source, place: Place, regex: str) -> Iterator[PolicyError]:
    if not source.is_double_quoted(place):
        return
    for offset, character in enumerate(regex):
        if character in _EATEN:
            written = _EATEN[character]
            message = f"in double quotes `{written}` is the character U+{ord(character):04X}, not what it is in a regex"
            remedy = "write the regex in single quotes"
            yield source.error(place, Code.LOST_BACKSLASH, message, remedy, offset=offset)


def _keywords(source: Source, place: Place, listed: Any) -> Iterator[PolicyError]:
    terms, where = (listed["terms"], (*place, "terms")) if isinstance(listed, dict) else (listed, place)
    is_exact = isinstance(listed, dict) and listed.get("case_sensitive", False)
    seen: dict[str, int] = {}
    for number, term in enumerate(terms):
        plain = re.sub(r"\s+", " ", term if is_exact else term.casefold())
        first = seen.setdefault(plain, number)
        if first != number:
            message = f"`{terms[first]}` is listed already"
            yield source.error((*where, number), Code.TWICE_THE_SAME, message, "remove one of the two")
