"""What a bundle says of itself: `manifest.json`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.errors import BundleError

MANIFEST = "manifest.json"
SIGNATURES = "manifest.sig"
FORMAT = "tidegate.dev/bundle/v1"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`files` maps each file's path in the bundle to the sha256 of its bytes. `created` is RFC 3339, UTC.

    `digest` is the sha256 of all of this but `created`, so that a bundle that is built again has the same.
    """

    format: str
    name: str
    version: str
    created: str
    files: dict[str, str]
    digest: str
    minimum_tidegate: str = ""

    @classmethod
    def of(
        cls, name: str, version: str, files: Mapping[str, bytes], *, created: str, minimum_tidegate: str = ""
    ) -> Manifest:
        """The manifest of these files. Raises `BundleError` when name or version cannot be one."""
        hashes = {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}
        draft = cls(
            format=FORMAT,
            name=name,
            version=version,
            created=created,
            files=hashes,
            digest="",
            minimum_tidegate=minimum_tidegate,
        )
        manifest = msgspec.structs.replace(draft, digest=draft.own_digest())
        manifest.check()
        return manifest

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read one. Raises `BundleError`."""
        try:
            manifest = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BundleError(f"{MANIFEST} cannot be read: {error}", remedy="Build the bundle again.") from None
        manifest.check()
        return manifest

    def encode(self) -> bytes:
        """As it is written, and signed."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def own_digest(self) -> str:
        """The digest of what it says."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        del said["digest"], said["created"]
        return f"sha256:{hashlib.sha256(msgspec.json.encode(said, order='sorted')).hexdigest()}"

    def check(self) -> None:
        """Raise `BundleError` when what it says cannot be."""
        rebuild = "Build the bundle again."
        if self.format != FORMAT:
            raise BundleError(f"{MANIFEST} is of the format {self.format!r}", remedy=f"This Tidegate reads {FORMAT}.")
        if not _NAME.fullmatch(self.name):
            message = f"{self.name!r} is no name for a bundle"
            raise BundleError(message, remedy="Use 1 to 64 letters, digits, `.`, `_` or `-`.")
        if not _VERSION.fullmatch(self.version):
            message = f"{self.version!r} is no version of a bundle"
            raise BundleError(message, remedy="Use numbers with dots between, such as 2026.11.1.")
        if not all(map(_SHA256.fullmatch, self.files.values())):
            raise BundleError(f"{MANIFEST} has a hash that is no sha256", remedy=rebuild)
        if self.digest != self.own_digest():
            raise BundleError(f"{MANIFEST} has a digest that is not its own", remedy=rebuild)
