"""`tidegate events keygen`: the pair of keys that signs checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from sidecar.bundles import keys


@click.command()
@click.argument("prefix", type=click.Path(path_type=Path))
def keygen(prefix: Path) -> None:
    """Make the pair of Ed25519 keys that signs checkpoints.

    PREFIX.key is secret, for the service; PREFIX.pub is for whoever verifies events.

    Example: tidegate events keygen events
    """
    private, public, name = keys.generate(prefix)
    click.echo(f"{private}: the private key {name}, for events.signing_key_file. Keep it secret")
    click.echo(f"{public}: the public key, for `tidegate events verify --key`")
