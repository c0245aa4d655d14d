"""What a model's calls of tools are to serve: what was asked, and what was read since, told apart by who said it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

Made = TypeVar("Made")


class Task:
    """The texts of a request, by who said them, oldest first. Immutable, but for what is remembered of it.

    `requests` are the user's words, `instructions` the operator's. `untrusted` are tools' results and documents: they
    are read, and ask for nothing. `definitions` are those of tools, as JSON. `is_cut` says that some were left out.
    """

    def __init__(
        self,
        requests: Sequence[str] = (),
        *,
        instructions: Sequence[str] = (),
        untrusted: Sequence[str] = (),
        definitions: Sequence[str] = (),
        is_cut: bool = False,
    ) -> None:
        self.requests = tuple(requests)
        self.instructions = tuple(instructions)
        self.untrusted = tuple(untrusted)
        self.definitions = tuple(definitions)
        self.is_cut = is_cut
        self._derived: dict[Callable[[Any], Any], Any] = {}

    @property
    def is_known(self) -> bool:
        """Whether the user asked for anything."""
        return any(each.strip() for each in self.requests)

    def with_untrusted(self, texts: Sequence[str]) -> Task:
        """The task with more that was read."""
        return Task(
            self.requests,
            instructions=self.instructions,
            untrusted=(*self.untrusted, *texts),
            definitions=self.definitions,
            is_cut=self.is_cut,
        )

    def derived(self, make: Callable[[Task], Made]) -> Made:
        """What `make` makes of this task, made once."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return cast("Made", self._derived[make])
