"""A character of a YAML text is found in its file, however the text is written there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.policy.codes import Code
from sidecar.policy.document import read_documents


def place_of(text: str, word: str) -> tuple[int, int]:
    """Where `word` of the value of `when` stands, by line and column."""
    [document] = read_documents(text, "p.yaml")
    error = document.source.error(("when",), Code.WRONG_KIND, "wrong", offset=document.value["when"].index(word))
    return error.line, error.column


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("when: a == foo\n", (1, 12)),
        ('when: "a == foo"\n', (1, 13)),
        ('when: "\\"a\\" == foo"\n', (1, 17)),
        ('when: "\\u00e9 == foo"\n', (1, 18)),
        ("when: 'it''s == foo'\n", (1, 17)),
        ("when: |\n  a &&\n  foo\n", (3, 3)),
        ("when: |-\n    a &&\n      foo\n", (3, 7)),
        ("when: >\n  a &&\n  foo\n", (3, 3)),
        ("when: a &&\n  foo\n", (2, 3)),
        ('when: "a &&\n\n  foo"\n', (3, 3)),
        ('when: "a && \\\n  foo"\n', (2, 3)),
        ("{when: 'a && foo'}\n", (1, 14)),
        ("x: 1\nwhen: \U0001f600 foo\n", (2, 9)),
        ("when: a &&\r\n  foo\r\n", (2, 3)),
    ],
)
def test_a_word_of_a_text_is_found(text: str, place: tuple[int, int]) -> None:
    assert place_of(text, "foo") == place


@settings(max_examples=200, deadline=None)
@given(before=st.text(alphabet="ab '\"\\é\U0001f600", max_size=8), style=st.sampled_from("'\"|"))
def test_what_stands_before_a_word_does_not_move_it(before: str, style: str) -> None:
    written = {
        "'": f"when: '{before.replace(chr(39), chr(39) * 2)}#foo'\n",
        '"': 'when: "' + before.replace("\\", "\\\\").replace('"', '\\"') + '#foo"\n',
        "|": f"when: |\n  :{before}#foo\n",
    }[style]
    line, column = place_of(written, "#foo")
    assert written.split("\n")[line - 1][column - 1 :].startswith("#foo")
