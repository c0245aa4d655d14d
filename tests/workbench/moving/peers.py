"""What Guardrails AI and NeMo Guardrails themselves say, in the environment that has their released packages.

python -m tests.workbench.moving.peers nemo|guardrails-ai
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from tests.workbench.moving.texts import NEMO_CONFIG, NEMO_TEXTS, PLACE, RAIL


def nemo() -> dict[str, Any]:
    """Names of all flows and keys of `rails.config`, and what a regex rail decides."""
    from nemoguardrails import LLMRails, RailsConfig
    from nemoguardrails.manifests import all_rail_manifests
    from nemoguardrails.rails.llm.options import RailType

    manifests = all_rail_manifests().values()
    flows = {flow for each in manifests if each.spec.flows for flow in each.spec.flows.flow_names}
    surfaces = {surface.name for each in manifests for surface in each.spec.surfaces}
    keys = {each.spec.config_schema.key for each in manifests if each.spec.config_schema}
    rails = LLMRails(RailsConfig.from_content("", NEMO_CONFIG))
    decided = []
    for text in NEMO_TEXTS:
        result = rails.check([{"role": "user", "content": text}], rail_types=[RailType.INPUT])
        decided.append(str(result.status.value) == "blocked")
    return {"flows": sorted(flows | surfaces), "keys": sorted(keys), "decided": decided}


def guardrails_ai() -> dict[str, Any]:
    """A guard as `to_dict` writes it, of a validator with a hub's id, and what a RAIL document is to it."""
    from guardrails import Guard
    from guardrails.validator_base import PassResult, Validator, register_validator

    @register_validator(name=PLACE, data_type="string")
    class ValidLength(Validator):  # type: ignore[misc]  # the package is not there where types are checked
        def __init__(self, min: int = 0, max: int = 9, on_fail: Any = None) -> None:
            super().__init__(on_fail=on_fail, min=min, max=max)

        def validate(self, value: Any, metadata: Any) -> Any:
            return PassResult()

    guard = Guard(name="g").use(ValidLength(min=1, max=10, on_fail="exception"))
    rail = Guard.for_rail_string(RAIL).to_dict()
    return {"guard": guard.to_dict(), "rail": rail}


RUNS: dict[str, Callable[[], dict[str, Any]]] = {"nemo": nemo, "guardrails-ai": guardrails_ai}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]](), default=str))  # noqa: T201 - what the test reads
