"""Elastic Common Schema 9: fields of the schema where it has them, the whole event below `tidegate` beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sidecar.outbox.event import (
    App,
    Checkpoint,
    Data,
    Drift,
    Fault,
    Kind,
    Label,
    PolicyChange,
    PolicyStep,
    StreamDecision,
    TagsRef,
    UsageRef,
    Violation,
    kind_of,
    severity_of,
)
from sidecar.outbox.selection import app_of
from sidecar.outbox.views.common import PRODUCT, filled, listed, names_of, sentence

VERSION = "9.4.0"


class _Sort(NamedTuple):
    """How the schema categorizes a kind of event."""

    kind: str
    categories: tuple[str, ...]
    type: str


_SORTS: Mapping[Kind, _Sort] = {
    Kind.VIOLATION: _Sort("alert", ("intrusion_detection",), "info"),
    Kind.DECISION: _Sort("event", ("api",), "access"),
    Kind.FAULT: _Sort("event", (), "error"),
    Kind.POLICY: _Sort("event", ("configuration",), "change"),
    Kind.LABEL: _Sort("event", (), "info"),
    Kind.CHECKPOINT: _Sort("event", (), "info"),
    Kind.DRIFT: _Sort("alert", (), "info"),
}
_NANOSECONDS = 1_000_000


def ecs(data: Data) -> dict[str, Any]:
    """The event as a document of the Elastic Common Schema."""
    return {
        "@timestamp": data.time.occurred,
        "ecs": {"version": VERSION},
        "message": sentence(data),
        "event": _event(data),
        "observer": filled(vendor=PRODUCT, product=PRODUCT, name=data.ids.producer, version=_version(data)),
        **filled(
            organization=filled(id=data.ids.tenant),
            service=filled(name=app_of(data)),
            trace=filled(id=data.ids.trace),
            http=filled(request=filled(id=data.ids.request)),
            rule=_rule(data),
            threat=_threat(data),
            labels=_labels(data),
            tags=listed(data.tags) if isinstance(data, Violation) else [],
            error=filled(code=data.fault.value, message=data.reason) if isinstance(data, Fault) else {},
            gen_ai=_model(data),
        ),
        "tidegate": msgspec.to_builtins(data),
    }


def _event(data: Data) -> dict[str, Any]:
    sort = _SORTS[kind_of(data)]
    score = data.detector.score if isinstance(data, Violation) else None
    return {
        "kind": sort.kind,
        "type": _types(data, sort),
        "outcome": _outcome(data),
        "id": data.ids.event,
        "module": "tidegate",
        "dataset": f"tidegate.{kind_of(data)}",
        "provider": "tidegate",
        "severity": severity_of(data).value,
        **filled(
            category=[*sort.categories],
            action=_action(data),
            created=data.time.published,
            sequence=data.ids.sequence or None,
            reason=data.detector.reason if isinstance(data, Violation) else getattr(data, "reason", ""),
            risk_score=None if score is None else round(score * 100, 1),
            duration=_duration(data),
        ),
    }


def _types(data: Data, sort: _Sort) -> list[str]:
    """What came of it: a text that was not let through is denied."""
    if not isinstance(data, Violation):
        return [sort.type]
    return ["denied" if data.done in {"block", "withhold"} else "allowed", sort.type]


def _outcome(data: Data) -> str:
    return "success" if _is_fine(data) else "failure"


def _is_fine(data: Data) -> bool:
    """Whether what was to happen did: a rule's decision in full, a stream to its end, a policy into force."""
    match data:
        case Violation():
            return data.failure is None and not data.exposure.leaked_chars
        case StreamDecision():
            return data.ended == "finished"
        case Fault():
            return False
        case PolicyChange():
            return data.step is not PolicyStep.REFUSED
        case Label() | Checkpoint() | Drift():
            return True


def _action(data: Data) -> str:
    match data:
        case Violation() | StreamDecision():
            return data.done
        case Fault():
            return data.fault.value
        case PolicyChange():
            return data.step.value
        case Label():
            return data.verdict.value
        case Checkpoint():
            return "checkpoint"
        case Drift():
            return data.movement.value


def _duration(data: Data) -> int | None:
    """How long a stream lasted, in nanoseconds."""
    if not isinstance(data, StreamDecision) or data.timings is None or data.timings.stream_ms is None:
        return None
    return round(data.timings.stream_ms * _NANOSECONDS)


def _rule(data: Data) -> dict[str, Any]:
    """The rule, in its policy, whose exact content `uuid` names."""
    if isinstance(data, Label | Checkpoint | Drift) or data.policy is None:
        return {}
    policy = data.policy
    known = filled(ruleset=policy.name, version=policy.version, uuid=policy.digest)
    if not isinstance(data, Violation):
        return known
    rule = data.policy.rule
    return known | filled(id=f"{policy.name}/{rule}", name=rule, category=data.detector.label)


def _threat(data: Data) -> dict[str, Any]:
    """The techniques of MITRE ATLAS."""
    tags = (data.tags if isinstance(data, Violation) else None) or TagsRef()
    if not tags.atlas:
        return {}
    technique = {
        "id": [*tags.atlas],
        "name": names_of("atlas", tags.atlas),
        "reference": [f"https://atlas.mitre.org/techniques/{entry}" for entry in tags.atlas],
    }
    return {"framework": "MITRE ATLAS", "technique": technique}


def _labels(data: Data) -> dict[str, str]:
    """The application's labels: the schema has them flat, without dots in their names."""
    app = _app(data)
    return {name.replace(".", "_"): value for name, value in app.labels.items()}


def _model(data: Data) -> dict[str, Any]:
    usage = (data.usage if isinstance(data, StreamDecision) else None) or UsageRef()
    return filled(
        request=filled(model=_app(data).model),
        usage=filled(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
    )


def _app(data: Data) -> App:
    return App() if isinstance(data, PolicyChange | Label | Checkpoint) or data.app is None else data.app


def _version(data: Data) -> str:
    return data.detector.version if isinstance(data, Violation) else ""
