"""Policy files, as commands are given them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sidecar.cli.ending import Failure
from sidecar.errors import PolicyError
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.loader import policy_files
from sidecar.policy.rollouts import errors_together


def compiled(paths: Sequence[Path]) -> list[CompiledFile]:
    """The files among the paths, compiled with a key that is public. Raises `Failure` where there is none."""
    files = policy_files(paths)
    if not files:
        raise Failure(f"there is no *.yaml or *.yml file in {', '.join(map(str, paths))}")
    return [compile_file(path, public_keys()) for path in files]


def errors_of(files: Sequence[CompiledFile]) -> list[PolicyError]:
    """What is wrong with the files, each by itself and together."""
    return [error for file in files for error in file.errors] + errors_together(files)
