"""The context that answers are checked against: documents, and what detectors make of them, made once.

1. A `Document` is one text that a caller supplied. It keeps what a detector makes of it (an index, say), made when
   it is first needed, on the thread that needs it.
2. A `Context` is an ordered set of documents with the caller's ids. It never changes: adding gives another one, so a
   sentence keeps the context that was there when it was complete.
3. `Documents` shares documents between streams by their digest, within a tenant, in bounded memory: what was used least
   lately goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, TypeVar, cast

Made = TypeVar("Made")

_DIGEST_BYTES = 16
CHAR_BYTES = 64
"""What a character of a context takes at most, its text and its indexes together. Prose takes less than 5 in one large
document and about 20 in many small ones; what comes near the bound are words that come once, in small documents."""
_MOST_PARTS = 1
"""How many parts a context keeps: each has an index of its own."""


class Document:
    """One text. Immutable, but for what is remembered of it; shared by streams and threads."""

    def __init__(self, text: str, digest: bytes) -> None:
        self.text = text
        self.digest = digest
        self._derived: dict[Callable[[Any], Any], Any] = {}

    def derived(self, make: Callable[[Document], Made]) -> Made:
        """What `make` makes of this document, made once (seldom twice, by two threads at once: the first is kept)."""
        return _remembered(self._derived, make, self)


class Context:
    """Documents with their ids, as they were at one moment. `digest` tells contexts apart."""

    def __init__(self, ids: Sequence[str] = (), documents: Sequence[Document] = ()) -> None:
        self.ids = tuple(ids)
        self.documents = tuple(documents)
        self._parts: dict[tuple[int, ...], Context] = {}
        self._derived: dict[Callable[[Any], Any], Any] = {}

    def __len__(self) -> int:
        return len(self.documents)

    @cached_property
    def digest(self) -> bytes:
        """The same for the same documents under the same ids, in the same order."""
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for name, document in zip(self.ids, self.documents, strict=True):
            digest.update(_digest(name) + document.digest)
        return digest.digest()

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where a document stands, by its id, or by its number counted from 1 where no id is that number."""
        numbers = {str(number): place for place, number in enumerate(range(1, len(self.ids) + 1))}
        ids = {name.casefold(): place for place, name in reversed(list(enumerate(self.ids)))}
        return numbers | ids

    def added(self, ids: Sequence[str], documents: Sequence[Document]) -> Context:
        """The context with more documents behind those that it has."""
        return Context((*self.ids, *ids), (*self.documents, *documents))

    def place(self, citation: str) -> int | None:
        """Which document a citation names: by id, or by number from 1; None when there is none."""
        return self._places.get(citation.casefold())

    def part(self, places: tuple[int, ...]) -> Context:
        """Some of the documents as a context of their own; the same one for the same places, for a while."""
        if len(places) == len(self.documents):
            return self
        part = self._parts.get(places)
        if part is None:
            part = Context([self.ids[n] for n in places], [self.documents[n] for n in places])
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            self._parts[places] = part
        return part

    def derived(self, make: Callable[[Context], Made]) -> Made:
        """What `make` makes of these documents, made once, as `Document.derived`."""
        return _remembered(self._derived, make, self)


class Documents:
    """See the module's text. One owner. `max_chars` bounds the text that is kept; 0 shares nothing."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._chars = 0
        self._kept: OrderedDict[bytes, Document] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str, tenant: str = "") -> Document:
        """The document of that text: the one that another stream of the tenant indexed, if it is still there."""
        digest = _digest(tenant) + _digest(text)
        document = self._kept.get(digest)
        if document is None:
            document = self._kept[digest] = Document(text, digest)
            self._chars += len(text)
        self._kept.move_to_end(digest)
        while self._chars > self._max_chars and self._kept:
            self._chars -= len(self._kept.popitem(last=False)[1].text)
        return document


def context_of(passages: Sequence[str | tuple[str, str]], documents: Documents | None = None) -> Context:
    """A context of texts, each with its id, or numbered from 1."""
    store = documents or Documents(0)
    pairs = [(str(number), each) if isinstance(each, str) else each for number, each in enumerate(passages, start=1)]
    return Context([name for name, _ in pairs], [store.get(text) for _, text in pairs])


def _remembered(kept: dict[Callable[[Any], Any], Any], make: Callable[[Any], Made], source: object) -> Made:
    if make not in kept:
        kept.setdefault(make, make(source))
    return cast("Made", kept[make])


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
