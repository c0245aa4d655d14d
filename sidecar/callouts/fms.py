"""The detectors API of the FMS guardrails orchestrator and TrustyAI, `/api/v1/text/...`: a detection for each finding.

An orchestrator decides by itself, so a detection is each finding that met a rule that is not in shadow; the policy says
which there are. Form: docs/api/openapi_detector_api.yaml and src/clients/detector.rs of
foundation-model-stack/fms-guardrails-orchestrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply
from sidecar.callouts.guarded import Found
from sidecar.codec.shapes import openai_chat
from sidecar.errors import CallerError
from sidecar.start import Passage
from sidecar.values import Channel, Direction, Lane, Part

_ROOT = "/api/v1/text"
_LANES = {
    Direction.INPUT: Lane(0, Channel.CONTENT, Part.USER),
    Direction.OUTPUT: Lane(0, Channel.CONTENT, Part.MODEL),
}


class _Params(msgspec.Struct):
    """Parameters for a detector: ours are a policy's name, and which half of an exchange the texts are."""

    policy: str = ""
    direction: Literal["input", "output"] = "input"


class _Contents(msgspec.Struct):
    contents: list[str]
    detector_params: _Params = field(default_factory=_Params)


class _Chat(msgspec.Struct):
    messages: list[Any]
    tools: list[Any] = field(default_factory=list)
    detector_params: _Params = field(default_factory=_Params)


class _Generation(msgspec.Struct):
    prompt: str
    generated_text: str
    detector_params: _Params = field(default_factory=_Params)


class _Documents(msgspec.Struct):
    content: str
    context: list[str]
    context_type: Literal["docs", "url"] = "docs"
    detector_params: _Params = field(default_factory=_Params)


class Fms:
    """The detectors API: texts, chats, answers to a prompt, and answers that rest on documents."""

    name = "fms"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """A path for each kind of text."""
        return {
            f"{_ROOT}/contents": self.contents,
            f"{_ROOT}/chat": self.chat,
            f"{_ROOT}/generation": self.generation,
            f"{_ROOT}/context/doc": self.documents,
        }

    async def contents(self, asked: Asked) -> Reply:
        """Judge each text alone, as the user's or the model's. Raises `TidegateError`."""
        request = asked.read(_Contents)
        params = request.detector_params
        direction = Direction(params.direction)
        lane = _LANES[direction]
        judged = await asked.guard_each(lane, request.contents, policy=params.policy, direction=direction)
        return Reply([_placed(each.found, text) for each, text in zip(judged, request.contents, strict=True)])

    async def chat(self, asked: Asked) -> Reply:
        """Judge a conversation. Raises `TidegateError`."""
        request = asked.read(_Chat)
        document = {"messages": request.messages} | ({"tools": request.tools} if request.tools else {})
        result = await asked.guard_document(openai_chat.SHAPE, document, policy=request.detector_params.policy)
        return Reply(_detections(result.guarded.found))

    async def generation(self, asked: Asked) -> Reply:
        """Judge an answer to a prompt. Raises `TidegateError`."""
        request = asked.read(_Generation)
        return await self._answer(asked, request.generated_text, request.detector_params, prompt=request.prompt)

    async def documents(self, asked: Asked) -> Reply:
        """Judge a text that should rest on documents. Raises `TidegateError`."""
        request = asked.read(_Documents)
        if request.context_type != "docs":
            raise CallerError("is no text: nothing is fetched here; send docs", field="context_type")
        passages = tuple(Passage("", each) for each in request.context)
        return await self._answer(asked, request.content, request.detector_params, context=passages)

    async def _answer(self, asked: Asked, text: str, params: _Params, **facts: Any) -> Reply:
        lane = _LANES[Direction.OUTPUT]
        guarded = await asked.guard([(lane, text)], policy=params.policy, direction=Direction.OUTPUT, **facts)
        return Reply(_detections(guarded.found))

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """A number and a sentence, as the orchestrator reads them; `details` is a word of ours."""
        return Reply({"code": status, "message": message, "details": reason}, status)


def _placed(found: Sequence[Found], text: str) -> list[dict[str, Any]]:
    met = [each for each in found if each.counts]
    places = [{"start": each.start, "end": each.end, "text": text[each.start : each.end]} for each in met]
    return [place | each for place, each in zip(places, _detections(met), strict=True)]


def _detections(found: Iterable[Found]) -> list[dict[str, Any]]:
    return [
        {
            "detection": each.label,
            "detection_type": each.detector,
            "score": each.score,
            "metadata": {"rule": each.rule, "severity": each.severity, "action": each.done.word},
        }
        for each in found
        if each.counts
    ]
