"""The glossary names each class where it stands, and no other class has such a name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| ([\w ,]+) \| .* \| `([\w.]+)` \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
FORMS = ("client/tidegate/types.py", "sidecar/outbox/event.py", "demo/topic.py")
"""Where the client's and the events' forms of things stand, which have the names of the things."""


def _classes() -> dict[str, set[str]]:
    """Class names -> the modules that define them."""
    found = defaultdict(set)
    for package in ("sidecar", "detectors", "workbench", "client/tidegate", "demo"):
        for path in (ROOT / package).rglob("*.py"):
            module = str(path.relative_to(ROOT).with_suffix("")).removeprefix("client/").replace("/", ".")
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    found[node.name].add(module)
    return found


CLASSES = _classes()
OF_FORMS = {form.removeprefix("client/").removesuffix(".py").replace("/", ".") for form in FORMS}


def test_the_glossary_has_rows_with_classes() -> None:
    assert len(ROWS) > 25
    assert len({word for word, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("word", "place"), ROWS)
def test_a_words_class_stands_where_the_glossary_says_and_nowhere_else(word: str, place: str) -> None:
    module, _, name = place.rpartition(".")
    assert name.lower() == word.replace(" ", "")
    assert module in CLASSES[name]
    assert CLASSES[name] - {module} - OF_FORMS == set()
