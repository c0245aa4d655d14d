"""What a caller says of a call, held against what there is to say: a word that is not known is never passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum

from tidegate.types import StreamOptions, Usage

CHECK_SECONDS = 10.0
STREAM_SECONDS = 600.0
"""As clients of language models have it."""
MAX_RETRIES = 2

_OF_CALLS = {"check": ("lane", "timeout", "tool"), "stream": ("on_block", "timeout")}
_MAPPINGS = ("labels", "attributes")
_TEXTS = tuple(
    name for name in StreamOptions.__annotations__ if name not in (*_MAPPINGS, "context", "relevant", "usage")
)


class Default(Enum):
    """Where nothing is said, the client's own applies: None says something."""

    DEFAULT = "default"


DEFAULT = Default.DEFAULT


def given(said: float | Default | None, default: float | None) -> float | None:
    """What is said of a call, or else of all."""
    return default if isinstance(said, Default) else said


def checked(call: str, options: StreamOptions) -> StreamOptions:
    """The options that are given, those that are None left out. Raises `TypeError`, as Python does for arguments."""
    given: dict[str, object] = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in StreamOptions.__annotations__:
            raise TypeError(_unknown(call, name))
    for name in _TEXTS:
        if name in given and not isinstance(given[name], str):
            raise TypeError(f"{call}(): {name} is of type {type(given[name]).__name__}; it is a text (str)")
    if not isinstance(given.get("usage", Usage()), Usage):
        raise TypeError(f"{call}(): usage is of type {type(given['usage']).__name__}; it is a tidegate.Usage")
    for name in _MAPPINGS:
        if name in given:
            _check_mapping(call, name, given[name])
    if "relevant" in given:
        _check_ids(call, given["relevant"])
    return given  # type: ignore[return-value]  # it was one, and has lost entries only


def check_text(call: str, text: object, name: str = "text") -> None:
    """Raise `TypeError` when the text to check is none."""
    if not isinstance(text, str):
        raise TypeError(f"{call}(): {name} is of type {type(text).__name__}; it is a text (str)")


def choice_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise `ValueError` when a word is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; it is one of {', '.join(choices)}")


def _check_mapping(call: str, name: str, value: object) -> None:
    texts = isinstance(value, Mapping) and all(isinstance(each, str) for entry in value.items() for each in entry)
    if not texts:
        raise TypeError(f"{call}(): {name} maps texts to texts, such as {{'app': 'support-bot'}}")


def _check_ids(call: str, value: object) -> None:
    ids = value if isinstance(value, Sequence) and not isinstance(value, str) else (None,)
    if not all(isinstance(each, str) for each in ids):
        raise TypeError(f"{call}(): relevant is a list of ids (str), such as ['doc-1']")


def _unknown(call: str, name: str) -> str:
    known = (*_OF_CALLS[call], *StreamOptions.__annotations__)
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known)}"
    return f"{call}() got an unexpected keyword argument {name!r}; {meant}"
