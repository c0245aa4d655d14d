"""Memory of an answer in several parts: a long text alone, and behind a short thought, by policy.

    python -m benchmarks.parts [--chars N]

An answer of one text (a chat completion's deltas, and Anthropic's content blocks) goes through codec and core as a
transport drives them, alone and behind three words of reasoning. The figure is the peak of what Python allocated
meanwhile (`tracemalloc`), and how much of the stream had come when the text's first piece left.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import plain
from sidecar.codec.body import ChoiceEnd, LaneEnd, StreamedAnswer
from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import anthropic, openai_chat
from sidecar.core.stream import Stream
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from sidecar.values import Blocked, Release

POLICIES = Path(__file__).parents[2] / "policies"
THOUGHT = ("Three ", "short ", "words.")
CHUNK = 24
"""Characters a delta: some six tokens."""


@dataclass
class Played:
    """What a play took."""

    peak_kib: float
    first_share: float
    """Which share of the stream's frames had come when the text's first piece left."""


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chars", type=int, default=1_000_000)
    chars = parser.parse_args().chars
    rows: list[list[object]] = []
    for shape in (openai_chat.SHAPE, anthropic.SHAPE):
        rows += [_row(shape, policy, chars) for policy in ("pii-redact", "secrets-block")]
    head = ["shape", "policy", "alone, KiB", "behind a thought, KiB", "ratio", "first piece at, alone", "behind"]
    markdown = table(head, rows)
    print(markdown)
    print(write("parts", {"chars": chars, "rows": rows}, markdown))


def _row(shape: Shape, policy: str, chars: int) -> list[object]:
    (compiled,) = compile_file(POLICIES / f"{policy}.yaml", public_keys()).policies
    alone, behind = (_play(shape, compiled[1], chars, thinks=thinks) for thinks in (False, True))
    ratio = round(behind.peak_kib / alone.peak_kib, 2)
    shares = [f"{each.first_share:.2%}" for each in (alone, behind)]
    return [shape.name, policy, round(alone.peak_kib), round(behind.peak_kib), ratio, *shares]


def _play(shape: Shape, plan: Plan, chars: int, *, thinks: bool) -> Played:
    text = plain(chars)
    pieces = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    frames = _chat if shape is openai_chat.SHAPE else _messages
    count = sum(1 for _ in frames(pieces, thinks=thinks))
    body = StreamedAnswer(shape, Format.SSE, max_frame_bytes=1 << 22, holds_calls=plan.holds_calls)
    stream, first = Stream(plan), None
    tracemalloc.start()
    for number, frame in enumerate(frames(pieces, thinks=thinks)):
        _feed(stream, body, frame)
        left = body.ready()
        if first is None and pieces[0][:8].encode() in left:
            first = number
    body.finish()
    stream.close()
    body.ready()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Played(peak / 1024, (first if first is not None else count) / count)


def _feed(stream: Stream, body: StreamedAnswer, data: bytes) -> None:
    for each in body.feed(data):
        if isinstance(each, LaneEnd):
            stream.end_lane(each.lane)
        elif isinstance(each, ChoiceEnd):
            stream.end_choice(each.choice)
        else:
            stream.feed(each.lane, each.text)
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release | Blocked):
            body.take(output)


def _chat(pieces: list[str], *, thinks: bool) -> Iterator[bytes]:
    for key, texts in (("reasoning_content", THOUGHT if thinks else ()), ("content", pieces)):
        for each in texts:
            yield _sse({"choices": [{"index": 0, "delta": {key: each}, "finish_reason": None}]})
    yield _sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def _messages(pieces: list[str], *, thinks: bool) -> Iterator[bytes]:
    parts = [("thinking", THOUGHT)] if thinks else []
    for index, (kind, texts) in enumerate([*parts, ("text", pieces)]):
        yield _sse({"type": "content_block_start", "index": index, "content_block": {"type": kind, kind: ""}})
        for each in texts:
            delta = {"type": f"{kind}_delta", kind: each}
            yield _sse({"type": "content_block_delta", "index": index, "delta": delta})
        yield _sse({"type": "content_block_stop", "index": index})
    yield _sse({"type": "message_stop"})


def _sse(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


if __name__ == "__main__":
    main()
