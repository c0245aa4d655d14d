"""A session of a program with a scripted model, direct or through the proxy, and what came of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.outbox.event import Violation
from tests.agents.programs import Place, Program, Told
from tests.agents.script import Model, Turn
from tests.proxies import proxied
from tests.upstream import Upstream, scripted_upstream

Files = Mapping[str, str]


@dataclass(frozen=True)
class Session:
    """What came of one: what each task showed, the files after it, what the model was asked, and the violations."""

    told: Sequence[Told]
    files: Files
    asked: Sequence[Any]
    besides: Sequence[Any]
    violations: Sequence[Violation] = ()

    @property
    def shown(self) -> str:
        """All that was shown."""
        return "\n".join(each.shown for each in self.told)

    @property
    def transcript(self) -> Sequence[Any]:
        """What the model was asked, but for what differs from run to run."""
        return [json.loads(_CHANGING.sub(_same, json.dumps(each))) for each in self.asked]


_CHANGING = re.compile(
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:ses|msg|prt)_[0-9A-Za-z]{10,}|chunk id: [0-9a-f]+)"
    r"|(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ+:]*|\b\d{13}\b|\d+\.\d+ seconds)",
    re.IGNORECASE,
)


def _same(found: re.Match[str]) -> str:
    return f"<{found.lastgroup}>"


async def run(
    program: Program,
    folder: Path,
    files: Files,
    turns: Sequence[Turn],
    *,
    tasks: Sequence[str],
    policy: str = "",
    known: Mapping[str, str] | None = None,
) -> Session:
    """Do the tasks one after another, in a new home; guarded when there is a policy.

    The folder's files are at the same place in each run, since programs tell their models where they are. `known`: see
    `Model`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    home, own = folder / "home", folder / "files"
    home.mkdir(parents=True)
    own.mkdir()
    for name, text in files.items():
        (own / name).write_text(text)
    model = Model(turns, program.speak, program.has_tools, known or {})
    async with AsyncExitStack() as stack:
        facts = {"labels": {"tidegate.dev/policy": "agents"}}
        guarded = await stack.enter_async_context(proxied(folder, policy=policy, facts=facts)) if policy else None
        upstream: Upstream = guarded.upstream if guarded else await stack.enter_async_context(scripted_upstream())
        upstream.choose = model.answer
        place = Place(home, own, guarded.url if guarded else upstream.url)
        told = [await program.run(place, task, resumes=bool(number)) for number, task in enumerate(tasks)]
    after = {path.name: path.read_text() for path in sorted(own.iterdir()) if not path.name.startswith(".")}
    return Session(told, after, model.asked, model.besides, guarded.violations if guarded else ())
