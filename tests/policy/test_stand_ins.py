"""What stand-ins look like, and what is kept of what they stand for."""

from __future__ import annotations

import ipaddress
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.plan import StandIn
from sidecar.policy.stand_in_forms import FORMS, REFERENCE, Form, Seal, form_of
from sidecar.policy.stand_ins import Entry, Kept, StandInSource, scanner
from sidecar.values import Channel

RULE = StandIn(frozenset({Channel.TOOL_ARGUMENTS}))
SEAL = Seal(b"a key")
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def value_for(form: Form) -> str:
    """A value that is written in this form."""
    digits = form.name.removeprefix("card ")
    return "4" * int(digits) if digits.isdigit() else "a value"


@each_form
@given(data=st.data())
def test_a_form_reads_what_it_wrote_and_is_found_in_any_text(form: Form, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, form.ids * form.checks - 1))
    text = form.write(number, value_for(form))
    assert form.read(text) == number
    for before, after in (("", ""), (" ", "."), ("x", "y"), ('"', '"'), ("é", "漢"), ("=", "\n")):
        found = scanner().start().advance(before + text + after, 0, is_final=True)
        assert (form.name, len(before), len(before) + len(text)) in [
            (each.label, each.start, each.end) for each in found
        ]


@each_form
@given(value=st.text(max_size=20), attempt=st.integers(0, 3), other=st.integers(0, 2**80))
def test_a_number_is_known_by_its_key_alone(form: Form, value: str, attempt: int, other: int) -> None:
    number = SEAL.number(form, value, attempt)
    assert 0 <= number < form.ids * form.checks
    assert SEAL.is_on(form, number)
    identity = number // form.checks
    forged = identity * form.checks + other % form.checks
    assert SEAL.is_on(form, forged) == (forged == number)


@given(number=st.integers(0, 99))
def test_nothing_real_has_a_stand_in(number: int) -> None:
    book = StandInSource(b"k", Kept(max_bytes=0, max_entries=0)).book("", "")
    mail = book.put(f"jane{number}@acme.org", "EMAIL_ADDRESS", RULE)
    assert mail.endswith("@example.com")
    card = book.put(f"4111 1111 1111 {1111 + number}", "CREDIT_CARD", RULE)
    assert re.fullmatch("9[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}", card)
    assert not has_check_digit(card)
    phone = book.put(f"+1 415 555 {2600 + number}", "PHONE_NUMBER", RULE)
    with pytest.raises(phonenumbers.NumberParseException):
        phonenumbers.parse(phone)
    assert ipaddress.ip_address(book.put(f"10.0.0.{number}", "IP_ADDRESS", RULE)).is_reserved
    assert ipaddress.ip_address(book.put(f"fe80::{number}", "IP_ADDRESS", RULE)) in ipaddress.ip_network(
        "2001:db8::/32"
    )
    assert book.put(f"Anna {number}", "PERSON", RULE).isalpha()
    assert book.put(f"key {number}", "ANY", StandIn(frozenset(), is_secret=True)).startswith("tok_")


def has_check_digit(card: str) -> bool:
    """Whether Luhn's sum is right."""
    digits = [int(each) for each in reversed(card) if each.isdigit()]
    return sum(digits[0::2] + [sum(divmod(2 * each, 10)) for each in digits[1::2]]) % 10 == 0


@pytest.mark.parametrize(
    ("label", "value"),
    [("CREDIT_CARD", "4111.1111.1111.1111"), ("IP_ADDRESS", "10.0.0.0/8"), ("US_SSN", "536-22-8726")],
)
def test_what_suits_no_form_of_its_own_has_a_reference(label: str, value: str) -> None:
    assert form_of(label, value) is REFERENCE


def test_an_entry_that_says_otherwise_makes_it_uncertain() -> None:
    kept = Kept(max_bytes=10_000, max_entries=10)
    for value in ("one", "one", "two"):
        kept.put(("t", ""), ("ipv4", 7), Entry(value, frozenset()))
    entry = kept.get(("t", ""), ("ipv4", 7))
    assert entry is not None
    assert entry.value is None
    assert kept.entries == 1


@given(
    puts=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", None]), st.integers(0, 20), st.text(max_size=50)),
        max_size=60,
    ),
    max_entries=st.integers(0, 8),
    max_bytes=st.integers(0, 3000),
)
def test_what_is_kept_stays_within_its_bounds(
    puts: list[tuple[str, str | None, int, str]], max_entries: int, max_bytes: int
) -> None:
    kept = Kept(max_bytes=max_bytes, max_entries=max_entries)
    for tenant, session, number, value in puts:
        kept.put((tenant, session), ("mail", number), Entry(value, frozenset()))
        assert kept.entries <= max_entries
        assert 0 <= kept.bytes <= max_bytes
