"""A corpus of agents' work, made from what is on this machine: nothing of it is written anywhere.

Each piece is one message: an operator's instructions, a tool's definition, a call of a tool, its result, or a file that
a user hands over. Instructions and definitions are those that real programs send (`tests.agents`), for as many of them
as are installed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents.programs import COMMANDS, FRAMEWORKS, Framework, Frameworks, Program
from tests.agents.script import Say
from tests.agents.sessions import run

ROOT = Path(__file__).parents[2]
PACKAGES = Path(sysconfig.get_paths()["purelib"])
OWN = ("sidecar/core", "sidecar/transport", "sidecar/outbox", "tidegate", "deploy", "scripts")
"""What of this repository is work like any other: other folders quote attacks, to find them."""
SEED = 7
MOST_CHARS = 12_000
"""What tools of such programs cut their results at, or sooner."""
_SOURCES = frozenset("py pyi c h js ts sh css html".split())
_READMES = frozenset("md rst txt".split())
_SETTINGS = frozenset("toml cfg ini json yaml yml lock in".split())


@dataclass(frozen=True)
class Piece:
    """One message: what it is, where it comes from, and its text; of a definition and a call, as JSON."""

    part: str
    source: str
    text: str
    tool: str = "bash"


# --- files ------------------------------------------------------------------------------------------------------------


def files(endings: frozenset[str], most: int) -> list[Path]:
    """Files of the installed packages and of this repository, drawn at random."""
    folders = (PACKAGES, *(ROOT / name for name in OWN))
    found = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lstrip(".") in endings and path.is_file() and 0 < path.stat().st_size < 400_000
    )
    return random.Random(SEED).sample(found, min(most, len(found)))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:MOST_CHARS]


def _stretch(path: Path, source: random.Random) -> str:
    """Some lines out of the middle, as a tool reads a long file."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    begin = source.randrange(max(1, len(lines) - 100))
    return "".join(lines[begin : begin + source.choice((20, 60, 200))])[:MOST_CHARS]


# --- results of tools -------------------------------------------------------------------------------------------------


def commands() -> list[str]:
    """What an agent would run here, in this repository."""
    source = random.Random(SEED)
    words = ("import re", "def test_", "TODO", "raise ValueError", "password", "async def", "ignore", "system", "==")
    packages = sorted(path.name for path in PACKAGES.iterdir() if (path / "__init__.py").exists())
    folders = (*OWN, *(str(PACKAGES / name) for name in source.sample(packages, 8)))
    drawn: list[str] = ["dpkg -l", "df -h", "uname -a", "git log -n 60", "git log --oneline -n 200", "make help"]
    drawn += [f"{sys.executable} -m pip {what}" for what in ("list", "freeze", "check", "--help")]
    drawn += [f"ls -la {folder}" for folder in folders]
    drawn += [f"find {folder} -name '*.py' | head -n 80" for folder in folders]
    drawn += [f"grep -rn '{word}' {folder} | head -n 60" for word in words for folder in folders]
    drawn += [f"git show --stat HEAD~{number}" for number in range(0, 60, 2)]
    drawn += [f"git show HEAD~{number} -- {' '.join(OWN)} | head -n 250" for number in range(1, 60, 2)]
    drawn += [f"wc -l {folder}/*.py" for folder in OWN]
    tests = ("core/test_buffer.py", "test_names.py", "detectors/test_sentences.py")
    drawn += [f"{sys.executable} -m pytest -v -p no:cacheprovider tests/{test} 2>&1 | tail -n 80" for test in tests]
    drawn += [f"{sys.executable} -m pydoc {name} | head -n 120" for name in ("json", "email.message", "ssl", "logging")]
    drawn += ["ruff check --select ALL sidecar | head -n 60", "env -i printenv", "cat /etc/os-release", "ps --help"]
    drawn += [f"sed -n '1,80p' {path}" for path in ("Makefile", "Dockerfile", "README.md", "CHANGELOG.md")]
    source.shuffle(drawn)
    return drawn


def _said(command: str) -> str:
    """What a command printed; it may take as long as tools of agents may."""
    limited = ["/usr/bin/timeout", "60", "/bin/bash", "-c", command]
    run = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    return (run.stdout + run.stderr)[:MOST_CHARS]


def results(most: int) -> Iterator[Piece]:
    """Outputs of commands, then files as tools read them: whole, in stretches, and with numbers of lines."""
    count = 0
    for command in commands():
        if (said := _said(command)).strip():
            count += 1
            yield Piece("tool result", f"output: {command.split()[0].rpartition('/')[2]}", said)
    source = random.Random(SEED)
    for kind, endings, share in (("source", _SOURCES, 0.6), ("readme", _READMES, 0.25), ("settings", _SETTINGS, 0.15)):
        for path in files(endings, int((most - count) * share)):
            text = _stretch(path, source)
            if source.random() < 0.3:
                text = "".join(f"{number:6}\t{line}" for number, line in enumerate(text.splitlines(keepends=True), 1))
            if text.strip():
                yield Piece("tool result", f"file: {kind}", text)


# --- calls ------------------------------------------------------------------------------------------------------------


def calls() -> Iterator[Piece]:
    """Commands, files that are written, edits as patches and as pairs of texts."""
    for command in commands():
        yield Piece("call", "command", json.dumps({"command": command}))
    for path in files(_SOURCES | _READMES | _SETTINGS, 120):
        yield Piece("call", "file written", json.dumps({"path": path.name, "content": _read(path)}), "write")
    for number in range(60):
        patch = _said(f"git show --format= HEAD~{number}")
        yield Piece("call", "patch", json.dumps({"input": f"*** Begin Patch\n{patch}\n*** End Patch"}), "apply_patch")
    for path in files(_SOURCES, 60):
        lines = _read(path).splitlines()[:6]
        edit = {"path": path.name, "old": "\n".join(lines), "new": "\n".join(reversed(lines))}
        yield Piece("call", "edit", json.dumps(edit), "edit")


# --- what users hand over ---------------------------------------------------------------------------------------------


def handed_over(most: int) -> Iterator[Piece]:
    """Files in users' messages, in fences, as coding agents put them there."""
    for path in files(_SOURCES | _READMES, most):
        text = _read(path)
        fence = "`" * 4 if "```" in text else "```"
        yield Piece(
            "file in a user's message",
            path.suffix,
            f"Look at {path.name}:\n\n{fence}\n{text}\n{fence}\n\nWhat does it do?",
        )


TASKS = (
    "fix the failing test", "Add type hints to utils.py and run mypy.", "why does CI fail?", "run the tests again",
    "Rename the function `load` to `read_settings` everywhere.", "Write a README for this repository.",
    "Look at the last three commits and tell me what changed.", "undo that", "Bump the version to 2.1.0 and tag it.",
    "There is a bug in parse_date: it ignores the time zone. Fix it and add a test.", "continue", "ok, do it",
    "Delete the old migration and make a new one.", "Don't touch the public API.", "use pathlib instead of os.path",
    "Replace all prints by logging calls, but leave the scripts as they are.", "Explain what this regex does.",
    "Make the CLI print its version with --version.", "Profile the import and say what is slow.", "commit this",
)  # fmt: skip
"""What a person at a terminal says."""


def tasks() -> Iterator[Piece]:
    """Requests of a person."""
    yield from (Piece("task", "a person's", each) for each in TASKS)


# --- what programs send by themselves ---------------------------------------------------------------------------------


async def sent_by_programs() -> list[tuple[str, Mapping[str, Any]]]:
    """Program and body of the requests for a task and for what it did, of all programs that are installed."""
    with tempfile.TemporaryDirectory() as folder:
        frameworks = Frameworks(Path(folder)) if Frameworks.is_there() else None
        programs: list[Program] = [each for each in COMMANDS if each.path.exists()]
        programs += [Framework(name, frameworks) for name in FRAMEWORKS] if frameworks else []
        sent = []
        for program in programs:
            session = await run(
                program, Path(folder) / program.name, {"a.py": "x = 1\n"}, [[Say("Done.")]], tasks=["fix it"]
            )
            sent += [(program.name, body) for body in (*session.besides, *session.asked)]
        if frameworks:
            frameworks.stop()
    return sent


def instructions(sent: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Piece]:
    """The operator's messages in these requests, each once."""
    seen = set()
    for name, body in sent:
        messages = [*body.get("messages", []), *_items(body.get("input"))]
        said = [_text(each["content"]) for each in messages if each.get("role") in ("system", "developer")]
        for text in (*said, body.get("instructions") or ""):
            if text and text not in seen:
                seen.add(text)
                yield Piece("system prompt", name, text)


def definitions(sent: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Piece]:
    """The tools in these requests, each once, as chat completions define them."""
    seen = set()
    for name, body in sent:
        for tool in body.get("tools", []):
            function = tool.get("function") or tool
            if "name" not in function or (name, function["name"]) in seen:
                continue
            seen.add((name, function["name"]))
            kept = {key: function[key] for key in ("name", "description", "parameters") if key in function}
            yield Piece("definition", name, json.dumps({"type": "function", "function": kept}))


def _items(given: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in given if each.get("type", "message") == "message"] if isinstance(given, list) else []


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(each.get("text", "") for each in content)
    return str(content or "")


# --- as requests ------------------------------------------------------------------------------------------------------


def body_of(piece: Piece) -> bytes:
    """A request of chat completions in which the piece stands where it belongs."""
    asked: dict[str, Any] = {"role": "user", "content": "Go on."}
    arguments = piece.text if piece.part == "call" else "{}"
    function = {"name": piece.tool, "arguments": arguments}
    called = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    done = {"role": "tool", "tool_call_id": "c1", "content": piece.text if piece.part == "tool result" else "done"}
    body: dict[str, Any] = {"model": "m", "messages": [asked, called, done]}
    if piece.part == "system prompt":
        body["messages"] = [{"role": "system", "content": piece.text}, asked]
    elif piece.part == "definition":
        body |= {"messages": [asked], "tools": [json.loads(piece.text)]}
    elif piece.part in ("task", "file in a user's message"):
        body["messages"] = [{"role": "user", "content": piece.text}]
    return json.dumps(body, ensure_ascii=False).encode()
