"""Outputs as they are handed out: what stands side by side leaves as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sidecar.values import (
    Blocked,
    Output,
    Recorded,
    Redaction,
    Release,
)


def merge(outputs: Sequence[Output]) -> Iterator[Release | Blocked]:
    """The outputs that are shown, releases of one lane that follow each other made one."""
    group: list[Release] = []
    for output in outputs:
        if isinstance(output, Recorded):
            continue
        if group and not (isinstance(output, Release) and _follows(group[-1], output)):
            yield _join(group)
            group = []
        if isinstance(output, Release):
            group.append(output)
        else:
            yield output
    if group:
        yield _join(group)


def _follows(before: Release, after: Release) -> bool:
    return before.lane == after.lane and before.end == after.start and not before.is_withheld


def _join(releases: Sequence[Release]) -> Release:
    first = releases[0]
    if len(releases) == 1:
        return first
    redactions: list[Redaction] = []
    offset = 0
    for release in releases:
        redactions += (shift(each, offset) for each in release.redactions)
        offset += len(release.text)
    return Release(
        first.lane,
        "".join(each.text for each in releases),
        first.start,
        releases[-1].end,
        tuple(each for release in releases for each in release.annotations),
        tuple(redactions),
        tuple(each for release in releases for each in release.decisions),
    )


def shift(redaction: Redaction, offset: int) -> Redaction:
    """The redaction as seen in a text to which `offset` characters were put in front."""
    return msgspec.structs.replace(
        redaction,
        replacement_start=redaction.replacement_start + offset,
        replacement_end=redaction.replacement_end + offset,
    )


def split(outputs: list[Output]) -> tuple[list[Output], list[Output]]:
    """What stands before the first decision, and the rest."""
    for index, output in enumerate(outputs):
        if output.decisions:
            return outputs[:index], outputs[index:]
    return outputs, []
