"""Lists beside policies: used by name, part of the digest, wrong at their lines, followed when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.offline import guard_text
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.store import PolicyStore

POLICY = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
rules:
  - id: codes
    detect: {detector: patterns, keywords: {CODE: USE}}
    action: {redact: {with: text, text: "#"}}
"""
LIST = """\
apiVersion: tidegate.dev/v1
kind: List
metadata: {name: codenames, version: "1"}
values: [falcon, osprey]
"""


def write(folder: Path, use: str = "{list: codenames}", listed: str = LIST) -> Path:
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "lists/codenames.yaml").write_text(listed)
    path = folder / "p.yaml"
    path.write_text(POLICY.replace("USE", use))
    return path


def said(compiled: CompiledFile) -> list[str]:
    return [
        f"{Path(each.file).name}:{each.line}:{each.column}: {each.message}. {each.remedy}" for each in compiled.errors
    ]


@pytest.mark.parametrize(
    ("use", "out"),
    [
        ("{list: codenames}", "# # kestrel"),
        ("[kestrel, {list: codenames}]", "# # #"),
        ("{terms: {list: codenames}, case_sensitive: true}", "# # kestrel"),
        ("[kestrel]", "falcon osprey #"),
    ],
)
def test_a_rule_uses_a_list_by_name(use: str, out: str, tmp_path: Path) -> None:
    [(_, plan)] = compile_file(write(tmp_path, use)).policies
    assert guard_text(plan, "falcon osprey kestrel").text() == out
    assert guard_text(plan, list("falcon osprey kestrel")).text() == out


def test_exceptions_use_lists_too(tmp_path: Path) -> None:
    path = write(tmp_path, "[falcon, osprey, kestrel]", LIST.replace("osprey", '"k*"'))
    path.write_text(path.read_text() + "    except: [{value: {list: codenames}, reason: r, owner: o}]\n")
    [(_, plan)] = compile_file(path).policies
    assert guard_text(plan, "falcon osprey kestrel").text() == "falcon # kestrel"


def test_a_policys_digest_is_that_of_what_its_lists_hold(tmp_path: Path) -> None:
    def digest(use: str, listed: str) -> str:
        [(_, plan)] = compile_file(write(tmp_path, use, listed)).policies
        return plan.digest

    first = digest("{list: codenames}", LIST)
    assert digest("{list: codenames}", "# said otherwise\n" + LIST) == first
    assert digest("{list: codenames}", LIST.replace("osprey", "merlin")) != first
    assert digest("[falcon, osprey]", LIST) == first  # the same rule, written out


@pytest.mark.parametrize(
    ("use", "listed", "errors"),
    [
        (
            "{list: codename}",
            LIST,
            ["p.yaml:6:58: there is no list `codename`. Did you mean `codenames`?"],
        ),
        (
            "{list: codenames}",
            LIST.replace("[falcon, osprey]", "[falcon, 7]"),
            [
                "p.yaml:6:58: the list `codenames` is wrong itself, or two have this name."
                " Correct it in its own file, and keep one of two."
            ],
        ),
        (
            "{list: codenames}",
            LIST + "---\n" + LIST,
            [
                "p.yaml:6:58: the list `codenames` is wrong itself, or two have this name."
                " Correct it in its own file, and keep one of two."
            ],
        ),
        (
            "{list: codenames}",
            LIST.replace("[falcon, osprey]", "&a [falcon, {list: *a}]"),
            ["p.yaml:6:58: there is no list `codenames`. Put it into the folder `lists` beside the policy's file."],
        ),
    ],
)
def test_a_list_that_is_not_there_or_wrong_is_told_where_it_is_named(
    use: str, listed: str, errors: list[str], tmp_path: Path
) -> None:
    assert said(compile_file(write(tmp_path, use, listed))) == errors


def test_what_is_wrong_in_a_list_is_told_at_its_line(tmp_path: Path) -> None:
    write(tmp_path, listed=LIST.replace("[falcon, osprey]", "[falcon, 7]").replace("version", "versoin"))
    assert said(compile_file(tmp_path / "lists/codenames.yaml")) == [
        "codenames.yaml:3:29: unknown key `versoin`. Did you mean `version`?",
        'codenames.yaml:4:18: `7` is not text. Put it in quotes: "7".',
    ]


def test_a_reload_follows_a_list(tmp_path: Path) -> None:
    write(tmp_path)
    store = PolicyStore([tmp_path])
    store.load()
    before, state = store.plans["p"], store.state()
    assert store.reload()
    assert store.plans["p"] is before
    write(tmp_path, listed=LIST.replace("osprey", "merlin"))
    assert store.state() != state
    assert store.reload()
    assert guard_text(store.plans["p"], "osprey merlin").text() == "osprey #"
    write(tmp_path, listed=LIST.replace("values:", "value:"))
    assert not store.reload()
    assert guard_text(store.plans["p"], "osprey merlin").text() == "osprey #"  # the last that was right
