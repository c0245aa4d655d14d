"""`tidegate hook AGENT`: a coding agent's command hook, which asks a running service and stops what it cannot ask."""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import click

from sidecar.cli.ending import BROKEN

_AGENTS = ("claude-code", "codex")
_OK = 200


@click.command()
@click.argument("agent", type=click.Choice(_AGENTS))
@click.option("--url", envvar="TIDEGATE_URL", default="http://127.0.0.1:8090", show_default=True, help="The call-outs.")
@click.option("--token", envvar="TIDEGATE_TOKEN", help="A bearer token; rather set TIDEGATE_TOKEN.")
@click.option("--timeout", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds for an answer.")
@click.option(
    "--on-unavailable",
    type=click.Choice(("block", "pass")),
    default="block",
    show_default=True,
    help="What becomes of an event that nobody judged.",
)
def hook(agent: str, url: str, token: str | None, timeout: float, on_unavailable: str) -> None:
    """Judge an event of AGENT's that stands on standard input, and print what the agent is to do.

    Without an answer it ends with status 2, which agents take as a stop, and says why on stderr; with
    --on-unavailable pass it ends with 0, and says so too.

    Example: tidegate hook claude-code --url http://127.0.0.1:8090 < event.json
    """
    try:
        answer = _ask(f"{url.rstrip('/')}/v1/hooks/{agent}", sys.stdin.buffer.read(), token, timeout)
    except _Unanswered as error:
        passed = on_unavailable == "pass"
        click.echo(f"Tidegate did not judge this{', and it passes' if passed else ''}: {error}", err=True)
        sys.exit(0 if passed else BROKEN)
    click.echo(json.dumps(answer, ensure_ascii=False))


class _Unanswered(Exception):  # noqa: N818 - it is what it says
    """There is no judgement. The message says why."""


def _ask(url: str, body: bytes, token: str | None, timeout: float) -> dict[str, Any]:
    """The answer to an event. Raises `_Unanswered`."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Unanswered(f"{parts.hostname}:{parts.port} gave no answer ({type(error).__name__})") from None
    if answer.status != _OK or not isinstance(told, dict):
        raise _Unanswered(f"it answered {answer.status}: {_message(told)}")
    return told


def _message(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""
