"""The command `tidegate proxy`: the service with its HTTP proxy, and with gRPC where the settings name addresses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from sidecar.cli.options import CONFIG, POLICIES, pairs
from sidecar.config import Policies, Settings, checked, load_settings
from sidecar.errors import UnknownPolicy
from sidecar.library import meant, pack, packs
from sidecar.policy.loader import policy_files, read_drafts

(DEFAULT_FOLDER,) = Policies().directories
"""Where policies are looked for when nobody says; with `--policy` it need not be there."""


@click.command()
@click.option("--upstream", metavar="URL", help="The provider's base URL (default: the settings').")
@click.option("--listen", metavar="HOST:PORT", help="Where to serve (default: the settings', or 127.0.0.1:8080).")
@POLICIES
@click.option("--policy", "name", metavar="NAME", help="The policy of all traffic: a loaded one, or a pack.")
@click.option(
    "--label",
    "labels",
    metavar="NAME=VALUE",
    multiple=True,
    callback=pairs,
    help="A label of all traffic, by which policies match; may be repeated.",
)
@CONFIG
def proxy(
    upstream: str | None,
    listen: str | None,
    directories: tuple[Path, ...],
    name: str | None,
    labels: Mapping[str, str],
    config: Path | None,
) -> None:
    """Guard the traffic of a provider's API, both ways, until SIGTERM. Clients use it as their base URL.

    It speaks OpenAI's, Anthropic's, Ollama's and TGI's APIs, and gRPC on the addresses that the settings name
    (`grpc.listen`). SIGHUP reads the policies again.

    `tidegate policy packs` lists the policies that come with it.

    Example: tidegate proxy --upstream http://localhost:11434 --policy pii-redact
    """
    from sidecar.starting import run
    from sidecar.telemetry.logging import configure_logging

    settings = _settings(load_settings(config), upstream, listen, directories)
    settings = with_policy(with_labels(settings, labels), name)
    if not settings.proxy.upstream:
        raise click.UsageError("the upstream is missing: --upstream http://localhost:11434, or proxy.upstream")
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    run(settings)


def with_labels(settings: Settings, labels: Mapping[str, str]) -> Settings:
    """The settings with labels of all traffic. Raises `ConfigError` for one that only the mesh may set."""
    return _with_facts(settings, {"labels": {**settings.proxy.facts.labels, **labels}}) if labels else settings


def with_policy(settings: Settings, name: str | None) -> Settings:
    """The settings with the policy of all traffic; a pack is loaded beside what is there. Raises `UnknownPolicy`."""
    if name is None:
        return settings
    named = _with_facts(settings, {"policy": name})
    if settings.policies.bundle:
        return named  # what a bundle holds is known once it is there
    directories = [each for each in settings.policies.directories if each.exists() or each != DEFAULT_FOLDER]
    loaded = {draft.name: draft for path in policy_files(directories) for draft in read_drafts(path)}
    if name in loaded:
        return named
    if name not in packs():
        raise UnknownPolicy(name, remedy=meant(name, loaded))
    values = named.model_dump(exclude_unset=True)
    values["policies"] = values.get("policies", {}) | {"directories": (*directories, pack(name).file)}
    return checked(values)


def _with_facts(settings: Settings, facts: Mapping[str, object]) -> Settings:
    values = settings.model_dump(exclude_unset=True)
    values["proxy"] = values.get("proxy", {})
    values["proxy"]["facts"] = values["proxy"].get("facts", {}) | facts
    return checked(values)


def _settings(settings: Settings, upstream: str | None, listen: str | None, directories: tuple[Path, ...]) -> Settings:
    """The settings with what the command line says instead. Raises `ConfigError`."""
    values = settings.model_dump(exclude_unset=True)
    said = {"upstream": upstream, "listen": listen}
    values["proxy"] = values.get("proxy", {}) | {key: value for key, value in said.items() if value is not None}
    values["grpc"] = {"listen": ()} | values.get("grpc", {})
    if directories:
        values["policies"] = values.get("policies", {}) | {"directories": directories}
    return checked(values)
