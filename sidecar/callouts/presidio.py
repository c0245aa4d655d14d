"""`POST /analyze` and `POST /anonymize`, as Presidio's analyzer and anonymizer have them.

The analyzer's entities are the findings of the policy's rules on `pii` (in shadow too), so a policy says which there
are, and from which score on. The anonymizer replaces what the request lists, by Presidio's operators but `encrypt` and
`custom`. Form: Presidio's OpenAPI document, api-docs.yml, version 2.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply
from sidecar.callouts.guarded import Guarded
from sidecar.errors import CallerError
from sidecar.values import Channel, Lane, Part

_PII = "pii"
_LANE = Lane(0, Channel.CONTENT, Part.USER)


class _Analyze(msgspec.Struct):
    text: str | list[str]
    language: str = "en"
    entities: list[str] | None = None
    score_threshold: float = 0.0
    allow_list: list[str] = field(default_factory=list)
    ad_hoc_recognizers: list[Any] | None = None
    correlation_id: str = ""


class _Entity(msgspec.Struct, frozen=True):
    start: int
    end: int
    entity_type: str
    score: float = 0.0


class _Operator(msgspec.Struct):
    type: str = "replace"
    new_value: str | None = None
    masking_char: str = "*"
    chars_to_mask: int = 0
    from_end: bool = False
    hash_type: str = "sha256"


class _Anonymize(msgspec.Struct):
    text: str
    analyzer_results: list[_Entity] = field(default_factory=list)
    anonymizers: dict[str, _Operator] = field(default_factory=dict)


class Presidio:
    """Presidio's two services on one address."""

    name = "presidio"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path for each service."""
        return {"/analyze": self.analyze, "/anonymize": self.anonymize}

    async def analyze(self, asked: Asked) -> Reply:
        """The personal data of a text, or of each of several. Raises `TidegateError`."""
        request = asked.read(_Analyze)
        if request.ad_hoc_recognizers:
            raise CallerError("are not served; write a rule on `patterns`", field="ad_hoc_recognizers")
        texts = [request.text] if isinstance(request.text, str) else request.text
        judged = await asked.guard_each(_LANE, texts, request_id=request.correlation_id)
        found = [self._entities(guarded, request, text) for guarded, text in zip(judged, texts, strict=True)]
        return Reply(found[0] if isinstance(request.text, str) else found)

    @staticmethod
    def _entities(guarded: Guarded, request: _Analyze, text: str) -> list[dict[str, Any]]:
        wanted = None if request.entities is None else set(request.entities)
        return [
            {
                "entity_type": each.label,
                "start": each.start,
                "end": each.end,
                "score": each.score,
                "analysis_explanation": None,
                "recognition_metadata": {"recognizer_name": each.detector, "recognizer_identifier": each.rule},
            }
            for each in guarded.found
            if each.detector == _PII
            and (wanted is None or each.label in wanted)
            and each.score >= request.score_threshold
            and text[each.start : each.end] not in request.allow_list
        ]

    async def anonymize(self, asked: Asked) -> Reply:
        """Replace what is listed. Raises `CallerError` for a place that is none, or an operator that is not served."""
        request = asked.read(_Anonymize)
        pieces, items, position, written = [], [], 0, 0
        for entity in _apart(request.analyzer_results, len(request.text)):
            operator = request.anonymizers.get(entity.entity_type) or request.anonymizers.get("DEFAULT") or _Operator()
            between = request.text[position : entity.start]
            new = _operate(operator, request.text[entity.start : entity.end], entity.entity_type)
            written += len(between)
            items.append(
                {
                    "start": written,
                    "end": written + len(new),
                    "entity_type": entity.entity_type,
                    "text": new,
                    "operator": operator.type,
                }
            )
            written += len(new)
            pieces += [between, new]
            position = entity.end
        return Reply({"text": "".join([*pieces, request.text[position:]]), "items": items[::-1]})

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """As Presidio tells it."""
        return Reply({"error": message}, status)


def _apart(entities: Sequence[_Entity], size: int) -> list[_Entity]:
    """The places in order. Of two that overlap the longer stays, then the surer. Raises `CallerError`."""
    for number, each in enumerate(entities):
        if not 0 <= each.start < each.end <= size:
            message = f"is no place in a text of {size} characters"
            raise CallerError(message, field=f"analyzer_results[{number}]")
    kept: list[_Entity] = []
    for each in sorted(entities, key=lambda one: (one.start - one.end, -one.score)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda one: one.start)


def _replace(operator: _Operator, _text: str, entity_type: str) -> str:
    return f"<{entity_type}>" if operator.new_value is None else operator.new_value


def _mask(operator: _Operator, text: str, _entity_type: str) -> str:
    count = min(len(text), max(0, operator.chars_to_mask))
    masked = operator.masking_char[:1] * count
    return text[: len(text) - count] + masked if operator.from_end else masked + text[count:]


def _hash(operator: _Operator, text: str, _entity_type: str) -> str:
    if operator.hash_type not in ("sha256", "sha512"):
        raise CallerError(f"{operator.hash_type!r} is neither sha256 nor sha512", field="anonymizers.hash_type")
    return hashlib.new(operator.hash_type, text.encode()).hexdigest()


_OPERATORS: Mapping[str, Callable[[_Operator, str, str], str]] = {
    "replace": _replace,
    "redact": lambda _operator, _text, _entity_type: "",
    "mask": _mask,
    "hash": _hash,
    "keep": lambda _operator, text, _entity_type: text,
}


def _operate(operator: _Operator, text: str, entity_type: str) -> str:
    """What a text gives way to. Raises `CallerError`."""
    work = _OPERATORS.get(operator.type)
    if work is None:
        served = ", ".join(_OPERATORS)
        raise CallerError(f"{operator.type!r} is not served; these are: {served}", field="anonymizers.type")
    return work(operator, text, entity_type)
