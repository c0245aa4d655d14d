"""The figures that a plan rests on, read from `benchmarks/results`, each with its spread."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import RESULTS
from workbench.capacity.figures import FIGURES, Figure
from workbench.capacity.model import MEGA

_MANY = 4
"""From how many times the fewest streams of `cost` on they stand for a shared service; the fewest for a sidecar."""
_TOKENS_PER_SECOND = 50


def write(path: Path = FIGURES, results: Path = RESULTS) -> str:
    """Write `figures.json` from the result files as they are; returns a line that says so."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures(results)), indent=2) + b"\n")
    return f"written: {path.name}"


def figures(results: Path) -> dict[str, Figure]:
    """All of them. Raises `OSError` or `KeyError` where a result is not there."""
    read = _Results(results)
    return {**_of_tokens(read), **_of_sessions(read), **_of_grounding(read), **_of_memory(read), **_of_events(read)}


class _Results:
    """The result files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))["figures"])

    def source(self, name: str, what: str) -> str:
        """Where a figure comes from."""
        about = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))["about"]
        return f"benchmarks/results/{name}.json: {what}; commit {about['commit'].rstrip('+')}, {about['machine']}"

    def figure(self, name: str, what: str, *, values: Iterable[float], unit: str, meaning: str) -> Figure:
        """The median of some values, with their ends."""
        every = sorted(values)
        median = every[len(every) // 2] if len(every) % 2 else sum(every[len(every) // 2 - 1 :][:2]) / 2
        low, value, high = (float(f"{each:.4g}") for each in (every[0], median, every[-1]))
        return Figure(value, low, high, unit, meaning, self.source(name, what))


class _Point:
    """One number of streams of `cost`: what transport and session take a token and a message."""

    def __init__(self, costs: Sequence[dict[str, Any]], streams: int) -> None:
        of = {each["tokens_per_message"]: each for each in costs if each["streams"] == streams}
        one, many = of[min(of)], of[max(of)]
        saved = 1 / min(of) - 1 / max(of)
        self.message_us: float = (_us(one, "transport_and_session") - _us(many, "transport_and_session")) / saved
        self.token_us: float = _us(one, "transport_and_session") - self.message_us / min(of)

    def session_us(self, per_message: int) -> float:
        """Both, at so many tokens a message."""
        return self.token_us + self.message_us / per_message


def _wake_cores(few: _Point, many: _Point, per_message: int, streams: int) -> float:
    """What is left of a core's time when what many streams take a token is taken from what few do."""
    return (few.session_us(per_message) - many.session_us(per_message)) * streams * _TOKENS_PER_SECOND / MEGA


def _us(cost: dict[str, Any], part: str) -> float:
    return float(cost["parts_in_bare_passes"][part] * cost["bare_us_per_token"])


def _of_tokens(read: _Results) -> dict[str, Figure]:
    costs = read["cost"]["cost"]
    pieces = [read["cost"]["batching"]["pieces_per_segment"]]
    calls = [each["us"] for each in read["door"]["costs"] if each["server"] == "light" and each["streams"] > 1]
    return {
        "pass_us": read.figure(
            "cost", "bare_us_per_token", values=[each["bare_us_per_token"] for each in costs],
            unit="us a token", meaning="one pass of the encoder",
        ),
        "passes": read.figure(
            "cost", "inference", values=[each["parts_in_bare_passes"]["inference"] for each in costs],
            unit="passes", meaning="that a stream's segments take, with what is read twice",
        ),
        "core_us": read.figure(
            "cost", "core", values=[_us(each, "core") for each in costs],
            unit="us a token", meaning="scanning, cutting, deciding, releasing",
        ),
        "tokenise_us": read.figure(
            "cost", "tokenise and queue", values=[_us(each, "tokenise") + _us(each, "queue") for each in costs],
            unit="us a token", meaning="word pieces and batches",
        ),
        "call_us": read.figure(
            "door", "a message of the light server", values=calls,
            unit="us a call", meaning="a segment sent to an inference server, taken to cost what a message does",
        ),
        "segment_tokens": read.figure(
            "cost", "batching.pieces_per_segment", values=pieces,
            unit="tokens", meaning="of a segment",
        ),
    }  # fmt: skip


def _of_sessions(read: _Results) -> dict[str, Figure]:
    """Transport and session: what stays with many streams, and what few take beside."""
    costs = read["cost"]["cost"]
    streams = sorted({each["streams"] for each in costs})
    points = {count: _Point(costs, count) for count in streams}
    fewest = streams[0]
    large = [count for count in streams if count >= _MANY * fewest] or streams[-1:]
    many = [points[count] for count in large]
    wakes = {m: [_wake_cores(points[fewest], each, m, fewest) for each in many] for m in (1, 4, 16)}
    every = [value for own in wakes.values() for value in own]
    return {
        "token_us": read.figure(
            "cost", f"transport_and_session at {large[0]} streams and more", values=[each.token_us for each in many],
            unit="us a token", meaning="transport and session, apart from messages",
        ),
        "message_us": read.figure(
            "cost", f"transport_and_session at {large[0]} streams and more", values=[each.message_us for each in many],
            unit="us a message", meaning="a message in, and its part of the answers",
        ),
        "wake_cores": Figure(
            round(statistics.median(wakes[1]), 4), round(min(every), 4), round(max(every), 4), "cores a process",
            "what a process takes beside while it has streams, at a token a message; least at 16",
            read.source("cost", f"transport_and_session, {fewest} streams against {large[0]} and more"),
        ),
    }  # fmt: skip


def _of_grounding(read: _Results) -> dict[str, Figure]:
    costs = [each["sentence_ms"] for each in read["grounding"]["cost"]]
    profiles = read["capacity"]["profiles"]
    return {
        "names": read.figure(
            "capacity", "profiles: passes with tags against without, 1 at least",
            values=[max(1.0, each) for each in profiles["names_times"]],
            unit="times", meaning="a pass whose tags are read, against one without",
        ),
        "sentence_ms": read.figure(
            "grounding", "sentence_ms, 1 to 200 documents", values=costs,
            unit="ms a sentence", meaning="a sentence compared with documents",
        ),
    }  # fmt: skip


def _of_memory(read: _Results) -> dict[str, Figure]:
    profiles = read["capacity"]["profiles"]
    streams = [each["kib_per_stream"] for each in read["memory"]["rounds"]]
    return {
        "patterns_mib": read.figure(
            "capacity", "profiles: resident memory without models", values=profiles["patterns_mib"],
            unit="MiB a process", meaning="memory without a model",
        ),
        "models_mib": read.figure(
            "capacity", "profiles: resident memory with the encoder", values=profiles["models_mib"],
            unit="MiB a process", meaning="memory with the embedded encoder",
        ),
        "grounding_mib": read.figure(
            "capacity", "profiles: resident memory with the pair model, less that without",
            values=profiles["grounding_mib"], unit="MiB a process", meaning="what the pair model adds",
        ),
        "stream_kib": read.figure(
            "memory", "kib_per_stream", values=streams, unit="KiB a stream", meaning="memory of an open stream",
        ),
        "context_bytes": Figure(
            20.0, 5.0, 64.0, "bytes a character", "memory of a document with its index",
            "detectors/context.py: CHAR_BYTES; prose in one large document, in many small ones, and at most",
        ),
    }  # fmt: skip


def _of_events(read: _Results) -> dict[str, Figure]:
    sinks = read["events"]["throughput"]
    ways = read["publishing"]["ways"]
    return {
        "event_us": read.figure(
            "events", "throughput: without a sink, to Kafka, to three", unit="us an event",
            values=[sinks[name]["cpu_us_per_event"] for name in ("none", "kafka", "kafka, file, webhook")],
            meaning="an event made, recorded and published",
        ),
        "partition_events": read.figure(
            "publishing", "events_per_second of one sender over 6 partitions",
            values=[ways["own sender"]["events_per_second"] / 6],
            unit="events/s", meaning="that a partition was seen to take: the sender's limit, not its own",
        ),
        "event_bytes": Figure(
            1024.0, 1024.0, 1024.0, "bytes", "an event, before compression", "docs/events.md: about 1 KB",
        ),
    }  # fmt: skip
