"""How a framework's texts are asked about: one plan of questions, answered by either client.

A plan is a generator: it yields each `Question`, is sent the `CheckResult`, and returns what the framework is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, Unpack

from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.types import CheckResult, Direction, Lane, Part, StreamOptions

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class Question:
    """A text, whose words it is, and whether it is what a tool is handed."""

    text: str
    part: Part = "model"
    is_call: bool = False

    @property
    def direction(self) -> Direction:
        """Which half of the exchange it belongs to."""
        return "output" if self.part == "model" else "input"

    @property
    def lane(self) -> Lane:
        """Its lane."""
        return Lane(channel="tool_arguments" if self.is_call else "content", part=self.part)


Plan: TypeAlias = Generator[Question, CheckResult, _Told]


class Asker:
    """A client, and what is said with each of its questions."""

    def __init__(self, client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> None:
        if "direction" in options:
            raise TypeError("the direction of each text is known by where it stands; leave it out")
        self._client = client
        self._options: Mapping[str, Any] = options

    def run(self, plan: Plan[_Told]) -> _Told:
        """Ask all of a plan's questions, and wait for each answer. Raises `TypeError` for a client for asyncio."""
        if isinstance(self._client, AsyncClient):
            raise TypeError("this is asked without asyncio: give it a tidegate.Client")
        try:
            asked = next(plan)
            while True:
                asked = plan.send(self._check(self._client, asked))
        except StopIteration as ended:
            told: _Told = ended.value
            return told

    async def arun(self, plan: Plan[_Told]) -> _Told:
        """The same for asyncio; a `Client` is asked on a thread."""
        try:
            asked = next(plan)
            while True:
                asked = plan.send(await self._acheck(asked))
        except StopIteration as ended:
            told: _Told = ended.value
            return told

    async def _acheck(self, asked: Question) -> CheckResult:
        if isinstance(self._client, AsyncClient):
            said: Any = {**self._options, "direction": asked.direction}
            return await self._client.check(asked.text, lane=asked.lane, **said)
        return await asyncio.to_thread(self._check, self._client, asked)

    def _check(self, client: Client, asked: Question) -> CheckResult:
        said: Any = {**self._options, "direction": asked.direction}
        return client.check(asked.text, lane=asked.lane, **said)


def why(result: CheckResult) -> str:
    """What to tell of a text that was stopped, or would have been changed; it holds none of it."""
    if result.verdict is not None:
        return result.verdict.message or f"stopped by rule {result.verdict.rule}"
    labels = sorted({each.label for each in result.redactions})
    return f"it holds what the policy replaces: {', '.join(labels)}"


def risk(result: CheckResult) -> float:
    """The highest score of what met a rule, 0 to 1; where nothing did 1 for a text that is held back, else -1."""
    return max((each.score for each in result.summary.violations), default=1.0 if result.is_blocked else -1.0)
