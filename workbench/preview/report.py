"""What a preview found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from workbench.preview.confusion import Confusion, share_of
from workbench.preview.tally import CHANGES, Example, Tally

_MOST_ROWS = 20
"""How many tenants the text shows: those with the most changes. JSON and the page have all."""


def described(tally: Tally, past: Sequence[str]) -> dict[str, Any]:
    """The preview as JSON; `past` are the limits that it is past."""
    own: dict[str, Any] = msgspec.to_builtins(tally)
    del own["examples_kept"]
    own["changed"] = tally.changed
    own["shares"] = {str(change): msgspec.to_builtins(share_of(n, tally.streams)) for change, n in ordered(tally)}
    for version, confusion in (("old", tally.old), ("new", tally.new)):
        own[version] |= {name: msgspec.to_builtins(getattr(confusion, name)) for name in ("precision", "recall")}
    return {**own, "past_limits": list(past), "passed": not past}


def ordered(tally: Tally) -> list[tuple[str, int]]:
    """The changes that there are, the gravest first, with how many streams have them."""
    return [(str(change), number) for change in CHANGES if (number := tally.changes.get(change, 0))]


def replayed(tally: Tally) -> str:
    """How much was replayed."""
    conversations = f"{tally.conversations:,} conversation{'' if tally.conversations == 1 else 's'}"
    streams = "1 request or answer" if tally.streams == 1 else f"{tally.streams:,} requests and answers"
    return f"{conversations}, {streams}, {tally.chars:,} characters"


def text(tally: Tally) -> str:
    """The preview for a terminal."""
    return "\n".join(_lines(tally))


def _lines(tally: Tally) -> Iterator[str]:
    yield f"{replayed(tally)}: {_share(tally.changed, tally)} change"
    if tally.without_text:
        noun = "event holds no text and was" if tally.without_text == 1 else "events hold no text and were"
        yield f"{tally.without_text:,} {noun} passed over"
    for version, number in (("old", tally.unguarded_old), ("new", tally.unguarded_new)):
        if number:
            yield f"no policy of the {version} version takes {number:,} of them"
    for name, number in sorted(tally.failures.items()):
        yield f"a detector failed in {number:,} of them: {name}"
    for change, number in ordered(tally):
        yield f"  {change}: {_share(number, tally)}"
    yield from _table("rule", ("old", "new", "gained", "lost"), rules_of(tally))
    yield from _table("part", *changes_by(tally.parts))
    yield from _table("tenant", *changes_by(tally.tenants))
    yield from _judged(tally)
    for change, examples in in_order(tally.examples):
        yield f"\n{change}:"
        for example in examples:
            yield from _example(example)


def rules_of(tally: Tally) -> list[tuple[str, tuple[int, ...]]]:
    """In how many streams each rule fired: those that differ most first."""
    rows = [(rule, (each.old, each.new, each.gained, each.lost)) for rule, each in tally.rules.items()]
    return sorted(rows, key=lambda row: (-row[1][2] - row[1][3], row[0]))


def in_order(examples: Mapping[str, list[Example]]) -> Iterator[tuple[str, list[Example]]]:
    """Examples by change, the gravest first."""
    yield from ((str(change), examples[change]) for change in CHANGES if change in examples)


def judgements(tally: Tally) -> list[tuple[str, Confusion, Confusion]]:
    """What analysts said against what both versions found: of all rules, and of each that they named."""
    names = sorted(tally.old_rules.keys() | tally.new_rules.keys())
    rows = [(name, tally.old_rules.get(name, Confusion()), tally.new_rules.get(name, Confusion())) for name in names]
    is_any = tally.old != Confusion() or tally.new != Confusion()
    return [("any rule", tally.old, tally.new), *rows] if is_any else []


def _judged(tally: Tally) -> Iterator[str]:
    if not (rows := judgements(tally)):
        return
    yield "\nbeside what analysts said (95 % intervals):"
    for name, old, new in rows:
        yield f"  {name}: precision {old.precision} -> {new.precision}, recall {old.recall} -> {new.recall}"
    told = f"{tally.corrected} by the new version alone, {tally.spoilt} by the old"
    yield f"  conversations judged as analysts did: {told}"


def _share(number: int, tally: Tally) -> str:
    return f"{number:,} ({100 * number / tally.streams:.3g} %)" if tally.streams else "0"


def changes_by(counts: Mapping[str, Mapping[str, int]]) -> tuple[tuple[str, ...], list[tuple[str, tuple[int, ...]]]]:
    """The streams of each change, by part or tenant: what the columns are, and the rows, the most changes first.

    No rows where nothing changes, or where all are of one that has no name.
    """
    names = [str(each) for each in CHANGES if any(own.get(each) for own in counts.values())]
    header = ("streams", *names)
    if not names or not any(counts):
        return header, []
    rows = [
        (key or "(none)", (sum(own.values()), *(own.get(name, 0) for name in names))) for key, own in counts.items()
    ]
    return header, sorted(rows, key=lambda row: (-sum(row[1][1:]), row[0]))


def _table(what: str, header: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Iterator[str]:
    if not rows:
        return
    width = max(len(what), *(len(name) for name, _ in rows[:_MOST_ROWS]))
    yield "\n" + what.ljust(width) + "".join(f"  {name:>8}" for name in header)
    for name, numbers in rows[:_MOST_ROWS]:
        cells = (f"  {number:>{max(8, len(title))},}" for number, title in zip(numbers, header, strict=True))
        yield name.ljust(width) + "".join(cells)
    if len(rows) > _MOST_ROWS:
        yield f"... and {len(rows) - _MOST_ROWS} more"


def _example(example: Example) -> Iterator[str]:
    about = ", ".join(filter(None, (example.id, example.tenant, f"{example.direction} of {example.part}")))
    yield f"  {example.place} ({about})"
    yield f"    old: {example.old}"
    yield f"    new: {example.new}"
    for found in example.found:
        yield f"    {found}"
    yield f"    text: {example.text!r}"
    if example.old_output != example.new_output:
        yield f"    old lets out: {example.old_output!r}"
        yield f"    new lets out: {example.new_output!r}"
