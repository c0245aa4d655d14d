"""Asks as it is told on standard input, a line of JSON each, and answers with a line of JSON each: one process for all.

    python -m tests.integration.kits

A line in: `{"kit": NAME, "url": URL, "text": TEXT, "is_streamed": BOOL}`. A line out: a `Told`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import os
import sys
from typing import Any

from tests.integration.kits import agents, frameworks, models
from tests.integration.kits.told import Ask, Told

KITS = {**models.KITS, **frameworks.KITS, **agents.AGENTS}


async def _ask(name: str, ask: Ask) -> Told:
    try:
        told = KITS[name](ask)
        return await told if inspect.isawaitable(told) else told
    except Exception as raised:  # noqa: BLE001 - which it is, is what the test asks
        kind = f"{type(raised).__module__.partition('.')[0]}.{type(raised).__name__}"
        return Told(error=f"{kind}: {raised} {raised.__cause__ or ''}")


async def main() -> None:
    """Answer until there are no more lines. What kits print goes to standard error.

    One loop for all: frameworks keep connections from one answer to the next.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked: dict[str, Any] = json.loads(line)
        told = await _ask(asked.pop("kit"), Ask(**asked))
        answers.write(json.dumps(dataclasses.asdict(told), default=repr) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
