"""Redactions in Markdown and HTML, by the shipped policies: what is around them is read as before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sidecar.offline import guard_text
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from tests.streams import all_cuts, cuts_of

MAIL, CARD, PHONE = "jane@example.com", "5555-5555-5555-4444", "+1 415 555 2671"
FORMS = {MAIL: "‹email-address›", CARD: "••••-••••-••••-4444", PHONE: "‹phone-number›"}
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shipped(name: str) -> Plan:
    ((_, plan),) = compile_file(Path(__file__).parent.parent / "policies" / f"{name}.yaml").policies
    return plan


REDACTING = shipped("pii-redact")
FINDING = f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: finding, version: "1"}}
rules:
  - id: values
    detect:
      detector: patterns
      keywords:
        EMAIL_ADDRESS: {{terms: ["{MAIL}"], whole_words: false}}
        PHONE_NUMBER: {{terms: ["{PHONE}"], whole_words: false}}
    action: redact
  - id: cards
    detect: {{detector: patterns, keywords: {{CREDIT_CARD: {{terms: ["{CARD}"], whole_words: false}}}}}}
    action: {{redact: {{with: mask, keep_last: 4}}}}
"""
"""Finds the values wherever they stand."""
FOUND = compile_policy(load_text(FINDING)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Write to <{MAIL}>.", "Write to ‹email-address›."),
        (f"<mailto:{MAIL}> x", "‹email-address› x"),
        (f"<https://example.com/?q={MAIL}&z=1> a", "‹email-address› a"),
        (f"a < b and List<String> {MAIL} > c", "a < b and List<String> ‹email-address› > c"),
        (f"Jane <{MAIL} x", "Jane <‹email-address› x"),
        (f"[Jane](mailto:{MAIL})", "[Jane](#email-address)"),
        (f"[Jane](mailto:{MAIL}?subject=Hi) b", "[Jane](#email-address) b"),
        (f'[Jane](mailto:{MAIL} "Write") b', '[Jane](#email-address "Write") b'),
        (f'[Jane](<mailto:{MAIL}> "Write") b', '[Jane](<#email-address> "Write") b'),
        (f"[{MAIL}](mailto:{MAIL})", "[‹email-address›](#email-address)"),
        (f"[a](https://x.com/a(b)/{MAIL}/(c)) d", "[a](#email-address) d"),
        (f"[a](https://x.com/{MAIL}/\n\nb)", "[a](#email-address\n\nb)"),
        (f"[a](https://x.com/{MAIL}", "[a](#email-address"),
        (f"![p](https://x.com/{MAIL}/p.png) b", "![p](about:blank#email-address) b"),
        (f"[![p](https://x.com/{MAIL}/p)](https://x.com/{MAIL})", "[![p](about:blank#email-address)](#email-address)"),
        (f"[1]: mailto:{MAIL}\nb", "[1]: #email-address\nb"),
        (f"> [a b]: <https://x.com/{MAIL}/>", "> [a b]: <#email-address>"),
        (f"[^1]: {MAIL}", "[^1]: ‹email-address›"),
        (f'<a href="mailto:{MAIL}">Jane</a>', '<a href="#email-address">Jane</a>'),
        (f"<img alt=p src='https://x.com/{MAIL}/p.png'>", "<img alt=p src='about:blank#email-address'>"),
        (f"<a href=mailto:{MAIL}>Jane</a>", "<a href=#email-address>Jane</a>"),
        (f"[z]: {PHONE}", "[z]: ‹ phone-number›"),
        (f"see https://x.com/u/{MAIL}/p ok", "see https://x.com/u/‹email-address›/p ok"),
        (f"a **{MAIL}** b", "a **‹email-address›** b"),
        (f"a**{MAIL}**b", "a**\u2060‹email-address›\u2060**b"),
        (f"卡号**{CARD}**是", "卡号**\u2060••••-••••-••••-4444**是"),
        (f"{MAIL}_**_", "‹email-address›\u2060_**_"),
        (f"**{CARD}**", "**••••-••••-••••-4444**"),
        (f"| {MAIL} | **{CARD}** |", "| ‹email-address› | **••••-••••-••••-4444** |"),
        (f"`{MAIL}` and $x = {CARD}$", "`‹email-address›` and $x = ••••-••••-••••-4444$"),
        (f"[J](https://x.com/{'a' * 30}/{MAIL}) d", "[J](#email-address) d"),
        (f"[J](https://x.com/{'a' * 60}/{MAIL}) d", f"[J](https://x.com/{'a' * 60}/‹email-address›) d"),
    ],
)
def test_a_redaction_fits_itself_into_what_stands_around_it_however_that_is_cut(text: str, expected: str) -> None:
    for pieces in all_cuts(text):
        assert guard_text(REDACTING, pieces).text() == expected


def without(text: str) -> str:
    """The text without what may be replaced: an address with all that it is part of."""
    for value, form in FORMS.items():
        text = (
            text.replace(form, "@")
            .replace(form.replace("‹", "‹ "), "@")
            .replace(f"#{form.strip('‹›')}", "@")
            .replace(value, "@")
        )
    text = re.sub(r"<[^>\n]*@", "<@", text)  # a target in `<>` that never ends may have blanks, and be an autolink
    return re.sub(r"\S*@\S*", "@", text)


def outline(text: str) -> list[tuple[str, str]]:
    """What Markdown reads: nodes, and the words in them. Where a link leads is left out, and that an address is one."""
    said: list[tuple[str, str]] = []
    for kind, words in _nodes(MARKDOWN.parse(text)):
        if kind == "text" and said and said[-1][0] == "text":
            words = said.pop()[1] + words
        said.append((kind, words))
    return [(kind, without(words)) for kind, words in said]


def _nodes(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    for token in tokens:
        if token.markup == "autolink" or (token.type == "text" and not token.content):
            continue
        if token.children is not None:
            yield token.type, ""
            yield from _nodes(token.children)
        else:
            is_html = token.type.startswith("html")
            yield token.type, "" if is_html else token.content


SNIPPETS = [MAIL, CARD, PHONE, f"[x](mailto:{MAIL})", f"<{MAIL}>", f"![y](http://x.com/{MAIL}/p)", *(
    "**", "*", "_", "__", "~~", "`", "\n", "\n\n", "a", " ", "b c", "漢", "- ", "1. ", "> ", "# ", "| ", "|\n|-|\n| ",
    "[x](", ")", "![y](", "<", ">", "(", "http://x.com/", "mailto:", "```\n", "[z]: ",
    '<a href="', '">', "</a>", ".", "!",
)]  # fmt: skip


@given(data=st.data(), text=st.lists(st.sampled_from(SNIPPETS), max_size=12).map("".join))
def test_what_is_around_a_redaction_is_read_as_before(data: st.DataObject, text: str) -> None:
    is_read_as_before(text, data.draw(cuts_of(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"[x]({MAIL}[x](mailto:{MAIL})", "[x](‹email-address›[x](#email-address)"),
        (f"[x]({MAIL}[x](mailto:{MAIL})) b", "[x](‹email-address›[x](#email-address)) b"),
        (f"[x](<{MAIL}[x](mailto:{MAIL})> b", "[x](<‹email-address›[x](#email-address)> b"),
        (f"![y](/{MAIL}![y](http://x.com/{MAIL}/p)", "![y](/‹email-address›![y](about:blank#email-address)"),
        (f"<http://x.com/{MAIL}[x](mailto:{MAIL})> b", "‹email-address› b"),
        (f"| [a](https://x.com/{MAIL}/b| c |", "| [a](#email-address| c |"),
        (f"| [a](https://x.com/{MAIL}/b\\|c) |", "| [a](#email-address) |"),
        (f"[a](https://x.com/b|c/{MAIL}) d", "[a](#email-address) d"),
        (f"| [a](https://x.com/{MAIL}|\n|-|\n| b", "| [a](#email-address|\n|-|\n| b"),
        (f"[x](https://x.com/a_b/{MAIL})", "[x](#email-address)"),
        (f"[x](https://x.com/a_b/{MAIL} 'c')", "[x](#email-address 'c')"),
        (f'<a href="{MAIL}![y](/p)', '<a href="#email-address![y](/p)'),
        (f"<[x]({MAIL}> b", "<[x](‹email-address›> b"),
        (f'**<a href="{MAIL}**', '**<a href="‹email-address›**'),
        (f"[z]: {MAIL}(", "[z]: ‹email-address›("),
        (f"[x]({MAIL}</a>", "[x](‹email-address›</a>"),
        (f"**[x](**{MAIL}", "**[x](**\u2060‹email-address›"),
        (f"{MAIL}**_**\nb", "‹email-address›\u2060**_**\nb"),
        (f"a\n**_**{MAIL} b", "a\n**_**\u2060‹email-address› b"),
    ],
)
def test_markup_beside_a_redaction_stays_markup(text: str, expected: str) -> None:
    for pieces in all_cuts(text):
        is_read_as_before(text, pieces)
    assert guard_text(FOUND, [text]).text() == expected


def is_read_as_before(text: str, pieces: list[str]) -> None:
    guarded = guard_text(FOUND, pieces).text()
    assert guarded == guard_text(FOUND, [text]).text()
    assert MAIL not in guarded
    assert outline(guarded) == outline(text)
