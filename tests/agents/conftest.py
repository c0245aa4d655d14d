"""The programs, each of which a test gets in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.agents.programs import COMMANDS, FRAMEWORKS, Framework, Frameworks, Program


@pytest.fixture(scope="session")
def frameworks(missing: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frameworks]:
    """The process in which all frameworks run."""
    if not Frameworks.is_there():
        missing("the environment of the agents' frameworks (make agents)")
    process = Frameworks(tmp_path_factory.mktemp("frameworks"))
    yield process
    process.stop()


@pytest.fixture(params=[*(each.name for each in COMMANDS), *FRAMEWORKS])
def program(request: pytest.FixtureRequest, missing: Callable[[str], None]) -> Program:
    """One of the programs."""
    command = next((each for each in COMMANDS if each.name == request.param), None)
    if command is None:
        return Framework(request.param, request.getfixturevalue("frameworks"))
    if not command.path.exists():
        missing(f"{command.name} (make agents)")
    return command
