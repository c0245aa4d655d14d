"""A task as it is read once for all calls of an answer: its texts folded, its words by their stems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from detectors.task import Task
from detectors.task_adherence.effects import stems

_SENTENCE = re.compile(r"[^\n.!?;]{3,}(?:[.](?=\w)[^\n.!?;]*)*")
_MOST_SENTENCE = 400
MOST_ORDERS = 32_768
"""Characters of what was read last in which orders are looked for: 2 to 10 ms. Values are looked for in all of it."""
_ENGLISH = frozenset(
    "the a an to my me i you is are of in on for and or with from what how can please this that it all do not be by at"
    " his her we our your have has which who when show find get make send give tell check add fix run use go ok"
    " continue yes undo commit write read list book".split()
)
_WORD = re.compile(r"[^\W\d_]+")
_SHORT = 3
ORDER = re.compile(
    r"\b(?:please|must|should|need to|have to|do the following|instead|immediately|ignore|instruction|make sure|ensure"
    r"|before you|after that|first,|urgent|important|assistant|todo)\b"
    r"|^\W*(?:\w+:)?\W*[a-z]+ (?:a|an|the|all|my|me|to|your|every|this)\b"
)
"""What a sentence looks like that tells somebody to do something."""


_APPROVES = re.compile(
    r"(?i)(?:ok(?:ay)?|yes|yep|sure|go(?: on| ahead)?|do (?:it|that|so)|continue|proceed|please|fine|great|thanks"
    r"|[,.!\s])+"
)
"""A request that lets the model do what it said it would."""
_DELEGATES = re.compile(
    r"(?i)\b(?:follow|accordingly|as (?:it|they|he|she|the \w+) (?:asks?|says?|wants?|requests?)|"
    r"(?:do|complete|execute|carry out|perform) (?:all |everything |the |what)|"
    r"(?:instructions?|steps?|tasks?|actions?|to-?dos?|bill|invoice|guide)\b.{0,40}\b(?:in|from|at|on)\b)"
)
"""How a request sends somebody to what is written elsewhere: what stands there is then asked for, too."""


class Reading:
    """What is known of a task."""

    def __init__(self, task: Task) -> None:
        self.trusted = "\n".join((*task.requests, *task.instructions)).lower()
        self.asked = "\n".join(task.requests)
        self.untrusted = "\n".join(task.untrusted)
        self.untrusted_folded = self.untrusted.lower()
        self.words = frozenset(stems(self.asked))
        self.names = frozenset(_WORD.findall(self.trusted))
        self.is_english = _is_english(self.asked)
        self.approves = bool(task.requests) and _APPROVES.fullmatch(task.requests[-1].strip()) is not None
        self.delegates = _DELEGATES.search(self.asked) is not None
        self._definitions = task.definitions
        self._described: dict[str, str] = {}
        self._orders: Sequence[frozenset[str]] | None = None

    def description_of(self, tool: str) -> str:
        """How a tool's definition describes it; empty where none does."""
        if tool not in self._described:
            self._described[tool] = next(_descriptions(self._definitions, tool), "")
        return self._described[tool]

    def declares(self, path: str) -> bool:
        """Whether definitions of tools name each key of a path; one that none names may be anybody's words."""
        return all(any(f'"{key}"' in each for each in self._definitions) for key in path.split("."))

    def sentences(self) -> Sequence[str]:
        """The sentences, lines and fields of what was read last."""
        latest = self.untrusted_folded[-MOST_ORDERS:]
        return [match[0][:_MOST_SENTENCE] for match in _SENTENCE.finditer(latest)]

    def orders(self) -> Sequence[frozenset[str]]:
        """The words of the sentences that look like orders, by their stems."""
        if self._orders is None:
            self._orders = [frozenset(stems(each)) for each in self.sentences() if ORDER.search(each)]
        return self._orders

    def around(self, value: str) -> Iterator[str]:
        """The sentences of what was read in which a value stands, few of them."""
        at, text = self.untrusted_folded.find(value), self.untrusted_folded
        for _ in range(_SHORT):
            if at < 0:
                return
            begin = max(text.rfind(mark, max(0, at - _MOST_SENTENCE), at) for mark in ("\n", ". ", "! ", "? "))
            ends = [found for mark in ("\n", ". ", "! ", "? ") if (found := text.find(mark, at + len(value))) >= 0]
            yield text[begin + 1 : min([*ends, at + len(value) + _MOST_SENTENCE])]
            at = text.find(value, at + len(value))


def _descriptions(definitions: Sequence[str], tool: str) -> Iterator[str]:
    for each in definitions:
        if f'"{tool}"' in each:
            try:
                document = json.loads(each, parse_int=str)  # of any length
            except (ValueError, RecursionError):
                continue
            yield from _described(document, tool)


def _described(document: object, tool: str) -> Iterator[str]:
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.get("name") == tool and isinstance(each.get("description"), str):
                yield str(each["description"])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _is_english(text: str) -> bool:
    words = [each.lower() for each in _WORD.findall(text)]
    return any(each in _ENGLISH for each in words) or (bool(words) and len(words) < _SHORT and text.isascii())
