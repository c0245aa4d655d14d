"""What the project's files may say: nothing of the machine they were written on, and no package index."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = sorted(ROOT.glob("requirements/*.txt"))

# Put together here, so that this file does not hold what it looks for.
INDEX_HOSTS = ("py" + "pi.org", "pythonhosted" + ".org", "registry.npm" + "js.org")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:" + "|".join(("ro" + "ot", "wo" + "rk", "home/" + r"\w+")) + r")/\w")
TOKENS = re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|xox[abpr]-[0-9A-Za-z-]{20,})\b")


@cache
def _texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    paths = [ROOT / name for name in listed if name]
    return {str(path.relative_to(ROOT)): text for path in paths if (text := _read(path)) is not None}


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (UnicodeDecodeError, FileNotFoundError):
        return None  # a binary file, or one that is being removed


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_no_file_names_a_package_index(host: str) -> None:
    assert [name for name, text in _texts().items() if host in text] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert [
        f"{name}: {found.group()}" for name, text in _texts().items() if (found := MACHINE_PATHS.search(text))
    ] == []


def test_no_file_holds_a_secret_in_the_shape_of_a_real_one() -> None:
    assert [name for name, text in _texts().items() if TOKENS.search(text)] == []


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_a_hash_and_names_no_source(path: Path) -> None:
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    requirements = text.replace("\\\n", " ").splitlines()

    assert requirements
    assert [line for line in requirements if not re.match(r"^[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_every_client_in_node_is_pinned_with_a_hash_and_names_no_source() -> None:
    folder = ROOT / "tests/node"
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    packages = {path: each for path, each in locked.items() if path}

    assert locked[""]["dependencies"] == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [path for path, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    assert [path for path, each in packages.items() if "resolved" in each] == []


def test_the_lock_holds_every_direct_dependency_but_the_client_that_lies_beside() -> None:
    project = _project("pyproject.toml")
    client = _project("client/pyproject.toml")
    extras = project["optional-dependencies"]
    pinned = {path.name: _names(path) for path in REQUIREMENTS}
    service = {_name(each) for each in [*project["dependencies"], *client["dependencies"]]} - {"tidegate"}

    assert service <= pinned["service.txt"]
    assert {*service, *(_name(each) for each in [*extras["demo"], *extras["dev"]])} <= pinned["dev.txt"]


def test_the_service_asks_for_the_client_of_its_own_version() -> None:
    client, service = _project("client/pyproject.toml"), _project("pyproject.toml")

    assert f"tidegate=={client['version']}" in service["dependencies"]
    assert client["version"] == service["version"]


def _project(path: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / path).read_text())["project"]
    return project


def _names(path: Path) -> set[str]:
    return {_name(line) for line in path.read_text().splitlines() if re.match(r"\w", line)}


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=;!~]", requirement, maxsplit=1)[0]).lower()
