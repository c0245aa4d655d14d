"""How much may change: limits of a preview, for a pipeline that must stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import click
import msgspec

from workbench.preview.confusion import Share
from workbench.preview.tally import Change, Tally


class Most(msgspec.Struct, frozen=True):
    """At most so many streams, or such a share of them (0 to 1)."""

    text: str
    count: int | None = None
    share: float | None = None

    def allows(self, number: int, of: int) -> bool:
        """Whether so many of so many are not too many."""
        return number <= (self.count if self.count is not None else (self.share or 0) * of)


def read_most(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Most | None:
    """`12`, or `0.5%`. Raises `BadParameter` with what to write."""
    if text is None:
        return None
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    with suppress(ValueError):
        if percent and 0 <= float(number) <= 100:
            return Most(text, share=float(number) / 100)
        if not percent and int(number) >= 0:
            return Most(text, count=int(number))
    raise click.BadParameter(f"{text!r} is neither a number of streams, such as 12, nor a share of them, such as 0.5%")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What may change at most, and how good the new version must be at least."""

    new_blocks: Most | None = None
    lost_blocks: Most | None = None
    changes: Most | None = None
    min_precision: float | None = None
    min_recall: float | None = None


def broken(limits: Limits, tally: Tally) -> Iterator[str]:
    """What is past a limit, each in a sentence."""
    for most, number, what, option in (
        (limits.new_blocks, tally.number(Change.NEWLY_BLOCKED), "newly blocked", "max-new-blocks"),
        (limits.lost_blocks, tally.number(Change.NO_LONGER_BLOCKED), "no longer blocked", "max-lost-blocks"),
        (limits.changes, tally.changed, "changed", "max-changes"),
    ):
        if most is not None and not most.allows(number, tally.streams):
            share = f"{100 * number / tally.streams:.3g} %" if tally.streams else "0 %"
            yield f"{number} of {tally.streams} streams ({share}) are {what}: more than --{option} {most.text}"
    yield from _short(limits.min_precision, tally.new.precision, "precision")
    yield from _short(limits.min_recall, tally.new.recall, "recall")


def _short(least: float | None, share: Share, what: str) -> Iterator[str]:
    if least is None:
        return
    if share.value is None:
        yield f"the {what} is unknown: no conversation has a `review` that it needs; --min-{what} {least:g} needs one"
    elif 100 * share.value < least:
        yield f"the {what} of the new version is {share}: less than --min-{what} {least:g}"
