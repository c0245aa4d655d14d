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
    assert left("by jdoe@example or", "jdoe", PERSON) == []
    assert left("by Joe.Doe@example.org or", "Joe", PERSON) == []
    assert left("by Joe@exam", "Joe", PERSON) == []


@pytest.mark.parametrize(
    ("text", "name", "mail"),
    (
        ("Jill@work and Bob@home", "Jill", ""),
        ("Kim@Samsung said", "Kim", ""),
        ("请联系张伟@公司 now", "张伟", ""),
        ("张伟的邮箱是zhangwei@example.com", "张伟", "zhangwei@example.com"),
        ("王小明zhang@example.com", "王小明", "zhang@example.com"),
    ),
)
def test_somebody_beside_what_looks_like_a_mail_address_stays(text: str, name: str, mail: str) -> None:
    assert left(text, name, PERSON, mail, MAIL) == [name]


def test_a_name_that_runs_into_the_mail_address_behind_it_is_what_stands_before() -> None:
    text, mail = "王小明zhang@example.com", "zhang@example.com"
    assert left(text, "王小明zhang", PERSON, mail, MAIL) == ["王小明"]


@pytest.mark.parametrize(
    ("text", "name", "label", "host"),
    (
        ("I met Anna.In the evening", "Anna", PERSON, "Anna.In"),
        ("ask Ann Lee.It is hers", "Ann Lee", PERSON, "Lee.It"),
        ("I saw Berlin.In winter", "Berlin", PLACE, "Berlin.In"),
    ),
)
def test_two_sentences_without_a_blank_are_no_host(text: str, name: str, label: str, host: str) -> None:
    assert left(text, name, label, host) == [name]


def test_a_host_in_small_letters_is_one() -> None:
    assert left("ask anna.in now", "anna", PERSON, "anna.in") == []


def test_a_name_ends_before_the_mail_address_that_it_runs_into() -> None:
    assert left("for: Ann Lee, ann@x.io", "Ann Lee, ann", PERSON, "ann@x.io", MAIL) == ["Ann Lee"]
    assert left("to 5 Elm Rd 212 555 0100", "5 Elm Rd 212", ADDRESS, "212 555 0100", PHONE) == ["5 Elm Rd 212"]
    assert left("(Ann) www.x.io", "Ann) www", PERSON, "www.x.io") == ["Ann)"]


def test_what_stands_elsewhere_stays() -> None:
    assert left("Ann wrote ann@x.io", "Ann", PERSON, "ann@x.io", MAIL) == ["Ann"]
