"""Tidegate against what people use: CPU seconds for the same texts, streamed four tokens a chunk, in one run, one core.

    benchmarks/peers/setup.sh FOLDER                         # once: LLM Guard and models for it, outside the checkout
    python -m benchmarks.peers --llm-guard FOLDER [--presidio-python PATH] [--texts N]

* Tidegate: the real service over gRPC with patterns, secrets, personal data, injection, toxicity and topic on, and
  without its cache; one stream at a time, and many at once. Its processor time, the transport's included.
* LLM Guard with ONNX Runtime and Anonymize, PromptInjection, Toxicity, BanTopics: called as its streaming example does,
  the whole text at each new chunk once it has 30 characters, and once per sentence. Its models have random weights: the
  public ones cannot always be downloaded, and the cost is the same (make_models.py).
* Default Presidio, the whole text at each new chunk: it has no streaming at all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.presidio import run_presidio
from benchmarks.results import table, write
from tidegate import AsyncClient
from workbench.bench.policies import GUARDED, guarded_policy
from workbench.bench.server import Service, serving
from workbench.bench.texts import made_text, pieces_of

HERE = Path(__file__).parent
TOKENS_A_CHUNK = 4
LEAST_CHARS = 30
"""Below this LLM Guard's example does not scan."""
SENTENCES = 8
ROUNDS = 20
"""How often Tidegate is given the texts: once takes it less time than a clock can tell."""
AT_ONCE = 16
HOLD_MS = 60_000
"""Nothing is shed here, whatever else the machine does."""
EXPECTED = 20.0
ALONE = "Tidegate, one stream at a time"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Cost:
    """What one way of guarding took."""

    way: str
    scans: int
    cpu_seconds_per_1000_tokens: float
    times_tidegate: float


def main() -> int:
    """Run, print the table and write the results; exit status 1 when LLM Guard is less than 20 times as dear."""
    arguments = _arguments()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core for everybody: no threads that spin
    texts = _texts(arguments.texts)
    tokens = sum(len(pieces_of(text)) for text in texts)
    growing = [each for text in texts for each in _growing(text)]
    sentences = [each for text in texts for each in _SENTENCE_END.split(text)]
    chunks = sum(len(_chunks(text)) for text in texts)
    versions: dict[str, Any] = {}
    seconds: dict[str, tuple[float, int]] = {}
    for name, at_once in ((ALONE, 1), (f"Tidegate, {AT_ONCE} streams at once", AT_ONCE)):
        _tell(name)
        seconds[name] = _tidegate(texts, at_once=at_once), chunks
    if arguments.llm_guard:
        sample = growing[arguments.every // 2 :: arguments.every]
        _tell(f"LLM Guard, {len(sentences) + len(sample)} scans, a few minutes")
        versions["llm-guard"], scanned = _llm_guard(arguments.llm_guard, [*sentences, *sample])
        spent = sum(scanned[len(sentences) :]) * len(growing) / len(sample)
        seconds["LLM Guard, whole text at each chunk"] = spent, len(growing)
        seconds["LLM Guard, once per sentence"] = sum(scanned[: len(sentences)]), len(sentences)
    _tell("Presidio")
    presidio = run_presidio(arguments.presidio_python, growing)
    if presidio is not None:
        versions["presidio"] = presidio.versions
        seconds["Presidio alone, whole text at each chunk"] = sum(presidio.seconds), len(growing)
    least = seconds[ALONE][0]
    costs = [Cost(way, scans, spent * 1000 / tokens, spent / least) for way, (spent, scans) in seconds.items()]
    report = _report(costs, texts, tokens, arguments.every, versions)
    print(report)
    if not arguments.llm_guard:
        print("not written: LLM Guard is left out (--llm-guard)")
        return 0
    figures = {
        "texts": len(texts),
        "tokens": tokens,
        "tokens_a_chunk": TOKENS_A_CHUNK,
        "llm_guard_scanned_every": arguments.every,
        "versions": versions,
    }
    print(write("peers", figures | {"costs": [asdict(each) for each in costs]}, report))
    return 0 if _is_dear(costs) else 1


def _is_dear(costs: Sequence[Cost]) -> bool:
    return all(each.times_tidegate >= EXPECTED for each in costs if each.way.startswith("LLM Guard, whole"))


def _texts(count: int) -> list[str]:
    rng = random.Random(1)
    return [made_text(rng, sentences=SENTENCES, is_violating=False) for _ in range(count)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--llm-guard", type=Path, help="the folder that setup.sh made; without it LLM Guard is left out"
    )
    parser.add_argument("--presidio-python", default=sys.executable, help="an interpreter that has Presidio and spaCy")
    parser.add_argument("--texts", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="have LLM Guard scan every Nth chunk only, and scale")
    return parser.parse_args()


def _tell(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _chunks(text: str) -> list[str]:
    pieces = pieces_of(text)
    return ["".join(pieces[at : at + TOKENS_A_CHUNK]) for at in range(0, len(pieces), TOKENS_A_CHUNK)]


def _growing(text: str) -> list[str]:
    """What is scanned when the whole text is looked at again at each new chunk."""
    chunks = _chunks(text)
    whole = ["".join(chunks[: end + 1]) for end in range(len(chunks))]
    return [each for each in whole if len(each) > LEAST_CHARS]


# -- the ways --------------------------------------------------------------------------------------------------------


def _tidegate(texts: Sequence[str], *, at_once: int) -> float:
    """CPU seconds of the service for the texts, once."""
    with serving({GUARDED: guarded_policy(HOLD_MS)}, scheduler={"cache_entries": 0}) as service:
        return asyncio.run(_stream_all(service, texts, at_once)) / ROUNDS


async def _stream_all(service: Service, texts: Sequence[str], at_once: int) -> float:
    async with AsyncClient(service.target) as client:
        room = asyncio.Semaphore(at_once)

        async def stream(text: str) -> None:
            async with room:
                async for _ in client.stream(_arriving(text), policy=GUARDED).text():
                    pass

        await asyncio.gather(*(stream(text) for text in texts))  # not measured: what the first streams make for all
        before = service.cpu()
        await asyncio.gather(*(stream(text) for _ in range(ROUNDS) for text in texts))
        after = service.cpu()
    assert before is not None
    assert after is not None
    return after.since(before).total


async def _arriving(text: str) -> AsyncIterator[str]:
    for chunk in _chunks(text):
        yield chunk
        await asyncio.sleep(0)


def _llm_guard(folder: Path, texts: Sequence[str]) -> tuple[dict[str, str], list[float]]:
    """Versions, and CPU seconds of each scan."""
    command = [str(folder / "bin" / "python"), str(HERE / "llm_guard_run.py"), str(folder / "models")]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    head, *rest = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return head, [each["seconds"] for each in rest]


def _report(costs: Sequence[Cost], texts: Sequence[str], tokens: int, every: int, versions: dict[str, Any]) -> str:
    rows = [
        [each.way, each.scans, f"{each.cpu_seconds_per_1000_tokens:.3g}", f"{each.times_tidegate:.1f}"]
        for each in costs
    ]
    head = ["guarded by", "chunks or scans", "CPU seconds per 1,000 tokens", "times Tidegate"]
    return "\n".join(
        [
            f"{len(texts)} texts of {SENTENCES} sentences, {tokens} tokens in all, {TOKENS_A_CHUNK} a chunk; one core.",
            "",
            table(head, rows),
            "",
            "LLM Guard's models have the architectures and sizes of its defaults (DeBERTa-v3-base, RoBERTa-base) and",
            "random weights. A token a chunk instead of four costs LLM Guard and Presidio four times as much, and what",
            "longer texts cost them grows with the square of the length.",
            *([f"LLM Guard scanned every {every}th chunk; the sum is scaled."] if every > 1 else []),
            "",
            "Versions: " + json.dumps(versions),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
