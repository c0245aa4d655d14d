"""What a policy does to agents' work that holds no attack: what it refuses, withholds or changes, by part.

    python -m benchmarks.work [--policy agents --policy chat-safety] [--results 1000] [--data FOLDER]

The corpus is made from what is on the machine (`benchmarks.work.corpus`), and every piece of it goes through the proxy
as a request. What a policy replaced is counted by label, and `--show` prints it to the terminal, for a person to judge:
an author's address is one, whoever reads it. With `--data`, a folder that has `injection2/attacks.jsonl.gz`, it says
what each threshold finds of the attacks inside documents and tools' results there, and what it flags of one half of the
corpus, by which a threshold is chosen, and of the other half, by which it is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.results import table, write
from benchmarks.work import corpus
from benchmarks.work.corpus import Piece
from detectors import registry
from detectors.parts import parts_of
from sidecar.evaluation.segments import findings_of
from sidecar.outbox.event import Violation
from sidecar.values import Part
from tests.proxies import proxied
from tests.upstream import JSON, Answer

ROOT = Path(__file__).parents[2]
_ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
}  # fmt: skip


@dataclass
class Count:
    """What became of the pieces of one part."""

    pieces: int = 0
    chars: int = 0
    refused: int = 0
    withheld: int = 0
    replaced: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)


def main() -> int:
    """Run, print the tables and write the results."""
    arguments = _arguments()
    pieces = asyncio.run(_corpus(arguments.results))
    report: dict[str, Any] = {}
    lines: list[str] = []
    for name in arguments.policy or ("agents", "chat-safety"):
        counts = asyncio.run(judged(name, pieces))
        report[name] = {part: _figures(each) for part, each in counts.items()}
        lines += [f"Under `{name}`:", "", _table(counts), ""]
        for each in counts.values():
            sys.stdout.writelines(f"{line}\n" for line in each.shown[: arguments.show])
    if arguments.data:
        report["thresholds"] = thresholds(pieces, arguments.data)
        lines += ["Attacks inside documents and tools' results, by threshold of `indirect_injection`:", ""]
        lines += [
            table(["least score", *report["thresholds"][0]][1:], [list(row.values()) for row in report["thresholds"]])
        ]
    text = "\n".join(lines)
    print(text)
    if not arguments.dry:
        print(write("work", report, text))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.work", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", action="append", help="a policy of policies/; agents and chat-safety if left out")
    parser.add_argument("--results", type=int, default=1000, help="about so many results of tools")
    parser.add_argument("--data", type=Path, help="the folder with the labelled sets")
    parser.add_argument("--show", type=int, default=0, help="print so many changes of each part to the terminal")
    parser.add_argument("--dry", action="store_true", help="write no result files")
    return parser.parse_args()


async def _corpus(results: int) -> list[Piece]:
    sent = await corpus.sent_by_programs()
    return [
        *corpus.instructions(sent), *corpus.definitions(sent), *corpus.calls(), *corpus.results(results),
        *corpus.handed_over(results // 4), *corpus.tasks(),
    ]  # fmt: skip


# --- through the proxy ------------------------------------------------------------------------------------------------


async def judged(name: str, pieces: Sequence[Piece]) -> dict[str, Count]:
    """What became of each part's pieces under a policy of `policies/`."""
    policy, labels = (ROOT / f"policies/{name}.yaml").read_text(), {"tidegate.dev/policy": name}
    policy = re.sub(r"max_hold_ms: \d+", "max_hold_ms: 60000", policy)  # what is measured are verdicts, not the machine
    counts: defaultdict[str, Count] = defaultdict(Count)
    with tempfile.TemporaryDirectory() as folder:
        async with proxied(Path(folder), policy=policy, facts={"labels": labels}) as guarded:
            guarded.upstream.answer = Answer([json.dumps(_ANSWER).encode()], JSON)
            async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as client:
                for piece in pieces:
                    await _judge(client, guarded, piece, counts[piece.part])
    return counts


async def _judge(client: aiohttp.ClientSession, guarded: Any, piece: Piece, count: Count) -> None:
    body, seen, events = corpus.body_of(piece), len(guarded.upstream.requests), len(guarded.outbox.events)
    async with client.post(f"{guarded.url}/v1/chat/completions", data=body) as answer:
        await answer.read()
    passed = guarded.upstream.requests[seen:]
    found = [event.data for event in guarded.outbox.events[events:] if isinstance(event.data, Violation)]
    count.pieces += 1
    count.chars += len(piece.text)
    count.labels.update(each.detector.label for each in found)
    if not passed:
        count.refused += 1
    elif json.loads(passed[0].body) != json.loads(body):
        is_withheld = any(each.done == "withhold" for each in found)
        count.withheld += is_withheld
        count.replaced += not is_withheld
    if found or not passed:
        told = [(each.policy.rule, each.detector.label, each.detector.score, each.done) for each in found]
        count.shown.append(f"{piece.part} ({piece.source}), {answer.status}: {told} {piece.text[:80]!r}")


def _figures(count: Count) -> dict[str, object]:
    return {
        "pieces": count.pieces, "characters": count.chars, "refused": count.refused, "withheld": count.withheld,
        "replaced": count.replaced, "labels": dict(count.labels.most_common()),
    }  # fmt: skip


def _table(counts: dict[str, Count]) -> str:
    rows = [
        [part, each.pieces, each.chars, each.refused, each.withheld, each.replaced, dict(each.labels.most_common())]
        for part, each in counts.items()
    ]
    return table(["part", "pieces", "characters", "refused", "withheld", "replaced", "findings by label"], rows)


# --- thresholds -------------------------------------------------------------------------------------------------------


def thresholds(pieces: Sequence[Piece], data: Path) -> list[dict[str, Any]]:
    """What each threshold flags: of one half of the corpus's results and files, of the other, and of the attacks."""
    kept = [each for each in pieces if each.part in ("tool result", "file in a user's message")]
    first, second = scores(each.text for each in kept[::2]), scores(each.text for each in kept[1::2])
    attacks = scores(_attacks(data / "injection2/attacks.jsonl.gz"))
    return [
        {
            "least score": at,
            "first half flagged": sum(score >= at for score in first),
            "of": len(first),
            "second half flagged": sum(score >= at for score in second),
            "of them": len(second),
            "attacks found": round(sum(score >= at for score in attacks) / len(attacks), 3),
            "of attacks": len(attacks),
        }
        for at in (0.5, 0.7, 0.8, 0.87, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
    ]


def scores(texts: Iterable[str]) -> list[float]:
    """The highest score of each text, read as a tool's result."""
    kind = registry.get("injection")
    (detector,) = [part.build() for part in parts_of(kind, kind.params())]
    own = list(texts)
    found = findings_of(detector, own, parts=[Part.TOOL_RESULT] * len(own))
    return [max((each.score for each in one), default=0.0) for one in found]


def _attacks(path: Path, most: int = 800) -> list[str]:
    """Attacks inside documents and tools' results, evenly out of the whole set."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    own = [row["text"] for row in rows if row["label"] == 1 and row["kind"] in ("indirect", "document", "tool_output")]
    return own[:: max(1, len(own) // most)]


if __name__ == "__main__":
    sys.exit(main())
