"""The example in TypeScript: its generated code is what `proto/` gives, it compiles, and it guards."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.door import ROOT, door
from tests.conformance.tools import NODE, node

EXAMPLE = ROOT / "clients" / "typescript"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str], None]) -> Path:
    """The example's folder, compiled, with the packages that the tests have."""
    node(missing)
    folder = tmp_path_factory.mktemp("typescript") / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    (folder / "node_modules").symlink_to(NODE / "node_modules")
    subprocess.run([folder / "node_modules/.bin/tsc", "--project", folder], check=True)
    return folder


def example(folder: Path, address: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", folder / "build" / "example.js", address], input=text, capture_output=True, text=True, timeout=60
    )


def test_its_code_is_what_the_wire_api_gives(built: Path, tmp_path: Path):
    """If this fails, do what clients/typescript/README.md says, and commit the result."""
    plugin = built / "node_modules/.bin/protoc-gen-es"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'proto'}"]
    options = [f"--plugin=protoc-gen-es={plugin}", f"--es_out={tmp_path}", "--es_opt=target=js+dts"]
    subprocess.run([*command, *options, "tidegate/v1/guard.proto"], check=True)

    for name in ("guard_pb.js", "guard_pb.d.ts"):
        assert filecmp.cmp(tmp_path / "tidegate/v1" / name, EXAMPLE / "gen/tidegate/v1" / name, shallow=False), name


def test_it_guards_what_comes_on_standard_input(built: Path, tmp_path: Path):
    with door("light", tmp_path) as running:
        said = example(built, running.address, "Hello there. All is well.")

    assert (said.returncode, said.stdout) == (0, "Hello there. All is well.")
    assert "violations under" in said.stderr


def test_it_says_what_went_wrong(built: Path):
    said = example(built, "127.0.0.1:1", "Hello.")

    assert (said.returncode, said.stdout) == (1, "")
    assert "Unavailable" in said.stderr
    assert "worth another try" in said.stderr
