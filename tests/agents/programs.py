"""The programs: how each is started, where it finds its model, and how it calls its tools.

Each run has a home of its own, and no way out of this machine: whatever a program asks over another proxy than the one
it is given, such as for updates, is refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from tests import providers
from tests.agents.script import Edit, Read, Say, Speaker, Step, Turn, Write
from tests.integration.test_kits import KitProcess

ROOT = Path(__file__).parents[2]
_MODULES = Path(__file__).parent / "node_modules"
CODEX = _MODULES / ".bin/codex"
OPENCODE = _MODULES / "opencode-linux-x64/bin/opencode"
AIDER = ROOT / ".venv-aider/bin/aider"
FRAMEWORKS_PYTHON = ROOT / ".venv-agents/bin/python"
RUN_S = 100.0
"""The longest that a run may take."""

_NOWHERE = "http://127.0.0.1:9"
ALONE = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
}
"""Settings under which a program reaches nothing but this machine."""


@dataclass(frozen=True)
class Told:
    """What a run showed: all that was printed, or a framework's answer or error."""

    shown: str
    is_error: bool = False


class Program(Protocol):
    """One program."""

    @property
    def name(self) -> str: ...

    @property
    def has_tools(self) -> bool:
        """Whether it sends tools; otherwise its edits are text."""
        ...

    @property
    def speak(self) -> Speaker: ...

    async def run(self, place: Place, task: str, *, resumes: bool = False) -> Told:
        """Give it a task, and wait for its end; `resumes` the session that it had at this place."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a session runs: the program's home, its files, and the address of its model."""

    home: Path
    files: Path
    url: str


# --- programs on the command line -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """A program that is started anew for each task."""

    name: str
    path: Path
    speak: Speaker
    arguments: Callable[[Place, str, bool], Sequence[str]]
    """Of the place, the task, and whether it goes on with the last session."""
    settings: Mapping[str, str]
    has_tools: bool = True

    async def run(self, place: Place, task: str, *, resumes: bool = False) -> Told:
        """See `Program`."""
        env = {"PATH": os.environ["PATH"], "HOME": str(place.home), **ALONE, **self.settings}
        env = {name: value.format(url=place.url, home=place.home) for name, value in env.items()}
        process = await asyncio.create_subprocess_exec(
            self.path, *self.arguments(place, task, resumes), cwd=place.files, env=env,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(RUN_S):
                printed, _ = await process.communicate()
        except TimeoutError:
            raise AssertionError(f"{self.name} did not end") from None
        finally:
            _end_all(process)
        return Told(printed.decode(errors="replace"), is_error=process.returncode != 0)


def _end_all(process: asyncio.subprocess.Process) -> None:
    """End what a program left running too: it leads a group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _codex(place: Place, task: str, resumes: bool) -> Sequence[str]:
    (place.home / "config.toml").write_text(
        'model = "m"\nmodel_provider = "guarded"\ncheck_for_update_on_startup = false\n'
        "[analytics]\nenabled = false\n[model_providers.guarded]\n"
        f'name = "guarded"\nbase_url = "{place.url}/v1"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
    )
    session = ("resume", "--last") if resumes else ()
    return ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", *session, task)


def _patch(path: str, kind: str, lines: Sequence[str]) -> str:
    head = ("apply_patch <<'EOF'", "*** Begin Patch", f"*** {kind} File: {path}")
    return "\n".join((*head, *lines, "*** End Patch", "EOF"))


def _codex_command(step: Step) -> str:
    match step:
        case Read(path):
            return f"cat {path}"
        case Write(path, content):
            return _patch(path, "Add", [f"+{line}" for line in content.splitlines()])
        case Edit(path, old, new):
            return _patch(path, "Update", ["@@", *_lines("-", old), *_lines("+", new)])
        case Say():
            raise TypeError(step)


def _lines(mark: str, text: str) -> list[str]:
    return [mark + line for line in text.splitlines()]


def _opencode(place: Place, task: str, resumes: bool) -> Sequence[str]:
    model = {"name": "m", "tool_call": True, "limit": {"context": 200_000, "output": 8_000}}
    options = {"baseURL": f"{place.url}/v1", "apiKey": "sk-0"}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "guarded", "options": options, "models": {"m": model}}
    settings = {
        "autoupdate": False, "share": "disabled", "permission": "allow", "lsp": False, "model": "guarded/m",
        "small_model": "guarded/m", "provider": {"guarded": provider},
    }  # fmt: skip
    (place.home / "opencode.json").write_text(json.dumps(settings))
    return ("run", *(("--continue",) if resumes else ()), task)


def _aider(place: Place, task: str, resumes: bool) -> Sequence[str]:
    names = sorted(path.name for path in place.files.iterdir() if not path.name.startswith("."))
    return (
        "--model", "openai/m", "--edit-format", "diff", "--map-tokens", "0", "--yes-always", "--no-git", "--no-pretty",
        "--no-check-update", "--analytics-disable", "--no-show-model-warnings", "--no-show-release-notes",
        "--no-detect-urls", "--no-suggest-shell-commands", "--no-auto-lint",
        *(("--restore-chat-history",) if resumes else ()), "--message", task, *names,
    )  # fmt: skip


def _aider_text(step: Step) -> str:
    match step:
        case Say(text):
            return text
        case Read():
            return ""
        case Write(path, content):
            return _block(path, "", content)
        case Edit(path, old, new):
            return _block(path, old, new)


def _block(path: str, old: str, new: str) -> str:
    return f"\n{path}\n```python\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n```\n"


def in_pieces(text: str, size: int = 7) -> list[str]:
    """A text as it streams."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def _as_calls(tool_of: Callable[[Step], tuple[str, dict[str, str]]], turn: Turn, prefix: str) -> providers.Parts:
    """Text as it is, and each other step as a call."""
    return [
        providers.text(*in_pieces(step.text)) if isinstance(step, Say) else _call(*tool_of(step), f"{prefix}_{number}")
        for number, step in enumerate(turn)
    ]


def _call(tool: str, arguments: dict[str, str], name: str) -> providers.Part:
    return providers.call(*in_pieces(json.dumps(arguments)), tool=tool, id=name)


def _as_text(turn: Turn, _: str) -> providers.Parts:
    return [providers.text(*in_pieces("".join(map(_aider_text, turn))))]


def _codex_tool(step: Step) -> tuple[str, dict[str, str]]:
    return "exec_command", {"cmd": _codex_command(step)}


def _opencode_tool(step: Step) -> tuple[str, dict[str, str]]:
    match step:
        case Read(path):
            return "read", {"filePath": path}
        case Write(path, content):
            return "write", {"filePath": path, "content": content}
        case Edit(path, old, new):
            return "edit", {"filePath": path, "oldString": old, "newString": new}
        case Say():
            raise TypeError(step)


COMMANDS = (
    Command(
        "codex",
        CODEX,
        partial(_as_calls, _codex_tool),
        _codex,
        {"CODEX_HOME": "{home}", "OPENAI_API_KEY": "sk-0"},
    ),
    Command(
        "opencode",
        OPENCODE,
        partial(_as_calls, _opencode_tool),
        _opencode,
        {
            "OPENCODE_CONFIG": "{home}/opencode.json",
            **dict.fromkeys(
                (
                    *("OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_LSP_DOWNLOAD"),
                    *("OPENCODE_DISABLE_DEFAULT_PLUGINS", "OPENCODE_DISABLE_PRUNE"),
                ),
                "true",
            ),
        },
    ),
    Command(
        "aider", AIDER, _as_text, _aider, {"OPENAI_API_KEY": "sk-0", "OPENAI_API_BASE": "{url}/v1"}, has_tools=False
    ),
)


# --- frameworks, all in one process -----------------------------------------------------------------------------------


class Frameworks(KitProcess):
    """The process that runs them."""

    @staticmethod
    def is_there() -> bool:
        """Whether they are installed."""
        return FRAMEWORKS_PYTHON.exists()

    def __init__(self, home: Path) -> None:
        switched_off = ("CREWAI_DISABLE_TELEMETRY", "CREWAI_DISABLE_TRACKING", "CREWAI_DISABLE_VERSION_CHECK")
        env = {
            "PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_API_KEY": "sk-0", "PYTHONWARNINGS": "ignore",
            **ALONE, **dict.fromkeys((*switched_off, "OTEL_SDK_DISABLED", "OPENAI_AGENTS_DISABLE_TRACING"), "true"),
            "CREWAI_TRACING_ENABLED": "false", "LANGSMITH_TRACING": "false",
        }  # fmt: skip
        command = (str(FRAMEWORKS_PYTHON), "-m", "tests.agents.frameworks")
        super().__init__(*command, folder=ROOT, env=env, stderr=subprocess.DEVNULL)


@dataclass(frozen=True)
class Framework:
    """One of them."""

    name: str
    process: Frameworks
    has_tools: bool = True

    def speak(self, turn: Turn, prefix: str) -> providers.Parts:
        """See `Speaker`; a turn without a call is the last, which smolagents wants to be told."""
        said = [step.text for step in turn if isinstance(step, Say)]
        if self.name == "smolagents" and len(said) == len(turn):
            return [_call("final_answer", {"answer": "".join(said)}, prefix)]
        return _as_calls(_framework_tool, turn, prefix)

    async def run(self, place: Place, task: str, *, resumes: bool = False) -> Told:
        """See `Program`."""
        asked = {"framework": self.name, "url": f"{place.url}/v1", "files": str(place.files), "task": task}
        async with asyncio.timeout(RUN_S):
            return Told(**await self.process.tell({**asked, "resumes": resumes}))


def _framework_tool(step: Step) -> tuple[str, dict[str, str]]:
    match step:
        case Read(path):
            return "read_file", {"path": path}
        case Write(path, content):
            return "write_file", {"path": path, "content": content}
        case Edit(path, old, new):
            return "edit_file", {"path": path, "old": old, "new": new}
        case Say():
            raise TypeError(step)


FRAMEWORKS = ("openai-agents", "langgraph", "pydantic-ai", "smolagents", "crewai")
