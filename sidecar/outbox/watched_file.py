"""A small file with a secret, read again when it changes, so that it may be renewed without a restart."""

from __future__ import annotations

import logging
from pathlib import Path

from sidecar.errors import ConfigError

_log = logging.getLogger(__name__)


class WatchedFile:
    """The file of a setting. What was read last stays in use while the file cannot be read."""

    def __init__(self, path: Path, setting: str) -> None:
        self._path = path
        self._setting = setting
        self._stamp: tuple[int, int, int] | None = None
        self._text: str | None = None

    def text(self) -> str:
        """What it holds now. Raises `ConfigError` when it could never be read."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if self._text is None or stamp != self._stamp:
                self._text = self._path.read_text(encoding="utf-8").strip()
                self._stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            if self._text is None:
                raise ConfigError(f"cannot read {self._path}: {why}", path=self._setting) from None
            _log.warning("a file cannot be read; what it held stays in use", extra={"path": str(self._path)})
        return self._text
