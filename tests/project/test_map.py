"""CONTRIBUTING's map of the code is what the import contracts say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def _contract(package: str) -> list[set[str]]:
    """The layers of a package, from the top."""
    [layers] = [each["layers"] for each in CONTRACTS if each.get("containers") == [package]]
    return [set(re.findall(r"\w+", layer)) for layer in layers]


def _map(package: str) -> list[set[str]]:
    """The numbered list under the package's heading: the names that stand before a colon."""
    [text] = re.findall(rf"^\*\*Inside `{package}`\*\*.*?\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\d+\. ([^:\n]*)", text, re.MULTILINE)
    return [set(re.findall(r"`(\w+)`", line)) for line in lines]


@pytest.mark.parametrize("package", ["sidecar", "detectors"])
def test_the_map_of_a_package_is_its_contract(package: str) -> None:
    assert _map(package) == _contract(package)


def test_the_table_of_folders_has_what_looks_at_what() -> None:
    [layers] = [each["layers"] for each in CONTRACTS if each["type"] == "layers" and "containers" not in each]
    contract = {name for layer in layers for name in re.findall(r"\w+", layer)}
    table = re.findall(r"^\| (`[\w/`, ]+`) \| .* \| .*\|$", PAGE, re.MULTILINE)
    rows = [name.removeprefix("client/") for row in table for name in re.findall(r"`([\w/]+)`", row)]
    assert set(rows) == contract
    assert [*reversed(rows)].index("benchmarks") == 0


def test_pages_name_files_and_modules_that_there_are() -> None:
    """Paths in backticks, but for those with a NAME to be filled in."""
    paths = re.findall(r"`((?:client|detectors|sidecar|workbench|scripts|tests|docs|policies)/[\w./]+)`", PAGE)
    assert len(paths) > 15
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []
