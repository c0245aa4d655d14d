"""The shapes that are known, and which paths they have."""

from __future__ import annotations

import re

from sidecar.codec.shape import Shape
from sidecar.codec.shapes import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    generic,
    inputs,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
    tgi,
)

GENERIC = generic.SHAPE
TEXT = generic.TEXT

SHAPES: tuple[Shape, ...] = (
    openai_chat.SHAPE,
    openai_chat.FIM,
    openai_completions.SHAPE,
    openai_responses.SHAPE,
    anthropic.SHAPE,
    gemini.SHAPE,
    bedrock.SHAPE,
    bedrock.ANTHROPIC,
    cohere.SHAPE,
    ollama.SHAPE,
    tgi.SHAPE,
    inputs.SHAPE,
)
"""The first whose paths match is a request's."""

_PATHS = tuple((re.compile(pattern), shape) for shape in SHAPES for pattern in shape.paths)


def shape_of(path: str) -> Shape | None:
    """The shape of a path that is written plainly, with any prefix; None for one that nobody described."""
    return next((shape for pattern, shape in _PATHS if pattern.search(path)), None)


def shape_in_any_case(path: str) -> Shape | None:
    """The shape of a path that some server could take for it although it is written in another case."""
    return next((shape for pattern, shape in _IN_ANY_CASE if pattern.search(path)), None)


_IN_ANY_CASE = tuple((re.compile(pattern.pattern, re.IGNORECASE), shape) for pattern, shape in _PATHS)
