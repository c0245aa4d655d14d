"""What an author reads of texts through the shipped policies, word for word.

`WRITE_GOLDEN=1 pytest tests/explanation/test_golden.py` writes the files anew, to be reviewed as a diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sidecar.explanation.lines import lines
from tests.explanation.cases import QUESTIONS, TOKEN, explainer

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_account_reads_as_it_did(name: str) -> None:
    told = "\n".join(lines(explainer().explain(QUESTIONS[name]))).replace(TOKEN, "(token)") + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(told, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == told


def test_every_golden_file_belongs_to_a_question() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {*QUESTIONS}
