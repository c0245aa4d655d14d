"""Writes what the shapes say of each API into docs/http-proxy.md. Usage: shapes_table.py [--check] .

It stands between two markers there: a row for each API, what of it is read as what, and what is not text. `--check`
writes nothing, and fails when the page does not say what the shapes say.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sidecar.codec.catalogue import GENERIC, SHAPES
from sidecar.codec.places import SILENT, Kind, Node
from sidecar.codec.shape import Shape
from sidecar.values import Channel

PAGE = Path(__file__).parent.parent / "docs" / "http-proxy.md"
BEGIN, END = "<!-- shapes: begin -->", "<!-- shapes: end -->"

PROBES = (
    *("", "text", "message", "document", "search_result", "tool_result", "reasoning", "function_call", "output_text"),
    *("reasoning_text", "response.output_text.delta", "response.reasoning_text.delta"),
    *("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"),
)
"""Types that documents may have: nodes may depend on them."""

AGAIN = "again"
NOT_TEXT = "not text"
_AGAIN_KINDS = frozenset({Kind.REPEAT, Kind.TWIN, Kind.ECHO})

Found = tuple[str, str]
"""How a field is read: by its channel, again, or not at all; and its name."""


def main() -> int:
    """Write the section, or say whether it is written."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, behind = rest.split(END)
    written = f"{before}{BEGIN}\n\n{section()}\n\n{END}{behind}"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
        return 0
    if written != page:
        print("docs/http-proxy.md does not say what the shapes say: run scripts/shapes_table.py", file=sys.stderr)
        return 1
    return 0


def section() -> str:
    """The table, and what is not text."""
    head = ("API", "paths end with", "content", "reasoning", "calls of tools", "says again")
    found = {shape.title: read(shape) for shape in SHAPES}
    rows = [head, ("---",) * len(head), *(row(shape, found[shape.title]) for shape in SHAPES)]
    lines = [f"| {' | '.join(cells)} |" for cells in (*rows, (GENERIC.title, "any other", *["all texts"] * 3, "-"))]
    silent = [f"- {title}: {names(each, NOT_TEXT)}." for title, each in found.items()]
    return "\n".join([*lines, "", "Not text, in requests and answers:", "", *silent])


def row(shape: Shape, found: frozenset[Found]) -> tuple[str, ...]:
    """A shape's row."""
    read_as = (names(found, each) for each in (Channel.CONTENT, Channel.REASONING, Channel.TOOL_ARGUMENTS, AGAIN))
    paths = "<br>".join(f"`{plain(path)}`" for path in shape.paths)
    return (shape.title, paths, *(each or "-" for each in read_as))


def plain(path: str) -> str:
    """A pattern of paths as people read it."""
    words = re.sub(r"\[\^/\]\*", "*", re.sub(r"\[\^/\]\+", "{name}", path.replace("(^|/v1)", "")))
    return words.removesuffix("$").replace("|", "\\|")


def names(found: frozenset[Found], kind: str) -> str:
    """The fields that are read so."""
    return ", ".join(f"`{name}`" for name in sorted({name for each, name in found if each == kind}))


def read(shape: Shape) -> frozenset[Found]:
    """How the fields of a shape's documents are read, by their names."""
    events = [shape.event_of({"type": each}, each) for each in PROBES] if shape.event_of else [shape.event]
    roots = (shape.request, shape.response, *events)
    return frozenset(each for root in roots for each in fields(root, "", Channel.OTHER, frozenset()))


def fields(node: Node, name: str, channel: Channel, above: frozenset[int]) -> Iterator[Found]:
    """How a node of this name, and what is below it, is read."""
    if id(node) in above:
        return
    channel = node.channel or channel
    if node.select is not None:
        for probe in PROBES:
            yield from fields(node.select({"type": probe}), name, channel, above | {id(node)})
        return
    if name and (kind := read_as(node, channel)):
        yield kind, name
    for key, below in below_of(node).items():
        yield from fields(below, key or name, channel, above | {id(node)})


def read_as(node: Node, channel: Channel) -> str:
    """How the value itself is read; nothing where it only holds others."""
    if node.kind in SILENT:
        return NOT_TEXT
    if node.kind in _AGAIN_KINDS or node.emptied:
        return AGAIN
    holds = node.fields or node.each or node.select
    return channel if node.kind is Kind.JSON or not holds or (node.channel and node.each) else ""


def below_of(node: Node) -> Mapping[str, Node]:
    """What is below a node: by name, elements without one."""
    return {**node.fields, **({"": node.each} if node.each is not None else {})}


if __name__ == "__main__":
    sys.exit(main())
