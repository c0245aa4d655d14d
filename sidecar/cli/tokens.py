"""`tidegate tokens ...`: makes bearer tokens for those who ask over gRPC or by a call-out."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import click
from ruamel.yaml import YAML

from sidecar.callouts.catalogue import ADAPTERS
from sidecar.cli.ending import Failure, Group
from sidecar.errors import ConfigError
from sidecar.mcp.listener import SCOPE as MCP_SCOPE
from sidecar.tokens import ANY, Token, Tokens, digest_of, entry_of, new_token
from sidecar.transport.grpc import GRPC_SCOPE

_SCOPES = (ANY, GRPC_SCOPE, MCP_SCOPE, *ADAPTERS)


@click.group(cls=Group)
def tokens() -> None:
    """Make bearer tokens, for `auth.tokens_file`.

    Example: tidegate tokens create --id gateway --tenant acme --file tokens.yaml
    """


@tokens.command()
@click.option("--id", "name", required=True, help="What it is called in messages and logs.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    default=(ANY,),
    show_default=True,
    help="What it may be used for; may be repeated.",
)
@click.option(
    "--tenant", "tenants", multiple=True, default=(ANY,), show_default=True, help="For whom; may be repeated."
)
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), help="The first day, in UTC, on which it is good no more."
)
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="A file to add it to, which may be new.")
def create(
    name: str, scopes: tuple[str, ...], tenants: tuple[str, ...], expires: datetime | None, file: Path | None
) -> None:
    """Make a token. It is printed once, alone on stdout; the file holds only its digest.

    A running service takes the changed file by itself. To rotate, add a second token, hand it out, remove the first.

    Example: tidegate tokens create --id gateway --scope check --tenant acme --file tokens.yaml
    """
    secret = new_token()
    last = expires.date() if expires is not None else None
    token = Token(name, digest_of(secret), scopes, tenants, last)
    if file is None:
        click.echo(f"for auth.tokens_file:\n{_yaml(_added(None, token))}", err=True)
    else:
        _write(file, token)
        click.echo(f"{file} holds its digest", err=True)
    click.echo(secret)


def _write(file: Path, token: Token) -> None:
    """Add a token to a file. Raises `Failure` when it cannot be, and leaves the file as it was."""
    try:
        if file.exists():
            Tokens(file)
        text = _yaml(_added(file if file.exists() else None, token))
        beside = file.with_name(f".{file.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.chmod(file.stat().st_mode & 0o777 if file.exists() else 0o640)
        beside.replace(file)
    except ConfigError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None


def _added(file: Path | None, token: Token) -> object:
    """What stands in the file, comments too, with one token more."""
    document = (YAML().load(file) if file is not None else None) or {}
    entry = entry_of(token)
    document.setdefault("tokens", []).append(entry)
    return document


def _yaml(document: object) -> str:
    text = io.StringIO()
    YAML().dump(document, text)
    return text.getvalue()
