"""Well-known public models, and what their labels mean here. Nothing of them is shipped; each has its own licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """A public model. `labels` maps its labels to Tidegate's; a label that is not there counts as nothing found."""

    hub: str
    detector: str
    licence: str
    labels: Mapping[str, str]
    summary: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    is_multi_label: bool = False


_PROMPT_GUARD = {"LABEL_1": "injection", "MALICIOUS": "injection"}

PRESETS: Mapping[str, Preset] = {
    "protectai-injection-v2": Preset(
        hub="protectai/deberta-v3-base-prompt-injection-v2",
        detector="injection",
        licence="Apache-2.0",
        labels={"INJECTION": "injection"},
        summary="prompt injection in English, DeBERTa-v3 base; by its card not for jailbreaks",
    ),
    "prompt-guard-2-22m": Preset(
        hub="meta-llama/Llama-Prompt-Guard-2-22M",
        detector="injection",
        licence="Llama 4 Community Licence (ask for access on the hub)",
        labels=_PROMPT_GUARD,
        summary="jailbreaks and explicit injections, DeBERTa-v3 xsmall",
    ),
    "prompt-guard-2-86m": Preset(
        hub="meta-llama/Llama-Prompt-Guard-2-86M",
        detector="injection",
        licence="Llama 4 Community Licence (ask for access on the hub)",
        labels=_PROMPT_GUARD,
        summary="jailbreaks and explicit injections in eight languages, mDeBERTa-v3 base",
    ),
    "toxic-bert": Preset(
        hub="unitary/toxic-bert",
        detector="toxicity",
        licence="Apache-2.0",
        labels={
            "toxic": "toxicity",
            "severe_toxic": "severe_toxicity",
            "obscene": "obscene",
            "threat": "threat",
            "insult": "insult",
            "identity_hate": "identity_attack",
        },
        summary="toxic comments, BERT base, six labels",
        is_multi_label=True,
    ),
    "bert-base-ner": Preset(
        hub="dslim/bert-base-NER",
        detector="pii",
        licence="MIT",
        labels={"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"},
        summary="names of persons, places and organisations in English, BERT base, cased",
    ),
    "piiranha-v1": Preset(
        hub="iiiorg/piiranha-v1-detect-personal-information",
        detector="pii",
        licence="CC BY-NC-ND 4.0 (not for commercial use)",
        labels={
            "GIVENNAME": "PERSON",
            "SURNAME": "PERSON",
            "CITY": "LOCATION",
            "STREET": "ADDRESS",
            "BUILDINGNUM": "ADDRESS",
            "ZIPCODE": "ADDRESS",
            "DATEOFBIRTH": "DATE_TIME",
            "USERNAME": "USERNAME",
            "PASSWORD": "PASSWORD",
        },
        summary="names, addresses, user names and passwords in six languages, mDeBERTa-v3 base",
    ),
}
