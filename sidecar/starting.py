"""Starts the service in this process, or says in a line why that cannot be."""

from __future__ import annotations

import resource
import signal

from sidecar.config import Settings
from sidecar.errors import ConfigError

_NO_CORE = 1
"""Bytes: too few for a core file, and by this very number the kernel hands none to a program either (`core(5)`)."""


def forbid_core_files(settings: Settings) -> None:
    """Have a crash of this process, and of those that it starts, leave no image of memory, unless that is wanted."""
    if not settings.core_dumps:
        resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))


def run(settings: Settings) -> None:
    """Run the service in this process. Raises `ConfigError` when something that it needs is not installed."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there are policies to read again
    forbid_core_files(settings)
    try:
        from sidecar import app  # a second's worth of imports that the other commands do not need
    except ImportError as error:
        message = f"{error.name or 'a package that it needs'} cannot be loaded ({type(error).__name__})"
        raise ConfigError(f"{message}; install Tidegate with the packages of requirements/service.txt") from None
    app.run(settings)
