"""`tidegate policy status`: what a running service says of its policies."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sidecar.cli.asking import Silence, ask
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings

PAGE = "/policies"
_OK = 200
_DIGEST_CHARS = 12


@click.command()
@CONFIG
@click.option(
    "--url",
    metavar="HOST:PORT",
    help="The admin listener, also as http://HOST:PORT or unix:/path (default: settings').",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON on stdout.")
def status(config: Path | None, url: str | None, as_json: bool) -> None:
    """Say what policies a running service has in force, since when, from where, and what it refused.

    Exit status 1 when something is refused just now: what was in force before still is.

    Example: tidegate policy status --url 127.0.0.1:9464
    """
    address = url or load_settings(config).admin.listen
    try:
        code, state = ask(address, PAGE)
    except Silence as error:
        remedy = "is the service running, and is this its admin listener (admin.listen)?"
        raise Failure(f"nothing that can be read answers at {address} ({error}); {remedy}") from None
    if code != _OK:
        raise Failure(f"the service at {address} answers {code}: {state.get('error', 'it cannot say')}")
    if as_json:
        click.echo(json.dumps(state, indent=2, ensure_ascii=False))
    else:
        for line in _lines(state):
            click.echo(line)
    if state["errors"]:
        sys.exit(WRONG)


def _lines(state: Mapping[str, Any]) -> Iterator[str]:
    """The state for a person."""
    for each in state["loaded"]:
        yield f"{each['name']} {each['version']}  {each['digest'][:_DIGEST_CHARS]}  since {_time(each['since'])}"
        tried = f"; tried in place of version {each['replaces']}" if each["replaces"] else ""
        yield f"  from {each['source']}{tried}"
    if not state["loaded"]:
        yield "no policy is in force"
    for canary in state["canaries"]:
        yield from _canary(canary)
    if state["bundle"] is not None:
        yield from _bundle(state["bundle"])
    yield f"read {_time(state['read'])}; changes are told by {state['told_by']}"
    if state.get("differing"):
        yield f"workers {', '.join(map(str, state['differing']))} have others in force than worker 0"
    for error in state["errors"]:
        yield f"refused: {error}"
    for change in state["latest"]:
        yield f"{change['time']}  {_change(change)}"


def _canary(canary: Mapping[str, Any]) -> Iterator[str]:
    what = f"rule {canary['rule']}" if canary["rule"] else f"version {canary['version']}"
    yield f"canary {canary['policy']}: {what} on {canary['percent']:g} % by {canary['by']}"
    rates = ", ".join(f"{name} {share:g}" for name, share in canary["rates"].items())
    yield f"  its last {canary['streams']} streams: {rates}"
    if canary["stopped"]:
        yield f"  stopped: {canary['stopped']}"


def _bundle(bundle: Mapping[str, Any]) -> Iterator[str]:
    if "name" in bundle:
        signed = f"signed by {bundle['signed_by']}" if bundle["signed_by"] else "no signature was asked for"
        yield f"bundle {bundle['name']} {bundle['version']}  {bundle['digest']}  {signed}"
    kept = "; this one was kept from before" if bundle["kept"] else ""
    yield f"  from {bundle['source']}{kept}"
    if bundle["away"]:
        yield f"  away: {bundle['away']}"


def _change(change: Mapping[str, str]) -> str:
    former = f" (before: {change['former']})" if change["former"] else ""
    said = f"{change['step']}  {change['what']} {change['version']}{former}".rstrip()
    return f"{said}  {change['reason']}".rstrip()


def _time(unix_seconds: float | None) -> str:
    if unix_seconds is None:
        return "never"
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
