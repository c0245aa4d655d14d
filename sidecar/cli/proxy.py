"""The command `tidegate proxy`: the service with its HTTP proxy and without gRPC."""

from __future__ import annotations

from pathlib import Path

import click

from sidecar.cli.options import CONFIG, POLICIES
from sidecar.config import Settings, checked, load_settings


@click.command()
@click.option("--upstream", metavar="URL", help="The provider's base URL (default: the settings').")
@click.option("--listen", metavar="HOST:PORT", help="Where to serve (default: the settings', or 127.0.0.1:8080).")
@POLICIES
@CONFIG
def proxy(upstream: str | None, listen: str | None, directories: tuple[Path, ...], config: Path | None) -> None:
    """Guard the traffic of a provider's API, both ways, until SIGTERM. Clients use it as their base URL.

    It speaks OpenAI's, Anthropic's, Ollama's and TGI's APIs. SIGHUP reads the policies again.

    Example: tidegate proxy --upstream http://localhost:11434 --policies policies/
    """
    from sidecar.starting import run
    from sidecar.telemetry.logging import configure_logging

    settings = _settings(load_settings(config), upstream, listen, directories)
    if not settings.proxy.upstream:
        raise click.UsageError("the upstream is missing: --upstream http://localhost:11434, or proxy.upstream")
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    run(settings)


def _settings(settings: Settings, upstream: str | None, listen: str | None, directories: tuple[Path, ...]) -> Settings:
    """The settings with what the command line says instead. Raises `ConfigError`."""
    values = settings.model_dump(exclude_unset=True)
    said = {"upstream": upstream, "listen": listen}
    values["proxy"] = values.get("proxy", {}) | {key: value for key, value in said.items() if value is not None}
    values["grpc"] = values.get("grpc", {}) | {"listen": ()}
    if directories:
        values["policies"] = values.get("policies", {}) | {"directories": directories}
    return checked(values)
