"""Personal data: tables of texts, and what must and must not be found in them; what is promised about streams."""

from __future__ import annotations

import gc
import itertools
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from phonenumbers import PhoneNumberMatcher
from pydantic import ValidationError

from detectors.base import PatternScanner
from detectors.parts import default_labels, parts_of
from detectors.pii import context, phones
from detectors.pii.detector import COUNTRIES, Pii, PiiParams, PiiScanner
from detectors.pii.patterns import MOST_OF_URL
from detectors.types import Finding
from tests.streams import all_cuts, by_character, random_cuts

ALL = PiiParams()
SCANNER = Pii.build(ALL)
THRESHOLDS = Pii.labels_of(ALL)


def scan(chunks: Iterable[str], scanner: PatternScanner = SCANNER) -> tuple[list[Finding], list[int]]:
    """The findings of a stream, and how many characters were held after each chunk; given no more than is promised."""
    lane, text = scanner.start(), ""
    found: list[Finding] = []
    held: list[int] = []
    for chunk in chunks:
        text += chunk
        low = max(0, lane.cleared - scanner.look_behind)
        found += lane.advance(text[low:], low, is_final=False)
        assert all(finding.start < lane.cleared for finding in found)
        held.append(len(text) - lane.cleared)
    low = max(0, lane.cleared - scanner.look_behind)
    found += lane.advance(text[low:], low, is_final=True)
    assert lane.cleared == len(text)
    return found, held


def found_in(text: str, scanner: PatternScanner = SCANNER) -> list[tuple[str, str]]:
    """Label and text of what scores at least the recommended threshold."""
    findings, _ = scan([text], scanner)
    return [(each.label, text[each.start : each.end]) for each in findings if each.score >= THRESHOLDS[each.label]]


FOUND = (
    # label, text with the value in ‹›, why or where from
    ("CREDIT_CARD", "card ‹4111 1111 1111 1111› ok", "Visa's test number"),
    ("CREDIT_CARD", "‹5555-5555-5555-4444›", "Mastercard, hyphens"),
    ("CREDIT_CARD", "‹2223003122003222›", "Mastercard's 2 series; Presidio has no pattern for it"),
    ("CREDIT_CARD", "‹3782 822463 10005›", "American Express groups 4-6-5"),
    ("CREDIT_CARD", "卡号‹4111111111111111›。", "no space before: Python sees no \\b after a Han character"),
    ("CREDIT_CARD", "‹4111 1111 1111 1111› 0928 123", "month and year of expiry behind it"),
    ("CREDIT_CARD", "5061 visa ‹4111 1111 1111 1111› 5500", "a word that names it, whatever stands beside"),
    ("CREDIT_CARD", "order 12345 ‹4111 1111 1111 1111›", "a number before it makes no row of numbers"),
    ("CREDIT_CARD", "2027 0928 ‹4111 1111 1111 1111› 2027", "nor do three around it"),
    ("CREDIT_CARD", "4539 1488 0343 6467 ‹5500 0000 0000 0004› 8831", "cards side by side"),
    ("CREDIT_CARD", "[pay](‹4111 1111 1111 1111›)", "a number with blanks is no link's target"),
    ("CREDIT_CARD", "‹4111 1111 1111 1111›\n5500 0000 0000 0004", "a list of cards"),
    ("PHONE_NUMBER", '"phone", "‹4155552671›"', "a word and its value as items of a list"),
    ("IBAN_CODE", "to GB pay ‹GB33 BUKB 2020 1555 5555 55›.", "grouped; a country code before it"),
    ("IBAN_CODE", "‹ES91 2100 0418 4502 0005 1332› FROM MY BANK", "Presidio swallows the word that follows"),
    ("IBAN_CODE", "‹de89 3704 0044 0532 0130 00› please", "typed in lower case"),
    ("IBAN_CODE", "‹QA58DOHB00001234567890ABCDEFG›", "a country whose length Presidio has wrong"),
    ("EMAIL_ADDRESS", "<email=‹jane.doe+x@example.co.uk›>", "Presidio's takes `email=` with it"),
    ("EMAIL_ADDRESS", "'‹o'neil@example.com›'", "an apostrophe inside, quotes outside"),
    ("EMAIL_ADDRESS", "我的邮箱是‹abc@example.com›，谢谢", "no space before"),
    ("EMAIL_ADDRESS", "write to ‹a@example.com›.", "the full stop is the sentence's"),
    ("PHONE_NUMBER", "call ‹+44 20 7946 0958› now", "international"),
    ("PHONE_NUMBER", "‹(415) 555-2671›", "US, national"),
    ("PHONE_NUMBER", "mobile: ‹2125552671›", "a digit run after a context word"),
    ("PHONE_NUMBER", "tel ‹0212 416 64 04›", "Turkish, after a word"),
    ("PHONE_NUMBER", "call ‹(415) 555-2671 ext. 42› or so", "with its extension"),
    ("PHONE_NUMBER", "WhatsApp ‹55 1234 5678›", "a word of two humps"),
    ("PHONE_NUMBER", "Llámame al ‹612 34 56 78› mañana", "Spanish, asked to call"),
    ("PHONE_NUMBER", "Mob.: ‹600 123 456›", "shortened"),
    ("PHONE_NUMBER", "Zadzwoń: ‹22 123 45 67›", "Polish"),
    ("PHONE_NUMBER", "звоните ‹8-916-123-45-67›", "Russian, with its trunk 8"),
    ("PHONE_NUMBER", "Τηλέφωνο: ‹210 123 4567›", "Greek"),
    ("PHONE_NUMBER", "هاتف ‹٠٥٠١٢٣٤٥٦٨›", "Arabic, in its digits"),
    ("PHONE_NUMBER", '{"phone": "‹0475/12.34.56›"}', "Belgian, its prefix with a slash and dots behind"),
    ("PHONE_NUMBER", "call #‹4155552671›", "a sign for a number before one that is long enough"),
    ("PHONE_NUMBER", "write to ‹+44 7700 900123›", "kept for films, in groups"),
    ("PHONE_NUMBER", "sms sent to ‹+447700900123› status=OK", "behind a word"),
    ("PHONE_NUMBER", "mi número es el ‹655 443 322›", "whose number it is"),
    ("PHONE_NUMBER", "제 번호는 ‹02 987 5432› 입니다", "in Korean"),
    ("CREDIT_CARD", "‹4242 4242 4242 4242›", "Stripe's test number, in groups"),
    ("CREDIT_CARD", "pan=‹4242424242424242›", "and by its name"),
    ("CREDIT_CARD", "card ‹4222222222222›", "13 digits, behind a word"),
    ("ZA_ID_NUMBER", "ID number: ‹4608135202089›", "13 digits that could be a card's"),
    ("EMAIL_ADDRESS", "From: cron ‹<ops@localhost>›", "a host's name, in brackets behind a sender"),
    ("IP_ADDRESS", "from ‹10.0.0.7›.", "IPv4 before a full stop"),
    ("IP_ADDRESS", "host ‹2001:db8::22eb›", "IPv6"),
    ("MAC_ADDRESS", "at ‹00:1A:2B:3C:4D:5E›", "colons"),
    ("MAC_ADDRESS", "at ‹00-1a-2b-3c-4d-5e›", "hyphens"),
    ("CRYPTO", "send to ‹1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa› now", "base58check: the first block's address"),
    ("CRYPTO", "‹bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4›", "bech32, from BIP 173"),
    ("CRYPTO", "‹0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae›", "Ethereum; Presidio has none"),
    ("URL", "see ‹https://example.com/a?b=1›.", "the full stop is the sentence's"),
    ("URL", 'link: "‹https://example.com/a›"', "Presidio's span has the quotes"),
    ("URL", "on ‹www.example.org›", "www"),
    ("URL", "on ‹example.com/pricing› today", "a domain with a path"),
    ("US_SSN", "‹536-22-1178›", "by its form"),
    ("US_SSN", "her SSN is ‹536221178›", "a digit run after a context word"),
    ("US_ITIN", "‹912-85-4592›", "by its form"),
    ("US_PASSPORT", "passport number ‹551867830›", "only context tells"),
    ("US_DRIVER_LICENSE", "driver's license ‹Q554-2846-2686›", "with hyphens; Presidio has no pattern for it"),
    ("US_BANK_NUMBER", "account ‹8475630012›", "only context tells"),
    ("ABA_ROUTING_NUMBER", "Routing ‹122105155›", "check digit and context"),
    ("MEDICAL_LICENSE", "DEA number ‹AF0219863›", "check digit and context"),
    ("US_NPI", "NPI: ‹1245319599›", "check digit and context"),
    ("UK_NHS", "NHS number ‹943 476 5919›", "check digit and context"),
    ("UK_NINO", "NI number: ‹AC 97 49 54 D›", "two letters before the digits"),
    ("CA_SIN", "social insurance number ‹130 692 544›", "a phrase of three words: Presidio's tokens never equal it"),
    ("AU_TFN", "TFN ‹123 456 782›", "check digit and context"),
    ("AU_ABN", "ABN ‹51 824 753 556›", "check digit and context"),
    ("IN_AADHAAR", "Aadhaar ‹2341 2341 2346›", "Verhoeff and context"),
    ("IN_PAN", "PAN: ‹AAAPL1234C›", "form and context"),
    ("SG_NRIC_FIN", "NRIC ‹S1234567D›", "form and context"),
    ("ES_NIF", "El DNI de Ana es ‹12345678Z›", "check letter and context"),
    ("ES_NIE", "su NIE: ‹X1234567L›", "check letter and context"),
    ("PL_PESEL", "PESEL ‹44051401359›", "check digit and context"),
    ("IT_FISCAL_CODE", "codice fiscale ‹RSSMRA85T10A562S›", "check letter"),
)


@pytest.mark.parametrize(("label", "marked", "why"), FOUND, ids=[f"{row[0]}: {row[2]}" for row in FOUND])
def test_what_is_found(label: str, marked: str, why: str) -> None:
    text = marked.replace("‹", "").replace("›", "")
    value = marked[marked.index("‹") + 1 : marked.index("›")]
    assert (label, value) in found_in(text), why


NOT_FOUND = (
    ("ID number 1234567 a day", "an article behind a number"),
    ("run script.sh and main.py, then read README.md", "file names are no URLs (script.sh is one to Presidio)"),
    ("open src/app.rs or lib.so", "file names"),
    ("self.name, user.id, np.int, obj.style, done.So we go", "attributes, and a full stop without its space"),
    ("version v1.2.3.4, release-1.2.3.4 and 1.2.3.4.5", "version numbers are no IP addresses"),
    ("firmware 4.3.2.1, build: 10.2.3.4 and Release 2.0.1.7", "nor behind a word that says so"),
    ("listen on 127.0.0.1 or 0.0.0.0, mask 255.255.255.0, ask 1.1.1.1", "addresses of no machine in particular"),
    ("Upgrade to version 10.0.19041.1 before you continue.", "a version with a part over 255"),
    ("abc::def, std::vec and f32::add(a, b)", "names of a program are no IPv6 addresses"),
    ("at 12:33:10 on 2024-01-17 and 17/01/2024, 17.01.2024 10:15", "dates and times are no phone numbers"),
    ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "a hash holds no phone number"),
    ("id 550e8400-e29b-41d4-a716-446655440000", "nor does a UUID"),
    ("created_at=1700000000 ts: 1700000000123", "timestamps are no phone numbers, cards or accounts"),
    ("Order #AB-1029384756 has shipped", "a part of an order number"),
    ("12345678901234567890 is not prime", "counting up is no phone number"),
    ("ISBN 978-3-16-148410-0", "an ISBN"),
    ("ISBN 0-691-08532-3, order no. 415 555 2671", "numbers of something else, and a word that says so"),
    ("pi is 3.14159265358979", "a decimal is no phone number"),
    ("SKU 000-123-456 is out of stock", "nine digits that no word explains"),
    ("the total is $1,240.50, not 30 euros", "money"),
    ("The value 4242 4242 is too short to be a card.", "half a card"),
    ("4111 1111 1111 1112", "a card with a wrong check digit"),
    ("GB33 BUKB 2020 1555 5555 56", "an IBAN with wrong check digits"),
    ("order 3000 0000 0000 0000 04", "a card number inside a longer number"),
    ("write to us 551867830", "`us` is no context word for a passport"),
    ("a public notice: 123456789", "`lic` in `public` is no context word for a licence"),
    ("AB-123456-Z and INC0012345, part no. X1234567", "part numbers"),
    ("lodash@4.17.21 and logo@2x.png", "a version and a file name behind an @"),
    ("00:1A:2B:3C:4D:5E:6F:70:81:92", "a fingerprint is no MAC address"),
    ("0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "a hash is no Ethereum address"),
    ("The regex \\d{3}-\\d{2}-\\d{4} matches a common id format.", "a pattern is no SSN"),
    ("000-12-3456, 666-12-3456 and 123-00-4567", "SSNs that are never given"),
    ("born 17/01/1984", "dates are looked for only when asked"),
    ("paid 2, 3 or 4.5 of 10 on lines 10-20", "small numbers"),
    (
        "7728  2536  3645  6825  1649  9031  2385\n9031 2385 7728 6884 6276 3731 6462 2797",
        "columns of four digits that pass Luhn",
    ),
    ("2478 2851 0622\n0325 1064 6096\n2781 7670 8758", "columns of four digits, lines of them above and below"),
    ("121023 5.97e-01 2333 178782097503", "columns"),
    (" '5531':{'en': 'Telemig Celular'},\n '553199649':{'en': 'Oi'}", "a key behind an entry that ends in such a word"),
    ('extraction_text: "01/15/1980"', "an American date behind `text`"),
    ("BDADDR_LOCAL = '00:00:00:FF:FF:FF'", "bytes that are all or nothing"),
    (
        "print(file=self.stream); root.next = link.next; Runner.java:322",
        "attributes and files whose ending is a domain's",
    ),
    ("call #12345678 closed as a duplicate", "what a tracker calls something by"),
    ("src/generated.rs.html#74404-74410 and api.md#2024-1105", "lines of a file"),
    ('{"order": "212-555-1234", "sku": "415-555-2671"}', "the names of other numbers, as in JSON"),
    ('"CreatedByAccount": "123456789111", linked account 123456789111', "accounts of a cloud"),
    ("x = 4242424242424242, 6363636363636363", "two digits, again and again"),
    ("save account 20240517 and account settings 20240517", "a day in one"),
    ("List<T@X> and (<a@b>)", "no sender stands before the brackets"),
    ("is ZA392468 a valid one?", "an article is no last letter of a NINO"),
)


@pytest.mark.parametrize(("text", "why"), NOT_FOUND, ids=[row[1] for row in NOT_FOUND])
def test_what_is_not_found(text: str, why: str) -> None:
    assert found_in(text) == [], why


# ---------------------------------------------------------------- scores and context


def score_of(text: str, label: str) -> float:
    findings, _ = scan([text])
    return max((each.score for each in findings if each.label == label), default=0.0)


def test_a_context_word_adds_what_it_adds_in_presidio() -> None:
    bare, after = score_of("x (415) 555-2671", "PHONE_NUMBER"), score_of("phone (415) 555-2671", "PHONE_NUMBER")
    assert bare == pytest.approx(0.4)
    most = context.BOOST + context.NEARNESS * context.WORDS
    assert context.BOOST <= after - bare <= most + 1e-9


def test_the_nearest_context_word_wins() -> None:
    text = "account 8475630012, SSN 536221178"
    assert found_in(text) == [("US_BANK_NUMBER", "8475630012"), ("US_SSN", "536221178")]


def test_context_ends_at_five_words() -> None:
    assert found_in("passport one two three four 551867830")
    assert not found_in("passport one two three four five 551867830")


def test_context_words_that_came_long_ago_do_not_count() -> None:
    assert not found_in("passport " + "-" * context.REACH + " 551867830")


def test_a_word_that_is_cut_off_is_no_context_word() -> None:
    """The look-behind begins inside `notpassport`, and must not read `passport`."""
    text = "notpassport" + "." * (context.REACH - len("passport") - 1) + " 551867830"
    assert text[len(text) - 9 - context.REACH :].startswith("passport")
    assert not found_in(text)


def test_an_account_inside_a_card_is_no_finding_of_its_own() -> None:
    assert found_in("account 4111 1111 1111 1111") == [("CREDIT_CARD", "4111 1111 1111 1111")]


def test_an_address_does_not_hide_what_stands_in_it() -> None:
    found = found_in("see https://example.com/?mail=jane@example.org&x=1")
    assert ("EMAIL_ADDRESS", "jane@example.org") in found
    assert ("URL", "https://example.com/?mail=jane@example.org&x=1") in found


# ---------------------------------------------------------------- parameters


def test_countries_choose_the_national_ids() -> None:
    only_uk = Pii.build(PiiParams(countries=("uk",)))
    assert {"UK_NHS", "UK_NINO", "CREDIT_CARD", "PHONE_NUMBER"} <= only_uk.labels
    assert not {"US_SSN", "ES_NIF"} & only_uk.labels
    assert found_in("SSN 536-22-1178", only_uk) == []


def test_dates_are_found_when_asked() -> None:
    params = PiiParams(dates=True)
    assert Pii.labels_of(params)["DATE_TIME"] == pytest.approx(0.5)
    text = "born 17/01/1984 in 0.17/01/1984"
    findings, _ = scan([text], Pii.build(params))
    assert [text[each.start : each.end] for each in findings if each.label == "DATE_TIME"] == ["17/01/1984"]


def test_an_unknown_country_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValidationError, match=r"'atlantis'.*uk, us"):
        PiiParams(countries=("atlantis",))


@pytest.mark.parametrize("params", (ALL, PiiParams(countries=(), dates=True)), ids=("all", "none"))
def test_the_labels_are_those_of_the_parts(params: PiiParams) -> None:
    bounded, tagged, links = Pii.parts(params)
    formed = bounded.labels | links.labels
    assert formed == Pii.build(params).labels == default_labels(parts_of(Pii, params))
    assert set(Pii.labels_of(params)) == formed | tagged.labels
    assert all(0 < threshold <= 1 for threshold in Pii.labels_of(params).values())


def test_the_same_parameters_give_the_same_scanner() -> None:
    assert Pii.build(PiiParams(countries=COUNTRIES)) is SCANNER


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("marked", [row[1] for row in FOUND], ids=[f"{row[0]}: {row[2]}" for row in FOUND])
def test_the_cuts_do_not_matter(marked: str) -> None:
    text = "So, " + marked.replace("‹", "").replace("›", "") + " and so on"
    whole, _ = scan([text])
    assert all(scan(chunks)[0] == whole for chunks in all_cuts(text))


def test_a_number_that_may_become_a_card_is_held() -> None:
    _, held = scan(["my card is 4111 11"])
    assert held == [len("4111 11")]


def test_a_number_is_released_as_soon_as_it_can_be_nothing() -> None:
    _, held = scan(by_character("4111 apples"))
    assert held[:7] == [1, 2, 3, 4, 5, 6, 2]  # `4111 a` may yet be `4111 anexo 5`; `4111 ap` is nothing
    _, held = scan(by_character("4111 were"))
    assert held[:6] == [1, 2, 3, 4, 5, 1]


def test_plain_words_are_held_to_the_end_of_the_word() -> None:
    words = "nothing of interest here, just words"
    _, held = scan(by_character(words))
    assert held == [end - max(words.rfind(stop, 0, end) for stop in " ,") - 1 for end in range(1, len(words) + 1)]


ENDLESS = ("x" * 3000, "12 " * 500, "a1b2" * 700, "4111 1111 " * 150, "a@" * 1500, "(" * 2000, "漢" * 2000, ". " * 900)


@pytest.mark.parametrize("text", ENDLESS, ids=[text[:10] for text in ENDLESS])
def test_held_text_is_bounded_and_cuts_do_not_matter(text: str) -> None:
    whole, _ = scan([text])
    for chunks in random_cuts(text, 3):
        found, held = scan(chunks)
        assert found == whole
        assert max(held) <= SCANNER.look_ahead


def test_the_rest_of_a_long_address_is_found_too() -> None:
    """No prefix of it is left to leak: the findings tile the address."""
    path = "".join(random.Random(1).choices("abcdefgh0123456789/,-", k=5 * MOST_OF_URL))
    address = f"https://example.com/{path}z"
    for chunks in ([f"see {address} ok"], by_character(f"see {address} ok"), [f"see {address}", " ok"]):
        spans = sorted((each.start, each.end) for each in scan(chunks)[0] if each.label == "URL")
        assert spans[0][0] == len("see ")
        assert spans[-1][1] == len("see ") + len(address)
        assert all(after <= before for (_, before), (after, _) in itertools.pairwise(spans))


@pytest.mark.parametrize("text", (*ENDLESS, "on 2024-01-17 we sold 17612 for 569.20, id=49728954 " * 60))
def test_each_character_is_examined_a_bounded_number_of_times(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    examined = 0
    examine = PiiScanner.findings_between

    def counted(self: PiiScanner, text: str, begin: int, end: int) -> list[Finding]:
        nonlocal examined
        examined += len(text) - begin
        return examine(self, text, begin, end)

    monkeypatch.setattr(PiiScanner, "findings_between", counted)
    scan(by_character(text))
    assert examined <= 8 * len(text)


# ---------------------------------------------------------------- phone numbers


def test_what_phonenumbers_finds_is_found() -> None:
    """Its own matcher, asked for each region, finds nothing more that looks like a phone number."""
    source = random.Random(5)
    regions = (*phones.PRESIDIO_REGIONS, *phones.MORE_REGIONS)
    for _ in range(60):
        text = f"phone: {_digits(source)}"
        every = {
            (match.start, match.end)
            for region in regions
            for match in PhoneNumberMatcher(text, region, leniency=1)
            if phones._score(text, match.start, match.end, words=phones.Words.NEXT) > 0
        }
        found = phones.find_phones(text, regions)
        assert all(any(one.start <= start and end <= one.end for one in found) for start, end in every), text


def _digits(source: random.Random) -> str:
    groups = ["".join(source.choices("0123456789", k=source.randint(2, 7))) for _ in range(source.randint(1, 4))]
    return source.choice(("", "+", "0")) + source.choice((" ", "-", ".")).join(groups)


# ---------------------------------------------------------------- what it may not do to the process

OFFLINE = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
from detectors.pii.detector import Pii, PiiParams
scanner = Pii.build(PiiParams())
text = "write to jane@example.co.uk, see https://example.com/x or call +44 20 7946 0958"
labels = [each.label for each in scanner.start().advance(text, 0, is_final=True)]
assert labels == ["EMAIL_ADDRESS", "URL", "PHONE_NUMBER"], labels
loaded = {"spacy", "torch", "transformers", "presidio_analyzer"} & set(sys.modules)
assert not loaded, loaded
"""


@pytest.mark.slow
def test_no_network_no_model_and_no_cache(tmp_path: Path) -> None:
    """tldextract would fetch the suffix list at the first e-mail address, and write it to the home directory."""
    environment = {**os.environ, "HOME": str(tmp_path), "TLDEXTRACT_CACHE": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", OFFLINE], check=True, env=environment, cwd=Path(__file__).parents[2])
    assert list(tmp_path.iterdir()) == []


def _varied_texts(seed: int, count: int) -> Iterator[str]:
    source = random.Random(seed)
    for _ in range(count):
        number = source.randrange(10**8, 10**9)
        yield f"SSN {number}, +1 415 {number % 10**7:07} or u{number}@h{number}.com, https://h{number}.org/{number}"


@pytest.mark.slow
def test_memory_does_not_grow_with_what_was_seen() -> None:
    tracemalloc.start()
    try:
        sizes = []
        for seed in range(3):
            for text in _varied_texts(seed, 120):
                scan([text])
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[2] - sizes[1] < 32 * 1024, sizes
