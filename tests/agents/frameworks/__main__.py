"""Runs agents as it is told on standard input, a line of JSON each, and answers with a line of JSON each.

    python -m tests.agents.frameworks

A line in: `{"framework": NAME, "url": URL, "files": FOLDER, "task": TEXT, "resumes": BOOL}`. A line out:
`{"shown": TEXT, "is_error": BOOL}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.agents.frameworks.sessions import SESSIONS, Session
from tests.agents.frameworks.tools import tools_for


class Runs:
    """The sessions that were begun, by framework and folder."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}

    async def run(self, *, framework: str, url: str, files: str, task: str, resumes: bool) -> dict[str, Any]:
        """What a framework answers to a task."""
        if not resumes:
            self._sessions[framework, files] = SESSIONS[framework](url, tools_for(Path(files)))
        try:
            return {"shown": await self._sessions[framework, files](task), "is_error": False}
        except Exception as raised:  # noqa: BLE001 - which it is, is what the test asks
            return {"shown": f"{type(raised).__name__}: {raised}", "is_error": True}


async def main() -> None:
    """Answer until there are no more lines. What frameworks print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    runs = Runs()
    while line := await asyncio.to_thread(sys.stdin.readline):
        answers.write(json.dumps(await runs.run(**json.loads(line))) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
