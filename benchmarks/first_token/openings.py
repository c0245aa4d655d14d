"""What reading early does to what is found: labelled texts, each as an answer, with early readings and without.

The same detectors answer both, by the shipped model; what one was told the other remembers. Of each set:

* how often the first place of a text in which nothing is found is plain, so that its words leave early;
* how many texts are stopped, and of those how many had a beginning out by then;
* how many places are redacted, and of those how many were out, or had their beginning out;
* what the model is given to read, against what it is without.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import msgspec

from detectors.base import BatchItem
from sidecar.core.stream import Request, Stream
from sidecar.offline import guard_text
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.remembered import Memory
from sidecar.values import Action, Decision, Found, Lane, Segment
from workbench.bench.texts import pieces_of

POLICIES = Path(__file__).parents[2] / "policies"
SETS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "chat-safety": (
        ("toxicity/dev", "text"),
        ("toxicity/test_davidson", "text"),
        ("toxicity/test_civil_spans", "text"),
        ("toxicity/test_xstest_safe", "text"),
        ("grounding/test_begin", "claim"),
        ("grounding/dev", "context"),
    ),
    "pii-names": (
        ("pii/dev", "text"),
        ("pii/test_synth_unseen_templates", "text"),
        ("pii/test_web_uner", "text"),
        ("pii/test_tweets_btc", "text"),
        ("pii/test_worldwide", "text"),
    ),
}
"""By policy; `grounding` has what assistants said, and passages of documents."""
_MOST_CHARS = 1000
_SEED = 5


@dataclass
class Seen:
    """What was counted of a set."""

    texts: int = 0
    clean: int = 0
    clean_early: int = 0
    stopped: int = 0
    stopped_without: int = 0
    out: list[int] = field(default_factory=list)
    """Characters of a stopped segment that were out, where there were any."""
    places: int = 0
    places_out: int = 0
    places_cut: int = 0
    read: int = 0
    read_without: int = 0

    def figures(self) -> dict[str, float]:
        """The figures of the table."""
        return {
            "texts": self.texts,
            "clean_early": self.clean_early / max(self.clean, 1),
            "stopped": self.stopped,
            "stopped_without": self.stopped_without,
            "stopped_with_beginning_out": len(self.out),
            "chars_out_median": median(self.out or [0]),
            "places": self.places,
            "places_out": self.places_out,
            "places_cut": self.places_cut,
            "pieces_read": self.read / max(self.read_without, 1),
        }


def measured(data: Path, most: int) -> dict[str, dict[str, float]]:
    """The figures of each set, at most so many of its texts."""
    store = PolicyStore((POLICIES,))
    store.load()
    return {
        f"{policy}, {name}": _seen(store.plans[policy], _texts(data / f"{name}.jsonl.gz", key, most)).figures()
        for policy, sets in SETS.items()
        for name, key in sets
    }


def _texts(path: Path, key: str, most: int) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [msgspec.json.decode(line)[key] for line in lines]
    random.Random(_SEED).shuffle(rows)
    return [text[:_MOST_CHARS] for text in dict.fromkeys(rows[:most])]


def _seen(plan: Plan, texts: Sequence[str]) -> Seen:
    early = Memory().of(plan)
    without = replace(early, stream=replace(early.stream, early_tokens=(), early_every_tokens=0))
    seen = Seen()
    for text in texts:
        _count(seen, text, early, without)
    return seen


def _count(seen: Seen, text: str, early: Plan, without: Plan) -> None:
    asked, asked_without = _asked(early, text), _asked(without, text)
    seen.texts += 1
    seen.read += _pieces(asked)
    seen.read_without += _pieces(asked_without)
    now, before = (_decided(plan, text) for plan in (early, without))
    _count_stopped(seen, now.get(Action.BLOCK, []), before.get(Action.BLOCK, []))
    _count_places(seen, now.get(Action.REDACT, []), before.get(Action.REDACT, []))
    first = [request for request in asked if request[1].is_early and not request[1].start][: len(early.batches)]
    if first and not before:
        seen.clean += 1
        seen.clean_early += _is_out(early, text, first[0][1].end)


def _count_stopped(seen: Seen, now: Sequence[Decision], before: Sequence[Decision]) -> None:
    seen.stopped += bool(now)
    seen.stopped_without += bool(before)
    if now and before:
        out = min(each.finding.start for each in now) - min(each.finding.start for each in before)
        seen.out += [out] if out else []


def _count_places(seen: Seen, now: Sequence[Decision], before: Sequence[Decision]) -> None:
    starts = {each.finding.end: each.finding.start for each in now}
    seen.places += len(before)
    seen.places_out += sum(each.finding.end not in starts for each in before)
    seen.places_cut += sum(starts.get(each.finding.end, 0) > each.finding.start for each in before)


def _decided(plan: Plan, text: str) -> dict[Action, list[Decision]]:
    """What models decided, by what was done."""
    found: dict[Action, list[Decision]] = {}
    for each in guard_text(plan, text).decisions:
        if each.model:
            found.setdefault(each.done, []).append(each)
    return found


def _asked(plan: Plan, text: str) -> list[Request]:
    """What is asked about a text that comes token by token, each outcome before the next one."""
    stream, asked = Stream(plan), list[Request]()
    for token in (*pieces_of(text), None):
        for request in stream.close() if token is None else stream.feed(Lane(), token):
            stream.resolve(request[1].number, request[0].index, answer(request))
            asked.append(request)
    return asked


def _pieces(requests: Sequence[Request]) -> int:
    """What is read: each segment once, whoever asks."""
    return sum(len(pieces_of(each.text)) for each in {segment.number: segment for _, segment in requests}.values())


def _is_out(plan: Plan, text: str, end: int) -> bool:
    """Whether what stands before `end` leaves when no more than its next character has come."""
    stream, out = Stream(plan), 0
    for request in stream.feed(Lane(), text[: end + 1]):
        stream.resolve(request[1].number, request[0].index, answer(request))
    while (output := stream.next_output()) is not None:
        out = max(out, getattr(output, "end", 0))
    return out >= end


def answer(request: Request) -> Found:
    """What a model says of a segment."""
    batch, segment = request
    (findings,) = batch.detector.detect([_item(segment)])
    return Found(segment.to_lane(findings))


def _item(segment: Segment) -> BatchItem:
    return BatchItem(segment.text, segment.begin, segment.part, is_early=segment.is_early, is_later=segment.is_later)


def rows(figures: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[object, ...]]:
    """The rows of the table."""
    for name, each in figures.items():
        yield (
            name,
            each["texts"],
            each["clean_early"],
            f"{each['stopped']} ({each['stopped_without']})",
            each["stopped_with_beginning_out"],
            each["chars_out_median"],
            each["places"],
            f"{each['places_out']} and {each['places_cut']}",
            each["pieces_read"],
        )


HEADER = (
    "policy, set",
    "texts",
    "clean: first words early",
    "stopped (without)",
    "with a beginning out",
    "characters of it",
    "redacted without",
    "of those out, and cut",
    "pieces read, against without",
)
