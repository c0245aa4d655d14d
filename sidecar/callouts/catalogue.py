"""The forms that are served, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.callouts.adapter import Adapter
from sidecar.callouts.plain import Plain

ADAPTERS: Mapping[str, Adapter] = {each.name: each for each in (Plain(),)}
"""All there are."""
