"""The command `tidegate`. Exit status: 0 fine, 1 the thing checked is wrong, 2 misuse or a broken environment.

Results go to stdout, messages to stderr, errors as one line. Groups are imported when they are used.
"""

from __future__ import annotations

import http.client
import importlib
import json
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from detectors.onnx.places import use_places
from sidecar.config import load_settings, models_settings
from sidecar.errors import TidegateError
from sidecar.values import Direction, Part
from sidecar.version import tidegate_version

_WRONG = 1
_BROKEN = 2
_HEALTH_SECONDS = 3.0

_LAZY: Mapping[str, str] = {
    "bench": "sidecar.cli_bench:bench",
    "policy": "sidecar.cli_policy:policy",
    "events": "sidecar.cli_events:events",
    "eval": "sidecar.cli_eval:evaluate",
    "models": "sidecar.cli_models:models",
    "proxy": "sidecar.cli_proxy:proxy",
}
"""Commands that live elsewhere, and where."""


class _Failure(click.ClickException):
    """The environment is not what the command needs."""

    exit_code = _BROKEN


class _Group(click.Group):
    """A group that imports some of its commands when they are used, and turns Tidegate's errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LAZY:
            return super().get_command(ctx, cmd_name)
        module, name = _LAZY[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        with _explained():
            return super().invoke(ctx)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tidegate_version(), prog_name="tidegate")
def main() -> None:
    """Guard token streams of language models, and tell a security team of every violation.

    Example: tidegate serve --config tidegate.yaml
    """
    use_places(models_settings().places())  # for commands that read no settings; the others say it again


_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="TIDEGATE_CONFIG",
    help="The settings, as YAML. Every one is also an environment variable TIDEGATE_...",
)


@main.command()
@_CONFIG
@click.option("--workers", type=click.IntRange(1), help="Processes that serve the same ports (default: the settings').")
def serve(config: Path | None, workers: int | None) -> None:
    """Run the service until SIGTERM. SIGHUP reads the policies again.

    Example: tidegate serve --config tidegate.yaml
    """
    from sidecar.telemetry.logging import configure_logging

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settings = load_settings(config)
    settings = settings.model_copy(update={"workers": workers or settings.workers})
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    if settings.workers > 1:
        from sidecar import workers as supervisor

        supervisor.run(settings, config)
    else:
        from sidecar.starting import run

        run(settings)


@main.command()
@_CONFIG
@click.option("--address", metavar="HOST:PORT", help="The admin listener (default: the settings').")
@click.option("--json", "as_json", is_flag=True, help="Print the parts as JSON.")
def health(config: Path | None, address: str | None, as_json: bool) -> None:
    """Ask a running service whether it is ready, and why not. Exit status 1 when it is not, or does not answer.

    Example: tidegate health --address 127.0.0.1:9464
    """
    state = _ask_readiness(address or load_settings(config).admin.listen)
    if as_json:
        click.echo(json.dumps(state))
    else:
        for part, how in (state["parts"] | state.get("notes", {})).items():
            click.echo(f"{part}: {how}")
    if not state["ready"]:
        sys.exit(_WRONG)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@_CONFIG
@click.option(
    "--policies",
    "directories",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A policy file or a directory of them; may be repeated (default: the settings').",
)
@click.option("--policy", "name", default="", help="The policy by name (default: the first that takes the text).")
@click.option("--direction", type=click.Choice(["input", "output"]), default="output", show_default=True)
@click.option(
    "--part",
    type=click.Choice([part.value for part in Part]),
    default=None,
    help="Whose words the text is (default: the model's for an output, the user's for an input).",
)
@click.option(
    "--history", is_flag=True, help="The text stands in a request's history, as the proxy and Envoy tell; with input."
)
@click.option("--chunk-chars", type=click.IntRange(1), help="Feed so many characters at a time (default: all at once).")
@click.option(
    "--context",
    "contexts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file that an answer should rest on; may be repeated. Its name without the ending is its id.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came of the text as JSON, not only the text.")
@click.option(
    "--jsonl", is_flag=True, help='Read rows {"id", "text", "context"?: [...]} and print one row for each, in order.'
)
def guard(
    file: Path,
    config: Path | None,
    directories: tuple[Path, ...],
    name: str,
    direction: str,
    part: str | None,
    history: bool,
    chunk_chars: int | None,
    contexts: tuple[Path, ...],
    as_json: bool,
    jsonl: bool,
) -> None:
    """Guard a text through the service's own engine, without a server, and print what would be let out.

    Nothing is published. Without FILE, or with -, the text is read from standard input.

    Example: tidegate guard answer.txt --policies policies/ --policy pii-redact
    """
    from sidecar.guarding import Guarding  # as in serve

    if history and direction != Direction.INPUT:
        raise _Failure("only a request has a history: say --direction input")
    guarding = Guarding.load(
        load_settings(config),
        directories,
        policy=name,
        direction=Direction(direction),
        part=None if part is None else Part(part),
        is_history=history,
    )
    context = [(path.stem, _text_of(path)) for path in contexts]
    if jsonl:
        for row in _with_progress(_rows(file)):
            result = guarding.guard(row.text, chunk_chars, context=[*context, *map(_named, row.context)])
            _print_json({"id": row.id, **result.row()})
        return
    result = guarding.guard(_text_of(file), chunk_chars, context=context)
    if as_json:
        _print_json(result.row())
        return
    click.echo(result.released, nl=False)
    if result.blocked_by:
        click.echo(f"blocked by rule {result.blocked_by}", err=True)


class _Passage(msgspec.Struct):
    """A text that an answer should rest on, with an id."""

    id: str
    text: str


class _Row(msgspec.Struct):
    """A line of `guard --jsonl`; other keys are passed over."""

    text: str
    id: str | int | None = None
    context: tuple[str | _Passage, ...] = ()


def _named(passage: str | _Passage) -> str | tuple[str, str]:
    return passage if isinstance(passage, str) else (passage.id, passage.text)


def _rows(file: Path) -> list[_Row]:
    """The rows of a file of JSON lines."""
    rows = []
    for number, line in enumerate(_read(file).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(msgspec.json.decode(line, type=_Row))
        except msgspec.DecodeError as error:
            raise _Failure(f"{file}:{number}: {error}") from None
    return rows


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise _Failure(f"cannot read {file}: {error.strerror}") from None


def _text_of(file: Path) -> str:
    try:
        return _read(file).decode()
    except UnicodeDecodeError as error:
        name = "standard input" if str(file) == "-" else file
        raise _Failure(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None


def _with_progress(rows: Sequence[_Row]) -> Iterable[_Row]:
    """The rows, with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return rows
    from rich.console import Console  # only where it is seen
    from rich.progress import track

    return track(rows, "Guarding", console=Console(stderr=True))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _ask_readiness(address: str) -> dict[str, Any]:
    """What `/readyz` says; with a part of its own when there is no answer."""
    try:
        with closing(_connection(address)) as connection:
            connection.request("GET", "/readyz")
            state: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"ready": False, "parts": {"service": f"does not answer at {address} ({type(error).__name__})"}}
    return state


def _connection(address: str) -> http.client.HTTPConnection:
    """A connection to the admin listener at `HOST:PORT` or `unix:/path`."""
    if not address.startswith("unix:"):
        return http.client.HTTPConnection(address, timeout=_HEALTH_SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=_HEALTH_SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_HEALTH_SECONDS)
    connection.sock.connect(address.removeprefix("unix:"))
    return connection


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what is wrong with the environment into one line and exit status 2."""
    try:
        yield
    except TidegateError as error:
        raise _Failure(str(error)) from None
