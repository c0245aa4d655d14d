"""Numbers and addresses in any way of writing: found where they stand, however cut; and no more held for it."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.pii.detector import Pii, PiiParams
from detectors.pii.view import MOST_SHORTENED, View
from tests.detectors.scans import every_cut, held, pattern_scanner, scan

SCANNER = Pii.build(PiiParams())
BOUNDED = pattern_scanner(Pii.parts(PiiParams())[0])
THRESHOLDS = Pii.labels_of(PiiParams())


def found(text: str) -> list[tuple[str, str]]:
    findings = scan(SCANNER, text)
    return [(each.label, text[each.start : each.end]) for each in findings if each.score >= THRESHOLDS[each.label]]


SEPARATORS = {
    "none": "",
    "hyphen": "-",
    "space": " ",
    **{f"U+{ord(dash):04X}": dash for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"},
    **{
        f"U+{ord(blank):04X}": blank for blank in "\u00a0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u202f\u205f\u3000\t"
    },
    **{f"U+{ord(hidden):04X}": hidden for hidden in "\u00ad\u200b\u200c\u200d\u2060\ufeff"},
    "two spaces": "  ",
    "three spaces": "   ",
    "full stop": ".",
    "slash": "/",
    "middle dot": "\u00b7",
    "bullet": "\u2022",
    "spaced hyphen": " - ",
    "spaced dash": " \u2013 ",
    "underscore": "_",
    "entity of a space": "&nbsp;",
    "entity of a dash": "&ndash;",
    "decimal entity": "&#8209;",
    "hexadecimal entity": "&#x2011;",
    "encoded space": "%20",
    "encoded hyphen": "%2D",
    "encoded no-break space": "%C2%A0",
    "encoded dash": "%E2%80%91",
    "bold groups": "** **",
    "code groups": "`-`",
    "escaped hyphen": "\\-",
    "hidden beside a space": "\u200b \u200b",
}
NUMBERS = {
    "CREDIT_CARD": ("card ", ("4111", "1111", "1111", "1111")),
    "US_SSN": ("my SSN is ", ("536", "22", "8726")),
    "IBAN_CODE": ("IBAN ", ("DE89", "3704", "0044", "0532", "0130", "00")),
    "PHONE_NUMBER": ("call me at ", ("+1", "415", "555", "2671")),
    "UK_NHS": ("NHS number ", ("943", "476", "5919")),
    "CA_SIN": ("SIN ", ("130", "692", "544")),
    "IN_AADHAAR": ("Aadhaar ", ("2341", "2341", "2346")),
}


@pytest.mark.parametrize("label", NUMBERS)
@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS)
def test_a_number_is_found_whatever_parts_its_groups(label: str, separator: str) -> None:
    before, groups = NUMBERS[label]
    number = separator.join(groups)
    text = f"{before}{number} ok"
    assert (label, number) in found(text)
    for ends in ([*range(1, len(text))], [len(before) + 3]):
        assert scan(SCANNER, text, ends) == scan(SCANNER, text)


WRITTEN = (
    (
        "CREDIT_CARD",
        "card ‹\uff14\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 1111›",
        "full-width",
    ),
    ("CREDIT_CARD", "card ‹\u0664\u0661\u0661\u0661 1111 1111 1111›", "Arabic digits"),
    ("CREDIT_CARD", "card **‹4111 1111 1111 1111›** ok", "bold as a whole"),
    ("EMAIL_ADDRESS", "‹alice@\u200bexample.com›", "an invisible character in an address"),
    ("EMAIL_ADDRESS", "q=‹alice%40example.com›&x=1", "percent-encoded"),
    ("EMAIL_ADDRESS", "‹alice&#64;example.com›", "an entity"),
    ("EMAIL_ADDRESS", "‹\uff41\uff4c\uff49\uff43\uff45\uff20example.com›", "full-width letters"),
    ("EMAIL_ADDRESS", '{"body": "Contact:\\n‹jane@example.com›\\nBye"}', "behind an escape of JSON"),
    ("EMAIL_ADDRESS", '{"say": "\\u0022‹jane@example.com›\\u0022"}', "behind a quote as an escape"),
    ("EMAIL_ADDRESS", "write ‹<jane@example.com>› now", "an autolink, with its brackets"),
    ("EMAIL_ADDRESS", "[Jane](‹mailto:jane@example.com›)", "a link's target"),
    ("EMAIL_ADDRESS", "![x](‹https://h.example.org/a/jane@example.com/p.png›) ok", "an image's target"),
    ("EMAIL_ADDRESS", "_‹jane@example.com›_", "emphasis stays outside"),
    ("EMAIL_ADDRESS", "send it to ‹john.doe@corp.local› today", "an internal host"),
    ("EMAIL_ADDRESS", "e-mail: ‹john@mailhost› please", "a host's name alone"),
    ("IP_ADDRESS", "client ‹::ffff:93.184.216.34› connected", "mapped into IPv6"),
    ("IP_ADDRESS", "from ‹fdab:cdef::12ab:1›", "its first digit comes late"),
    ("MAC_ADDRESS", "at ‹ab:cd:ef:ab:cd:e1›", "its first digit comes last"),
    ("PHONE_NUMBER", "Phone: ‹555%2D867%2D5309›", "a number that nobody has, named and encoded"),
    ("PHONE_NUMBER", "the phone (‹07401 889705›) is off", "in brackets"),
    ("PHONE_NUMBER", "Tel. ‹030 1234567 ext. 12›", "with its extension"),
    ("PHONE_NUMBER", "电话是‹6129 3418›", "a context word in a script without spaces"),
    ("CREDIT_CARD", "pan=‹4111+1111+1111+1111›&exp=12", "a form's blanks"),
    ("IBAN_CODE", "iban=‹DE89+3704+0044+0532+0130+00›", "a form's blanks"),
    ("US_SSN", "ssn=‹536+22+8726›&x=1", "a form's blanks behind a word"),
    ("CREDIT_CARD", "debit card ‹5018 0000 0009›", "twelve digits"),
)


@pytest.mark.parametrize(("label", "marked", "why"), WRITTEN, ids=[row[2] for row in WRITTEN])
def test_what_is_written_otherwise_is_found_where_it_stands(label: str, marked: str, why: str) -> None:
    text = marked.replace("‹", "").replace("›", "")
    assert (label, marked[marked.index("‹") + 1 : marked.index("›")]) in found(text), why
    expected = scan(SCANNER, text)
    for ends in every_cut(text):
        assert scan(SCANNER, text, ends) == expected


IN_CODE = (
    ("rows = matrix[1::2]; cols = layout[2::2]; x[5::2]; y[::2]; z[2000::200]", "slices"),
    ('[assembly: AssemblyVersion("1.0.0.0")] <Version>2.4.0.1</Version>', "versions"),
    ('foo>=1.2.0.2\nbar==10.4.3.1\n"version": "4.3.2.1"\nbaz 2.4.0.1', "requirements and lock files"),
    ("Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36 libfoo-10.2.3.4.tar.gz", "a user agent, an archive"),
    ("OID 1.3.6.1 and ObjectIdentifier('1.3.101.112')", "object identifiers"),
    ("git clone git@github.com:a/b.git; https://me:it@proxy.example.com", "a repository, a password in an address"),
    ("values in the range -32768..32767, years 1993-2023", "ranges"),
    ("-1.5711 -1.2137 1.0239 -0.5060\n2.2473 -1.6015 1.4588", "rows of decimals"),
    ("[   0    1    2 ...  998  999 1000]", "an array"),
    (
        "+ 31246269696*x3**6 + 27439610544*x3**5, S(55)/14336)/439, (1975) 165-184",
        "sums, fractions, volumes of journals",
    ),
    ("Please update the account settings; build 2024113009171 is out.", "a build after the word account"),
    ('"account_id": "123456789012"', "the id of an account at a service"),
    (
        '("192.0.2.7", "198.51.100.3", \'203.0.113.9\', "2001:db8::1") 10.0.0.0/8 192.168.0.0/16',
        "documentation, networks",
    ),
    ("x = 1\n    # - 2001:db8::ff00:42:8329 (a colon)\n// as 192.0.2.1 does\n", "documentation in comments"),
    ("http://169.254.169.254/latest/meta-data/", "where a cloud's machine asks who it is"),
    ("netmask 2000:aaa::/48, 3ffe:501::, 224.0.0.251, 239.1.2.3, 10.1.1.0, 172.31.255.255", "networks and groups"),
    ("01:00:5e:00:00:fb 33:33:00:00:00:16", "groups of devices"),
    ("86 67 11 77 -28 -89 -30 -31 -72 64 -95", "numbers and negative ones"),
    ('check_call(["truncate", "-s", "5368709120", tf_name])', "a quoted number after a word that may call"),
    (
        "'1242357':{'en': 'BaTelCo'},\n '61875029':{'en': 'Swan Reach'},\n '61875030':{'en': 'Tanunda'},",
        "a list of prefixes",
    ),
    (
        "HKEY_PERFORMANCE_TEXT: Final = -2147483568\nSCHED_E_ACCOUNT_NAME_NOT_FOUND: Final = -2147216624",
        "negative numbers",
    ),
    ("Amer. Math. Monthly 77, 259-264 1970. text = June 30, December 31, 2013 2012", "pages and years"),
    ('{"key": "@accountId", "stringValue": "924374875933"}', "the value of an id's name"),
    ("d5b7fed Try agents stopped behind a call\n0846813 Let no call leave", "short names of commits"),
    ("bits = (bits + 32768) % 65536 - 32768; [27648, 86400000, 4031078400000]", "sums and round numbers"),
    ("most recent call last:\n ValueError: expected 50331648 bytes; Phys. Rev. E 78, 046110 2008", "sizes, articles"),
    ('f"account:{account_id}:stream/{name}/1598784211076"', "a part of a path"),
    ("total = 4111+1111+1111+1111+5; 4111+1111+1111+1111=7444; 536+22+8726", "sums of a card's and another's groups"),
    ("set the text 3840 2160 1080, then text 1920 1080 and call 1024 2048 4096", "sizes behind words for telephones"),
    ("ZIP 94103-1234 and 12345-6789", "postcodes"),
    ('"AWS::S3::Bucket": "6ac217ac96918929", https://dl.acm.org/doi/10.1145/992200.992206', "hashes, articles"),
    ("rng = default_rng(628174795866951638); seed = 3562050283508273023", "seeds"),
    ("00:11:22:33:44:55 and 111-22-3333", "examples that count"),
    ("time 12:30:45:67 and aa:bb:cc:dd:ee:ff:00:11", "bytes with colons"),
)


@pytest.mark.parametrize(("text", "why"), IN_CODE, ids=[row[1] for row in IN_CODE])
def test_code_and_lists_hold_no_personal_data(text: str, why: str) -> None:
    assert [each for each in found(text) if each[0] != "URL"] == [], why


# ---------------------------------------------------------------- how much is held

RANDOM = random.Random(3)
BASE64 = "".join(RANDOM.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=3000))
UNBROKEN = {
    "base64": BASE64,
    "hexadecimal": "".join(RANDOM.choices("0123456789abcdef", k=3000)),
    "digits": "3." + "".join(RANDOM.choices("0123456789", k=3000)),
    "a long address": "https://example.com/" + "/".join(BASE64[n : n + 12] for n in range(0, 2000, 12)) + "?a=1&b=%20",
    "a data image": f"![x](data:image/png;base64,{BASE64})",
    "a table of numbers": " ".join(str(RANDOM.randrange(10**8, 10**10)) for _ in range(300)),
    "letters": "abcdefghij" * 300,
}


@pytest.mark.parametrize("text", UNBROKEN.values(), ids=UNBROKEN)
@pytest.mark.parametrize("step", (1, 4, 17))
def test_at_most_64_characters_of_a_text_without_blanks_are_held(text: str, step: int) -> None:
    run = BOUNDED.start()
    for end in range(step, len(text), step):
        offset = max(0, run.cleared - BOUNDED.look_behind)
        run.advance(text[offset:end], offset, is_final=False)
        assert end - run.cleared <= 64


@pytest.mark.parametrize("mark", "-=*_.#~/|!?,:;'\"^$<>{}[])")
def test_nothing_of_a_row_of_one_mark_is_held(mark: str) -> None:
    assert held(BOUNDED, mark * 200) == ""


def test_what_cannot_be_seen_does_not_hold_a_text_for_ever() -> None:
    run = BOUNDED.start()
    text = "4111 1111\u200b" + "\u200b" * 4000
    for end in range(1, len(text), 7):
        offset = max(0, run.cleared - BOUNDED.look_behind)
        run.advance(text[offset:end], offset, is_final=False)
        assert end - run.cleared <= BOUNDED.look_ahead
    assert len(text) - run.cleared < 2 * MOST_SHORTENED


# ---------------------------------------------------------------- the view itself

PIECES = (
    *("5", "1", "a", "x", " ", "  ", "-", " - ", ".", "*", "**", "_", "\t", "\n", "(", "+", "`", "\\", "/"),
    *(
        "\u200b",
        "\u2011",
        "\u00a0",
        "\uff11",
        "\u2460",
        "&",
        "&#8209;",
        "&nbsp;",
        "&n",
        "#",
        ";",
        "\\n",
        "\\u0031",
        "u00",
    ),
    *("%", "%E2%80%93", "%E2", "%80", "%40"),
)


def viewed(text: str, cuts: list[int]) -> tuple[str, list[tuple[int, int]]]:
    view = View()
    for end in cuts:
        view.advance(text[:end], 0, is_final=False)
    view.advance(text, 0, is_final=True)
    return view.text, [view.span(place, place + 1) for place in range(len(view.text))]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.data())
def test_a_view_does_not_depend_on_the_cuts(text: str, data: st.DataObject) -> None:
    whole, places = viewed(text, [])
    assert viewed(text, list(range(len(text)))) == (whole, places)
    assert viewed(text, data.draw(st.lists(st.integers(0, len(text)), max_size=4).map(sorted))) == (whole, places)
    assert all(start < end for start, end in places)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))


@pytest.mark.parametrize(
    ("text", "view"),
    (
        ("4111\u20111111&#8209;1111 ok", "4111-1111-1111 ok"),
        ("**4111** **1111**", "**4111 1111**"),
        ("in 2024. 10 people, 1..2, R&D &amp; x", "in 2024. 10 people, 1..2, R&D &amp; x"),
        ("plain text, naïve café 漢字", "plain text, naïve café 漢字"),
        ("C:\\\\path", "C:\\\\path"),
    ),
)
def test_what_a_view_is(text: str, view: str) -> None:
    assert viewed(text, [])[0] == view
