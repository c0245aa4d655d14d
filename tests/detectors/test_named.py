"""A value's name tells what the value is, for the scanners to which that matters."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import PatternScanner, Scan, open_scan
from detectors.patterns import Patterns, PatternsParams
from detectors.pii.detector import Pii, PiiParams
from detectors.secrets.detector import Secrets, SecretsParams
from detectors.types import Finding

PII, SECRETS = Pii.build(PiiParams()), Secrets.build(SecretsParams())
PASSWORD = "Zk3Lm8Vt2" + "XbN7wQ9"


def read(scan: Scan, text: str, cuts: list[int], look_behind: int) -> list[Finding]:
    found: list[Finding] = []
    for end in [*cuts, None]:
        offset = max(0, scan.cleared - look_behind)
        new = scan.advance(text[offset:end], offset, is_final=end is None)
        assert all(each.start < scan.cleared for each in new)
        found += new
    assert scan.cleared == len(text)
    return found


def labels(scanner: PatternScanner, name: str, text: str) -> list[tuple[str, str]]:
    found = read(open_scan(scanner, name), text, [], scanner.look_behind)
    return [(each.label, text[each.start : each.end]) for each in found if each.score >= 0.4]


NAMED = (
    (PII, "ssn", "536228726", "US_SSN"),
    (PII, "phoneNumber", "4155552671", "PHONE_NUMBER"),
    (PII, "account_number", "8475630012", "US_BANK_NUMBER"),
    (PII, "customer.passport", "551867830", "US_PASSPORT"),
    (SECRETS, "password", PASSWORD, "GENERIC_SECRET"),
    (SECRETS, "db.clientSecret", PASSWORD, "GENERIC_SECRET"),
)


@pytest.mark.parametrize(("scanner", "name", "value", "label"), NAMED, ids=[f"{row[1]}: {row[3]}" for row in NAMED])
def test_a_value_is_what_its_name_says(scanner: PatternScanner, name: str, value: str, label: str) -> None:
    assert labels(scanner, name, value) == [(label, value)]
    assert labels(scanner, "", value) == []


@pytest.mark.parametrize(
    ("scanner", "name", "value"),
    (
        (PII, "build", "536228726"),
        (PII, "timestamp", "1700000000"),
        (SECRETS, "nextPageToken", PASSWORD),
        (SECRETS, "title", PASSWORD),
    ),
)
def test_a_name_of_something_else_makes_nothing_of_a_value(scanner: PatternScanner, name: str, value: str) -> None:
    assert labels(scanner, name, value) == []


def test_nothing_is_found_in_a_name() -> None:
    assert labels(PII, "jane@example.com", "ok") == []


def test_a_scanner_that_reads_no_names_is_opened_as_ever() -> None:
    scanner = Patterns.build(PatternsParams.model_validate({"keywords": {"A": ["Acme"]}}))
    assert labels(scanner, "Acme", "is Acme") == [("A", "Acme")]


@given(
    st.sampled_from((PII, SECRETS)),
    st.sampled_from(("ssn", "phone", "password", "x" * 90, "a b", "")),
    st.lists(
        st.sampled_from(("536228726", "4111 ", "1111", " ", "@", "a.b", PASSWORD, "+1 415", string.digits)), max_size=9
    ).map("".join),
    st.data(),
)
def test_the_cuts_of_a_named_value_do_not_matter(
    scanner: PatternScanner, name: str, text: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted))
    whole = read(open_scan(scanner, name), text, [], scanner.look_behind)
    assert read(open_scan(scanner, name), text, cuts, scanner.look_behind) == whole
