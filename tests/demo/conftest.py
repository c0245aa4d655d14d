"""What the demo's tests need: the real Envoy."""

from __future__ import annotations

from tests.integration.envoy import binary as binary
