"""A policy of the benchmark as a plan, for what is measured beside the service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore


def plan_of(policy: Mapping[str, Any]) -> Plan:
    """The document, compiled. Raises `PolicyError`."""
    with TemporaryDirectory(prefix="tidegate-bench-") as folder:
        file = Path(folder) / "policy.yaml"
        file.write_bytes(msgspec.json.encode(policy))
        store = PolicyStore((file,))
        store.load()
        return store.plans[policy["metadata"]["name"]]
