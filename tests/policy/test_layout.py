"""The layout of policy files: golden examples, and that nothing a file says is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sidecar.cli.policy import policy
from sidecar.errors import PolicyError
from sidecar.policy.compiler import digest_of
from sidecar.policy.document import read_documents
from sidecar.policy.layout import laid_out
from sidecar.policy.loader import load_text

ROOT = Path(__file__).parents[2]

GOLDEN = (
    pytest.param("a:   1\n", "a: 1\n", id="blanks behind a colon"),
    pytest.param("a: { b: 1,c: [ 1,2 ] }\n", "a: {b: 1, c: [1, 2]}\n", id="blanks in brackets"),
    pytest.param("a:\n- b\n- c\n", "a:\n  - b\n  - c\n", id="a list where its key stands"),
    pytest.param("a:\n    -   b: 1\n        c: 2\n", "a:\n  - b: 1\n    c: 2\n", id="four blanks"),
    pytest.param("a:\n- - b\n  - c\n", "a:\n  - - b\n    - c\n", id="a list in a list"),
    pytest.param("a: 1   \n\n\n\nb: 2", "a: 1\n\nb: 2\n", id="empty lines and blanks at ends"),
    pytest.param("a: 1 # x\n", "a: 1  # x\n", id="a comment behind a value"),
    pytest.param(
        "# top\n\na:\n    # of b\n    b: 1\n# of c\nc: 2\n",
        "# top\n\na:\n  # of b\n  b: 1\n# of c\nc: 2\n",
        id="comments",
    ),
    pytest.param(
        "a:\n    b: |\n        x\n          y\n    c: 1\n",
        "a:\n  b: |\n      x\n        y\n  c: 1\n",
        id="a block of text moves with its key",
    ),
    pytest.param("a:\n      b: one\n        two\n", "a:\n  b: one\n    two\n", id="a text over two lines"),
    pytest.param("a:\n    [b,\n     c]\n", "a:\n  [b,\n   c]\n", id="brackets over two lines"),
    pytest.param('a: "\\u202E"\n', 'a: "\\u202E"\n', id="an escape of what nobody sees"),
    pytest.param(
        "a: 0.50\nb: off\nc: 0x1F\n", "a: 0.50\nb: off\nc: 0x1F\n", id="numbers and words as they are written"
    ),
    pytest.param("a: &x {b: 1}\nc: *x\n", "a: &x {b: 1}\nc: *x\n", id="anchors"),
    pytest.param("a: 1\n---\n# next\nb:   2\n", "a: 1\n---\n# next\nb: 2\n", id="documents"),
    pytest.param("a: 1\r\nb:  2\r\n", "a: 1\nb: 2\n", id="ends of lines of Windows"),
    pytest.param(
        "a:\n  - b: 1\n    # of c\n    c: 2\n  # of the list\n  - d\n",
        "a:\n  - b: 1\n    # of c\n    c: 2\n  # of the list\n  - d\n",
        id="comments in a list",
    ),
    pytest.param("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\n", id="empty lines that belong to a text"),
)


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_it_is_laid_out(text: str, expected: str) -> None:
    assert laid_out(text, "p.yaml") == expected
    assert laid_out(expected, "p.yaml") == expected


@pytest.mark.parametrize("path", sorted((ROOT / "policies").rglob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_policies_are_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert laid_out(text, path.name) == text


KEYS = st.sampled_from(["a", "b", "'c d'", '"e"', "f-g"])
SCALARS = st.sampled_from(
    ["1", "0.50", "off", "x y", "'it''s'", '"\\u202E # no"', "'# no comment'", "x#y", "''", "[]", "{}"]
)
COMMENTS = st.sampled_from(["", "", "", "# one", "# two: {"])
BLANKS = st.sampled_from(["", " ", "   "])
WIDTHS = st.integers(1, 4)


@st.composite
def flows(draw: st.DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(SCALARS)
    items = draw(st.lists(flows(depth=depth - 1), max_size=3))
    blank = draw(BLANKS)
    if draw(st.booleans()):
        return f"[{blank}{f',{blank} '.join(items)}{blank}]"
    keys = draw(st.lists(KEYS, min_size=len(items), max_size=len(items), unique=True))
    return (
        f"{{{blank}{f', {blank}'.join(f'{key}: {blank}{item}' for key, item in zip(keys, items, strict=True))}{blank}}}"
    )


@st.composite
def blocks(draw: st.DrawFn, indent: int = 0, depth: int = 3) -> list[str]:
    """The lines of a block, indented by `indent` and laid out somehow."""
    pad, lines = " " * indent, []
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    for key in keys:
        lines += draw(st.lists(COMMENTS.map(lambda each: pad + each if each else ""), max_size=2))
        comment = draw(COMMENTS)
        ending = f" {comment}" if comment else ""
        match draw(st.integers(0, 4 if depth else 1)):
            case 0 | 1:
                lines.append(f"{pad}{key}:{draw(BLANKS)} {draw(flows())}{ending}")
            case 2:
                lines += [f"{pad}{key}:{ending}", *draw(blocks(indent + draw(WIDTHS), depth - 1))]
            case 3:
                own = indent + draw(st.integers(0, 3))
                lines.append(f"{pad}{key}:{ending}")
                lines += [f"{' ' * own}-{draw(BLANKS)} {draw(flows())}" for _ in range(draw(st.integers(1, 3)))]
            case 4:
                style = draw(st.sampled_from(["|", ">", "|-"]))
                margin = " " * (indent + draw(WIDTHS))
                lines += [f"{pad}{key}: {style}{ending}", f"{margin}text # none", "", f"{margin}  more"]
    return lines


@given(st.lists(blocks(), min_size=1, max_size=2))
def test_whatever_a_file_says_it_says_the_same_laid_out_and_is_not_laid_out_twice(documents: list[list[str]]) -> None:
    text = "\n---\n".join("\n".join(lines) for lines in documents)
    after = laid_out(text, "p.yaml")
    values = [document.value for document in read_documents(text, "p.yaml")]
    assert [document.value for document in read_documents(after, "p.yaml")] == values
    assert laid_out(after, "p.yaml") == after
    assert not any(line != line.rstrip() for line in after.splitlines())


MESSY = """\
# yaml-language-server: $schema=schema.json
apiVersion:   tidegate.dev/v1
kind: Policy
metadata: { name: p, version: "1" }   # who


rules:
- id: a   # the first
  detect: {detector: pii,labels: [ CREDIT_CARD ]}
  action:
      redact:
          with: mask
"""
TIDY = """\
# yaml-language-server: $schema=schema.json
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}  # who

rules:
  - id: a  # the first
    detect: {detector: pii, labels: [CREDIT_CARD]}
    action:
      redact:
        with: mask
"""


def test_a_policy_keeps_its_digest() -> None:
    (messy,), (tidy,) = load_text(MESSY), load_text(laid_out(MESSY, "p.yaml"))
    assert digest_of(messy.spec) == digest_of(tidy.spec)


def test_files_are_laid_out_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(MESSY, encoding="utf-8")
    path.chmod(0o640)
    result = CliRunner().invoke(policy, ["fmt", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (0, "1 file laid out, 0 left as they are\n")
    assert path.read_text(encoding="utf-8") == TIDY
    assert (path.stat().st_mode & 0o777, [each.name for each in tmp_path.iterdir()]) == (0o640, ["p.yaml"])
    assert CliRunner().invoke(policy, ["fmt", str(tmp_path)]).stderr == "0 files laid out, 1 left as they are\n"


def test_a_check_and_a_difference_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(MESSY, encoding="utf-8")
    checked = CliRunner().invoke(policy, ["fmt", "--check", str(path)])
    shown = CliRunner().invoke(policy, ["fmt", "--diff", str(path)])
    assert (checked.exit_code, checked.stdout, shown.exit_code) == (1, f"{path}\n", 0)
    assert "-apiVersion:   tidegate.dev/v1\n+apiVersion: tidegate.dev/v1\n" in shown.stdout
    assert path.read_text(encoding="utf-8") == MESSY
    path.write_text(TIDY, encoding="utf-8")
    assert CliRunner().invoke(policy, ["fmt", "--check", str(path)]).exit_code == 0


def test_an_editor_hands_a_text_through() -> None:
    result = CliRunner().invoke(policy, ["fmt", "-"], input=MESSY)
    assert (result.exit_code, result.stdout) == (0, TIDY)


def test_what_is_not_yaml_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("rules: [\n", encoding="utf-8")
    result = CliRunner().invoke(policy, ["fmt", str(path)])
    assert (result.exit_code, "error TG004" in result.stderr) == (1, True)
    assert path.read_text(encoding="utf-8") == "rules: [\n"


def test_a_file_that_is_not_text_is_told_and_the_others_are_laid_out(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(MESSY.replace("apiVersion", "# p\xf6licy\napiVersion", 1).encode("latin-1"))
    (tmp_path / "b.yaml").write_text(MESSY, encoding="utf-8")
    result = CliRunner().invoke(policy, ["fmt", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == (
        f"{tmp_path}/a.yaml:2:1: error TG002: this is not UTF-8 text. Save the file as UTF-8.\n"
        "1 file laid out, 0 left as they are\n"
    )
    assert (tmp_path / "b.yaml").read_text(encoding="utf-8") == TIDY


def test_what_would_say_something_else_is_refused() -> None:
    with pytest.raises(PolicyError, match="cannot be laid out without changing what it says"):
        laid_out("? a\n: 1\n", "p.yaml")
