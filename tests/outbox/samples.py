"""Events to put into outboxes and onto wires."""

from __future__ import annotations

from msgspec.structs import replace

from detectors.types import Finding
from sidecar.outbox.builders import (
    Ending,
    StreamInfo,
    decision_event,
    drift_event,
    fault_event,
    lane_coverage,
    policy_event,
    violation_event,
)
from sidecar.outbox.checkpoints import checkpoint_event
from sidecar.outbox.event import (
    App,
    BundleRef,
    CanaryRates,
    CanaryRef,
    Event,
    FaultKind,
    Movement,
    PolicyRef,
    PolicyStep,
    RetrievalSummary,
    ShareRef,
)
from sidecar.outbox.evidence import EvidenceKey, Keeping
from sidecar.outbox.labels import checked, numbered_labels
from sidecar.outbox.outbox import Numbered
from sidecar.policy.plan import Plan
from sidecar.values import Action, Decision, Direction, Exposure, Failed, FailureKind, Lane, Severity
from tests.fakes import WordScanner, plan, rule

NOW = 1_790_000_000.25
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
EVENT_ID = "01a18f0c-2f8a-7d53-9a3e-5b1c7d0e4f21"
INFO = StreamInfo(
    stream_id="stream-1",
    direction=Direction.OUTPUT,
    policy="test",
    policy_version="1",
    policy_digest="0" * 64,
    tenant="acme",
    session_id="session-1",
    request_id="request-1",
    trace=f"00-{TRACE}-00f067aa0ba902b7-01",
    labels={"app": "support-bot"},
    attributes={"region": "eu"},
    model="some-model",
    prompt_version="7",
)
SECRET = b"a key for tests"


def a_plan(action: Action = Action.REDACT) -> Plan:
    return plan((WordScanner("x"), [rule(action)]))


def a_decision(excerpt: str = "4111 1111", *, start: int = 10, done: Action = Action.REDACT) -> Decision:
    return Decision(
        number=1,
        rule=0,
        lane=Lane(),
        finding=Finding(start, start + len(excerpt), "WORD", 0.9, "luhn"),
        decided=Action.REDACT,
        done=done,
        exposure=Exposure(start, 0, 41.23456),
        excerpt=excerpt,
    )


def a_failed_decision() -> Decision:
    return Decision(
        number=2,
        rule=0,
        lane=Lane(),
        finding=Finding(0, 30, "", 0.0, "fake: timeout"),
        decided=Action.BLOCK,
        done=Action.BLOCK,
        exposure=Exposure(0, 0, 400.0),
        excerpt="",
        failure=Failed(FailureKind.TIMEOUT, "no outcome within max_hold_ms"),
        segment=3,
        model="fake-model-1",
    )


def a_violation(info: StreamInfo = INFO, *, hashed: bool = False, excerpt: str = "4111 1111") -> Event:
    key = EvidenceKey(SECRET) if hashed else None
    return violation_event(info, a_plan(), a_decision(excerpt), NOW, keeping=Keeping(key=key))


def a_stream_decision(info: StreamInfo = INFO) -> Event:
    coverage = [lane_coverage(Lane(), received_chars=30, released_chars=30, unscanned_chars=0)]
    canary = CanaryRef(
        would="block",
        side="canary",
        policy=PolicyRef(name="test", version="0", digest="1" * 64),
        violations={"rule-0": 1},
        sides={"rule-0": "stable"},
    )
    ending = Ending(
        ended="finished",
        done=Action.REDACT,
        duration_ms=12.5,
        violations={"rule-0": 2},
        coverage=coverage,
        canary=canary,
        retrieval=RetrievalSummary(
            relevant=2,
            retrieved=4,
            found=1,
            precision=0.25,
            recall=0.5,
            context_precision=0.3333,
            recall_at={"1": 0.0, "3": 0.5},
        ),
    )
    return decision_event(info, ending, NOW)


def a_fault(info: StreamInfo | None = None, *, what: str = "toxicity") -> Event:
    return fault_event(FaultKind.DETECTOR_LATE, what, NOW, info=info, reason="timeout")


def a_policy_change(step: PolicyStep = PolicyStep.ROLLED_BACK) -> Event:
    is_stopped = step is PolicyStep.CANARY_STOPPED
    return policy_event(
        step,
        "test",
        NOW,
        plan=a_plan(),
        former=a_plan(),
        source="/etc/tidegate/policies/test.yaml",
        bundle=BundleRef(name="shop", version="7", digest="sha256:ab"),
        reason="because",
        canary=CanaryRates(streams=200, rates={"block": 0.25}, rule="r", percent=10.0) if is_stopped else None,
    )


def a_checkpoint() -> Event:
    event = checkpoint_event(NOW, final=True)
    return replace(event, data=replace(event.data, since=3, replaced=(4, 7), key_id="0" * 16, signature="c2lnbmVk"))


def a_label(verdict: str = "missed", **more: str) -> Event:
    row = {"event": EVENT_ID, "verdict": verdict, "by": "ann", "note": "a test card"}
    if verdict == "missed":
        row |= {"rule": "test/rule-0", "label": "WORD"}
    (numbered_label,) = numbered_labels([checked(row | more)], by="", now=NOW)
    return numbered_label.event


def a_drift(movement: Movement = Movement.MOVED) -> Event:
    return drift_event(
        movement,
        "topics",
        NOW,
        direction=Direction.INPUT,
        tenant=INFO.tenant,
        app=App(prompt_version="7", labels={"app": "shop"}),
        distance=0.31,
        chance=0.0001,
        sizes=(1000, 250),
        is_pinned=True,
        changes=[ShareRef(name="finance", reference=0.1, window=0.6)],
    )


def one_of_each() -> list[Event]:
    """Every kind, with as many of its fields as there are."""
    failure = violation_event(INFO, a_plan(Action.BLOCK), a_failed_decision(), NOW)
    lost = fault_event(FaultKind.EVENTS_LOST, "outbox", NOW, count=3, lost={Severity.LOW: 2, Severity.HIGH: 1})
    unread = fault_event(FaultKind.UNSCANNED, "answer", NOW, info=INFO, reason="unknown path")
    policies = [a_policy_change(), a_policy_change(PolicyStep.CANARY_STOPPED)]
    return [
        a_violation(hashed=True),
        failure,
        a_stream_decision(),
        a_fault(INFO),
        a_fault(),
        lost,
        unread,
        *policies,
        a_checkpoint(),
        a_label(),
        a_drift(),
    ]


def numbered(event: Event, sequence: int = 4711, producer: str = "tidegate-test") -> Numbered:
    return Numbered(producer, sequence, event)


def of_severity(severity: Severity, what: str = "") -> Event:
    """A small event that matters so much."""
    by_fault = {Severity.MEDIUM: FaultKind.LOAD_SHED, Severity.HIGH: FaultKind.DETECTOR_FAILED}
    if severity in by_fault:
        return fault_event(by_fault[severity], what, NOW)
    if severity is Severity.CRITICAL:
        return fault_event(FaultKind.EVENTS_LOST, what, NOW)
    violations = {what or "r": 1} if severity is Severity.LOW else {}
    return decision_event(INFO, Ending(ended="finished", done=Action.ALLOW, duration_ms=1, violations=violations), NOW)
