"""What measures the code measures right: sizes of functions and classes, and what a commit added."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = '''
class Small:
    """Has two methods."""

    def one(self):
        """Counts from behind its docstring to its end, with what stands between."""
        first = 1

        # why
        return first

    async def two(self):
        def inner():
            return 1
        return inner

def empty():
    """Nothing but a docstring."""
'''


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_body_is_counted_behind_its_docstring_and_by_its_qualified_name() -> None:
    functions, classes = script("sizes").measured({"a.py": SOURCE})
    assert sorted((each.name, each.lines) for each in functions) == [
        ("a.py:Small.one", 4),
        ("a.py:Small.two", 3),
        ("a.py:Small.two.inner", 1),
        ("a.py:empty", 0),
    ]
    assert [(each.name, each.methods) for each in classes] == [("a.py:Small", 2)]


def test_what_is_too_large_is_told_but_for_named_exceptions_that_are_still_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = script("sizes")
    monkeypatch.setattr(sizes, "LONG_FUNCTIONS", {"a:table": "rows", "a:mended": "was long"})
    monkeypatch.setattr(sizes, "LARGE_CLASSES", {})
    functions = [sizes.Function(41, "a:long"), sizes.Function(40, "a:just"), sizes.Function(99, "a:table")]
    assert [*sizes.too_large(functions, [sizes.Class(26, "a:Large"), sizes.Class(25, "a:Fits")])] == [
        "a:long: 41 lines, at most 40",
        "a:Large: 26 methods, at most 25",
        "a:mended: not too large, so no exception",
    ]


@pytest.mark.parametrize(
    ("diff", "count"),
    [
        ('--- a/r.py\n+++ b/r.py\n+    "new": 1,\n+    other\n', 1),
        ('--- a/r.py\n+++ b/r.py\n-    "old": 1,\n+    "new": 1,\n', 0),
        ('diff --git a/r.py b/r.py\n--- /dev/null\n+++ b/r.py\n+    "new": 1,\n', 0),
    ],
)
def test_what_a_commit_added_is_what_appeared_less_what_went(diff: str, count: int) -> None:
    assert script("places").added(diff, r'^    "\w+": 1,$') == count
