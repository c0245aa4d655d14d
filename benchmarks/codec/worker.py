"""Guards bodies with the code of the revision that it is started in, and says what processor time that took.

Reads lines of JSON from standard input, each a task (a case and how often to guard its bodies), and answers each with
the seconds. It runs as a program of its own, with one revision's root as the first place that modules are looked for,
and knows the codec's interface of both.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Guard = Callable[[bytes], None]

_OLDER = {
    "openai-chat": ("openai_chat", "OpenAIChat"),
    "openai-responses": ("openai_responses", "OpenAIResponses"),
    "anthropic-messages": ("anthropic", "AnthropicMessages"),
}


def main() -> None:
    """Serve tasks until there are no more."""
    from sidecar.policy.compiler import compile_policy
    from sidecar.policy.loader import load_file

    (loaded,) = load_file(Path(sys.argv[1]))
    plan: Any = compile_policy(loaded)
    for line in sys.stdin:
        task = json.loads(line)
        guard = guard_of(task["half"], shape_of(task["shape"]), plan)
        data = task["data"].encode()
        guard(data)
        began = time.process_time()
        for _ in range(task["times"]):
            guard(data)
        print(time.process_time() - began, flush=True)


def shape_of(name: str) -> Any:
    """The shape, as the revision has it."""
    try:
        from sidecar.codec.catalogue import SHAPES
    except ModuleNotFoundError:
        module, kind = _OLDER[name]
        return getattr(importlib.import_module(f"sidecar.codec.{module}"), kind)()
    return next(each for each in SHAPES if each.name == name)


def guard_of(half: str, shape: Any, plan: Any) -> Guard:
    """What guards a body of this kind."""
    if half == "stream":
        return lambda data: stream(shape, plan, data)
    return lambda data: whole(shape, plan, data, is_request=half == "request")


def whole(shape: Any, plan: Any, data: bytes, *, is_request: bool) -> None:
    """Guard a body that is there as a whole."""
    from sidecar.codec.body import WholeBody
    from sidecar.core.stream import Stream

    body, guarded = WholeBody(shape, data, is_request=is_request), Stream(plan)
    feed(guarded, body.texts)
    guarded.close()
    take(guarded, body)
    body.finish()


def stream(shape: Any, plan: Any, data: bytes) -> None:
    """Guard a stream that comes frame by frame."""
    from sidecar.codec.body import StreamedAnswer
    from sidecar.core.stream import Stream

    formats: dict[str, Any] = {}
    if "form" in inspect.signature(StreamedAnswer).parameters:
        from sidecar.codec.formats import Format

        formats = {"form": Format.SSE}
    body, guarded = StreamedAnswer(shape, max_frame_bytes=1 << 20, **formats), Stream(plan)
    for frame in data.split(b"\n\n"):
        feed(guarded, body.feed(frame + b"\n\n"))
        take(guarded, body)
        body.ready()
    feed(guarded, body.finish())
    guarded.close()
    take(guarded, body)
    body.flush()
    body.ready()


def feed(guarded: Any, fed: Any) -> None:
    """Feed what came: texts, and ends where the revision has them."""
    for each in fed:
        if isinstance(each, tuple):
            guarded.feed(*each)
        elif hasattr(each, "text"):
            if getattr(each, "is_json", False):
                guarded.read_as_json(each.lane)
            guarded.feed(each.lane, each.text)
        elif hasattr(each, "lane"):
            guarded.end_lane(each.lane)
        else:
            guarded.end_choice(each.choice)


def take(guarded: Any, body: Any) -> None:
    """Hand what the core lets out to the body."""
    from sidecar.values import Blocked, Release

    while (output := guarded.next_output()) is not None:
        if isinstance(output, Release | Blocked):
            body.take(output)


if __name__ == "__main__":
    main()
