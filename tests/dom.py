"""What a page shows of a message, as a tree that tests can ask: elements and the words in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Element:
    """An element. `children` are elements and the texts between them."""

    name: str
    attributes: Mapping[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words in it."""
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self) -> Iterator[Element]:
        """All elements in it."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.all()

    def around(self) -> Iterator[Element]:
        """What it stands in, from the inside."""
        if self.parent is not None:
            yield self.parent
            yield from self.parent.around()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.place = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.place)
        self.place.children.append(element)
        if tag not in _VOID:
            self.place = element

    def handle_endtag(self, tag: str) -> None:
        assert self.place.name == tag, "what a browser serializes is nested"
        assert self.place.parent is not None
        self.place = self.place.parent

    def handle_data(self, data: str) -> None:
        self.place.children.append(data)


def read(html: str) -> Element:
    """The tree of what a browser serialized."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.place.parent is None
    return reader.place
