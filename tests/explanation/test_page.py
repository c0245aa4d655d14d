"""The page of an account: whatever a text holds is shown, and nothing of it is markup; it asks nobody for anything."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.explanation.explainer import Explainer, Question
from sidecar.explanation.page import page
from sidecar.policy.facts import StreamFacts
from tests import dom
from tests.explanation.cases import QUESTIONS, explainer
from tests.explanation.test_cli import PCI, run

KNOWN = frozenset(
    "html head meta title style body a main h1 h2 h3 section p ol ul li div span strong q mark sup".split()
)
"""The elements of a page; a text adds none."""
HOSTILE = (
    "<script>alert(1)</script>",
    "</style></title></q></div></main><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<!-- --><![CDATA[x]]>&lt;b&gt;&#60;i&#62;&amp;",
    "</textarea><iframe src=//evil.example>",
    "a\x00b\x1b[0m\u202e\u2028\ud800",
    "javascript:alert(1)\r\n\t<base href=//evil.example>",
)


@cache
def pci() -> Explainer:
    return Explainer.load([Path(PCI)])


def shown(text: str) -> dom.Element:
    return dom.read(
        page(pci().explain(Question(text=text, policy="pci", facts=StreamFacts(tenant=text, labels={text[:40]: text}))))
    )


def is_sound(tree: dom.Element) -> None:
    """The page is nested, has only the elements and attributes that it is made of, and its links lead into it."""
    elements = list(tree.all())
    assert {each.name for each in elements} <= KNOWN
    ids = [each.attributes["id"] for each in elements if "id" in each.attributes]
    assert len(ids) == len({*ids})
    for each in elements:
        assert {*each.attributes} <= {
            "class",
            "id",
            "href",
            "lang",
            "charset",
            "name",
            "content",
            "http-equiv",
            "aria-label",
        }
        if "href" in each.attributes:
            assert each.attributes["href"].removeprefix("#") in ids


def spelt(text: str) -> str:
    """As a page shows what cannot be seen."""
    return re.sub("[\x00\x1b\r\u202e\u2028\ud800]", lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_shown_and_nothing_of_it_is_markup(hostile: str) -> None:
    text = f"{hostile} 4111 1111 1111 1111 {hostile}"
    tree = shown(text)
    is_sound(tree)
    texts = [each for each in tree.all() if each.attributes.get("class") == "text"]
    assert texts[0].text == spelt(text.replace("4111 1111 1111 1111", "•••• •••• •••• 1111"))
    assert re.sub(r"^(.*)1(4111.*)$", r"\1\2", texts[1].text, flags=re.DOTALL) == spelt(text)  # the finding's number


@given(st.text(alphabet="<>&\"'/!-=abSCRIPT \x00\u202e;#xé", max_size=60))
def test_any_text_makes_a_sound_page(text: str) -> None:
    is_sound(shown(text))


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_step_has_its_section(name: str) -> None:
    tree = dom.read(page(explainer().explain(QUESTIONS[name])))
    is_sound(tree)
    assert [each.attributes.get("id") for each in tree.all() if each.name == "h2"] == [
        *("result", "text", "found", "decided", "left", "read", "rules", "policies"),
    ]


def test_it_is_one_file_for_any_screen_in_its_language() -> None:
    text = page(pci().explain(Question(text="4111 1111 1111 1111", policy="pci")))
    tree = dom.read(text)
    metas = {each.attributes.get("name"): each.attributes for each in tree.all() if each.name == "meta"}
    assert metas["viewport"]["content"] == "width=device-width, initial-scale=1"
    assert next(each for each in tree.all() if each.name == "html").attributes["lang"] == "en"
    assert [each.name for each in tree.all()].count("h1") == 1
    assert not re.search(r"https?:|//|url\(|@import", text)
    assert text.startswith("<!doctype html>")


def test_a_text_that_no_policy_takes_has_a_page_too() -> None:
    tree = dom.read(page(pci().explain(Question(text="x"))))
    is_sound(tree)
    assert "No policy takes this text" in tree.text


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    file = tmp_path / "why.html"
    result = run(PCI, "--policy", "pci", "--text", "4111 1111 1111 1111", "--html", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    result = run(PCI, "--policy", "pci", "--text", "x", "--html", str(tmp_path / "none" / "why.html"))
    assert (result.exit_code, "cannot write" in result.stderr) == (2, True)
