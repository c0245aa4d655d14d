"""The guarded policy as a plan, for what is simulated beside the service."""

from __future__ import annotations

from sidecar.policy.plan import Plan
from workbench.bench.plans import plan_of
from workbench.bench.policies import guarded_policy


def guarded_plan(max_hold_ms: int) -> Plan:
    """Every detector of this installation."""
    return plan_of(guarded_policy(max_hold_ms))
