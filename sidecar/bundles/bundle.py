"""A bundle: built from policy files, signed, and verified before anything in it is believed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.bundles import keys
from sidecar.bundles.contents import Contents
from sidecar.bundles.keys import Trusted
from sidecar.bundles.manifest import MANIFEST, SIGNATURES, Manifest
from sidecar.errors import BundleError
from sidecar.version import is_older, tidegate_version

_MOST_MANIFEST_BYTES = 1024 * 1024
_MOST_SIGNATURE_BYTES = 16_384


class Bundle(msgspec.Struct, frozen=True):
    """A verified bundle. `signed_by` is the id of the trusted key that signed it; empty where no key is asked for."""

    manifest: Manifest
    contents: Contents
    signed_by: str = ""

    @property
    def called(self) -> str:
        """Name and version, for people."""
        return f"{self.manifest.name} {self.manifest.version}"


def build(name: str, version: str, files: Contents, *, created: str, minimum_tidegate: str = "") -> Contents:
    """The contents of a bundle of these files; a manifest and signatures among them are left out.

    Raises `BundleError` when there are none, or name or version cannot be one.
    """
    own = {path: data for path, data in files.items() if path not in {MANIFEST, SIGNATURES}}
    if not own:
        raise BundleError("there are no files to put into a bundle", remedy="Name a folder with policies.")
    manifest = Manifest.of(name, version, own, created=created, minimum_tidegate=minimum_tidegate)
    return {**own, MANIFEST: manifest.encode()}


def sign(contents: Contents, key: Ed25519PrivateKey) -> Contents:
    """The same with a signature of its manifest. Raises `BundleError` when it is no sound bundle."""
    verify(contents)
    return {**contents, SIGNATURES: keys.sign(contents[MANIFEST], key, contents.get(SIGNATURES, b""))}


def verify(contents: Contents, trusted: Trusted | None = None, *, pin: str = "") -> Bundle:
    """Check a bundle: signature first, then what the manifest says, then that each file is what it says.

    Without `trusted` keys any signature will do, and none. With a `pin` it must have that digest. Raises `BundleError`.
    """
    data = contents.get(MANIFEST)
    if data is None or len(data) > _MOST_MANIFEST_BYTES:
        message = f"there is no {MANIFEST} in it" if data is None else f"its {MANIFEST} is larger than 1 MiB"
        raise BundleError(message, remedy="Build it with `tidegate policy bundle build`.")
    signed_by = keys.signer_of(data, contents.get(SIGNATURES, b"")[:_MOST_SIGNATURE_BYTES], trusted) if trusted else ""
    manifest = Manifest.parse(data)
    _check_files(manifest, contents)
    if pin and manifest.digest != pin:
        message = f"its digest is {manifest.digest}, and {pin} is asked for"
        raise BundleError(message, remedy="Change policies.pin, or have the source serve that bundle.")
    _check_version(manifest)
    return Bundle(manifest, contents, signed_by)


def check_follows(new: Manifest, former: Manifest) -> None:
    """Raise `BundleError` when a bundle may not take the place of another without being asked for by its digest."""
    remedy = f"To take it all the same, set policies.pin to {new.digest}."
    if new.name != former.name:
        raise BundleError(f"it is the bundle {new.name!r}, and {former.name!r} is in force", remedy=remedy)
    if is_older(new.version, former.version):
        message = f"its version {new.version} is older than {former.version}, which is in force"
        raise BundleError(message, remedy=remedy)
    if new.version == former.version and new.digest != former.digest:
        message = f"its version {new.version} is in force with other content"
        raise BundleError(message, remedy=f"Give each content its own version. {remedy}")


def _check_files(manifest: Manifest, contents: Contents) -> None:
    there: Collection[str] = contents.keys() - {MANIFEST, SIGNATURES}
    if missing := sorted(manifest.files.keys() - there):
        raise BundleError(f"the file {missing[0]!r} is missing", remedy="Get it anew.")
    if unknown := sorted(there - manifest.files.keys()):
        raise BundleError(f"the file {unknown[0]!r} is not in its manifest", remedy="Build it again.")
    for path, hashed in manifest.files.items():
        if hashlib.sha256(contents[path]).hexdigest() != hashed:
            raise BundleError(f"the file {path!r} is not what the manifest says", remedy="Build it again, and sign it.")


def _check_version(manifest: Manifest) -> None:
    own = tidegate_version()
    if manifest.minimum_tidegate and own[:1].isdecimal() and is_older(own, manifest.minimum_tidegate):
        message = f"it needs Tidegate {manifest.minimum_tidegate} or later, and this is {own}"
        raise BundleError(message, remedy="Update Tidegate first.")
