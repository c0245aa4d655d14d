"""A policy's own tests: texts, the ways to cut them, and what must come of each.

A case is run once for every way of cutting its text, and must come out the same each time:

* `whole`: in one piece; `chars`: one character at a time; `cuts`: in two, at every place;
* `pairs`: in three, at every two places, for texts of at most 24 characters;
* `random`: at seeded places, 20 times, the same ones in every run; `all`: all of these.

`check` stops at the first way that comes out wrong and says which it was and what differs. Beyond what a case
expects, in strict mode every way must also come out as the whole text does. How a text is guarded is the caller's:
`check` is handed a function for it, because the core stands above this package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeAlias

import msgspec

from detectors.context import Context, context_of
from sidecar.policy.fakes import expand
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.plan import Plan
from sidecar.policy.schema.cases import CaseSpec, Expect
from sidecar.values import Direction, Lane, Mode, Part

MAX_PAIRS_CHARS = 24
RANDOM_CHUNKINGS = 20

_ALL = ("whole", "chars", "cuts", "pairs", "random")
_CONTEXT_CHARS = 12


class Noted(msgspec.Struct, frozen=True):
    """One annotation that came out: the rule, the label, and the original text it is about."""

    rule: str
    label: str
    text: str


class Observed(msgspec.Struct, frozen=True):
    """What came of one run of a case."""

    output: str
    violations: tuple[str, ...]
    """The rules that were violated, each once, in the policy's order."""
    blocked: str | None
    """The rule that blocked."""
    message: str | None
    """What the user is told, when blocked."""
    annotations: tuple[Noted, ...]
    leaked: int
    decisions: tuple[str, ...] = ()
    """Each decision in a line: what the expectations do not say, the cut must not change either."""
    failures: tuple[str, ...] = ()
    """Detectors that failed; a test with one has not shown anything."""


Guard: TypeAlias = Callable[["Case", Sequence[str]], Observed]
"""Guards a case's text, cut into these chunks."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test, ready to run: placeholders are filled in."""

    name: str
    direction: Direction
    lane: Lane
    session: str
    context: Context
    text: str
    chunks: tuple[str, ...]
    """The text cut as the author wrote it; empty when `ways` says how to cut."""
    ways: tuple[str, ...]
    expect: Expect
    is_history: bool = False

    def chunkings(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The ways to cut the text: what each is called, and its chunks."""
        return iter([("chunks as written", self.chunks)]) if self.chunks else cut(self.text, self.name, self.ways)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out wrong."""

    what: str
    expected: str
    actual: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went: the number of runs; for a failed one, which way of cutting, and what differs."""

    case: str
    runs: int
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


def make_case(spec: CaseSpec) -> Case:
    """Make a case of a policy's `tests:` entry."""
    chunks = tuple(expand(chunk) for chunk in spec.chunks or ())
    written = spec.output if spec.output is not None else spec.input
    text = expand(written) if written is not None else "".join(chunks)
    direction = spec.direction or (Direction.INPUT if spec.input is not None else Direction.OUTPUT)
    part = spec.part or (Part.USER if direction is Direction.INPUT else Part.MODEL)
    ways = (spec.chunkings,) if isinstance(spec.chunkings, str) else tuple(spec.chunkings)
    return Case(
        name=spec.name,
        direction=direction,
        lane=Lane(spec.choice, spec.channel, part),
        session=spec.session,
        context=context_of([each if isinstance(each, str) else (each.id, each.text) for each in spec.context]),
        text=text,
        chunks=chunks,
        ways=_ALL if "all" in ways else ways,
        expect=_expanded(spec.expect),
        is_history=spec.history,
    )


def cut(text: str, seed: str, ways: Collection[str] = _ALL) -> Iterator[tuple[str, tuple[str, ...]]]:
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


def check(plan: Plan, case: Case, guard: Guard) -> Result:
    """Run a case every way it asks for; the result stops at the first way that comes out wrong."""
    whole = guard(case, (case.text,))
    runs = 0
    for called, chunks in case.chunkings():
        runs += 1
        observed = whole if chunks == (case.text,) else guard(case, chunks)
        differences = _against_expectation(case.expect, observed)
        if not differences and plan.stream.mode is Mode.STRICT:
            differences = _against_whole(whole, observed)
        if differences:
            return Result(case.name, runs, called, tuple(differences))
    return Result(case.name, runs)


# --- cutting ---------------------------------------------------------------------------------------------------------


def _pieces(text: str, places: Sequence[int]) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in pairwise((0, *places, len(text))))


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


def _expanded(expect: Expect) -> Expect:
    annotations = expect.annotations
    if annotations is not None:
        annotations = [
            each if each.text is None else each.model_copy(update={"text": expand(each.text)}) for each in annotations
        ]
    output = None if expect.output is None else expand(expect.output)
    return expect.model_copy(update={"output": output, "annotations": annotations})


def _against_expectation(expect: Expect, observed: Observed) -> list[Difference]:
    differences: list[Difference] = []

    def compare(what: str, expected: object, actual: object, note: str = "") -> None:
        if expected != actual:
            differences.append(Difference(what, _show(expected), _show(actual), note))

    compare("failed detectors", (), observed.failures)
    if expect.output is not None:
        compare("output", expect.output, observed.output, _first_difference(expect.output, observed.output))
    if expect.violations is not None:
        compare("violations", sorted(set(expect.violations)), sorted(observed.violations))
    if isinstance(expect.blocked, bool):
        compare("blocked", expect.blocked, observed.blocked is not None)
    elif expect.blocked is not None:
        compare("blocked", expect.blocked, observed.blocked)
    if expect.message is not None:
        compare("message", expect.message, observed.message)
    if expect.leaked is not None:
        compare("leaked", expect.leaked, observed.leaked)
    if expect.annotations is not None and not _annotations_agree(expect, observed):
        expected = [each.model_dump(exclude_none=True) for each in expect.annotations]
        compare("annotations", expected, [msgspec.structs.asdict(each) for each in observed.annotations])
    return differences


def _annotations_agree(expect: Expect, observed: Observed) -> bool:
    expected = expect.annotations or []
    if len(expected) != len(observed.annotations):
        return False
    return all(
        getattr(wanted, key) in (None, getattr(came, key))
        for wanted, came in zip(expected, observed.annotations, strict=True)
        for key in ("rule", "label", "text")
    )


def _against_whole(whole: Observed, observed: Observed) -> list[Difference]:
    """What differs from the run with the whole text: nothing may (chunk invariance)."""
    note = "what came of the whole text is expected: the cut must not matter"
    return [
        Difference(name, _show(getattr(whole, name)), _show(getattr(observed, name)), note)
        for name in Observed.__struct_fields__
        if getattr(whole, name) != getattr(observed, name)
    ]


def _first_difference(expected: str, actual: str) -> str:
    pairs = enumerate(zip(expected, actual, strict=False))
    place = next((place for place, (left, right) in pairs if left != right), min(len(expected), len(actual)))
    return f"they differ from character {place} on"


def _show(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_show, value)) + "]"
    if isinstance(value, Noted):
        return repr(msgspec.structs.asdict(value))
    return repr(value)
