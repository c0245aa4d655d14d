"""What has a form displaces what a model read in it."""

from __future__ import annotations

import pytest

from detectors.pii.displaced import without_displaced
from detectors.types import Finding

MAIL, LINK, WALLET, PHONE = "EMAIL_ADDRESS", "URL", "CRYPTO", "PHONE_NUMBER"
PERSON, PLACE, FIRM, ADDRESS, DATE = "PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "DATE_TIME"


def left(text: str, name: str, label: str, form: str = "", form_label: str = LINK) -> list[str]:
    """What is left of a name that was read, where a form stands in the text."""
    start, place = text.index(name), text.index(form)
    rivals = [Finding(place, place + len(form), form_label, 1.0, "form")] if form else []
    found = [Finding(start, start + len(name), label, 0.9, "read")]
    return [text[each.start : each.end] for each in without_displaced(text, found, rivals)]


@pytest.mark.parametrize(
    ("name", "label", "is_kept"),
    (
        ("bluefin", FIRM, False),
        ("bluefin", PERSON, False),
        ("lima", PLACE, False),
        ("2021", DATE, False),
        ("andre", PERSON, True),
        ("Andre", PERSON, True),
        ("at https", FIRM, True),
    ),
)
def test_in_an_address_of_a_page_only_a_person_of_its_path_is_told(name: str, label: str, is_kept: bool) -> None:
    text = "Andre is at https://bluefin.io/2021/lima/u/andre now"
    kept = left(text, name, label, "https://bluefin.io/2021/lima/u/andre")
    assert bool(kept) == is_kept


def test_a_person_in_the_host_of_an_address_without_a_scheme_is_none() -> None:
    assert left("see juniper.dev/keith", "juniper", PERSON, "juniper.dev/keith") == []
    assert left("see juniper.dev/keith", "keith", PERSON, "juniper.dev/keith") == ["keith"]


def test_a_host_alone_may_be_a_firm() -> None:
    assert left("Amazon.com said", "Amazon.com", FIRM, "Amazon.com") == ["Amazon.com"]


def test_what_spans_a_form_gives_way_to_it() -> None:
    wallet = "1JpLpFfnGNjT66vSre8cHBjgiqcmSdBDZw"
    text = f"bitcoin address: {wallet}"
    assert left(text, wallet, ADDRESS, wallet, WALLET) == []
    assert left(text, text, ADDRESS, wallet, WALLET) == [text]


def test_what_a_mail_address_goes_on_from_is_no_person() -> None:
    assert left('"user":"jdoe.r@example', "jdoe", PERSON) == []
    assert left("Robert Hill@ACME", "Robert Hill", PERSON) == ["Robert Hill"]
    assert left("jdoe @example", "jdoe", PERSON) == ["jdoe"]


def test_a_name_ends_before_the_mail_address_that_it_runs_into() -> None:
    assert left("for: Ann Lee, ann@x.io", "Ann Lee, ann", PERSON, "ann@x.io", MAIL) == ["Ann Lee"]
    assert left("to 5 Elm Rd 212 555 0100", "5 Elm Rd 212", ADDRESS, "212 555 0100", PHONE) == ["5 Elm Rd 212"]
    assert left("(Ann) www.x.io", "Ann) www", PERSON, "www.x.io") == ["Ann)"]


def test_what_stands_elsewhere_stays() -> None:
    assert left("Ann wrote ann@x.io", "Ann", PERSON, "ann@x.io", MAIL) == ["Ann"]
