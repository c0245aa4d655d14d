"""The command `tidegate`: `serve` and `health`; others are imported when they are used, the workbench's too.

Results go to stdout, messages to stderr; how a command ends is in `sidecar.cli.ending`.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from detectors.models.places import use_places
from sidecar.cli.asking import Silence, ask
from sidecar.cli.ending import WRONG
from sidecar.cli.lazy import LazyGroup
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings, models_settings
from sidecar.version import tidegate_version

_LAZY: Mapping[str, str] = {
    "bench": "workbench.cli.bench:bench",
    "drift": "sidecar.cli.drift:drift",
    "guard": "sidecar.cli.guard:guard",
    "hook": "sidecar.cli.hook:hook",
    "policy": "sidecar.cli.policy:policy",
    "exemplars": "sidecar.cli.exemplars:exemplars",
    "events": "sidecar.cli.events:events",
    "eval": "workbench.cli.evaluation:evaluate",
    "mcp": "sidecar.cli.mcp:mcp",
    "models": "workbench.cli.models:models",
    "proxy": "sidecar.cli.proxy:proxy",
    "tokens": "sidecar.cli.tokens:tokens",
}
"""Commands that live elsewhere, and where."""


@click.group(cls=LazyGroup, lazy=_LAZY, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tidegate_version(), prog_name="tidegate")
def main() -> None:
    """Guard token streams of language models, and tell a security team of every violation.

    Example: tidegate serve --config tidegate.yaml
    """
    use_places(models_settings().places())  # for commands that read no settings; the others say it again


@main.command()
@CONFIG
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
@CONFIG
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
        sys.exit(WRONG)


def _ask_readiness(address: str) -> dict[str, Any]:
    """What `/readyz` says; with a part of its own when there is no answer."""
    try:
        return ask(address, "/readyz")[1]
    except Silence as error:
        return {"ready": False, "parts": {"service": f"does not answer at {address} ({error})"}}
