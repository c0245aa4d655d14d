"""`POST /v1/moderations`, as OpenAI has it: which categories of harm a text is of.

The answer has all of OpenAI's categories, of which our labels give those in `_CATEGORIES`; every other label that was
found stands beside them under its own name. Form: the API reference of OpenAI, "Create moderation", model
`omni-moderation-latest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sidecar.callouts.adapter import Asked, Handler, Reply
from sidecar.callouts.guarded import Guarded
from sidecar.errors import CallerError
from sidecar.values import Channel, Lane, Part

_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "harassment": ("toxicity", "severe_toxicity", "insult"),
    "harassment/threatening": ("threat",),
    "hate": ("identity_attack",),
    "hate/threatening": (),
    "illicit": (),
    "illicit/violent": (),
    "self-harm": ("self_harm",),
    "self-harm/instructions": (),
    "self-harm/intent": (),
    "sexual": ("sexual_explicit", "obscene"),
    "sexual/minors": (),
    "violence": ("violence",),
    "violence/graphic": (),
}
"""OpenAI's categories, and the labels of ours that are one."""
_OURS = frozenset(label for labels in _CATEGORIES.values() for label in labels)
_MODEL = "tidegate"


class _TextPart(msgspec.Struct):
    type: str
    text: str | None = None


class _Request(msgspec.Struct):
    input: str | list[str | _TextPart]
    model: str = ""


class OpenaiModerations:
    """OpenAI's moderation endpoint."""

    name = "openai-moderations"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/v1/moderations": self.moderate}

    async def moderate(self, asked: Asked) -> Reply:
        """Judge each text alone: a block of one says nothing of the others. Raises `TidegateError`."""
        request = asked.read(_Request)
        texts = [request.input] if isinstance(request.input, str) else _texts_of(request.input)
        judged = await asked.guard_each(_LANE, texts, model=request.model)
        return Reply(
            {
                "id": f"modr-{judged[0].stream_id}" if judged else "modr-",
                "model": request.model or _MODEL,
                "results": [_result(each) for each in judged],
            }
        )

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """As OpenAI tells it."""
        kind = "invalid_request_error" if status < _FAULTS else "server_error"
        return Reply({"error": {"message": message, "type": kind, "param": None, "code": reason}}, status)


_FAULTS = 500
_LANE = Lane(0, Channel.CONTENT, Part.USER)


def _texts_of(inputs: Sequence[str | _TextPart]) -> list[str]:
    """Texts, each by itself; parts are one text together. Raises `CallerError` for a picture: nothing reads it."""
    texts = [each for each in inputs if isinstance(each, str)]
    parts = [each for each in inputs if not isinstance(each, str)]
    for part in parts:
        if part.text is None:
            raise CallerError(f"has a part of type {part.type}, which cannot be read; only text is", field="input")
    return [*texts, *(["\n".join(part.text or "" for part in parts)] if parts else [])]


def _result(guarded: Guarded) -> dict[str, Any]:
    met = {each.label for each in guarded.found if each.counts}
    scores: dict[str, float] = {}
    for each in guarded.found:
        scores[each.label] = max(each.score, scores.get(each.label, 0.0))
    categories = {name: not met.isdisjoint(labels) for name, labels in _CATEGORIES.items()}
    shown = {
        name: max((scores.get(label, 0.0) for label in labels), default=0.0) for name, labels in _CATEGORIES.items()
    }
    others = sorted(scores.keys() - _OURS)
    categories |= {label: label in met for label in others}
    shown |= {label: scores[label] for label in others}
    return {
        "flagged": bool(met),
        "categories": categories,
        "category_scores": shown,
        "category_applied_input_types": {name: ["text"] if name in _CATEGORIES else [] for name in _CATEGORIES},
    }
