"""Bodies as no provider sends them: documents with random changes, and bytes with them. All is drawn by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.codec.playing import leaves, planted
from tests.exchanges.wire import Exchange, Frame, written

Path = tuple[str | int, ...]

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    7,
    65_536,
    2**32,
    2**70,
    -0.0,
    1.5,
    1e308,
    "",
    "0",
    "1",
    [],
    {},
    [0],
)
"""What stands where a number is due."""

KEYS = (
    "text content delta index type choices tool_calls function arguments logprobs thinking reasoning reasoning_content "
    "message messages parts role name input output item part response usage finish_reason id token tokens data "
    "signature content_block annotations candidates done top_logprobs brand_new \u00e9 MARKER"
).split()

_NO_JSON = (
    "",
    "x",
    "two words",
    "\u00e9\U0001f600",
    "\ufeff",
    "\x00",
    "{",
    '{"a": 1',
    "[DONE]",
    "4",
    "null",
    '{"half": "',
)
_WORDS = (*_NO_JSON, "\ud83d", "\ude00", "a\ud83d")


class Mutator:
    """Changes the frames of an exchange, then its bytes. `words` are planted among what else there is."""

    def __init__(self, seed: str, words: tuple[str, ...]) -> None:
        self.random = random.Random(seed)
        self._words = words

    def frames(self, exchange: Exchange) -> tuple[Frame, ...]:
        """The frames with one to five changes."""
        frames = list(exchange.frames)
        for _ in range(self.random.randint(1, 5)):
            at = self.random.randrange(len(frames))
            name, document = _named(frames[at])
            if not isinstance(document, str):
                document = self._changed(document)
                document = json.dumps(document) if isinstance(document, str) and exchange.half == "stream" else document
            frames[at] = (name, document) if name else document
            if exchange.half == "stream" and self.random.random() < 0.4:
                self._rearrange(frames)
        return tuple(frames)

    def _rearrange(self, frames: list[Frame]) -> None:
        """A frame comes twice, not at all, elsewhere, behind the end, or what comes is none."""
        at = self.random.randrange(len(frames))
        what = self.random.randrange(5)
        if what == 0:
            frames.insert(at, frames[self.random.randrange(len(frames))])
        elif what == 1 and len(frames) > 1:
            del frames[at]
        elif what == 2:
            frames.insert(self.random.randrange(len(frames)), frames.pop(at))
        elif what == 3:
            frames.append(frames[at])
        else:
            frames.insert(at, self.random.choice((*self._words, *_NO_JSON)))

    def _changed(self, document: Any) -> Any:
        return self.random.choice(
            (
                self._replace,
                self._replace,
                self._plant,
                self._plant,
                self._add,
                self._remove,
                self._double,
                self._number,
            )
        )(document)

    def _replace(self, document: Any) -> Any:
        """A random tree in place of any value."""
        return planted(document, self.random.choice(list(places(document))), self.tree(self.random.randint(0, 4)))

    def _plant(self, document: Any) -> Any:
        """A word in place of a string, as it stands or within what is JSON."""
        strings = [path for path, value in leaves(document) if isinstance(value, str)]
        if not strings:
            return self._add(document)
        word = self.random.choice(self._words)
        said = (word, f"before {word} behind", json.dumps({"k": [word, 1]}), json.dumps({word: 4}), f"{word}\ud83d")
        return planted(document, self.random.choice(strings), self.random.choice(said))

    def _add(self, document: Any) -> Any:
        """A field that was not there, or stands elsewhere."""
        return self._at_an_object(document, lambda found: {**found, self.random.choice(KEYS): self.tree(2)})

    def _remove(self, document: Any) -> Any:
        def without(found: dict[str, Any]) -> dict[str, Any]:
            gone = self.random.choice(list(found))
            return {key: value for key, value in found.items() if key != gone}

        return self._at_an_object(document, lambda found: without(found) if found else found)

    def _double(self, document: Any) -> Any:
        """An element of a list comes twice."""
        lists = [(path, value) for path, value in objects(document) if isinstance(value, list) and value]
        if not lists:
            return self._replace(document)
        path, value = self.random.choice(lists)
        return planted(document, path, [*value, self.random.choice(value)])

    def _number(self, document: Any) -> Any:
        """Something odd in place of a number."""
        numbers = [path for path, value in leaves(document) if isinstance(value, int)]
        if not numbers:
            return self._at_an_object(document, lambda found: {**found, "index": self.random.choice(ODD)})
        return planted(document, self.random.choice(numbers), self.random.choice(ODD))

    def _at_an_object(self, document: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        found = [(path, value) for path, value in objects(document) if isinstance(value, dict)]
        if not found:
            return self.tree(2)
        path, value = self.random.choice(found)
        return planted(document, path, change(value))

    def tree(self, depth: int) -> Any:
        """A random value; now and then one that is nested deeper than anything is."""
        draw = self.random.random()
        if draw < 0.02:
            return self._nested(self.random.choice((20, 63, 64, 65, 200)))
        if depth == 0 or draw < 0.4:
            return self.random.choice((*self._words, *_WORDS, *ODD, 10**30))
        if draw < 0.7:
            return [self.tree(depth - 1) for _ in range(self.random.randint(0, 3))]
        return {self.random.choice(KEYS): self.tree(depth - 1) for _ in range(self.random.randint(0, 3))}

    def _nested(self, depth: int) -> Any:
        value: Any = self.random.choice(self._words)
        for _ in range(depth):
            value = [value] if self.random.random() < 0.5 else {"deep": value}
        return value

    # -- bytes ----------------------------------------------------------------------------------------------------

    def body(self, exchange: Exchange, frames: tuple[Frame, ...]) -> tuple[bytes, bool]:
        """The frames' bytes, and whether they are what `written` makes of them."""
        pieces = [self._written(exchange, each) for each in frames]
        data = b"".join(pieces)
        if self.random.random() < 0.8:
            return data, True
        change = self.random.randrange(5)
        if change == 0:
            return b"\xef\xbb\xbf" + data, False
        at = self.random.randrange(len(data) + 1)
        if change == 1:
            return data[:at], False
        if change == 2:
            return data[:at] + data[at + self.random.randint(1, 20) :], False
        if change == 3:
            return data[:at] + self.random.randbytes(3) + data[at:], False
        return data.replace(b"{", b'{"type": "x", ', 1), False

    def _written(self, exchange: Exchange, frame: Frame) -> bytes:
        if exchange.half == "stream":
            return written(exchange.form, frame)
        return json.dumps(frame, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")

    def pieces(self, data: bytes) -> list[bytes]:
        """The bytes as a network may bring them."""
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(self.random.choice((1, 3, 12, 40))))
        return [data[start:end] for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True)]


def _named(frame: Frame) -> tuple[str, Any]:
    return frame if isinstance(frame, tuple) else ("", frame)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any] | list[Any]]]:
    """All values that hold others, with their paths."""
    if isinstance(value, dict | list):
        yield path, value
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from objects(inner, (*path, key))
