"""The bytes of a bundle: files by their paths, read from a folder or an archive, written as either.

Nothing is believed: paths lead nowhere else, links and devices are refused, and all sizes are bounded before anything
is read, packed and unpacked. What the bytes say is not looked at here.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from sidecar.errors import BundleError

Contents = Mapping[str, bytes]
"""A bundle's files, its manifest and signatures among them, by their paths in it."""

MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 2000
_MAX_PATH_CHARS = 200
_TRIES = 5
ARCHIVE = (".tar.gz", ".tgz")


def read(path: Path, max_bytes: int = MAX_BYTES) -> Contents:
    """Read a folder or an archive. Raises `BundleError`, also when there is neither."""
    try:
        if path.is_dir():
            return _read_folder(path, max_bytes)
        if not path.is_file():
            raise BundleError(f"{path} is neither a folder nor a file", remedy="Check the path.")
        with path.open("rb") as file:
            return unpack(file.read(max_bytes + 1), max_bytes)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def state_of(path: Path) -> str:
    """What tells one state of a folder or an archive from another without reading it. Raises `BundleError`."""
    try:
        about = path.stat()
        state = _state(path) if path.is_dir() else {"": (path, about.st_size, about.st_mtime_ns, about.st_ino)}
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None
    return hashlib.sha256(repr(sorted(state.items())).encode()).hexdigest()


def unpack(data: bytes, max_bytes: int = MAX_BYTES) -> Contents:
    """The files of a `.tar.gz`. Raises `BundleError`."""
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(max_bytes + 1)
        if len(plain) > max_bytes:
            raise _too_large(max_bytes)
        return _members(plain)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        message = f"it is no .tar.gz that can be read ({type(error).__name__})"
        raise BundleError(message, remedy="Build it with `tidegate policy bundle build`.") from None


def pack(contents: Contents) -> bytes:
    """A `.tar.gz` of the files: the same bytes for the same files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(contents):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(contents[path]), 0o644
            archive.addfile(member, io.BytesIO(contents[path]))
    return gzip.compress(plain.getvalue(), mtime=0)


def write_folder(contents: Contents, folder: Path) -> None:
    """Write the files into a folder, which is made. Raises `OSError`."""
    for path in sorted(contents):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents[path])


def _members(plain: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for number, member in enumerate(archive):
            if number >= MAX_FILES:
                raise _too_many()
            if member.isdir():
                continue
            path = _checked(member.name)
            if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.issparse():
                raise BundleError(f"{path!r} is no plain file", remedy="A bundle holds files and folders only.")
            if path in found:
                raise BundleError(f"{path!r} is in it twice", remedy="Build the bundle again.")
            file = archive.extractfile(member)
            found[path] = b"" if file is None else file.read(len(plain))
    return found


def _read_folder(folder: Path, max_bytes: int) -> dict[str, bytes]:
    """The files of one state of a folder: one that changes meanwhile is read again."""
    before = _state(folder)
    for _ in range(_TRIES):
        contents = _files(before, max_bytes)
        if (after := _state(folder)) == before:
            return contents
        before = after
    raise BundleError(f"{folder} changed each time while it was read", remedy="Put a bundle in its place as a whole.")


def _state(folder: Path) -> dict[str, tuple[Path, int, int, int]]:
    """The files below a folder, by path, and what tells one state of each from another; a link is what it leads to."""
    found = {}
    for base, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            if not name.startswith("."):
                path = Path(base, name)
                about = path.stat()
                inside = _checked(path.relative_to(folder).as_posix())
                if not stat.S_ISREG(about.st_mode):
                    raise BundleError(f"{path} is no plain file", remedy="A bundle holds files and folders only.")
                found[inside] = (path, about.st_size, about.st_mtime_ns, about.st_ino)
        if len(found) > MAX_FILES:
            raise _too_many()
    return found


def _files(state: Mapping[str, tuple[Path, int, int, int]], max_bytes: int) -> dict[str, bytes]:
    left, contents = max_bytes, {}
    for inside in sorted(state):
        with state[inside][0].open("rb") as file:
            contents[inside] = file.read(left + 1)
        left -= len(contents[inside])
        if left < 0:
            raise _too_large(max_bytes)
    return contents


def _checked(path: str) -> str:
    """The path, which leads to a place inside the bundle. Raises `BundleError`."""
    path = path.removeprefix("./")
    parts = path.split("/")
    if (
        len(path) > _MAX_PATH_CHARS
        or not path.isprintable()
        or any(character in path for character in "\\:")
        or any(not part or part.startswith(".") for part in parts)
    ):
        message = f"the path {path[:_MAX_PATH_CHARS]!r} is none of a bundle's"
        raise BundleError(message, remedy="Paths are relative, plain, and without names that begin with a dot.")
    return path


def _too_large(max_bytes: int) -> BundleError:
    remedy = "Make it smaller, or raise policies.max_bundle_bytes."
    return BundleError(f"it is larger than {max_bytes} bytes, packed or unpacked", remedy=remedy)


def _too_many() -> BundleError:
    return BundleError(f"it has more than {MAX_FILES} files", remedy="Split it.")
