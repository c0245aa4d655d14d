"""The texts that were written one by one: both labels in each part, nothing that harmless texts are judged by."""

from __future__ import annotations

import collections
import random
import re

from benchmarks.quality.harmless import SUBJECTS
from training.encoder.synthetic.passages import passage_rows
from training.encoder.synthetic.written import harmless_words
from training.encoder.synthetic.written.prompts import written_prompts

RUN = 5


def runs(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def test_no_sentence_is_one_that_harmless_texts_are_judged_by() -> None:
    judged = {run for sentences in SUBJECTS.values() for each in sentences for run in runs(each)}
    assert [each for sentences in harmless_words().values() for each in sentences if runs(each) & judged] == []


def test_users_and_documents_have_both_labels() -> None:
    rows = written_prompts(random.Random(1), times=1)
    kinds = collections.Counter((row.kind, (row.foreign or row.injection or (None,))[0]) for row in rows)
    assert kinds.keys() == {("direct", 1), ("benign", 0), ("indirect", 1), ("document", 0)}
    assert kinds["direct", 1] > 100
    assert kinds["indirect", 1] == kinds["document", 0] > 100
    assert len({row.language for row in rows}) > 20


def test_a_line_keeps_its_newlines() -> None:
    assert any("\n" in row.text for row in written_prompts(random.Random(1), times=1))
    assert not any("\\n" in row.text for row in written_prompts(random.Random(1), times=1))


def test_passages_are_made_of_them_too() -> None:
    harmless = [row.text for row in passage_rows(random.Random(3), harmless=60, attacked=0)]
    sentences = [each for each in harmless_words()["kitchen"] if len(each) > 40]
    assert any(each in text and len(text) > 400 for each in sentences for text in harmless)
