"""A message behind any text of Markdown, cut anywhere, is a paragraph of its own: as markdown-it reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sidecar.wording.markdown import Surroundings
from tests.streams import by_character, cuts_of

MARKDOWN = MarkdownIt("commonmark")
MESSAGE = "I can’t talk about that."


def closing(pieces: list[str]) -> str:
    surroundings = Surroundings()
    for piece in pieces:
        surroundings.feed(piece)
    return surroundings.closing()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param(" \n", "", id="nothing that shows"),
        pytest.param("\n    ", "\n", id="an indent"),
        pytest.param(" \t", "\n", id="an indent by a tab"),
        pytest.param("We call it", "\n\n", id="a sentence"),
        pytest.param("We call it\n", "\n", id="a line"),
        pytest.param("We call it\n\n", "", id="a paragraph"),
        pytest.param("```py\nx = 1", "\n```\n\n", id="a fence"),
        pytest.param("```py\nx = 1\n", "```\n\n", id="a fence behind a line's end"),
        pytest.param("```py\nx = 1\n```", "\n\n", id="a fence that is closed"),
        pytest.param("````\n```\nx\n```\n", "````\n\n", id="a longer fence"),
        pytest.param("~~~~\n```", "\n~~~~\n\n", id="tildes"),
        pytest.param("- a\n  ```\n  b", "\n  ```\n\n", id="a fence in a list"),
        pytest.param("- ```\n  b", "\n  ```\n\n", id="a fence that begins an item"),
        pytest.param("> ```\n> b", "\n> ```\n\n", id="a fence in a quotation"),
        pytest.param("> ```\n> b\nc", "\n\n", id="a fence that ended with its quotation"),
        pytest.param("- ```\n  b\nc", "\n\n", id="a fence that ended with its list"),
        pytest.param("    ```\nb", "\n\n", id="indented code"),
        pytest.param("a `b", "`\n\n", id="a code span"),
        pytest.param("a ```b\n", "…```\n\n", id="a code span behind a line's end"),
        pytest.param("a ```b\n ", "…```\n\n", id="a code span behind a line's end and a blank"),
        pytest.param("a ``b`", " ``\n\n", id="a code span that ends with a mark"),
        pytest.param("a `b` and `", "\n\n", id="a code span that is closed, and a mark"),
        pytest.param("| a | b |\n|---|---|\n| c", "\n\n", id="a table"),
        pytest.param("a **b", "**\n\n", id="strong emphasis"),
        pytest.param("a **b ", "…**\n\n", id="strong emphasis behind a blank"),
        pytest.param("a **b\n", "…**\n\n", id="strong emphasis behind a line's end"),
        pytest.param("a ***b* c", "**\n\n", id="emphasis of which a part is closed"),
        pytest.param("a *b ~~c __d", "__~~*\n\n", id="emphasis in emphasis"),
        pytest.param("snake_case, 2 * 3 and `**`, \\*a $x_1 * y$", "\n\n", id="what is no emphasis"),
        pytest.param("a **b\n\nc", "\n\n", id="emphasis of another paragraph"),
        pytest.param("- a **b\n- c", "\n\n", id="emphasis of another item"),
        pytest.param("- a **b\n  c", "**\n\n", id="emphasis over lines of an item"),
        pytest.param("see [the", "]\n\n", id="a link's text"),
        pytest.param("see [the](https://example.com/", " …)\n\n", id="a link"),
        pytest.param("see [the](", " … …)\n\n", id="a link to nothing"),
        pytest.param('see [the](<https://example.com/> "a ', " …)\n\n", id="a link's title"),
        pytest.param("**see [the](https://e.com/a_(b) c) d", "**\n\n", id="a link that is closed"),
        pytest.param("[![a](https://example.com/", " …)]\n\n", id="an image in a link"),
        pytest.param("a <https://example.com/", " …>\n\n", id="an autolink"),
        pytest.param('a <img src="https://example.com/', " …>\n\n", id="a tag"),
        pytest.param('<div class="a', '">\n\n</div>\n\n', id="a tag that begins its line"),
        pytest.param("a List<String", ">\n\n", id="what looks like a tag"),
        pytest.param("so\n$$\nx = ", "\n$$\n\n", id="display mathematics"),
        pytest.param("so $$x = ", "\n$$\n\n", id="display mathematics within a line"),
        pytest.param("so $$x$$ and \\[ y", "\n\\]\n\n", id="brackets of mathematics"),
        pytest.param("it costs $5 and $6", "\n\n", id="prices"),
        pytest.param("`$$` a", "\n\n", id="mathematics in code"),
        pytest.param("<details><summary>A</summary>\n\nb", "\n\n</details>\n\n", id="a folded part"),
        pytest.param("<details>\n<summary>A", "\n\n</summary>\n</details>\n\n", id="its summary"),
        pytest.param("<think>\nwell", "\n\n</think>\n\n", id="thoughts"),
        pytest.param("a <b>c", "</b>\n\n", id="an element within a line"),
        pytest.param("<div>\n<b>c", "</b>\n\n</div>\n\n", id="both"),
        pytest.param("a <br> b <img src=x> <hr/>", "\n\n", id="elements that hold nothing"),
        pytest.param("a < b and List<String> c <https://example.com>", "\n\n", id="what is no element"),
        pytest.param("<!-- a", "\n-->\n\n", id="a comment"),
        pytest.param("- <!-- a", "\n  -->\n\n", id="a comment in a list"),
        pytest.param("> <!-- a\n> b", "\n> -->\n\n", id="a comment in a quotation"),
        pytest.param("- <!-- a\n```", "\n```\n\n", id="a comment that ended with its list"),
        pytest.param("> <pre>\n```", "\n```\n\n", id="a raw block that ended with its quotation"),
        pytest.param("<pre>\na\n\nb", "\n</pre>\n\n", id="a raw block"),
        pytest.param("<pre>\na</pre>\nb", "\n\n", id="a raw block that is closed"),
        pytest.param("<div>\n```\n\nb", "\n\n</div>\n\n", id="no fence in a block of HTML"),
        pytest.param("<think>\n```\n\n```\nb", "\n```\n\n</think>\n\n", id="a fence behind a block of HTML"),
        pytest.param("- <div>\n```\nb", "\n```\n\n</div>\n\n", id="a block of HTML that ended with its list"),
        pytest.param("- a\n- <think>\n  ```\n\n  b", "\n\n</think>\n\n", id="a block of HTML in another item"),
        pytest.param("\t<think>\n```", "\n```\n\n</think>\n\n", id="a tag in code that a tab indents"),
        pytest.param("<!-->\n```", "\n```\n\n", id="a comment that its beginning ends"),
        pytest.param("```html\n<details>\n```\na", "\n\n", id="an element in code"),
    ],
)
def test_what_is_open_is_closed(text: str, expected: str) -> None:
    assert closing([text]) == closing(by_character(text)) == expected


SNIPPETS = [
    "```", "````", "~~~", "```py\n", "`", "``", "\n", "\n\n", "a", "b c", " ", "  ", "    ", "\t", "- ", "1. ",
    "10. ", "> ", "# ", "* ", "---\n", "===\n", "| a ", "|\n|-|\n", "[x](", "[z]: ", "![", "](", ")", "<", ">",
    "**", "_", "$$", "\\[", "\\]", "\\", "<b>", "</b>", "<div>", "</div>", "<details>", "<think>\n", "</think>",
    "<!--", "-->", "<pre>", "</pre>", "<?", "!", "<script>", "&amp;", "漢",
]  # fmt: skip


@given(data=st.data(), text=st.lists(st.sampled_from(SNIPPETS), max_size=16).map("".join))
def test_a_message_is_a_paragraph_of_its_own(data: st.DataObject, text: str) -> None:
    is_followed_by_a_paragraph(text, data.draw(cuts_of(text)))


@pytest.mark.parametrize("text", ["- <!--```py\n```", "> <!--\n```", "- - <pre>\n\n  ~~~"])
def test_a_fence_behind_a_raw_block_that_its_container_ended_is_closed(text: str) -> None:
    is_followed_by_a_paragraph(text, by_character(text))


def is_followed_by_a_paragraph(text: str, pieces: list[str]) -> None:
    joint = closing(pieces)
    assert joint == closing([text])
    opening, inline, end = MARKDOWN.parse(text + joint + MESSAGE)[-3:]
    assert (opening.type, opening.level, inline.content, end.type) == ("paragraph_open", 0, MESSAGE, "paragraph_close")
