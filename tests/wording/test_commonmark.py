"""CommonMark's own examples, each cut everywhere, and with a value in the place of each of its words.

They are those of the specification as its authors publish it for Node (`commonmark-spec`, one file of text).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from sidecar.offline import guard_text
from tests.test_markup import CARD, FOUND, MAIL, PHONE, outline
from tests.wording.test_markdown import MARKDOWN, MESSAGE, closing

SPECIFICATION = Path(__file__).parents[1] / "node/node_modules/commonmark-spec/spec.txt"
COUNT = 652
"""Of this version's examples: what finds them finds them all."""
A_NAME = 616
"""Where a word is the name of a tag's attribute: what replaces it is no name, and so there is no tag."""


@pytest.fixture(scope="module")
def examples(missing: Callable[[str], None]) -> list[str]:
    if not SPECIFICATION.exists():
        missing("CommonMark's specification (make node-clients)")
    found = re.findall(
        r"^`{32} example\n(.*?)^\.\n.*?^`{32}$", SPECIFICATION.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(found) == COUNT
    return [each.replace("→", "\t") for each in found]


@pytest.mark.slow
def test_a_message_behind_an_example_cut_anywhere_is_a_paragraph_of_its_own(examples: list[str]) -> None:
    for text in examples:
        for end in range(len(text) + 1):
            begun = text[:end]
            opening, inline, last = MARKDOWN.parse(begun + closing([begun]) + MESSAGE)[-3:]
            read = (opening.type, opening.level, inline.content, last.type)
            assert read == ("paragraph_open", 0, MESSAGE, "paragraph_close"), begun


@pytest.mark.slow
def test_a_value_in_the_place_of_a_word_is_replaced_and_all_else_is_read_as_before(examples: list[str]) -> None:
    values = cycle((MAIL, CARD, PHONE))
    for number, text in enumerate(examples, 1):
        for word in re.finditer(r"[A-Za-z]{3,}", text):
            value = next(values)
            given = f"{text[: word.start()]}{value}{text[word.end() :]}"
            guarded = guard_text(FOUND, [given]).text()
            assert value not in guarded
            if number != A_NAME:
                assert outline(guarded) == outline(given), (number, given)
