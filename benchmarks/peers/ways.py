"""The ways of guarding that are measured: how each tool is called, as its users call it."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
from openai import OpenAI

from benchmarks.first_token import designs
from benchmarks.first_token.designs import Released
from benchmarks.first_token.waits import Releases, after_checks, on_time
from benchmarks.peers import choices, service
from benchmarks.peers.choices import TOKEN_MS, Kind, Measured
from benchmarks.peers.moderation import answering, moderated
from benchmarks.presidio import run_presidio
from workbench.bench.texts import pieces_of

HERE = Path(__file__).parent
TOKENS_A_CHUNK = 4
LEAST_CHARS = 30
"""Below this LLM Guard's example does not scan."""
AT_ONCE = 16
WINDOW = 200
BESIDE = 100
"""How many tokens come between two calls where nothing waits for them."""
NEMO = (
    ("NeMo Guardrails, windows of 200, as shipped", choices.NEMO_AS_SHIPPED, (200, 50, True)),
    ("NeMo Guardrails, windows of 200, checked first", choices.NEMO_CHECKED, (200, 50, False)),
    ("NeMo Guardrails, windows of 20, checked first", choices.NEMO_CHECKED, (20, 10, False)),
)
"""With the size of a window, the tokens of it that the next one reads again, and whether it leaves before its check."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def tidegate(texts: Sequence[str]) -> list[Measured]:
    """The service, one stream at a time and many at once."""
    ways = (
        service.Way("Tidegate, one stream at a time", TOKENS_A_CHUNK, 1),
        service.Way(f"Tidegate, {AT_ONCE} streams at once", TOKENS_A_CHUNK, AT_ONCE),
        service.Way("Tidegate, a token a message", 1, 1),
    )
    _tell("Tidegate")
    with service.guarding() as running:
        return [service.measured(running, way, texts, choices.with_card(texts[0])) for way in ways]


def llm_guard(folder: Path, texts: Sequence[str], every: int, versions: dict[str, Any]) -> list[Measured]:
    """LLM Guard, of whose scans of growing texts every Nth is measured."""
    growing = [_growing(text) for text in texts]
    sentences = [_SENTENCE_END.split(text) for text in texts]
    sample = [*chain.from_iterable(growing)][every // 2 :: every]
    first = [*chain.from_iterable(sentences)]
    _tell(f"LLM Guard, {len(first) + len(sample)} scans, a few minutes")
    versions["llm-guard"], scanned = _scanned(folder, [*first, *sample])
    by_length = sorted(zip(map(len, sample), scanned[len(first) :], strict=True))
    lengths, lasted = zip(*by_length, strict=True)
    grown = [list(np.interp([*map(len, each)], lengths, lasted)) for each in growing]
    spoken = _by_text(scanned[: len(first)], [*map(len, sentences)])
    return [
        Measured(
            "LLM Guard, whole text at each chunk",
            choices.LLM_GUARD_GROWING,
            sum(map(len, growing)),
            sum(scanned[len(first) :]) * sum(map(len, growing)) / len(sample),
            [_after(_chunked(text), seconds) for text, seconds in zip(texts, grown, strict=True)],
        ),
        Measured(
            "LLM Guard, once per sentence",
            choices.LLM_GUARD_SENTENCES,
            len(first),
            sum(scanned[: len(first)]),
            [_after(designs.sentences(pieces_of(text)), each) for text, each in zip(texts, spoken, strict=True)],
        ),
    ]


def _scanned(folder: Path, texts: Sequence[str]) -> tuple[dict[str, str], list[float]]:
    """Versions, and CPU seconds of each of LLM Guard's scans."""
    command = [str(folder / "bin" / "python"), str(HERE / "llm_guard_run.py"), str(folder / "models")]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    head, *rest = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return head, [each["seconds"] for each in rest]


def presidio(python: str, texts: Sequence[str], versions: dict[str, Any]) -> list[Measured]:
    """Default Presidio; nothing where that interpreter does not have it."""
    _tell("Presidio")
    growing, violating = [_growing(text) for text in texts], choices.with_card(texts[0])
    flat, asked = [*chain.from_iterable(growing)], _growing(violating)
    run = run_presidio(python, [*flat, *asked])
    if run is None:
        return []
    versions["presidio"] = run.versions
    seconds = _by_text(run.seconds[: len(flat)], [*map(len, growing)])
    return [
        Measured(
            "Presidio alone, whole text at each chunk",
            choices.PRESIDIO,
            len(flat),
            sum(run.seconds[: len(flat)]),
            [_after(_chunked(text), each) for text, each in zip(texts, seconds, strict=True)],
            choices.card_chars_out(violating, choices.before_found(violating, asked, run.spans[len(flat) :])),
        )
    ]


def nemo(folder: Path, texts: Sequence[str], versions: dict[str, Any]) -> list[Measured]:
    """NeMo Guardrails' streaming output rails."""
    _tell("NeMo Guardrails, a minute or two")
    violating = choices.with_card(texts[0])
    names = ("chunk_size", "context_size", "stream_first")
    job = {
        "ways": [{"name": way, **dict(zip(names, sizes, strict=True))} for way, _, sizes in NEMO],
        "texts": [pieces_of(text) for text in texts],
        "violating": pieces_of(violating),
        "token_ms": TOKEN_MS,
    }
    command = [str(folder / "bin" / "python"), str(HERE / "nemo_run.py")]
    done = subprocess.run(command, input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=True)
    versions["nemo"], *rest = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return [
        Measured(
            way,
            kind,
            answer["checks"],
            answer["seconds"],
            answer["released"],
            choices.card_chars_out(violating, answer["out"]),
        )
        for (way, kind, _), answer in zip(NEMO, rest, strict=True)
    ]


def moderation(latency_ms: float, texts: Sequence[str], versions: dict[str, Any]) -> list[Measured]:
    """Calls over the network to a service that takes so long."""
    _tell("a moderation service")
    versions["openai"] = importlib.metadata.version("openai")
    ways: Sequence[tuple[str, Kind, Callable[[str], list[str]], Callable[[Sequence[str]], Released] | None]] = (
        ("the whole answer at its end", choices.MODERATED_WHOLE, lambda text: [text], designs.whole),
        ("once per sentence", choices.MODERATED_SENTENCES, _SENTENCE_END.split, designs.sentences),
        (
            f"windows of {WINDOW} tokens",
            choices.MODERATED_WINDOWS,
            partial(service.chunks_of, tokens=WINDOW),
            partial(designs.windows, size=WINDOW, overlap=0),
        ),
        (f"beside the stream, every {BESIDE} tokens", choices.MODERATED_BESIDE, _so_far, None),
    )
    with answering(latency_ms) as client:
        return [_moderated(client, texts, *way) for way in ways]


def _moderated(
    client: OpenAI,
    texts: Sequence[str],
    way: str,
    kind: Kind,
    cut: Callable[[str], list[str]],
    design: Callable[[Sequence[str]], Released] | None,
) -> Measured:
    """One way to call the service; without a design nothing waits for the answers."""
    calls = [moderated(client, cut(text)) for text in texts]
    releases = [
        _after(design(pieces_of(text)), [each.seconds for each in called])
        if design is not None
        else on_time(designs.at_once(pieces_of(text)), TOKEN_MS)
        for text, called in zip(texts, calls, strict=True)
    ]
    spent = sum(each.cpu_seconds for called in calls for each in called)
    return Measured(f"Moderation service, {way}", kind, sum(map(len, calls)), spent, releases)


def _so_far(text: str) -> list[str]:
    tokens = pieces_of(text)
    return ["".join(tokens[: at + BESIDE]) for at in range(0, len(tokens), BESIDE)]


def _chunked(text: str) -> Released:
    return choices.chunked(pieces_of(text), TOKENS_A_CHUNK, LEAST_CHARS)


def _after(released: Released, seconds: Sequence[float]) -> Releases:
    return after_checks(released, TOKEN_MS, [each * 1000 for each in seconds])


def _by_text(flat: Sequence[float], counts: Sequence[int]) -> list[Sequence[float]]:
    """What belongs to each text, where it has so many."""
    ends = [*accumulate(counts)]
    return [flat[end - count : end] for end, count in zip(ends, counts, strict=True)]


def _tell(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _growing(text: str) -> list[str]:
    """What is scanned when the whole text is looked at again at each new chunk."""
    chunks = service.chunks_of(text, TOKENS_A_CHUNK)
    whole = ["".join(chunks[: end + 1]) for end in range(len(chunks))]
    return [each for each in whole if len(each) > LEAST_CHARS]
