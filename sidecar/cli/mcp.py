"""The command `tidegate mcp`: a server of the Model Context Protocol, guarded, where a client expects the server."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import click

from sidecar.cli.options import CONFIG, POLICIES, pairs
from sidecar.cli.proxy import with_labels, with_policy
from sidecar.config import Settings, checked, load_settings

if TYPE_CHECKING:
    from sidecar.app import App
    from sidecar.mcp.guard import McpGuard
    from sidecar.mcp.pins import Pins

_MAX_MESSAGE_BYTES = 16 * 1024 * 1024


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--listen", metavar="HOST:PORT", help="Where to serve over HTTP, in place of a COMMAND.")
@click.option("--upstream", metavar="URL", help="The server's URL, with --listen; the same path is served.")
@POLICIES
@click.option("--policy", "name", metavar="NAME", help="The policy of all messages: a loaded one, or a pack.")
@click.option(
    "--label",
    "labels",
    metavar="NAME=VALUE",
    multiple=True,
    callback=pairs,
    help="A label of all messages, by which policies match; may be repeated.",
)
@click.option("--server", metavar="NAME", help="What the server is called (default: made of the command).")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that pins the definitions of tools across restarts, for several servers (default: the session only).",
)
@click.option("--accept-changes", is_flag=True, help="Pin anew the tools that changed since --state was written.")
@click.option(
    "--events",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file to append events to, as JSON lines (default: where the settings send them).",
)
@click.option(
    "--max-message-bytes",
    type=click.IntRange(1024),
    default=_MAX_MESSAGE_BYTES,
    show_default=True,
    help="A message that is longer does not pass.",
)
@CONFIG
def mcp(
    command: tuple[str, ...],
    listen: str | None,
    upstream: str | None,
    directories: tuple[Path, ...],
    name: str | None,
    labels: Mapping[str, str],
    server: str | None,
    state: Path | None,
    accept_changes: bool,
    events: Path | None,
    max_message_bytes: int,
    config: Path | None,
) -> None:
    """Run an MCP server and guard what its client and it say, over standard input and output; or over HTTP.

    Definitions of tools are read for hidden instructions and pinned by digest. Exit status is the server's. With
    --listen and --upstream the server is reached over Streamable HTTP or HTTP+SSE, until SIGTERM.

    Example: tidegate mcp --policy agents -- npx -y @modelcontextprotocol/server-everything
    """
    from sidecar.mcp.pins import Pins
    from sidecar.telemetry.logging import configure_logging

    over_http = _over_http(command, listen, upstream, server)
    with tempfile.TemporaryDirectory(prefix="tidegate-mcp-") as scratch:
        settings = _settings(load_settings(config), directories, events, Path(scratch))
        settings = with_policy(with_labels(settings, labels), name)
        configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
        if over_http is not None:
            pinned = {"state": state, "accept_changes": accept_changes, "max_message_bytes": max_message_bytes}
            _serve(settings, over_http | pinned)
            return
        pins = Pins(server or server_name(command), state, accepts_changes=accept_changes)
        pins.check()
        status = _over_stdio(settings, command, pins, max_message_bytes=max_message_bytes)
    sys.exit(status)


def _over_http(
    command: tuple[str, ...], listen: str | None, upstream: str | None, server: str | None
) -> dict[str, Any] | None:
    """What the settings say of a server that is reached over HTTP; None for a command."""
    if bool(command) == bool(listen or upstream):
        raise click.UsageError("say what is guarded: `-- COMMAND`, or --listen HOST:PORT with --upstream URL")
    if command:
        return None
    if not (listen and upstream):
        raise click.UsageError("--listen HOST:PORT and --upstream URL go together; one of them is missing")
    path = urlsplit(upstream).path or "/"
    return {
        "listen": listen,
        "servers": {server or server_name(("upstream", upstream)): {"upstream": upstream, "path": path}},
    }


def _serve(settings: Settings, over_http: Mapping[str, Any]) -> None:
    """Serve over HTTP until SIGTERM or SIGINT. Raises `TidegateError` when it cannot start."""
    from sidecar.starting import run

    values = settings.model_dump(exclude_unset=True)
    limit = over_http["max_message_bytes"]
    said = {**over_http, "max_request_bytes": limit, "facts": values.get("proxy", {}).get("facts", {})}
    values["mcp"] = values.get("mcp", {}) | said
    run(checked(values))


def server_name(command: Sequence[str]) -> str:
    """What a server is called that nobody named: its program, and a digest of the rest, which may hold secrets."""
    digest = hashlib.sha256("\0".join(command).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{Path(command[0]).name}-{digest[:8]}"


def _settings(settings: Settings, directories: tuple[Path, ...], events: Path | None, scratch: Path) -> Settings:
    """The settings with no listener of their own: many such commands run side by side. Raises `ConfigError`.

    An outbox that nobody placed is in `scratch`.
    """
    values = settings.model_dump(exclude_unset=True)
    values |= {"grpc": {"listen": ()}, "admin": values.get("admin", {}) | {"listen": "127.0.0.1:0"}}
    for door in ("ext_proc", "ext_mcp", "callouts"):
        values.pop(door, None)
    values["proxy"] = {"facts": values.get("proxy", {}).get("facts", {})}
    values["outbox"] = {"path": scratch / "outbox.db"} | values.get("outbox", {})
    values["telemetry"] = {"log_level": "warning"} | values.get("telemetry", {})
    if events is not None:
        values["events"] = values.get("events", {}) | {"sink": "file", "file": events}
    if directories:
        values["policies"] = values.get("policies", {}) | {"directories": directories}
    return checked(values)


def _over_stdio(settings: Settings, command: Sequence[str], pins: Pins, *, max_message_bytes: int) -> int:
    """Run the server, guarded; returns its exit status. Raises `TidegateError` when it cannot be."""
    from detectors.models.places import use_places
    from sidecar.app import App

    use_places(settings.models.places())

    async def run() -> int:
        app = App(settings)
        async with app.running():
            guard = _guard(app, pins, max_message_bytes)
            return await _run_child(guard, command)

    with asyncio.Runner() as runner:
        return runner.run(run())


def _guard(app: App, pins: Pins, max_message_bytes: int) -> McpGuard:
    from sidecar.mcp.guard import McpGuard
    from sidecar.start import StreamStart

    facts = app.settings.proxy.facts
    start = StreamStart(
        policy=facts.policy,
        tenant=facts.tenant,
        labels=facts.labels,
        route=f"mcp/{pins.server}",
        session_id=uuid4().hex,
    )
    return McpGuard(app.engine, start, pins, max_message_bytes=max_message_bytes)


async def _run_child(guard: McpGuard, command: Sequence[str]) -> int:
    from sidecar.mcp.stdio import relay, standard_streams, start_child

    source, client = await standard_streams()
    child = await start_child(command)

    def stop(number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    return await relay(guard, child, source, client)
