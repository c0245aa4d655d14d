"""`tidegate policy bundle ...`: builds, signs and verifies bundles, and makes keys for them."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from sidecar.bundles import bundle as bundles
from sidecar.bundles import keys
from sidecar.bundles.bundle import Bundle
from sidecar.bundles.contents import ARCHIVE, MAX_BYTES, Contents, pack, read, write_folder
from sidecar.bundles.manifest import MANIFEST, SIGNATURES
from sidecar.cli.ending import Failure, Group
from sidecar.outbox.builders import timestamp
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.loader import policy_files
from sidecar.policy.rollouts import errors_together

_BUNDLE = click.argument("path", type=click.Path(path_type=Path, exists=True), metavar="BUNDLE")
_SIGNING = click.option(
    "--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The private key: PREFIX.key of keygen."
)


@click.group(cls=Group)
def bundle() -> None:
    """Build, sign and verify bundles: policies as one signed thing, for `policies.bundle`.

    Example: tidegate policy bundle build policies/ --name shop --version 2026.11.1 --output shop.tar.gz
    """


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", required=True, help="What the bundle is called; another name never takes its place by itself.")
@click.option("--version", required=True, help="Numbers with dots between, such as 2026.11.1. An older one is refused.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="A file *.tar.gz, or a folder that is not there.",
)
@click.option("--minimum-tidegate", default="", metavar="VERSION", help="The oldest Tidegate that may use it.")
@_SIGNING
def build(folder: Path, name: str, version: str, output: Path, minimum_tidegate: str, key: Path | None) -> None:
    """Build a bundle of the files in a folder, and sign it if a key is given. Wrong policies are not built.

    The digest depends on the files, name and versions alone: whoever builds the same has the same.

    Example: tidegate policy bundle build policies/ --name shop --version 7 --output shop-7.tar.gz --key team.key
    """
    files = {path: data for path, data in read(folder).items() if path not in {MANIFEST, SIGNATURES}}
    _check_policies(folder)
    created = timestamp(datetime.now(UTC).timestamp())
    contents = bundles.build(name, version, files, created=created, minimum_tidegate=minimum_tidegate)
    if key is not None:
        contents = bundles.sign(contents, keys.private_key(key))
    _write(contents, output)
    _print(bundles.verify(contents))
    click.echo(f"  {_signed_by(contents)}" if key else "  not signed: `bundle sign` does that, or --key")


@bundle.command()
@_BUNDLE
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The private key: PREFIX.key of keygen.",
)
def sign(path: Path, key: Path) -> None:
    """Sign a bundle, in its place. Signatures of other keys stay, so that keys can be changed one after the other.

    Example: tidegate policy bundle sign shop-7.tar.gz --key team.key
    """
    contents = bundles.sign(read(path), keys.private_key(key))
    if path.is_dir():
        (path / SIGNATURES).write_bytes(contents[SIGNATURES])
    else:
        _replace(path, pack(contents))
    click.echo(_signed_by(contents))


@bundle.command()
@_BUNDLE
@click.option(
    "--key",
    "trusted",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A public key, as in policies.trusted_keys; may be repeated. Without any, no signature is asked for.",
)
@click.option("--pin", default="", metavar="DIGEST", help="The digest that it must have: sha256:...")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON on stdout.")
def verify(path: Path, trusted: tuple[Path, ...], pin: str, as_json: bool) -> None:
    """Verify a bundle as the service does: signature, manifest, every file. Exit status 2 when it is refused.

    Example: tidegate policy bundle verify shop-7.tar.gz --key team.pub
    """
    contents = read(path)
    found = bundles.verify(contents, keys.trusted_keys(trusted), pin=pin)
    if as_json:
        said = msgspec.to_builtins(found.manifest) | {"signed_by": found.signed_by}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        _print(found)
        unchecked = "its signature was not checked: --key" if SIGNATURES in contents else "it is not signed"
        click.echo(f"  signed by {found.signed_by}" if found.signed_by else f"  {unchecked}")


@bundle.command()
@click.argument("prefix", type=click.Path(path_type=Path))
def keygen(prefix: Path) -> None:
    """Make a pair of Ed25519 keys: PREFIX.key, which signs and is secret, and PREFIX.pub for `policies.trusted_keys`.

    Example: tidegate policy bundle keygen team
    """
    private, public, name = keys.generate(prefix)
    click.echo(f"{private}: the private key {name}. Keep it secret: who has it decides what is in force")
    click.echo(f"{public}: the public key, for policies.trusted_keys")


def _check_policies(folder: Path) -> None:
    """Refuse policies that the service would refuse."""
    files = [compile_file(path, public_keys()) for path in policy_files([folder])]
    errors = [error for file in files for error in file.errors] + errors_together(files)
    if errors:
        raise Failure("\n".join(map(str, errors)))
    if not any(file.policies for file in files):
        raise Failure(f"there is no policy in {folder}")


def _write(contents: Contents, output: Path) -> None:
    if output.name.endswith(ARCHIVE):
        _replace(output, pack(contents))
    elif output.exists():
        raise Failure(f"{output} is there already, and is no *.tar.gz; choose another name")
    else:
        write_folder(contents, output)


def _replace(path: Path, data: bytes) -> None:
    """Put a file in place as a whole: who reads it meanwhile has the old one or the new one."""
    if len(data) > MAX_BYTES:
        raise Failure(f"the bundle has {len(data)} bytes; by default at most {MAX_BYTES} are taken")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
    temporary = Path(file.name)
    temporary.chmod(0o644)
    temporary.replace(path)


def _signed_by(contents: Contents) -> str:
    """Whose signature is the last one."""
    return f"signed by {contents[SIGNATURES].decode().split()[-2]}"


def _print(found: Bundle) -> None:
    manifest = found.manifest
    click.echo(f"{found.called}  {manifest.digest}")
    click.echo(f"  {len(manifest.files)} file{'s' * (len(manifest.files) != 1)}, created {manifest.created}")
    if manifest.minimum_tidegate:
        click.echo(f"  needs Tidegate {manifest.minimum_tidegate} or later")
