"""The last good bundle, on disk: it is in force at a start when its source is away, and no older one replaces it.

    KEEP/current          which one it is: a line of JSON
    KEEP/<digest>/        its files, manifest and signatures

Several processes may share the folder: all that is written is put in place as a whole, by renaming.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from sidecar.bundles.bundle import Bundle, verify
from sidecar.bundles.contents import read, write_folder
from sidecar.bundles.keys import Trusted
from sidecar.errors import BundleError

_CURRENT = "current"
_KEPT = 2
"""This bundle and the one before: another process may still read it."""


class Current(msgspec.Struct, frozen=True):
    """Which bundle is in force. `etag` is what its source called it, and `source` who that was."""

    digest: str
    source: str = ""
    etag: str = ""


class Kept:
    """See the module's text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self) -> Current | None:
        """Which bundle is kept; None when none is, or the note cannot be read."""
        try:
            return msgspec.json.decode((self._folder / _CURRENT).read_bytes(), type=Current)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def load(self, trusted: Trusted, *, max_bytes: int) -> Bundle | None:
        """The bundle that is kept, verified anew; None when none is. Raises `BundleError` when it is not sound."""
        current = self.current()
        if current is None:
            return None
        return verify(read(self._place(current.digest), max_bytes), trusted, pin=current.digest)

    def unfold(self, bundle: Bundle) -> Path:
        """Write the files of a bundle; returns their folder. Raises `BundleError` when they cannot be written."""
        place = self._place(bundle.manifest.digest)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self._folder) as new:
                inside = Path(new, "bundle")
                write_folder(bundle.contents, inside)
                self._put(inside, place, bundle)
        except OSError as error:
            message = f"{self._folder} cannot be written: {error.strerror}"
            raise BundleError(message, remedy="Set policies.keep to a folder that can.") from None
        return place

    def accept(self, bundle: Bundle, *, source: str, etag: str) -> None:
        """Note that a bundle is in force, and drop those before the last. Raises `BundleError`."""
        note = Current(bundle.manifest.digest, source, etag)
        try:
            handle, name = tempfile.mkstemp(prefix=".current-", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(note))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._folder / _CURRENT)
            self._prune(self._place(bundle.manifest.digest))
        except OSError as error:
            raise BundleError(f"{self._folder} cannot be written: {error.strerror}") from None

    def _put(self, inside: Path, place: Path, bundle: Bundle) -> None:
        """Rename a folder into place; what is there already stays if it is sound."""
        with suppress(BundleError):
            verify(read(place), pin=bundle.manifest.digest)
            return
        shutil.rmtree(place, ignore_errors=True)
        try:
            inside.rename(place)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:  # another process was faster
                raise

    def _prune(self, current: Path) -> None:
        others = [each for each in self._folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
        others.sort(key=lambda each: (each == current, each.stat().st_mtime))
        for each in others[:-_KEPT]:
            shutil.rmtree(each, ignore_errors=True)

    def _place(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")
