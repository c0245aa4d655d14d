"""`POST /v2/guard`, as Lakera Guard has it: whether a conversation is flagged, by which detectors, and where.

A `project_id` is a label (`project`), on which policies match. Form: Lakera's API reference, "Screen content", v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Found, Guarded
from sidecar.codec.shapes import openai_chat
from sidecar.version import tidegate_version

_TYPES: Mapping[str, str] = {
    "injection": "prompt_attack",
    "pii": "pii",
    "toxicity": "moderated_content",
    "links": "unknown_links",
}
"""Lakera's types of detectors, by ours."""
_WITHOUT_LABEL = frozenset({"prompt_attack", "unknown_links"})


class _Request(msgspec.Struct):
    messages: list[Any]
    project_id: str = ""
    payload: bool = False
    breakdown: bool = False
    dev_info: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


class Lakera:
    """Lakera's screening endpoint."""

    name = "lakera"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/v2/guard": self.guard}

    async def guard(self, asked: Asked) -> Reply:
        """Judge a conversation. Raises `TidegateError`."""
        request = asked.read(_Request)
        labels = {"project": request.project_id} if request.project_id else {}
        session = request.metadata.get("session_id")
        result = await asked.guard_document(
            openai_chat.SHAPE,
            {"messages": request.messages},
            labels=labels,
            session_id=session if isinstance(session, str) else "",
        )
        return Reply(_answer(request, result.guarded))

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """With a word and a sentence."""
        return plain_failure(status, reason, message)


def _answer(request: _Request, guarded: Guarded) -> dict[str, Any]:
    met = [each for each in guarded.found if each.counts]
    answer: dict[str, Any] = {
        "flagged": bool(met),
        "metadata": {"request_uuid": guarded.stream_id},
    }
    if request.payload:
        answer["payload"] = [
            {
                "start": each.start,
                "end": each.end,
                "text": each.excerpt,
                "detector_type": _type_of(each),
                "labels": [each.label],
                "message_id": each.lane.choice,
            }
            for each in met
        ]
    if request.breakdown:
        answer["breakdown"] = [
            {
                "project_id": request.project_id,
                "policy_id": f"policy-{guarded.plan.name}",
                "detector_id": f"detector-{each.rule}",
                "detector_type": _type_of(each),
                "detected": each.counts,
                "message_id": each.lane.choice,
            }
            for each in guarded.found
        ]
    if request.dev_info:
        answer["dev_info"] = {"version": tidegate_version(), "model_version": guarded.plan.version}
    return answer


def _type_of(found: Found) -> str:
    kind = _TYPES.get(found.detector, f"custom/{found.detector}")
    return kind if kind in _WITHOUT_LABEL else f"{kind}/{found.label.lower()}"
