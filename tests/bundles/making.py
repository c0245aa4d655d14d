"""Bundles for tests, with policies of the catalogue of doubles."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.bundles import bundle as bundles
from sidecar.bundles import keys
from sidecar.bundles.contents import Contents, pack

CREATED = "2026-11-29T08:00:00.000Z"


def policy(name: str, version: str, *, rules: str = "") -> bytes:
    own = rules or "  - {id: names, detect: {detector: words, words: {NAME: [Bob]}}, action: annotate}"
    return f"""apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: {name}, version: "{version}"}}
rules:
{own}
""".encode()


def made(
    version: str, key: Ed25519PrivateKey | None = None, *, name: str = "shop", minimum: str = "", rules: str = ""
) -> Contents:
    """A bundle whose one policy `a` has the bundle's version."""
    files = {"deep/a.yaml": policy("a", version, rules=rules)}
    contents = bundles.build(name, version, files, created=CREATED, minimum_tidegate=minimum)
    return contents if key is None else bundles.sign(contents, key)


def packed(path: Path, contents: Contents) -> Path:
    """Put an archive in place as a whole."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(pack(contents))
    return new.replace(path)


def key_pair(folder: Path, name: str = "team") -> tuple[Ed25519PrivateKey, Path]:
    """A new private key, and the file of its public key."""
    private, public, _ = keys.generate(folder / name)
    return keys.private_key(private), public
