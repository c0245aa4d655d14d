"""What LLM Guard's scanners and the policy that comes of them are both asked. Nothing but plain things is imported."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A scanner as `scanners.yml` has it, and texts."""

    name: str
    scanner: str
    params: Mapping[str, Any]
    texts: tuple[str, ...]
    is_answer: bool = False
    otherwise: Mapping[str, str] = field(default_factory=dict)
    """By text: words of docs/moving.md that say why it is decided, or changed, otherwise here."""


UUIDS = ("123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000")
FORMS = ("TIME_RE", "HEX_COLOR", "PRICE_RE", "PO_BOX_RE")
SIGNS = "words that begin or end with a sign are found where they stand by themselves"
MATCHES = "all matches of all patterns are replaced"
PASSES = "soft hyphens within words, joiners that emoji or a script need, and unassigned characters pass"
CHECKED = "a card number has its check digit, and an SSN its ranges"
# Values are put together, so that no scanner of repositories takes them for real ones.
SLACK = "slack " + "xoxb-" + "263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1"
SAMPLE_KEY = "key " + "AKIA" + "IOSFODNN7EXAMPLE"
DRAWN = random.Random(0)


def _drawn(size: int, letters: str = string.ascii_lowercase + string.digits) -> str:
    """Characters of a key that nobody has."""
    return "".join(DRAWN.choices(letters, k=size))


def _hex(*sizes: int) -> str:
    return "-".join(_drawn(size, string.hexdigits[:16]) for size in sizes)


def _uuid() -> str:
    return _hex(8, 4, 4, 4, 12)


FORMED = (
    "s" + "c_" + _drawn(8) + "." + _drawn(4) + ".acc-" + _drawn(16) + "." + _drawn(60),
    "xkey" + "sib-" + _hex(64) + "-" + _drawn(16),
    "EZ" + "AK" + _drawn(54),
    "fi" + "o-u-" + _drawn(64),
    "GR13" + "48941" + _drawn(20),
    "gl" + "c_" + _drawn(80),
    "eyJr" + "Ijoi" + _drawn(90),
    "rd" + "me_" + _drawn(70),
    "tk-" + "us-" + _drawn(48),
    "pul" + "-" + _hex(40),
    "lin" + "_api_" + _drawn(40),
    "do" + "p_v1_" + _hex(64),
    "hv" + "s." + _drawn(95),
)
"""Keys that say what they are."""
PIECEMEAL = (
    "p8" + "e-" + _drawn(32),
    "LT" + "AI" + _drawn(20),
    "CLO" + "JARS_" + _drawn(60),
    "duf" + "fel_live_" + _drawn(43),
    "FLW" + "SECK_TEST-" + _hex(32) + "-X",
    "ship" + "po_live_" + _hex(40),
    f"https://acme.webhook.office.com/webhookb2/{_uuid()}@{_uuid()}/IncomingWebhook/{_hex(32)}/{_uuid()}",
)
"""Keys of which LLM Guard replaces a piece, or the same piece twice."""
VALUES = {name: _drawn(size) for name, size in (("datadog", 40), ("fastly", 32), ("gitter", 40))}
"""Values of no form, by whose they are."""
NAMED = tuple(f"{name}_api_key = '{value}'" for name, value in VALUES.items())
UNNAMED = tuple(f"{name}: {value}" for name, value in VALUES.items())

ASKED = (
    Asked(
        "words",
        "BanSubstrings",
        {"substrings": ["test", "badword"], "match_type": "word"},
        (
            *("a test here", "testing it", "A TEST", "fine", "x badword."),
            *("my_test", "test1", "t\u00e9st", "test\n", "(test)"),
        ),
    ),
    Asked("parts", "BanSubstrings", {"substrings": ["test"]}, ("testing it", "con-test", "TeSt", "x", "my_test_1")),
    Asked(
        "case",
        "BanSubstrings",
        {"substrings": ["Kraken"], "case_sensitive": True},
        ("the Kraken plan", "the kraken plan"),
    ),
    Asked(
        "signs",
        "BanSubstrings",
        {"substrings": ["C++", ".NET"], "match_type": "word"},
        ("I like C++ a lot", "on .NET now", "C++11", "asp.NET", "fine"),
        otherwise={"I like C++ a lot": SIGNS, "on .NET now": SIGNS},
    ),
    Asked(
        "phrases",
        "BanSubstrings",
        {"substrings": ["etc/shadow", "a backdoor"]},
        ("cat /etc/shadow", "a door", "A  backdoor"),
        otherwise={"A  backdoor": "a space of a phrase stands for one to four spaces or line ends"},
    ),
    Asked(
        "all words",
        "BanSubstrings",
        {"substrings": ["alpha", "beta"], "contains_all": True},
        ("alpha and beta", "beta, alpha", "ALPHAbeta", "alpha alone", "neither"),
    ),
    Asked(
        "redacted words",
        "BanSubstrings",
        {"substrings": ["Kraken", "test"], "redact": True},
        ("the Kraken plan, KRAKEN, test", "fine"),
    ),
    Asked(
        "words of an answer",
        "BanSubstrings",
        {"substrings": ["DAN:", "![http", "[\U0001f513JAILBREAK]"]},
        ("DAN: hello", "see ![http://x.example/a.png]", "[\U0001f513JAILBREAK]", "fine"),
        is_answer=True,
    ),
    Asked(
        "bearer",
        "Regex",
        {"patterns": ["Bearer [A-Za-z0-9-._~+/]+"], "is_blocked": True, "match_type": "search", "redact": True},
        ("use Bearer abc.def-1 now", "bearer abc", "Bearer", "fine"),
    ),
    Asked(
        "regexes",
        "Regex",
        {"patterns": [r"\d+", r"\bAB-\w+\b"]},
        ("12 and 34", "\u0663\u0664", "none", "AB-x", "AB-x 12"),
        otherwise={"AB-x 12": MATCHES},
    ),
    Asked(
        "first",
        "Regex",
        {"patterns": [r"\d+"], "match_type": "search"},
        ("12 and", "none", "12 and 34"),
        otherwise={"12 and 34": MATCHES},
    ),
    Asked(
        "whole",
        "Regex",
        {"patterns": [r"\d+"], "match_type": "fullmatch", "redact": False},
        ("12345", "a 12345", "no", "12\n", "12\n34"),
    ),
    Asked(
        "whole, with flags",
        "Regex",
        {"patterns": ["(?i)yes|ja", "(?s)a.b"], "match_type": "fullmatch", "redact": False},
        ("YES", "Ja", "yes, sir", "a\nb", "A\nb"),
    ),
    Asked(
        "wanted, with flags",
        "Regex",
        {"patterns": ["(?i)yes", "(?m)^no"], "is_blocked": False},
        ("YES", "NO", "x\nno"),
        is_answer=True,
    ),
    Asked(
        "lines",
        "Regex",
        {"patterns": ["(?m)^x$", "^y$"]},
        ("a\nx\nb", "ax", "y", "a\ny", "y\n"),
        otherwise={"y\n": "`$` is the very end"},
    ),
    Asked("dots", "Regex", {"patterns": ["a.b", "(?s)c.d"]}, ("a\nb", "axb", "c\nd")),
    Asked(
        "wanted", "Regex", {"patterns": [r"\bAB-\d+\b"], "is_blocked": False}, ("see AB-12", "see it"), is_answer=True
    ),
    Asked(
        "wanted whole",
        "Regex",
        {"patterns": ["yes", "no"], "is_blocked": False, "match_type": "fullmatch"},
        ("yes", "no", "yes, sir", "maybe"),
        is_answer=True,
    ),
    Asked(
        "invisible",
        "InvisibleText",
        {},
        (
            *("pay\u200bload", "tag\U000e0041x", "bidi\u202ex", "plain", "caf\u00e9", "emoji \U0001f600"),
            *("private \ue000 use", "private \U0010fffd\ue001", "select \u2764\ufe0f it"),
            *("unassigned \u0378 one", "soft\u00adhyphen", "\U0001f468\u200d\U0001f469"),
            *("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "v\ufe0f\ufe0ex"),
        ),
        otherwise={
            "unassigned \u0378 one": PASSES,
            "soft\u00adhyphen": PASSES,
            "\U0001f468\u200d\U0001f469": PASSES,
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": PASSES,
            "v\ufe0f\ufe0ex": "several together, or where they select nothing, are removed",
        },
    ),
    Asked(
        "reading time",
        "ReadingTime",
        {"max_time": 0.05},
        ("one two three", "w " * 10, "w " * 11, "a-b c.d " * 5, "w\u00a0" * 11, "\u2014 " * 11),
        is_answer=True,
        otherwise={"\u2014 " * 11: "a word has a letter or a digit"},
    ),
    Asked(
        "reading half a minute",
        "ReadingTime",
        {"max_time": 0.5, "truncate": True},
        ("w " * 100, "w " * 101),
        is_answer=True,
    ),
    Asked(
        "tokens",
        "TokenLimit",
        {"limit": 20},
        (
            *("Bake it for an hour, then let it cool.", "word " * 12, "word " * 30),
            *("\u4f60\u597d" * 15, "0123456789" * 7, "word " * 18),
        ),
        otherwise={
            "\u4f60\u597d" * 15: "four characters a token",
            "0123456789" * 7: "four characters a token",
            "word " * 18: "four characters a token",
        },
    ),
    Asked(
        "one document",
        "JSON",
        {"required_elements": 1, "repair": False},
        ('{"a": 1}', "no JSON", "{'a': 1}", '{"a": 1', 'say {"a": 1} ok', '{"a": 1} {"b": 2}'),
        is_answer=True,
        otherwise=dict.fromkeys(('say {"a": 1} ok', '{"a": 1} {"b": 2}'), "one document and nothing else"),
    ),
    Asked(
        "secrets",
        "Secrets",
        {},
        (
            "token " + "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a" + " here",
            "key " + "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
            "key " + "AKIA" + "2J4KZP6Q7RT3WXYB",
            SLACK,
            "nothing here",
            "my password is secret",
            SAMPLE_KEY,
        ),
        otherwise={SAMPLE_KEY: "sample keys of documentation pass"},
    ),
    Asked(
        "kinds of secrets",
        "Secrets",
        {},
        (*FORMED, *NAMED, *UNNAMED, *PIECEMEAL),
        otherwise={
            **dict.fromkeys(UNNAMED, "a service's name before a value is not enough"),
            **dict.fromkeys(PIECEMEAL, "the whole key is replaced, once"),
        },
    ),
    Asked(
        "partly",
        "Secrets",
        {"redact_mode": "partial"},
        (SLACK, "nothing here"),
        otherwise={SLACK: "as many dots as there were characters"},
    ),
    Asked(
        "personal",
        "Anonymize",
        {"entity_types": ["CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "CRYPTO", "US_SSN", "UUID"]},
        (
            *("card 4111 1111 1111 1111", "card 4111 1111 1111 1112", "card 378282246310005"),
            *("mail jane@example.com now", "ip 10.0.0.1", "ssn 536-22-8726", *UUIDS, "nothing here"),
            *("account GB33BUKB20201555555555", "account GB33BUKB20201555555556"),
            "btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ),
    ),
    Asked(
        "forms",
        "Anonymize",
        {"entity_types": ["CREDIT_CARD_RE", "EMAIL_ADDRESS_RE", "US_SSN_RE", "UUID", "BTC_ADDRESS", *FORMS]},
        (
            *("card 4111 1111 1111 1111", "mail jane@example.com now", "ssn 536-22-8726", "nothing here"),
            *("btc 1LgqButDNV2rVHe9DATt6WqD8tKZEKvaK2", "at 12:00 PM", "colour #ff0000", "costs $1,000.50"),
            *("PO Box 123456", "card 4111 1111 1111 1112", "ssn 666-22-8726", "mail jane[AT]example[DOT]com"),
        ),
        otherwise={
            "card 4111 1111 1111 1112": CHECKED,
            "ssn 666-22-8726": CHECKED,
            "mail jane[AT]example[DOT]com": "`[AT]` and `[DOT]` may stand for signs of an address",
        },
    ),
    Asked(
        "hidden names",
        "Anonymize",
        {"entity_types": ["UUID"], "hidden_names": ["Acme Corp"]},
        ("acme corp is here", "acmecorp", "Acme Corporation", "(Acme Corp)", *UUIDS),
    ),
    Asked(
        "allowed names",
        "Anonymize",
        {"entity_types": ["EMAIL_ADDRESS"], "allowed_names": ["help@example.com"]},
        ("mail jane@example.com", "mail help@example.com"),
        otherwise={"mail help@example.com": "they are found; write them under `except:`"},
    ),
    Asked(
        "own forms",
        "Anonymize",
        {
            "entity_types": ["ORDER", "UUID"],
            "regex_patterns": [
                {"name": "order", "expressions": [r"\bORD-\d{6}\b"]},
                {"name": "OTHER", "expressions": ["x+"]},
            ],
        },
        ("see ORD-123456", "xxx", "nothing here", UUIDS[0]),
        otherwise={UUIDS[0]: "the forms that `entity_types` names stay on"},
    ),
    Asked(
        "sensitive",
        "Sensitive",
        {"entity_types": ["CREDIT_CARD", "EMAIL_ADDRESS"]},
        ("card 4111 1111 1111 1111", "mail jane@example.com", "nothing here"),
        is_answer=True,
    ),
    Asked(
        "sensitive, redacted",
        "Sensitive",
        {"entity_types": ["EMAIL_ADDRESS"], "redact": True},
        ("mail jane@example.com", "nothing here"),
        is_answer=True,
    ),
)
AT_WILL = Asked(
    "JSON at will", "JSON", {}, ('{"a": 1}', "no JSON", 'say {"a": 1} ok', '{"a": 1', "{'a': 1}"), is_answer=True
)
"""A scanner to which every text is valid, and of which nothing is carried over."""
