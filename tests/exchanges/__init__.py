"""Requests and answers as providers' clients and servers send them, by shape: written by hand, with invented values.

Each module has `REQUESTS` and `ANSWERS` (documents) and `STREAMS` (lists of frames), by name. `EXCHANGES` has them all.
"""

from __future__ import annotations

from tests.exchanges import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    generic,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
    tgi,
)
from tests.exchanges.wire import Exchange, exchanges_of

EXCHANGES: tuple[Exchange, ...] = tuple(
    each
    for module in (
        openai_chat,
        openai_completions,
        openai_responses,
        anthropic,
        gemini,
        bedrock,
        cohere,
        ollama,
        tgi,
        generic,
    )
    for each in exchanges_of(module)
)

__all__ = ["EXCHANGES", "Exchange"]
