"""`tidegate events keygen`: the keys that sign checkpoints, and those that matched texts are encrypted for."""

from __future__ import annotations

from pathlib import Path

import click

from sidecar.bundles import keys
from sidecar.outbox.evidence import new_pair


@click.command()
@click.argument("prefix", type=click.Path(path_type=Path))
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["checkpoints", "evidence"]),
    default="checkpoints",
    show_default=True,
    help="What the keys are for: to sign checkpoints (Ed25519), or to encrypt matched texts (X25519).",
)
def keygen(prefix: Path, purpose: str) -> None:
    """Make a pair of keys: PREFIX.key, which is secret, and PREFIX.pub.

    The service signs checkpoints with the private key, and whoever verifies events has the public one. Matched texts it
    encrypts for the public key, and only who has the private one can read them.

    Example: tidegate events keygen events
    """
    if purpose == "checkpoints":
        private, public, name = keys.generate(prefix)
        click.echo(f"{private}: the private key {name}, for events.signing_key_file. Keep it secret")
        click.echo(f"{public}: the public key, for `tidegate events verify --key`")
    else:
        private, public, name = new_pair(prefix)
        click.echo(f"{private}: the private key {name}, for `tidegate events reveal --key`. Keep it off the service")
        click.echo(f"{public}: the public key, for events.evidence_key_file")
