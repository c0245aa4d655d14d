"""OCSF 1.9.0: a violation is a Detection Finding, and each other kind an event of the class that is about such things.

| kind | class | why |
| --- | --- | --- |
| violation | Detection Finding (2004), `security_control` | a control detected something, and acted or only looked |
| decision | API Activity (6003), `security_control`, `ai_operation`, `trace` | an exchange with a model, and its end |
| fault | Application Error (6008) | something of Tidegate's own did not work; nothing was detected |
| policy | Entity Management (3004) | a policy was put into force or taken out of it |
| label | Detection Finding (2004), activity Update, `incident` | what a person says of a finding |
| drift | Detection Finding (2004), activities Create and Close | a statistic saw a change of traffic, and its end |

The standard's class 2004 does not take the profile `ai_operation`: which agent it was stands in `evidences[].ai_agent`.
Numbers are the standard's own (https://schema.ocsf.io/1.9.0); the tests check every event by its schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from sidecar.outbox.event import (
    App,
    Checkpoint,
    Data,
    Drift,
    Fault,
    Label,
    Movement,
    PolicyChange,
    PolicyRef,
    PolicyStep,
    RuleRef,
    StreamDecision,
    TagsRef,
    UsageRef,
    Verdict,
    Violation,
    kind_of,
    severity_of,
)
from sidecar.outbox.selection import app_of
from sidecar.outbox.views.common import PRODUCT, filled, listed, names_of, sentence, title, without
from sidecar.values import ActionName, Severity

VERSION = "1.9.0"


class _Class(NamedTuple):
    """A class of the standard."""

    uid: int
    name: str
    category: str

    @property
    def category_uid(self) -> int:
        """Its first digit."""
        return self.uid // 1000


class _Id(NamedTuple):
    """A number of the standard, and its caption."""

    uid: int
    caption: str


_FINDING = _Class(2004, "Detection Finding", "Findings")
_ENTITY = _Class(3004, "Entity Management", "Identity & Access Management")
_API = _Class(6003, "API Activity", "Application Activity")
_ERROR = _Class(6008, "Application Error", "Application Activity")

_SEVERITIES: Mapping[Severity, _Id] = {
    Severity.INFO: _Id(1, "Informational"),
    Severity.LOW: _Id(2, "Low"),
    Severity.MEDIUM: _Id(3, "Medium"),
    Severity.HIGH: _Id(4, "High"),
    Severity.CRITICAL: _Id(5, "Critical"),
}
_DENIED = _Id(2, "Denied")
_OBSERVED = _Id(3, "Observed")
_MODIFIED = _Id(4, "Modified")
_OUTCOMES: Mapping[ActionName, tuple[_Id, _Id]] = {
    "allow": (_OBSERVED, _Id(15, "Detected")),
    "annotate": (_MODIFIED, _Id(18, "Tagged")),
    "advise": (_MODIFIED, _Id(18, "Tagged")),
    "redact": (_MODIFIED, _Id(11, "Corrected")),
    "withhold": (_DENIED, _Id(6, "Dropped")),
    "block": (_DENIED, _Id(2, "Blocked")),
}
"""What was done, as `action_id` and `disposition_id`."""
_PARTLY = _Id(12, "Partially Corrected")
_PASSED = (_Id(1, "Allowed"), _Id(1, "Allowed"))
_CREATE = _Id(1, "Create")
_OTHER = 99
_SUCCESS, _FAILURE, _NEW = _Id(1, "Success"), _Id(2, "Failure"), _Id(1, "New")
_STEPS: Mapping[PolicyStep, _Id] = {
    PolicyStep.LOADED: _Id(10, "Activate"),
    PolicyStep.REMOVED: _Id(11, "Deactivate"),
    PolicyStep.REFUSED: _Id(10, "Activate"),
    PolicyStep.ROLLED_BACK: _Id(10, "Activate"),
    PolicyStep.CANARY_STOPPED: _Id(12, "Suspend"),
}
_VERDICTS: Mapping[Verdict, tuple[_Id, _Id]] = {
    Verdict.TRUE_POSITIVE: (_Id(2, "True Positive"), _Id(2, "In Progress")),
    Verdict.FALSE_POSITIVE: (_Id(1, "False Positive"), _Id(3, "Suppressed")),
    Verdict.MISSED: (_Id(8, "Security Risk"), _NEW),
    Verdict.CLEAN: (_Id(5, "Benign"), _Id(4, "Resolved")),
    Verdict.UNSURE: (_Id(7, "Insufficient Data"), _Id(2, "In Progress")),
}
"""What a person says, as `verdict_id` and `status_id`."""
_ROLES: Mapping[str, _Id] = {"input": _Id(1, "User"), "output": _Id(2, "Assistant")}
_AGENT_IDS = ("gen_ai.agent.id", "agent.id", "agent")
_AGENT_NAMES = ("gen_ai.agent.name", "agent.name")
_PROVIDERS = ("gen_ai.provider.name", "provider")
"""Labels or attributes by which an application says which agent it is, and whose model it uses."""


def ocsf(data: Data) -> dict[str, Any]:
    """The event as an event of OCSF."""
    match data:
        case Violation():
            return _finding(data)
        case StreamDecision():
            return _exchange(data)
        case Fault():
            return _error(data)
        case PolicyChange():
            return _change(data)
        case Label():
            return _review(data)
        case Checkpoint():
            return _checkpoint(data)
        case Drift():
            return _drift(data)


# --- Classes ----------------------------------------------------------------------------------------------------------


def _finding(data: Violation) -> dict[str, Any]:
    attacks = _attacks(data.tags)
    is_enforced = data.policy.enforcement == "enforce"
    return {
        **_base(data, _FINDING, _CREATE, ["security_control"]),
        **_status(_NEW),
        **_outcome(*_outcome_of(data)),
        **filled(attacks=attacks, confidence_score=_percent(data.detector.score)),
        "is_alert": is_enforced and severity_of(data) >= Severity.HIGH,
        "policy": {**_policy(data.policy), "is_applied": is_enforced},
        "finding_info": _finding_info(data, attacks),
        "evidences": [_evidence(data)],
        "resources": _resources(data),
        "unmapped": {"tidegate": without(_tree(data), "kind", "time", "evidence", "where", "exposure")},
    }


def _exchange(data: StreamDecision) -> dict[str, Any]:
    activity = _Id(_OTHER, "Guard")
    is_fine = data.ended == "finished"
    return {
        **_base(data, _API, activity, ["security_control", "ai_operation", *(["trace"] if data.ids.trace else [])]),
        **_status(_SUCCESS if is_fine else _FAILURE),
        **_outcome(*(_OUTCOMES[data.done] if data.done != "allow" else _PASSED)),
        **_span(data),
        "status_detail": data.ended,
        "policy": _policy(data.policy),
        "actor": {"session": {"uid": data.ids.session or data.ids.request or data.ids.stream}},
        "api": {"operation": f"check {data.direction}", "request": {"uid": data.ids.request or data.ids.stream}},
        "src_endpoint": {"svc_name": app_of(data) or "application"},
        "message_context": _message_context(data),
        **filled(
            ai_agent=_agent(data.app, data.ids.session),
            ai_model=_model(data.app),
            trace={"uid": data.ids.trace} if data.ids.trace else None,
        ),
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


def _error(data: Fault) -> dict[str, Any]:
    return {
        **_base(data, _ERROR, _Id(1, "General Error"), []),
        **_status(_FAILURE),
        "status_code": data.fault.value,
        **filled(status_detail=data.reason, count=data.count),
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


def _change(data: PolicyChange) -> dict[str, Any]:
    is_refused = data.step is PolicyStep.REFUSED
    entity = {"name": data.what, "type_id": 5, "type": "Policy"}
    if data.policy is not None:
        entity |= {"policy": _policy(data.policy), "uid": data.policy.digest, "version": data.policy.version}
    return {
        **_base(data, _ENTITY, _STEPS[data.step], []),
        **_status(_FAILURE if is_refused else _SUCCESS),
        "status_code": data.step.value,
        **filled(status_detail=data.reason),
        "entity": entity,
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


def _review(data: Label) -> dict[str, Any]:
    """What a person says of a finding, or of what should have been one: `finding_info.uid` is the other event's id."""
    verdict, status = _VERDICTS[data.verdict]
    return {
        **_base(data, _FINDING, _Id(2, "Update"), ["incident"]),
        **_status(status),
        "verdict_id": verdict.uid,
        "verdict": verdict.caption,
        "finding_info": {"uid": data.event, "title": title(data), "modified_time": _milliseconds(data.time.occurred)},
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


def _checkpoint(data: Checkpoint) -> dict[str, Any]:
    """A stretch of a producer's events that a key vouches for."""
    return {
        **_base(data, _ENTITY, _Id(_OTHER, "Attest"), []),
        **_status(_SUCCESS),
        "entity": {"name": data.ids.producer, "uid": data.ids.producer, "type_id": _OTHER, "type": "Event Chain"},
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


def _drift(data: Drift) -> dict[str, Any]:
    """A change of traffic: a statistic's finding, and nobody's fault."""
    is_new = data.movement is Movement.MOVED
    return {
        **_base(data, _FINDING, _CREATE if is_new else _Id(3, "Close"), []),
        **_status(_NEW if is_new else _Id(4, "Resolved")),
        "finding_info": {
            "uid": data.ids.event,
            "title": title(data),
            "created_time": _milliseconds(data.time.occurred),
            "analytic": {"name": f"drift of {data.signal}", "type_id": 3, "type": "Statistical"},
        },
        "unmapped": {"tidegate": without(_tree(data), "kind", "time")},
    }


# --- Parts ------------------------------------------------------------------------------------------------------------


def _base(data: Data, event_class: _Class, activity: _Id, profiles: list[str]) -> dict[str, Any]:
    severity = _SEVERITIES[severity_of(data)]
    return {
        "activity_id": activity.uid,
        "activity_name": activity.caption,
        "category_uid": event_class.category_uid,
        "category_name": event_class.category,
        "class_uid": event_class.uid,
        "class_name": event_class.name,
        "type_uid": event_class.uid * 100 + activity.uid,
        "type_name": f"{event_class.name}: {activity.caption}",
        "severity_id": severity.uid,
        "severity": severity.caption,
        "time": _milliseconds(data.time.occurred),
        "message": sentence(data),
        "metadata": _metadata(data, [*profiles, *(["record_integrity"] if data.ids.hash else [])]),
        **filled(attestation=_attestation(data)),
    }


def _attestation(data: Data) -> dict[str, Any]:
    """The event's place in its producer's chain. The hashes are those of the native event, which `events verify` reads.

    The standard names the event before by its id too, which an event does not know: producer and number stand there.
    """
    ids = data.ids
    if not ids.hash:
        return {}
    before = {"uid": f"{ids.producer}/{ids.sequence - 1}", "fingerprint": _fingerprint(ids.previous)}
    return {"chain_uid": ids.producer, "authority_uid": ids.producer, "fingerprint": _fingerprint(ids.hash)} | filled(
        prev_event=before if ids.previous else None
    )


def _fingerprint(value: str) -> dict[str, Any]:
    """A hash over the canonical form of RFC 8785."""
    return {
        "algorithm_id": 3,
        "algorithm": "SHA-256",
        "serialization_id": 2,
        "serialization": "JCS",
        "value": value,
    }


def _metadata(data: Data, profiles: list[str]) -> dict[str, Any]:
    version = data.detector.version if isinstance(data, Violation) else ""
    return {
        "version": VERSION,
        "product": filled(name=PRODUCT, vendor_name=PRODUCT, version=version),
        "uid": data.ids.event,
        "event_code": f"dev.tidegate.{kind_of(data)}.v1",
        "original_time": data.time.occurred,
        **filled(
            profiles=profiles,
            sequence=data.ids.sequence or None,
            log_provider=data.ids.producer,
            tenant_uid=data.ids.tenant,
            correlation_uid=data.ids.session or data.ids.request or data.ids.stream,
            logged_time=_milliseconds(data.time.published) if data.time.published else None,
        ),
    }


def _finding_info(data: Violation, attacks: list[dict[str, Any]]) -> dict[str, Any]:
    rule, detector = data.policy, data.detector
    found = {"type_id": 4, "type": "Learning (ML/DL)"} if detector.model else {"type_id": 1, "type": "Rule"}
    tags = data.tags or TagsRef()
    return {
        "uid": data.ids.event,
        "title": title(data),
        "created_time": _milliseconds(data.time.occurred),
        "analytic": {
            **filled(uid=f"{rule.name}/{rule.rule}", name=rule.rule, version=rule.version),
            "type_id": 1,
            "type": "Rule",
            "related_analytics": [filled(name=detector.name, version=detector.model) | found],
        },
        **filled(
            desc=detector.reason,
            types=[each for each in (detector.label, *listed(data.tags)) if each],
            attacks=attacks,
            tags=[
                {"name": scheme, "values": [*entries]}
                for scheme, entries in msgspec.structs.asdict(tags).items()
                if entries
            ],
        ),
    }


def _evidence(data: Violation) -> dict[str, Any]:
    """What was found and where, without the text: its shape, its hash, its place, its score."""
    tree = _tree(data)
    return {
        "uid": data.ids.event,
        **filled(name=data.detector.label, ai_agent=_agent(data.app, data.ids.session)),
        "data": {
            **{part: tree[part] for part in ("evidence", "where", "exposure")},
            **filled(score=data.detector.score, threshold=data.detector.threshold, reason=data.detector.reason),
        },
    }


def _resources(data: Violation) -> list[dict[str, Any]]:
    """What the text was of: the application's stream, and the model."""
    stream = filled(uid=data.ids.stream or data.ids.event, name=app_of(data)) | {"type": "stream"}
    return [stream, {"name": data.app.model, "type": "model"}] if data.app.model else [stream]


def _attacks(tags: TagsRef | None) -> list[dict[str, Any]]:
    """The techniques of MITRE ATLAS, a sub-technique below its technique."""
    return [_attack(entry) for entry in (tags.atlas if tags else ())]


def _attack(entry: str) -> dict[str, Any]:
    technique = ".".join(entry.split(".")[:2])
    attack = {"technique": _technique(technique)}
    return attack if technique == entry else attack | {"sub_technique": _technique(entry)}


def _technique(entry: str) -> dict[str, str]:
    (name,) = names_of("atlas", (entry,))
    return {"uid": entry, "name": name, "src_url": f"https://atlas.mitre.org/techniques/{entry}"}


def _outcome_of(data: Violation) -> tuple[_Id, _Id]:
    action, disposition = _OUTCOMES[data.done]
    return (action, _PARTLY) if data.done == "redact" and data.exposure.leaked_chars else (action, disposition)


def _outcome(action: _Id, disposition: _Id) -> dict[str, Any]:
    return {
        "action_id": action.uid,
        "action": action.caption,
        "disposition_id": disposition.uid,
        "disposition": disposition.caption,
    }


def _status(status: _Id) -> dict[str, Any]:
    return {"status_id": status.uid, "status": status.caption}


def _policy(policy: PolicyRef | RuleRef) -> dict[str, Any]:
    """The policy; its exact content by digest."""
    return filled(name=policy.name, version=policy.version, uid=policy.digest)


def _span(data: StreamDecision) -> dict[str, Any]:
    """From when to when, in milliseconds."""
    ended = _milliseconds(data.time.occurred)
    lasted = round(data.timings.stream_ms) if data.timings and data.timings.stream_ms is not None else None
    return {"end_time": ended} | ({} if lasted is None else {"start_time": ended - lasted, "duration": lasted})


def _message_context(data: StreamDecision) -> dict[str, Any]:
    role = _ROLES[data.direction]
    return {
        "ai_role_id": role.uid,
        "ai_role": role.caption,
        "application": {"name": app_of(data) or "application"},
        **filled(uid=data.ids.session),
        **_tokens(data),
    }


def _tokens(data: StreamDecision) -> dict[str, int]:
    """What was counted of the exchange's tokens."""
    usage = data.usage or UsageRef()
    total = sum(tokens for tokens in (usage.input_tokens, usage.output_tokens) if tokens is not None)
    return filled(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=total if None not in (usage.input_tokens, usage.output_tokens) else None,
    )


def _agent(app: App, session: str) -> dict[str, Any] | None:
    """Which agent it was, as the application says; without an agent's id, the application stands for it."""
    uid = _said(app, _AGENT_IDS) or app.labels.get("app", "")
    if not uid:
        return None
    return filled(uid=uid, name=_said(app, _AGENT_NAMES), instance_uid=session, ai_model=_model(app))


def _model(app: App) -> dict[str, str] | None:
    """The model; the standard wants to know whose, which only the application can say."""
    return {"name": app.model, "ai_provider": _said(app, _PROVIDERS) or "unknown"} if app.model else None


def _said(app: App, names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := app.attributes.get(name) or app.labels.get(name))), "")


def _percent(score: float | None) -> int | None:
    return None if score is None else round(score * 100)


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _tree(data: Data) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(data)
    return tree
