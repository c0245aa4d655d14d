"""Which provider's API a path speaks, and whether a request body is what that API says.

Servers are lenient about paths, so the check must not be stricter: a path is compared percent-decoded, with dot
segments resolved, doubled slashes made one and case folded. A prefix before the API's own path is allowed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

import msgspec

from sidecar.codec.anthropic import AnthropicMessages
from sidecar.codec.ollama import Ollama
from sidecar.codec.openai_chat import OpenAIChat
from sidecar.codec.openai_completions import OpenAICompletions
from sidecar.codec.openai_responses import OpenAIResponses
from sidecar.codec.shape import Shape
from sidecar.codec.text import PlainText
from sidecar.codec.tgi import TextGenerationInference

_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_TEXT_KEYS = frozenset({"messages", "prompt", "system", "input", "inputs", "instructions", "content", "text", "role"})
"""Keys that hold what is checked. Some servers read them in any case, so another spelling is no body of the shape."""


class Route(msgspec.Struct, frozen=True):
    """An API: its shape, and whether a request's document has what the shape looks at."""

    shape: Shape
    fits: Callable[[dict[str, Any]], bool]

    def accepts(self, document: Any) -> bool:
        """Whether a parsed request is of the shape: what is not must not be half-checked."""
        return isinstance(document, dict) and not any(_misspelt(document)) and self.fits(document)


def route_of(method: str, path: str, text_paths: Iterable[str] = ()) -> Route | None:
    """The API that a request speaks; None for one that sends no text to a model, as far as is known.

    `text_paths` are patterns of paths where requests and answers are plain text.
    """
    if method in _READING:
        return None
    plain = _plain(path)
    known = next((route for pattern, route in _ROUTES if pattern.search(plain)), None)
    if known is None and any(fnmatchcase(plain, pattern.casefold()) for pattern in text_paths):
        return TEXT
    return known


def _plain(path: str) -> str:
    return posixpath.normpath("/" + unquote(path).replace("\\", "/").lstrip("/")).casefold()


def _misspelt(document: dict[str, Any]) -> Iterator[bool]:
    for each in (document, *_messages(document)):
        for key in each:
            yield key not in _TEXT_KEYS and key.casefold() in _TEXT_KEYS


def _messages(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("messages", "input"):
        found = document.get(key)
        if isinstance(found, list):
            yield from (each for each in found if isinstance(each, dict))


def _has_messages(document: dict[str, Any]) -> bool:
    return isinstance(document.get("messages"), list)


def _has_prompt(document: dict[str, Any]) -> bool:
    """A prompt in words; token numbers cannot be read."""
    prompt = document.get("prompt")
    return isinstance(prompt, str) or (isinstance(prompt, list) and all(isinstance(each, str) for each in prompt))


def _has_input(document: dict[str, Any]) -> bool:
    return isinstance(document.get("input"), str | list)


def _has_inputs(document: dict[str, Any]) -> bool:
    return isinstance(document.get("inputs"), str)


def _is_ollama(document: dict[str, Any]) -> bool:
    """Without messages or prompt, Ollama only loads the model."""
    return isinstance(document.get("prompt", ""), str) and isinstance(document.get("messages", []), list)


TEXT = Route(PlainText(), lambda _: True)

_ROUTES: tuple[tuple[re.Pattern[str], Route], ...] = tuple(
    (re.compile(pattern), route)
    for pattern, route in (
        (r"/chat/completions$", Route(OpenAIChat(), _has_messages)),
        (r"/completions$", Route(OpenAICompletions(), _has_prompt)),
        (r"/responses$", Route(OpenAIResponses(), _has_input)),
        (r"(^|/v1)/messages$", Route(AnthropicMessages(), _has_messages)),
        (r"/api/(chat|generate)$", Route(Ollama(), _is_ollama)),
        (r"/generate(_stream)?$", Route(TextGenerationInference(), _has_inputs)),
    )
)
