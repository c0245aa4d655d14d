"""The guarded policy as a plan, for what is simulated beside the service."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from workbench.bench.policies import GUARDED, guarded_policy


def guarded_plan(max_hold_ms: int) -> Plan:
    """Every detector of this installation."""
    with TemporaryDirectory(prefix="tidegate-benchmark-") as folder:
        file = Path(folder) / "guarded.yaml"
        file.write_bytes(msgspec.json.encode(guarded_policy(max_hold_ms)))
        store = PolicyStore((file,))
        store.load()
        return store.plans[GUARDED]
