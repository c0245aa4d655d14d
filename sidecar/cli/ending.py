"""How a command ends: its exit status, and what is wrong as one line on stderr.

0: fine. 1: the thing that was checked is wrong. 2: misuse, or the environment is not what the command needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import IO, Any, Final

import click

from sidecar.cli.reports import line
from sidecar.errors import PolicyError, PolicyErrors, TidegateError
from sidecar.policy.codes import Code

WRONG: Final = 1
BROKEN: Final = 2


class Failure(click.ClickException):
    """The command cannot do its work. The message says why."""

    exit_code = BROKEN


_MOST_TOLD = 20


def in_full(wrong: Iterable[str]) -> str:
    """What is wrong, a line each: the first 20, and how many more there are. Holds no more than those."""
    rest = iter(wrong)
    told = [*islice(rest, _MOST_TOLD)]
    more = sum(1 for _ in rest)
    return "\n".join([*told, *([f"and {more} more"] if more else [])])


_NOT_THERE = frozenset({"", Code.UNREADABLE_FILE, Code.NO_POLICY})


class WrongPolicies(click.ClickException):
    """Policies cannot be used. Each of their errors is a line with its code, as `policy lint` tells it.

    It passes between processes.
    """

    def __init__(self, lines: str, status: int) -> None:
        super().__init__(lines)
        self._status = status

    @classmethod
    def of(cls, error: PolicyError, status: int) -> WrongPolicies:
        """Of what is wrong, with the status of that; where there are no policies, or they are unreadable, it is 2."""
        errors = error.errors if isinstance(error, PolicyErrors) else (error,)
        is_misuse = all(each.code in _NOT_THERE for each in errors)
        return cls("\n".join(map(line, errors)), BROKEN if is_misuse else status)

    def __reduce__(self) -> tuple[type[WrongPolicies], tuple[str, int]]:
        return WrongPolicies, (self.message, self._status)

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click reads it of the error, and here it depends on which
        """How the command ends."""
        return self._status

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines to stderr."""
        click.echo(self.message, file=file, err=True)


class Group(click.Group):
    """A group of commands, of which each `TidegateError` is a `Failure`, and each file that cannot be used."""

    status_of_wrong_policies: int = BROKEN
    """How a command ends that needs policies which are wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except PolicyError as error:
            raise WrongPolicies.of(error, self.status_of_wrong_policies) from None
        except TidegateError as error:
            raise Failure(str(error)) from None
        except OSError as error:
            if error.filename is None:
                raise
            raise Failure(f"{error.filename} cannot be read or written: {error.strerror}") from None
