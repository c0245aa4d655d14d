"""The container image, as far as a Dockerfile says it: what it is built from, and as whom it runs."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from sidecar.cli.main import main

ROOT = Path(__file__).parents[2]


class Instruction(NamedTuple):
    name: str
    arguments: str


def _instructions() -> list[Instruction]:
    source = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = source.replace("\\\n", " ").splitlines()
    return [Instruction(*line.split(None, 1)) for line in lines if line.strip()]


def _stages() -> list[list[Instruction]]:
    stages: list[list[Instruction]] = []
    for instruction in _instructions():
        if instruction.name == "FROM":
            stages.append([])
        stages[-1].append(instruction)
    return stages


def _copied() -> set[str]:
    copies = [
        each.arguments.split() for each in _instructions() if each.name == "COPY" and "--from" not in each.arguments
    ]
    return {source for words in copies for source in words[:-1]}


def _last(name: str) -> str:
    return [each.arguments for each in _stages()[-1] if each.name == name][-1]


@pytest.mark.parametrize("source", sorted(_copied()))
def test_what_is_copied_exists_and_is_sent_to_the_builder(source: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert (ROOT / source).exists()
    assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed)


def test_the_image_has_no_compilers_or_build_tools_in_its_last_stage() -> None:
    runs = [each.arguments for each in _stages()[-1] if each.name == "RUN"]

    assert len(_stages()) == 2
    assert not any("pip" in arguments or "apt" in arguments for arguments in runs)


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    user, group = _last("USER").split(":")

    assert int(user) > 0
    assert int(group) > 0


def test_a_user_that_the_platform_chooses_may_write_its_outbox() -> None:
    """Such platforms put their user into the group of root."""
    [made] = [
        each.arguments for each in _stages()[-1] if each.name == "RUN" and "install --directory" in each.arguments
    ]

    assert "--group=root --mode=0770 " + _last("VOLUME") in made


def test_it_is_installed_with_hashes() -> None:
    installs = [
        command
        for each in _instructions()
        if each.name == "RUN"
        for command in each.arguments.split("&&")
        if "pip install" in command
    ]

    assert installs
    assert all("--require-hashes" in command or "--no-deps /dist/" in command for command in installs)


def test_what_it_writes_is_on_the_volume() -> None:
    environment = dict(pair.split("=", 1) for pair in _last("ENV").split())

    assert environment["TIDEGATE_OUTBOX__PATH"].startswith(_last("VOLUME") + "/")


def test_it_checks_its_own_readiness_and_serves() -> None:
    assert _last("HEALTHCHECK").endswith('CMD ["tidegate", "health"]')
    assert "health" in main.commands
    assert json.loads(_last("ENTRYPOINT")) == ["tidegate"]
    assert json.loads(_last("CMD")) == ["serve"]
