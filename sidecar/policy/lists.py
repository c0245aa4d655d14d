"""Lists by name: where a policy says `{list: NAME}` in place of a list of texts, or of one of its entries.

The values are put in before anything is validated. So a rule is checked with them as if they stood there, they are part
of the policy's digest, and what is wrong with them is told where the list is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import Document, Place
from sidecar.policy.explain import suggest

Lists: TypeAlias = Mapping[str, Sequence[str] | None]
"""The values of lists by name; None: the list is there, and wrong."""

_USES = ("detect", "except")
"""The keys of a rule below which lists may be named."""
_STANDS_IN = ["?"]
"""What stands in for a list that is not there: nothing else is said about it then."""


def with_lists(document: Document, lists: Callable[[], Lists]) -> Document:
    """The document with the values of the lists that its rules name; `lists` is asked if there are any."""
    rules = document.value.get("rules") if isinstance(document.value, dict) else None
    if not isinstance(rules, list):
        return document
    filler = _Filler(document, lists)
    filled = [filler.rule(rule, number) if isinstance(rule, dict) else rule for number, rule in enumerate(rules)]
    value = {**document.value, "rules": filled}
    return replace(document, value=value, errors=(*document.errors, *filler.errors))


class _Filler:
    """Puts values in, and notes what is not there."""

    def __init__(self, document: Document, lists: Callable[[], Lists]) -> None:
        self.errors: list[PolicyError] = []
        self._source = document.source
        self._lists = lists

    def rule(self, rule: Mapping[str, Any], number: int) -> dict[str, Any]:
        place: Place = ("rules", number)
        return {key: self._fill(value, (*place, key)) if key in _USES else value for key, value in rule.items()}

    def _fill(self, value: Any, place: Place) -> Any:
        if _is_use(value):
            return self._values(value["list"], (*place, "list"))
        if isinstance(value, dict):
            return {key: self._fill(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [each for number, item in enumerate(value) for each in self._entries(item, (*place, number))]
        return value

    def _entries(self, item: Any, place: Place) -> Sequence[Any]:
        return self._values(item["list"], (*place, "list")) if _is_use(item) else [self._fill(item, place)]

    def _values(self, name: str, place: Place) -> list[str]:
        lists = self._lists()
        if name not in lists:
            remedy = suggest(name, lists) if lists else "put it into the folder `lists` beside the policy's file"
            self.errors.append(self._source.error(place, Code.UNKNOWN_LIST, f"there is no list `{name}`", remedy))
        elif lists[name] is None:
            message = f"the list `{name}` is wrong itself, or two have this name"
            remedy = "correct it in its own file, and keep one of two"
            self.errors.append(self._source.error(place, Code.UNKNOWN_LIST, message, remedy))
        return [*(lists.get(name) or _STANDS_IN)]


def _is_use(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"list"} and isinstance(value["list"], str)
