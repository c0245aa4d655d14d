"""Calls as agents that write code make them: what is on this machine, beside requests and results of the same kind.

Nobody recorded which call served which request, so each stands beside one of `benchmarks.work.corpus.TASKS` in turn,
and a call that changes a file beside one that asks for a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.adherence.rows import HARMLESS, Row
from benchmarks.work import corpus

_RESULTS = 3
_ASKS_TO_LOOK = ("why", "run", "Look", "Explain", "Profile", "commit")
_WORK = tuple(each for each in corpus.TASKS if not each.startswith(_ASKS_TO_LOOK))
"""Requests that something be changed: beside these, calls that change files stand."""
_DEFINITIONS = tuple(
    json.dumps({"type": "function", "function": {"name": name, "description": about, "parameters": {}}})
    for name, about in {
        "bash": "Runs a command in a shell.",
        "write": "Writes a file.",
        "edit": "Replaces text in a file.",
        "apply_patch": "Applies a patch.",
    }.items()
)


def agents(results: int = 300) -> Iterator[Row]:
    """All calls of the corpus, each behind three results of others."""
    read = [piece.text for piece in corpus.results(results)]
    for number, piece in enumerate(corpus.calls()):
        asked = corpus.TASKS if piece.tool == "bash" else _WORK
        request = asked[number % len(asked)]
        before = tuple(read[(number * _RESULTS + place) % len(read)] for place in range(_RESULTS))
        yield Row(
            set="agents", group=str(number), kind=HARMLESS, is_wrong=False, request=request, results=before,
            definitions=_DEFINITIONS, tool=piece.tool, arguments=json.loads(piece.text),
        )  # fmt: skip
