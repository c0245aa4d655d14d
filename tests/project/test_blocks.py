"""What the documentation shows for copying is right: command lines, settings, pieces of policies, JSON and Python."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from sidecar.cli.main import main
from sidecar.config import Settings
from sidecar.policy.compiler import compile_file

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "client/README.md", ROOT / "deploy/README.md"]
TRIED_ELSEWHERE = {"README.md", "authoring.md", "day.md", "policies.md", "policy-codes.md"}
"""Pages whose YAML has tests of its own; some of it is wrong on purpose."""
OF_OTHERS = {"guardrails", "mcpGuardrails", "plugins"}
"""First keys of configuration that is another product's."""
OWN_MODEL = "my-model"
"""A reader's model, of which its page says how it comes to be there."""
HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: any, version: "1"}\n'
RULES = "rules: [{id: insults, detect: {detector: patterns, keywords: {NAME: [Kraken]}}, action: redact}]\n"


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.name, block)
        for page in PAGES
        for block in re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    ]


def command_lines() -> list[str]:
    """Each command line of `tidegate`, without what stands before it, and a comment or a pipe behind it."""
    lines = [line for _, block in blocks(r"[^\n]*") for line in block.replace("\\\n", " ").splitlines()]
    before = r"^(?:\$ )?(?:.*(?:&& |\| |until ))?(?:[A-Z_]+=\S+ )*"
    found = [command for line in lines for command in re.findall(f"{before}(tidegate .*)", line)]
    return sorted({re.split(r"\s\d?[|&;<>#]|;|\s--\s", command)[0].strip() for command in found})


def yaml_blocks() -> list[tuple[str, str]]:
    return [(page, text) for page, text in blocks("yaml") if page not in TRIED_ELSEWHERE and OWN_MODEL not in text]


@pytest.mark.parametrize("command", command_lines())
def test_a_command_line_is_one_that_exists(command: str) -> None:
    """With `--help` a command line is parsed and not run; an unknown command or option is an error all the same."""
    done = CliRunner().invoke(main, [*shlex.split(command)[1:], "--help"])

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("page", "text"), yaml_blocks())
def test_settings_and_pieces_of_policies_are_right(page: str, text: str, tmp_path: Path) -> None:
    value: Any = YAML(typ="safe", pure=True).load(text)
    if isinstance(value, dict) and set(value) <= set(Settings.model_fields):
        Settings.model_validate(value)
    elif not isinstance(value, dict) or not OF_OTHERS & set(value):
        assert wrong_in(text, tmp_path) == [], page


def wrong_in(piece: str, folder: Path) -> list[str]:
    """What is wrong with a policy that has this piece: a list of rules, or keys of its top."""
    part = f"rules:\n{indent(piece, '  ')}" if piece.lstrip().startswith("- ") else piece
    (folder / "p.yaml").write_text(HEAD + part + ("" if "rules:" in part else RULES))
    return [each.message for each in compile_file(folder / "p.yaml", None).errors]


@pytest.mark.parametrize(("page", "text"), blocks("json"))
def test_json_is_json(page: str, text: str) -> None:
    """A block is one document, or one a line."""
    assert is_json(text) or all(map(is_json, text.splitlines())), page


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_is_python(page: str, code: str) -> None:
    compile(code, page, "exec")
