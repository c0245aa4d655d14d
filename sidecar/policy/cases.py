"""A policy's tests: texts and conversations, the ways to cut them, and what must come of each.

A case is run once for every way of cutting its texts, and must come out the same each time:

* `whole`: in one piece; `chars`: one character at a time; `cuts`: in two, at every place;
* `pairs`: in three, at every two places, for a text of at most 24 characters;
* `random`: at seeded places, 20 times, the same ones in every run; `all`: all of these.

In a conversation each text is cut so at the same time; pairs are for tests with one text.

`check` stops at the first way that comes out wrong and says which it was and what differs. Beyond what a case
expects, in strict mode every way must also come out as the whole text does. How texts are guarded is the caller's:
`check` is handed a function for it, because the core stands above this package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any, TypeAlias

import msgspec

from sidecar.policy.differences import Difference, of_texts, of_values
from sidecar.policy.facts import StreamFacts
from sidecar.policy.fakes import expand
from sidecar.policy.judging import scripted
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.schema.cases import CallSpec, CaseSpec, Expect, FactsSpec, FileCaseSpec, PassageSpec, TurnSpec
from sidecar.policy.schema.session import milliseconds
from sidecar.policy.turns import Call, Exchange, Passage, Spoken, Turn, exchanges
from sidecar.values import ActionName, Direction, Judged, Lane, Part
from sidecar.wording.languages import best_liked, preferred

MAX_PAIRS_CHARS = 24
RANDOM_CHUNKINGS = 20

_ALL = ("whole", "chars", "cuts", "pairs", "random")
_CONTEXT_CHARS = 12

Chunks: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[str | int, ...]


class Noted(msgspec.Struct, frozen=True):
    """One annotation that came out: the rule, the label, and the original text it is about."""

    rule: str
    label: str
    text: str


class Decided(msgspec.Struct, frozen=True):
    """One decision that came out: the rule, what was done, and what was found where. Two decimals of the score.

    Without a label it is what a rule does that fails closed, whatever its action; the reason says what failed.
    """

    rule: str
    done: ActionName
    label: str
    score: float
    threshold: float | None
    reason: str
    start: int
    end: int

    def __str__(self) -> str:
        if not self.label:
            return f"{self.rule} {self.done}: it fails closed [{self.start}, {self.end}): {self.reason}"
        least = "" if self.threshold is None else f" (from {self.threshold:g})"
        why = f": {self.reason}" if self.reason else ""
        return f"{self.rule} {self.done}: {self.label} {self.score:.2f}{least} [{self.start}, {self.end}){why}"


class Observed(msgspec.Struct, frozen=True):
    """What came of one run of a case, or of one of its turns."""

    output: str
    violations: tuple[str, ...]
    """The rules that were violated, each once, in the policy's order."""
    blocked: str | None
    """The rule that blocked."""
    message: str | None
    """What the user is told, when blocked."""
    annotations: tuple[Noted, ...]
    leaked: int
    decisions: tuple[Decided, ...] = ()
    """What the expectations do not say, the cut must not change either."""
    failures: tuple[str, ...] = ()
    """Detectors that failed; a test with one has not shown anything."""
    calls: tuple[Call, ...] = ()
    """What tools are handed."""
    turns: Mapping[int, Observed] = msgspec.field(default_factory=dict)
    """What came of each turn, by its number."""
    is_strict: bool = True
    """Whether all policies that guarded it hold text for its verdicts."""
    policy: str | None = None
    """The policy that takes the stream by its facts."""
    rules: frozenset[tuple[str, str]] = frozenset()
    """The rules that were violated, each with its policy."""
    reading: frozenset[tuple[str, str]] = frozenset()
    """The rules that read any of the texts, each with its policy."""


Guard: TypeAlias = Callable[["Case", Sequence[Chunks]], Observed]
"""Guards a case's texts, each cut into these chunks."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test, ready to run: placeholders are filled in. A test of facts alone has no exchanges."""

    name: str
    exchanges: tuple[Exchange, ...]
    session: str
    chunks: Chunks
    """The text cut as the author wrote it; empty when `ways` says how to cut."""
    ways: tuple[str, ...]
    expect: Expect
    turns: Mapping[int, Expect] = field(default_factory=dict)
    """What must come of turns, by number."""
    policy: str | None = None
    facts: StreamFacts = field(default_factory=StreamFacts)
    """What the application says of the stream."""
    languages: tuple[str, ...] = ()
    verdicts: Mapping[str, Judged] = field(default_factory=dict)
    """What judges say of all that is unclear, by their names; of one that is not there the local verdict stands."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is said, in order."""
        return tuple(each.text for exchange in self.exchanges for each in exchange.spoken)

    @property
    def whole(self) -> tuple[Chunks, ...]:
        """The texts, each in one piece."""
        return tuple((text,) for text in self.texts)

    def chunkings(self) -> Iterator[tuple[str, tuple[Chunks, ...]]]:
        """The ways to cut the texts: what each is called, and the chunks of each text."""
        if self.chunks:
            yield "chunks as written", (self.chunks,)
        elif len(self.texts) == 1:
            yield from ((called, (chunks,)) for called, chunks in cut(self.texts[0], self.name, self.ways))
        elif self.texts:
            yield from _cut_all(self.texts, self.name, self.ways)
        else:
            yield "", ()


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went: the number of runs; for a failed one, which way of cutting, and what differs.

    `observed` is what came of it in the run that failed, or whole.
    """

    case: Case
    runs: int
    observed: Observed
    chunking: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether every run came out as it must."""
        return not self.differences


def public_keys() -> RedactionKeys:
    """The keys of lint, test and show: so `hash` and `pseudonym` give the same text on every machine.

    They are no secret, and the service never uses them.
    """
    return RedactionKeys.derive(b"tidegate policy tests: this key is public")


def make_case(spec: CaseSpec, policy: str | None = None) -> Case:
    """Make a case of a `tests:` entry; `policy` is the one that guards it where it does not say."""
    own = spec.policy if isinstance(spec, FileCaseSpec) else None
    ways = (spec.chunkings,) if isinstance(spec.chunkings, str) else tuple(spec.chunkings)
    chunks = tuple(expand(chunk) for chunk in spec.chunks or ())
    made = _conversation(spec.turns) if spec.turns else _one_text(spec, chunks)
    return Case(
        name=spec.name,
        exchanges=made,
        session=spec.session,
        chunks=chunks,
        ways=_ALL if "all" in ways else ways,
        expect=_expanded(spec.expect),
        turns={n: _expanded(turn.expect) for n, turn in enumerate(spec.turns or ()) if turn.expect},
        policy=own or policy,
        facts=_facts(spec.stream or FactsSpec(), spec.direction or (made[0].direction if made else Direction.OUTPUT)),
        languages=preferred(spec.stream.language) if spec.stream else (),
        verdicts={name: scripted(name, says) for name, says in spec.judges.items()},
    )


def _facts(spec: FactsSpec, direction: Direction) -> StreamFacts:
    return StreamFacts(
        direction,
        spec.tenant,
        spec.model,
        spec.route,
        spec.prompt_version,
        spec.labels,
        spec.attributes,
        best_liked(preferred(spec.language)),
    )


def make_turn(spec: TurnSpec) -> Turn:
    """Make a turn of an entry of `turns:`."""
    speaker = spec.speaker
    text = None if speaker is Part.CONTEXT else getattr(spec, speaker)
    return Turn(
        speaker,
        text=expand(text or ""),
        reasoning=expand(spec.reasoning or ""),
        calls=tuple(map(_call, spec.calls or ())),
        passages=_passages(spec.context or ()),
        after_ms=milliseconds(spec.after) if spec.after else 0.0,
    )


def cut(text: str, seed: str, ways: Collection[str] = _ALL) -> Iterator[tuple[str, Chunks]]:
    """The ways of cutting `text` that `ways` names, each with what it is called; `seed` draws the random ones."""
    inner = range(1, len(text))
    if "whole" in ways:
        yield "whole", (text,)
    if "chars" in ways:
        yield "one character at a time", tuple(text)
    if "cuts" in ways:
        for place in inner:
            yield _called(text, (place,)), _pieces(text, (place,))
    if "pairs" in ways and len(text) <= MAX_PAIRS_CHARS:
        for pair in combinations(inner, 2):
            yield _called(text, pair), _pieces(text, pair)
    if "random" in ways:
        for number in range(RANDOM_CHUNKINGS):
            places = _random_places(len(text), f"{seed} {number}")
            yield f"random cut {number + 1}: {_called(text, places)}", _pieces(text, places)


def check(case: Case, guard: Guard) -> Result:
    """Run a case every way it asks for; the result stops at the first way that comes out wrong."""
    whole = guard(case, case.whole)
    runs = 0
    for called, chunks in case.chunkings():
        runs += 1
        observed = whole if chunks == case.whole else guard(case, chunks)
        differences = [*_against_expectations(case, observed)]
        if not differences and observed.is_strict:
            differences = [*_against_whole(whole, observed)]
        if differences:
            return Result(case, runs, observed, called, tuple(differences))
    return Result(case, runs, whole)


# --- making ----------------------------------------------------------------------------------------------------------


def _one_text(spec: CaseSpec, chunks: Chunks) -> tuple[Exchange, ...]:
    """The stream of a test with one text; none where it has none."""
    written = spec.output if spec.output is not None else spec.input
    if written is None and not chunks:
        return ()
    text = expand(written) if written is not None else "".join(chunks)
    direction = spec.direction or (Direction.INPUT if spec.input is not None else Direction.OUTPUT)
    part = spec.part or (Part.USER if direction is Direction.INPUT else Part.MODEL)
    lane = Lane(spec.choice, spec.channel, part)
    history = frozenset({lane}) if spec.history else None
    return (Exchange(direction, (Spoken(0, lane, text),), history, _passages(spec.context)),)


def _conversation(turns: Sequence[TurnSpec]) -> tuple[Exchange, ...]:
    return tuple(exchanges([*map(make_turn, turns)]))


def _call(spec: CallSpec) -> Call:
    return Call(spec.name, expand(json.dumps(spec.arguments, ensure_ascii=False)))


def _passages(specs: Sequence[str | PassageSpec]) -> tuple[Passage, ...]:
    numbered = enumerate(specs, start=1)
    return tuple(
        Passage(str(number), expand(each)) if isinstance(each, str) else Passage(each.id, expand(each.text))
        for number, each in numbered
    )


def _expanded(expect: Expect) -> Expect:
    annotations = expect.annotations
    if annotations is not None:
        annotations = [
            each if each.text is None else each.model_copy(update={"text": expand(each.text)}) for each in annotations
        ]
    output = None if expect.output is None else expand(expect.output)
    return expect.model_copy(update={"output": output, "annotations": annotations})


# --- cutting ---------------------------------------------------------------------------------------------------------


def _cut_all(texts: Sequence[str], seed: str, ways: Collection[str]) -> Iterator[tuple[str, tuple[Chunks, ...]]]:
    """The ways of cutting several texts at the same time."""
    if "whole" in ways:
        yield "whole", tuple((text,) for text in texts)
    if "chars" in ways:
        yield "one character at a time", tuple(tuple(text) or ("",) for text in texts)
    if "cuts" in ways:
        for place in range(1, max(map(len, texts))):
            yield f"each text cut at {place}", tuple(_pieces(text, (place,)) for text in texts)
    if "random" in ways:
        for number in range(RANDOM_CHUNKINGS):
            places = [_random_places(len(text), f"{seed} {number} {n}") for n, text in enumerate(texts)]
            yield f"random cut {number + 1} of each text", tuple(map(_pieces, texts, places))


def _pieces(text: str, places: Sequence[int]) -> Chunks:
    inner = [place for place in places if place < len(text)]
    return tuple(text[start:end] for start, end in pairwise((0, *inner, len(text))))


def _called(text: str, places: Sequence[int]) -> str:
    shown = [f"{place} ({_around(text, place)})" for place in places[:3]]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"cut at {', '.join(shown)}{more}" if places else "not cut"


def _around(text: str, place: int) -> str:
    before, after = text[max(0, place - _CONTEXT_CHARS) : place], text[place : place + _CONTEXT_CHARS]
    return f"{before!r} | {after!r}"


def _random_places(length: int, seed: str) -> tuple[int, ...]:
    """Places between 1 and `length`, a few to many, drawn from a hash: no clock, no global generator."""
    stream = hashlib.shake_256(seed.encode("utf-8", "surrogatepass")).digest(2 + length)
    rarity = 2 + stream[0] % 12
    return tuple(place for place in range(1, length) if stream[place + 1] % rarity == 0)


# --- comparing -------------------------------------------------------------------------------------------------------


def _against_expectations(case: Case, observed: Observed) -> Iterator[Difference]:
    yield from of_values("failed detectors", (), observed.failures)
    yield from _against_expectation(case.expect, observed, ("expect",))
    for number, expect in case.turns.items():
        yield from _against_expectation(expect, observed.turns[number], ("turns", number, "expect"))


def _against_expectation(expect: Expect, observed: Observed, place: Place) -> Iterator[Difference]:
    def compare(what: str, expected: Any, actual: Any) -> Iterator[Difference]:
        if expected is not None:
            compared = of_texts if what == "output" else of_values
            yield from compared(what, expected, actual, place=(*place, what))

    yield from compare("policy", *_taken(expect, observed))
    yield from compare("output", expect.output, observed.output)
    violations = None if expect.violations is None else sorted(set(expect.violations))
    yield from compare("violations", violations, sorted(observed.violations))
    is_blocked = observed.blocked is not None
    yield from compare("blocked", expect.blocked, is_blocked if isinstance(expect.blocked, bool) else observed.blocked)
    yield from compare("message", expect.message, observed.message)
    yield from compare("leaked", expect.leaked, observed.leaked)
    if expect.calls is not None:
        wanted = [(each.name, json.loads(expand(json.dumps(each.arguments)))) for each in expect.calls]
        yield from compare("calls", wanted, [(each.name, _parsed(each.arguments)) for each in observed.calls])
    if expect.annotations is not None and not _annotations_agree(expect, observed):
        expected = [each.model_dump(exclude_none=True) for each in expect.annotations]
        yield from compare("annotations", expected, [msgspec.structs.asdict(each) for each in observed.annotations])


def _taken(expect: Expect, observed: Observed) -> tuple[str | bool | None, str | bool | None]:
    """Which policy is expected to take the stream, and which does."""
    is_taken = observed.policy is not None
    return expect.policy, is_taken if isinstance(expect.policy, bool) else observed.policy


def _parsed(arguments: str) -> Any:
    """What a tool makes of its arguments; the text itself where that is no JSON."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _annotations_agree(expect: Expect, observed: Observed) -> bool:
    expected = expect.annotations or []
    if len(expected) != len(observed.annotations):
        return False
    return all(
        getattr(wanted, key) in (None, getattr(came, key))
        for wanted, came in zip(expected, observed.annotations, strict=True)
        for key in ("rule", "label", "text")
    )


_COMPARED = [name for name in Observed.__struct_fields__ if name != "turns"]


def _against_whole(whole: Observed, observed: Observed, place: Place = ()) -> Iterator[Difference]:
    """What differs from the run with the whole texts: nothing may (chunk invariance)."""
    note = "what came of the whole text is expected: the cut must not matter"
    for name in _COMPARED:
        compared = of_texts if name == "output" else of_values
        yield from compared(name, getattr(whole, name), getattr(observed, name), place=place, note=note)
    for number, turn in whole.turns.items():
        yield from _against_whole(turn, observed.turns[number], ("turns", number))
