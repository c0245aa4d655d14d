"""Tidegate against what people use: the same answers, streamed, in one run on one core. What each costs and makes wait.

    benchmarks/peers/setup.sh FOLDER                         # once: LLM Guard and models for it, outside the checkout
    benchmarks/peers/setup-nemo.sh FOLDER                    # once: NeMo Guardrails with Presidio
    python -m benchmarks.peers --llm-guard FOLDER --nemo FOLDER [--presidio-python PATH] [--texts N] [--every N]

* Tidegate: the real service over gRPC with patterns, secrets, personal data, injection, toxicity and topic on, and
  without its cache; one stream at a time, and many at once. Its processor time, the transport's included.
* LLM Guard with ONNX Runtime and Anonymize, PromptInjection, Toxicity, BanTopics: called as its streaming example does,
  the whole text at each new chunk once it has 30 characters, and once per sentence. Its models have random weights: the
  public ones cannot always be downloaded, and the cost is the same (make_models.py).
* Default Presidio, the whole text at each new chunk: it has no streaming at all.
* NeMo Guardrails' streaming output rails with its check for sensitive data, which is Presidio: as shipped, with text
  checked before it leaves, and so with windows of about a sentence.
* A moderation service over the network, through the `openai` client: a stand-in that answers after `--moderation-ms`.

Waits are those of answers at 50 tokens a second. What streams by itself (Tidegate, NeMo) is given its tokens at that
pace. What does not is put on a clock of its own: each check takes as long as it was measured to take, and the next one
waits for it. The checks that LLM Guard leaves out are taken to last as long as their length says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.peers import choices, ways
from benchmarks.peers.choices import Choice
from benchmarks.results import write
from workbench.bench.texts import made_text, pieces_of

EXPECTED = 20.0
NOTES = (
    "- Checks are scans, calls, or messages to Tidegate. Tidegate, LLM Guard and Presidio are given"
    f" {ways.TOKENS_A_CHUNK} tokens a chunk where nothing else is said, NeMo and the moderation service one. A token a"
    " chunk costs LLM Guard and Presidio, at each chunk, four times as much, and what longer texts cost them grows with"
    " the square of the length.",
    "- The ways do not look for the same: compare what a wait and a second buy. LLM Guard's models have the"
    " architectures and sizes of its defaults (DeBERTa-v3-base, RoBERTa-base) and random weights. NeMo's checks that"
    " ask a language model are left out; its check here finds less than Tidegate's.",
    "- Waits of Tidegate and NeMo are measured by the clock; those of the others follow from how long their checks"
    " took. LLM Guard's processor time on this one core is taken for the time of its checks: where that is longer"
    " than a chunk takes to come, the wait grows with the answer.",
    "- Of a card number in the middle of a text: how many of its characters had left when the tool acted on it.",
)


def main() -> int:
    """Run, print the table and write the results; exit status 1 when LLM Guard is less than 20 times as dear."""
    arguments = _arguments()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core for everybody: no threads that spin
    texts, versions = _texts(arguments.texts, arguments.sentences), dict[str, Any]()
    measured = ways.tidegate(texts)
    if arguments.llm_guard:
        measured += ways.llm_guard(arguments.llm_guard, texts, arguments.every, versions)
    measured += ways.presidio(arguments.presidio_python, texts, versions)
    if arguments.nemo:
        measured += ways.nemo(arguments.nemo, texts, versions)
    measured += ways.moderation(arguments.moderation_ms, texts, versions)
    chosen = choices.choices(measured, [pieces_of(text) for text in texts])
    figures = {
        "texts": len(texts),
        "sentences": arguments.sentences,
        "tokens": sum(len(pieces_of(text)) for text in texts),
        "tokens_a_chunk": ways.TOKENS_A_CHUNK,
        "tokens_per_second": choices.TOKENS_PER_SECOND,
        "llm_guard_scanned_every": arguments.every,
        "moderation_ms": arguments.moderation_ms,
        "versions": versions,
    }
    report = _report(chosen, figures)
    print(report)
    if not (arguments.llm_guard and arguments.nemo):
        print("not written: something is left out (--llm-guard, --nemo)")
        return 0
    print(write("peers", figures | {"choices": [asdict(each) for each in chosen]}, report))
    return 0 if _is_dear(chosen) else 1


def _is_dear(chosen: Sequence[Choice]) -> bool:
    return all(each.times_tidegate >= EXPECTED for each in chosen if each.way.startswith("LLM Guard, whole"))


def _texts(count: int, sentences: int) -> list[str]:
    rng = random.Random(1)
    return [made_text(rng, sentences=sentences, is_violating=False) for _ in range(count)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--llm-guard", type=Path, help="the folder that setup.sh made; without it LLM Guard is left out"
    )
    parser.add_argument("--nemo", type=Path, help="the folder that setup-nemo.sh made; without it NeMo is left out")
    parser.add_argument("--presidio-python", default=sys.executable, help="an interpreter that has Presidio and spaCy")
    parser.add_argument("--texts", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=24, help="how many a text has; 24 are about 370 tokens")
    parser.add_argument("--every", type=int, default=1, help="have LLM Guard scan every Nth chunk only, and scale")
    parser.add_argument(
        "--moderation-ms", type=float, default=200.0, help="how long the moderation service takes: an assumption"
    )
    return parser.parse_args()


def _report(chosen: Sequence[Choice], figures: Mapping[str, Any]) -> str:
    every, size = figures["llm_guard_scanned_every"], f"{figures['tokens']} tokens in all"
    return "\n".join(
        [
            f"{figures['texts']} texts of {figures['sentences']} sentences, {size}; one core."
            f" Waits are those of an answer that is written at {choices.TOKENS_PER_SECOND} tokens a second.",
            "",
            choices.rows(chosen),
            "",
            *NOTES,
            f"- The moderation service is a stand-in on loopback that answers after {figures['moderation_ms']:g} ms: an"
            " assumption, not a measurement. A wait grows by what a call takes longer, once; past the time in which the"
            " next text comes (about 300 ms a sentence) calls queue. The processor time is the client's alone.",
            *([f"- LLM Guard scanned every {every}th chunk; its sum is scaled."] if every > 1 else []),
            "",
            "Versions: " + json.dumps(figures["versions"]),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
