"""Patterns and secrets in disguise: found where they stand, once, however the text is cut."""

from __future__ import annotations

import random
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import PatternScanner
from detectors.patterns import Patterns, PatternsParams
from detectors.secrets.detector import Secrets, SecretsParams
from detectors.types import Finding
from tests.detectors.scans import every_cut, scan

WORDS = {
    "patterns": [{"label": "ORDER", "regex": r"\bORD-\d{4,8}\b"}, {"label": "ANY", "regex": r"\bx\w{1,6}\b"}],
    "keywords": {"RIVAL": ["Acme", "Acme Cloud"], "SHORT": ["ho"]},
}
SCANNER = Patterns.build(PatternsParams.model_validate(WORDS))
SECRETS = Secrets.build(SecretsParams())


def found(text: str, scanner: PatternScanner = SCANNER) -> list[tuple[str, str]]:
    return [(text[each.start : each.end], each.label) for each in scan(scanner, text)]


def github_token() -> str:
    body = "".join(random.Random(5).choices(string.digits + string.ascii_letters, k=30))
    base = string.digits + string.ascii_uppercase + string.ascii_lowercase
    checksum, digits = zlib.crc32(body.encode()), ""
    while checksum:
        checksum, digit = divmod(checksum, 62)
        digits = base[digit] + digits
    return "gh" + "p_" + body + digits.rjust(6, "0")


DISGUISED = (
    ("buy from Ac\u200bme now", "Ac\u200bme", "RIVAL", "a zero-width space"),
    ("buy from \uff21\uff43\uff4d\uff45 now", "\uff21\uff43\uff4d\uff45", "RIVAL", "full-width letters"),
    ("buy from A\u0441me now", "A\u0441me", "RIVAL", "a Cyrillic letter"),
    ("buy from \u0410cm\u0435", "\u0410cm\u0435", "RIVAL", "Cyrillic letters at the edges, at the end"),
    ("buy from 𝐀𝐜𝐦𝐞 now", "𝐀𝐜𝐦𝐞", "RIVAL", "mathematical letters"),
    ("buy A\u00adcme\u00a0Cl\u2060oud.", "A\u00adcme\u00a0Cl\u2060oud", "RIVAL", "a soft hyphen and other spaces"),
    (
        "see ORD-\uff11\uff12\uff13\uff14\uff15 there",
        "ORD-\uff11\uff12\uff13\uff14\uff15",
        "ORDER",
        "full-width digits",
    ),
    ("see O\u200bRD-12345", "O\u200bRD-12345", "ORDER", "a disguise before plain digits"),
    ("\u200bAcme", "Acme", "RIVAL", "a disguise beside the word: it stands there as it is"),
)


@pytest.mark.parametrize(("text", "what", "label", "why"), DISGUISED, ids=[row[3] for row in DISGUISED])
def test_what_is_disguised_is_found_where_it_stands(text: str, what: str, label: str, why: str) -> None:
    assert (what, label) in found(text), why
    expected = scan(SCANNER, text)
    assert len([each for each in expected if each.label == label]) == 1
    for ends in every_cut(text):
        assert scan(SCANNER, text, ends) == expected
    assert scan(SCANNER, text, range(len(text))) == expected


@pytest.mark.parametrize(
    "text",
    (
        "но он с нами",
        "Ελλάδα και ο κόσμος",
        "日本語。",
        "naïve café",
        "👩🏽\u200d💻 ok",
        "a\u0301cme",
        "Ac me",
        "ACM\u0407",
    ),
)
def test_other_scripts_stay_what_they_are(text: str) -> None:
    assert found(text) == []


def test_a_secret_in_disguise_and_its_end_without_one() -> None:
    token = github_token()
    hidden = token[:8] + "\u200b" + token[8:20] + "\u2060\u200d" + token[20:]
    text = f"use {hidden} today"
    assert found(text, SECRETS) == [(hidden, "GITHUB_TOKEN")]
    (finding,) = scan(SECRETS, text)
    assert finding.reason.endswith("(normalised view)")
    for ends in every_cut(text):
        assert scan(SECRETS, text, ends) == [finding]


def test_all_pieces_of_a_long_secret_are_found() -> None:
    body = "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=900))
    token = "ey" + "Jhb" + "\u200b" + "GciOiJIUzI1NiJ9." + "ey" + "Jz" + body + "." + body[:43]
    text = f"token {token} end"
    expected = scan(SECRETS, text)
    covered = {place for each in expected for place in range(each.start, each.end)}
    assert covered >= set(range(6, 6 + len(token)))
    assert scan(SECRETS, text, range(0, len(text), 7)) == expected


def test_what_both_readings_show_is_reported_once() -> None:
    """After the first disguise both scans look at everything."""
    text = "\u200b then Acme, Acme Cloud and ORD-12345"
    assert found(text) == [("Acme", "RIVAL"), ("Acme Cloud", "RIVAL"), ("ORD-12345", "ORDER")]
    assert all(not each.reason.endswith("(normalised view)") for each in scan(SCANNER, text))


def test_a_flood_of_invisible_characters_holds_no_more_than_stated() -> None:
    run = SCANNER.start()
    text = ""
    for character in "ORD-" + "\u200b" * 3000 + "12345 " + "ORD-1\u200b" * 50:
        text += character
        offset = max(0, run.cleared - SCANNER.look_behind)
        run.advance(text[offset:], offset, is_final=False)
        assert len(text) - run.cleared <= SCANNER.look_ahead


PIECES = [
    "Acme",
    "A",
    "cme",
    "\u0441",
    "me ",
    " ",
    "\u200b",
    "\u200b" * 70,
    "\uff21",
    "ORD-",
    "1234",
    "\uff11",
    "ﬁ",
    "x",
    "ho",
    "но",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.data())
def test_findings_do_not_depend_on_how_a_disguise_is_cut(text: str, data: st.DataObject) -> None:
    expected = scan(SCANNER, text)
    assert scan(SCANNER, text, data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))) == expected
    assert scan(SCANNER, text, range(len(text))) == expected
    assert [each for each in expected if not each.reason.endswith("(normalised view)")] == plain(text)


def plain(text: str) -> list[Finding]:
    """What the scanner finds without the second reading."""
    run = SCANNER.scanner.start()
    return list(run.advance(text, 0, is_final=True))


def test_plain_text_has_no_second_reading() -> None:
    run = SCANNER.start()
    run.advance("Acme und Zoë kaufen 漢字", 0, is_final=True)
    assert run._looks is None
