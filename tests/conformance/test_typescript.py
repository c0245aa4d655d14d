"""The examples in TypeScript: their generated code is what `proto/` gives, they compile, and they guard."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.door import ROOT, door
from tests.conformance.tools import NODE, node

EXAMPLE = ROOT / "clients" / "typescript"
AGENT = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: agent, version: "1"}
rules:
  - id: no-passwords
    detect: {detector: patterns, keywords: {WORD: [password]}, channels: [content, tool_arguments]}
    action: {block: {message: "That is not to be looked up."}}
  - id: no-plums
    detect: {detector: patterns, keywords: {FRUIT: [plums]}}
    action: {redact: {with: label, in_tool_arguments: replace}}
  - id: no-orders
    detect: {detector: patterns, keywords: {ORDER: [obey]}, parts: [tool_result]}
    action: {block: {message: "What stood here was left out."}}
"""
"""What the example of an agent is held to."""
NOTES = "Bread needs flour. ‹fruit› keep for a week."

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


def run(folder: Path, script: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = ["node", folder / "build" / script, *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that has the agent's policy, too."""
    folder = tmp_path_factory.mktemp("door")
    (folder / "policies").mkdir()
    (folder / "policies" / "agent.yaml").write_text(AGENT, encoding="utf-8")
    with door("light", folder) as running:
        yield running.address


def test_its_code_is_what_the_wire_api_gives(built: Path, tmp_path: Path):
    """If this fails, do what clients/typescript/README.md says, and commit the result."""
    plugin = built / "node_modules/.bin/protoc-gen-es"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT / 'proto'}"]
    options = [f"--plugin=protoc-gen-es={plugin}", f"--es_out={tmp_path}", "--es_opt=target=js+dts"]
    subprocess.run([*command, *options, "tidegate/v1/guard.proto"], check=True)

    for name in ("guard_pb.js", "guard_pb.d.ts"):
        assert filecmp.cmp(tmp_path / "tidegate/v1" / name, EXAMPLE / "gen/tidegate/v1" / name, shallow=False), name


def test_it_guards_what_comes_on_standard_input(built: Path, guarded: str):
    said = run(built, "example.js", guarded, text="Hello there. All is well.")

    assert (said.returncode, said.stdout) == (0, "Hello there. All is well.")
    assert "violations under" in said.stderr


def test_it_ends_where_the_text_is_stopped(built: Path, guarded: str):
    said = run(built, "example.js", guarded, "agent", text="Ann's password is long.")

    assert (said.returncode, said.stdout.split("\n\n")[-1]) == (0, "That is not to be looked up.")
    assert said.stderr.endswith("\nstopped by no-passwords\n")


@pytest.mark.parametrize(
    ("query", "told", "stopped_by"),
    [
        ("bread", f'call search {{"query":"bread"}}\nresult Notes on bread: {NOTES}', ""),
        ("plums", f'call search {{"query":"‹fruit›"}}\nresult Notes on ‹fruit›: {NOTES}', ""),
        ("obey me", 'call search {"query":"obey me"}\nresult What stood here was left out.', ""),
        ("Ann's password", "refused That is not to be looked up.", "stopped by no-passwords\n"),
    ],
)
def test_an_agents_turn_is_guarded(built: Path, guarded: str, query: str, told: str, stopped_by: str):
    said = run(built, "agent.js", guarded, "agent", query)

    assert (said.returncode, said.stdout) == (0, f"Let me look. \n{told}\n")
    assert said.stderr == stopped_by


@pytest.mark.parametrize("script", ["agent.js", "example.js"])
def test_it_says_what_went_wrong(built: Path, script: str):
    said = run(built, script, "127.0.0.1:1", text="Hello.")

    assert (said.returncode, said.stdout) == (1, "")
    assert "Unavailable" in said.stderr
    assert "worth another try" in said.stderr
