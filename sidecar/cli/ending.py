"""How a command ends: its exit status, and what is wrong as one line on stderr.

0: fine. 1: the thing that was checked is wrong. 2: misuse, or the environment is not what the command needs.
"""

from __future__ import annotations

from typing import Any, Final

import click

from sidecar.errors import TidegateError

WRONG: Final = 1
BROKEN: Final = 2


class Failure(click.ClickException):
    """The command cannot do its work. The message says why."""

    exit_code = BROKEN


class Group(click.Group):
    """A group of commands, of which each `TidegateError` is a `Failure`, and each file that cannot be used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except TidegateError as error:
            raise Failure(str(error)) from None
        except OSError as error:
            if error.filename is None:
                raise
            raise Failure(f"{error.filename} cannot be read or written: {error.strerror}") from None
