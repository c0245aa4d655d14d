"""Which Tidegate this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def tidegate_version() -> str:
    """The version of the installed distribution; `unknown` when it runs from a bare checkout."""
    try:
        return version("tidegate-sidecar")
    except PackageNotFoundError:
        return "unknown"
