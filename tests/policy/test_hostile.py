"""Files that are made to hurt the loader: a clear error each, in work that is bounded by the file's size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.policy import document
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.document import MAX_DOCUMENTS, MAX_NODES, read_documents

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\n'
RULE = "rules: [{id: a, detect: {detector: patterns, %s}, action: redact}]\n"
MEGABYTE = 1_000_000


def compiled(folder: Path, text: str | bytes) -> CompiledFile:
    path = folder / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return compile_file(path)


def laughs(kind: str) -> str:
    """Nine of each line before, twelve lines deep."""
    opened, closed = kind[0], kind[1]
    lines = [f"a0: &a0 {opened}x: y{closed}" if kind == "{}" else "a0: &a0 [x]"]
    for number in range(1, 13):
        uses = [f"k{each}: *a{number - 1}" if kind == "{}" else f"*a{number - 1}" for each in range(9)]
        lines.append(f"a{number}: &a{number} {opened}{', '.join(uses)}{closed}")
    return "\n".join(lines)


HOSTILE = {
    "lists that double": (HEAD + laughs("[]"), "holds more than 100,000 values"),
    "mappings that double": (HEAD + laughs("{}"), "holds more than 100,000 values"),
    "an alias in itself": (HEAD + "rules: &a [*a]\n", "stands in what it stands for"),
    "an alias in itself, further in": (HEAD + "rules: &a [{id: [{x: *a}]}]\n", "stands in what it stands for"),
    "an alias of nothing": (HEAD + "rules: *nobody\n", "no anchor"),
    "nested flow lists": (HEAD + "rules: " + "[" * 900 + "]" * 900, "nested too deeply"),
    "more of them than libyaml takes": (HEAD + "rules: " + "[" * 100_000, "nested too deeply"),
    "nested flow mappings": (HEAD + "rules: " + "{a: " * 900 + "1" + "}" * 900, "nested too deeply"),
    "nested block lists": (HEAD + "rules:\n" + "- " * 900 + "x\n", "nested too deeply"),
    "a million brackets": ("]" * MEGABYTE, "this is not YAML"),
    "a million quotes": (HEAD + "rules: " + '"' * MEGABYTE, "this is not YAML"),
    "a million question marks": ("? " * (MEGABYTE // 2), "nested too deeply"),
    "a number of 900,000 digits": (HEAD + f"metadata2: {'9' * 900_000}\nrules: []\n", "too long for a number"),
    "a number beyond all": (HEAD.replace('"1"', '"1", order: 1e999'), "metadata.order"),
    "a regex of a megabyte": (HEAD + RULE % f"patterns: [{{label: A, regex: '{'(a|b)*' * 140_000}'}}]", ""),
    "a regex that repeats repeats": (HEAD + RULE % "patterns: [{label: A, regex: '((a{500}){500}){500}'}]", ""),
    "half a character": (HEAD + b"rules: \xed\xa0\x80\n".decode("utf-8", "surrogatepass"), ""),
    "a NUL": (HEAD + "rules: \x00\n", "this is not YAML"),
    "ten thousand documents": ("---\na: 1\n" * 10_000, "holds more than 1,000 documents"),
    "another file's tag": (HEAD + "rules: !!python/object/apply:os.system [ls]\n", "is not part of the language"),
    "a condition of a megabyte": (HEAD + RULE % "keywords: {A: [a]}}, when: 'true" + " && true" * 100_000, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_place_and_a_remedy(name: str, tmp_path: Path) -> None:
    text, said = HOSTILE[name]
    found = compiled(tmp_path, text.encode("utf-8", "surrogatepass"))
    assert found.policies == ()
    assert any(said in each.message or said in each.path for each in found.errors)
    assert all(each.line > 0 and each.remedy and len(str(each)) < 2_000 for each in found.errors)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.yaml")
    [error] = compile_file(tmp_path / "p.yaml").errors
    assert "it is a pipe" in error.message


def test_a_pipe_among_lists_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    os.mkfifo(tmp_path / "lists/a.yaml")
    found = compiled(tmp_path, HEAD + RULE % "keywords: {A: {list: a}}")
    assert [each.message for each in found.errors] == ["there is no list `a`"]


@pytest.mark.parametrize("kind", ["[]", "{}"])
def test_what_aliases_stand_for_is_built_up_to_a_limit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted work: nodes that are visited, however many the file speaks of."""
    visited = 0
    node = document._Builder._node

    def counted(self: document._Builder, *args: object) -> object:
        nonlocal visited
        visited += 1
        return node(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(document._Builder, "_node", counted)
    [read] = read_documents(laughs(kind), "p.yaml")
    assert read.value is None
    assert visited == MAX_NODES + 1


def test_documents_are_read_up_to_a_limit() -> None:
    document = "---\na: 1\n"
    assert len([*read_documents(document * MAX_DOCUMENTS, "p.yaml")]) == MAX_DOCUMENTS
    *right, last = read_documents(document * 3 * MAX_DOCUMENTS, "p.yaml")
    assert len(right) == MAX_DOCUMENTS
    assert not any(each.errors for each in right)
    [error] = last.errors
    assert (error.code, error.line) == ("TG003", 2 * MAX_DOCUMENTS + 2)


PIECES = st.sampled_from(
    ["&a ", "*a", "- ", "? ", ": ", "  ", "!!int ", "!x ", "<<: ", "---\n", "1e9999", "%YAML 9.9\n"]
) | (st.sampled_from("[]{}\n'\"|>#a1~\t\x85\u2028\ufeff\\\U0001f600\x7f"))


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECES, max_size=60))
def test_any_text_is_a_policy_or_has_an_error_with_a_place(pieces: list[str]) -> None:
    for each in read_documents("".join(pieces), "p.yaml"):
        assert all(error.line > 0 and error.column > 0 and error.remedy for error in each.errors)
