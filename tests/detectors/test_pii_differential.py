"""The lexer and the filter lose nothing: a stream's findings are those of the recognizers on the whole text."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.pii.catalogue import DATES, GENERIC, IDS, Entry
from detectors.pii.detector import Pii, PiiParams, PiiScanner
from detectors.pii.finders import PatternFinder
from detectors.pii.patterns import without_edges
from detectors.text.named import Named
from detectors.text.regular import Node, parse
from detectors.text.regular.tree import Alt, Chars, Group, Repeat, Same, Seq
from detectors.types import Finding
from tests.detectors.scans import scan

NAMED = Pii.parts(PiiParams(dates=True))[0].build()
assert isinstance(NAMED, Named)
assert isinstance(NAMED.scanner, PiiScanner)
SCANNER: PiiScanner = NAMED.scanner

VALUES = (
    *("4111 1111 1111 1111", "5555-5555-5555-4444", "3782 822463 10005", "4111111111111111", "4111 11", "4111-"),
    *("GB33 BUKB 2020 1555 5555 55", "de89370400440532013000", "ES91 2100 0418 4502 0005 1332", "MT84 MALT 0110 0001"),
    *("jane.doe@example.com", "o'neil@mail.example.co.uk", "a@b", "user@", "@x.com", "jane@example.c", "x@y.com.au"),
    *(
        "+44 20 7946 0958",
        "(415) 555-2671",
        "+1 (415) 555-2671 ext. 42",
        "020 7946 0958 x12",
        "2125552671",
        "030 1234567",
        "+ (49) 30 1234567",
        "+( 49 30 1234567",
    ),
    *(
        "( 0212 ) 416 64 04",
        "+ 49 30 1234567",
        "212/555-2671",
        "212.555.2671",
        "555-2671;ext=5",
        "anexo 12",
        "1-800-555-0199",
    ),
    *(
        "10.0.0.7",
        "10.0.0.7/24",
        "2001:db8::22eb",
        "::ffff:10.0.0.7",
        "fe80::1%eth0",
        "v1.2.3.4",
        "1.2.3.4.5",
        "f32::add",
    ),
    *(
        "00:1A:2B:3C:4D:5E",
        "ab:cd:ef:ab:cd:e1",
        "fdab:cdef::12ab:1",
        "::ffff:10.1.2.3",
        "::",
        "a:",
        "00-1a-2b-3c-4d-5e",
        "001a.2b3c.4d5e",
        "00:1A:2B:3C:4D:5E:6F:70",
    ),
    *("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae", "9fceb02d0ae598e95dc970"),
    *(
        "https://example.com/a,b;c?d=e@f.g",
        "www.example.org",
        "example.com/pricing",
        "script.sh",
        "http://x.co",
        "a.b.c",
    ),
    *("536-22-1178", "536 22 1178", "536221178", "912-85-4592", "91285 4592", "122105155", "1221-0515-5", "AF0219863"),
    *("943 476 5919", "AC 97 49 54 D", "AC974954D", "130 692 544", "51 824 753 556", "2341 2341 2346", "AAAPL1234C"),
    *("S1234567D", "12345678Z", "12345678-Z", "X1234567L", "44051401359", "RSSMRA85T10A562S", "Q554-2846-2686"),
    *(
        "４１１１ 1111 1111 1111",
        "4111\u20111111\u20111111\u20111111",
        "536&#8209;22&#8209;8726",
        "alice%40example.com",
    ),
    *("**4111** **1111** `1111` 1111", "536-2\u200b2-8726", "<jane@example.com>", "[J](mailto:jane@example.com)"),
    *("<<jane@example.com>", "da:ed:fc:fE:cC:Af"),
    *(
        "![x](https://h.example.org/jane@example.com/p.png)",
        "](",
        "&#821",
        "%2",
        "%E2%80%91",
        "\\njane@example.com",
        "\\u0022",
        "\\",
        "\u200b\u200b",
        "+33\u202f6\u202f12",
    ),
    *("2024-01-17", "17/01/2024", "17-JAN-2024", "2024-01-17T10:15:00Z", "12:33:10", "$1,240.50", "12.5%", "#42", "x3"),
)
WORDS = (
    *(
        "card",
        "account",
        "SSN",
        "passport",
        "phone",
        "tel:",
        "NHS number",
        "my",
        "is",
        "at",
        "the ",
        "IBAN:",
        "PAN",
        "fin",
    ),
    *(
        "driver's license",
        "routing",
        "we",
        "a",
        "ok",
        "电话是",
        "привет",
        "naïve",
        "Straße",
        "ext",
        "int",
        "x",
        "e\u0301",
    ),
)
GAPS = (
    " ",
    "",
    "\n",
    ", ",
    ",",
    ": ",
    "  ",
    "     ",
    " (",
    ") ",
    "(",
    ")",
    '"',
    "'",
    "=",
    "-",
    ".",
    "/",
    "\t",
    "\u00a0",
    "，",
    "。",
    "'+ ",
    "([",
    "(+ ",
)
NASTY = "0149 -.()[]@:/,;+x#aA\n'\"_%电é"

piece = st.one_of(
    st.sampled_from(VALUES), st.sampled_from(WORDS), st.text(NASTY, max_size=6), st.integers(0, 10**12).map(str)
)
texts = st.lists(st.tuples(st.sampled_from(GAPS), piece), min_size=1, max_size=9).map(
    lambda pairs: "".join(gap + value for gap, value in pairs)
)


def streamed(text: str, cuts: Iterable[int] = ()) -> list[Finding]:
    return scan(SCANNER, text, sorted(cuts))


@given(texts, st.data())
def test_a_stream_finds_what_the_recognizers_find(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert streamed(text, cuts) == SCANNER.findings_in(text)


CARD, PHONE, SSN, MAIL = "CREDIT_CARD", "PHONE_NUMBER", "US_SSN", "EMAIL_ADDRESS"


@pytest.mark.parametrize(
    ("text", "labels"),
    (
        (" 4111 1111 1111 1111'+ 49 30 1234567", [CARD, PHONE]),
        ("536-22-1178'+ (49) 30 1234567", [SSN, PHONE]),
        ("jane@example.com'+ 49 30 1234567", [MAIL, PHONE]),
        ("v1.2.3.4(+ (49) 30 1234567", [PHONE]),
        ("536-22-1178(++ 49 30 1234567", [SSN, PHONE]),
        ("536-22-1178((415) 555-2671", [SSN, PHONE]),
        ("10.0.0.7 ([+44 20 7946 0958", ["IP_ADDRESS", PHONE]),
        ("](/(415) 555-2671", [PHONE]),
        ("536-22-1178 <<jane@example.com>", [SSN, MAIL]),
        ("da:ed:fc:fE:cC:Af'1-800-555-0199", [PHONE]),
    ),
)
def test_what_stands_beside_another_is_found_as_well(text: str, labels: list[str]) -> None:
    assert [each.label for each in SCANNER.findings_in(text)] == labels
    assert streamed(text, range(len(text))) == streamed(text) == SCANNER.findings_in(text)


@settings(max_examples=60)  # each looks at a thousand characters, mostly numbers, twice
@given(
    st.lists(texts, min_size=1, max_size=4),
    st.sampled_from(("x", "12 ", "4111 1111 ", "a.b", "a@a.", "1-", "電12")),
    st.data(),
)
def test_the_cuts_do_not_matter_in_endless_runs_either(parts: list[str], filler: str, data: st.DataObject) -> None:
    text = "".join(part + filler * data.draw(st.integers(0, 250)) for part in parts)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30))
    assert streamed(text, cuts) == streamed(text)


ENTRIES = [*GENERIC, DATES, *IDS]
AROUND = ("", " ", "\n", "5 ", " 5", "(", ")", "ab ", " ab", ",", ".", "+", " we ", "电")


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.label}-{entry.class_name}" for entry in ENTRIES])
def test_whatever_a_pattern_matches_lies_in_one_block(entry: Entry) -> None:
    """Strings made from the patterns themselves, after a context word and between digits, letters and punctuation."""
    source = random.Random(entry.label)
    finder = PatternFinder(entry)
    trees = [parse(without_edges(regex), re.ASCII) for regex in finder.regexes]
    words = sorted(finder.context.phrases) if finder.context else WORDS
    for _ in range(30):
        value = _made(source.choice(trees), source)
        text = f"{source.choice(words)} {source.choice(AROUND)}{value}{source.choice(AROUND)}"
        assert streamed(text, range(len(text))) == SCANNER.findings_in(text), text


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.label}-{entry.class_name}" for entry in ENTRIES])
def test_whatever_its_check_digits_are(entry: Entry) -> None:
    """Nine in ten of those strings fail a check, and say nothing of the blocks: here all count, by one entry alone."""
    source = random.Random(entry.label)
    forms = tuple(PatternFinder(entry).forms)
    scanner = PiiScanner([PatternFinder(replace(entry, module="", forms=forms, check=lambda _: True, bare=1.0))])
    trees = [parse(without_edges(form.regex), re.ASCII) for form in forms]
    for _ in range(40):
        text = f"we {source.choice(AROUND)}{_made(source.choice(trees), source)}{source.choice(AROUND)}"
        assert scan(scanner, text, range(len(text))) == scanner.findings_in(text), text


def _made(node: Node, source: random.Random) -> str:
    """A string that a tree matches, look-arounds not counted; of the long repeats a short one."""
    match node:
        case Chars(chars):
            first, last = source.choice([each for each in chars.ranges if each[0] < 0x250])
            return chr(source.randint(first, min(last, 0x24F)))
        case Seq(items):
            return "".join(_made(item, source) for item in items)
        case Alt(branches):
            return _made(source.choice(branches), source)
        case Repeat(item, low, high):
            most = low + 6 if high is None else min(high, low + 6)
            return "".join(_made(item, source) for _ in range(source.randint(low, most)))
        case Group(_, item):
            return _made(item, source)
        case Same():
            return source.choice("- :.")
        case _:
            return ""


def test_many_realistic_texts() -> None:
    """Values between ordinary words, far more than the property tests draw, seeded."""
    source = random.Random(11)
    for _ in range(60):
        text = "".join(source.choice((*VALUES, *WORDS, *WORDS)) + source.choice(GAPS) for _ in range(12))
        assert streamed(text) == SCANNER.findings_in(text), text
