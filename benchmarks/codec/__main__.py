"""What guarding costs, codec and core with the policy `policies/pii-redact.yaml`, beside an older revision.

    python -m benchmarks.codec [--against REV] [--rounds N]

Processor time of a guarded event of a stream (chat, Anthropic, Responses; an event a step), and of a body of 100 KB
(a request of some messages, a whole answer). Both revisions run in one go, one after the other in each round, each as
a program of its own with its own code; REV is unpacked in a temporary folder. The best of the rounds counts, which is
the least disturbed one. At most 1.25 times is promised.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

from benchmarks.results import table, write
from workbench.bench.texts import made_text, pieces_of

ROOT = Path(__file__).parents[2]
MOST = 1.25
EVENTS = 400
BODY_CHARS = 100_000
MESSAGES = 20


class Task(TypedDict):
    """What a worker does: guard `data` so often."""

    shape: str
    half: str
    data: str
    times: int


class Worker:
    """A program that guards with one revision's code."""

    def __init__(self, root: Path) -> None:
        command = [
            sys.executable,
            str(Path(__file__).with_name("worker.py")),
            str(root / "policies" / "pii-redact.yaml"),
        ]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        self._process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, task: Task) -> float:
        """The processor time of a task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def stop(self) -> None:
        """Have it end."""
        self._process.communicate()


def main() -> int:
    """Measure both, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codec", description=__doc__)
    parser.add_argument("--against", default="d1ef1c2", help="the older revision (default: d1ef1c2)")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        older = stack.enter_context(unpacked(arguments.against))
        workers = [stack.enter_context(running(root)) for root in (older, ROOT)]
        figures = {name: measured(workers, task, arguments.rounds) for name, task in tasks().items()}
    rows = [(name, *each.values()) for name, each in figures.items()]
    text = table(("what", f"{arguments.against}, us", "now, us", "ratio"), rows)
    print(text)
    print(write("codec", figures, f"# What guarding a body costs beside an older revision\n\n{text}"))
    return 0 if all(each["ratio"] <= MOST for each in figures.values()) else 1


def measured(workers: Sequence[Worker], task: Task, rounds: int) -> Mapping[str, float]:
    """Microseconds an event, or a body, of both, and the ratio."""
    count = task["times"] * (EVENTS if task["half"] == "stream" else 1)
    best = [float("inf")] * len(workers)
    for _ in range(rounds):
        best = [min(known, worker.seconds(task)) for known, worker in zip(best, workers, strict=True)]
    older, newer = (each / count * 1e6 for each in best)
    return {"older_us": round(older, 1), "newer_us": round(newer, 1), "ratio": round(newer / older, 3)}


@contextmanager
def unpacked(revision: str) -> Iterator[Path]:
    """The files of a revision in a temporary folder."""
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S607
    with TemporaryDirectory(prefix="tidegate-codec-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


@contextmanager
def running(root: Path) -> Iterator[Worker]:
    """A worker while it is needed."""
    worker = Worker(root)
    try:
        yield worker
    finally:
        worker.stop()


# -- bodies -----------------------------------------------------------------------------------------------------------


def tasks() -> Mapping[str, Task]:
    """The cases by name."""
    text = made_text(random.Random(1), sentences=2_000, is_violating=False)
    pieces = pieces_of(text)[: EVENTS - 3]
    return {
        "an event, OpenAI chat": Task(shape="openai-chat", half="stream", data=chat(pieces), times=5),
        "an event, Anthropic": Task(shape="anthropic-messages", half="stream", data=anthropic(pieces), times=5),
        "an event, OpenAI Responses": Task(shape="openai-responses", half="stream", data=responses(pieces), times=5),
        "a request of 100 KB, OpenAI chat": Task(shape="openai-chat", half="request", data=request(text), times=3),
        "an answer of 100 KB, OpenAI chat": Task(shape="openai-chat", half="answer", data=answer(text), times=3),
    }


def chat(pieces: Sequence[str]) -> str:
    """A stream of chunks."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1764374400, "model": "m", "service_tier": "x"}
    choices: list[dict[str, Any]]
    choices = [{"index": 0, "delta": {"content": each}, "logprobs": None, "finish_reason": None} for each in pieces]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"})
    return events([{**head, "choices": [each]} for each in choices]) + "data: [DONE]\n\n"


def anthropic(pieces: Sequence[str]) -> str:
    """A stream of one block."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}} for each in pieces
    ]
    begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return events([begin, *deltas, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"}], named=True)


def responses(pieces: Sequence[str]) -> str:
    """A stream of one item."""
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    deltas = [
        {"type": "response.output_text.delta", "sequence_number": number, **where, "delta": each, "logprobs": []}
        for number, each in enumerate(pieces)
    ]
    done = {"type": "response.output_text.done", **where, "text": "".join(pieces)}
    return events([*deltas, done], named=True)


def events(documents: Sequence[Mapping[str, Any]], *, named: bool = False) -> str:
    """Server-sent events."""
    heads = (f"event: {each['type']}\n" if named else "" for each in documents)
    return "".join(f"{head}data: {json.dumps(each)}\n\n" for head, each in zip(heads, documents, strict=True))


def request(text: str) -> str:
    """A request of some messages."""
    size = BODY_CHARS // MESSAGES
    said = [text[start : start + size] for start in range(0, BODY_CHARS, size)]
    messages = [{"role": ("user", "assistant")[number % 2], "content": each} for number, each in enumerate(said)]
    return json.dumps({"model": "m", "messages": messages, "stream": True})


def answer(text: str) -> str:
    """A whole answer."""
    message = {"role": "assistant", "content": text[:BODY_CHARS], "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 20_000, "total_tokens": 20_009}
    return json.dumps({"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


if __name__ == "__main__":
    sys.exit(main())
