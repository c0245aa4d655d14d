"""Which data the model may learn from: one table, source prefix -> origin, licence, shipped or not.

`shipped` says whether the rows may go into the model that is distributed: not where the terms forbid commercial use,
nor articles of the press under nobody's licence (docs/adr/0015). Those are used with `--research` alone, and a model
made with it must not be distributed. Synthetic rows (`syn_passage:KIND:ORIGIN`, `syn_pair:KIND:SOURCE`) go by the
source whose text they were made from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One origin of rows: its public name, its licence, whether the shipped model learns from it, and how often."""

    prefix: str
    origin: str
    licence: str
    shipped: bool
    passes: float = 1.0
    note: str = ""


SOURCES: tuple[Source, ...] = (
    Source("snli_dev", "SNLI, official dev split", "CC BY-SA 4.0", shipped=True, passes=2.0),
    Source(
        "snli_counterfactual",
        "counterfactually revised SNLI (Kaushik et al.)",
        "CC BY-SA 4.0",
        shipped=True,
        passes=2.0,
        note="the mirror read states no licence, that of SNLI is taken; the authors' repository is Apache-2.0",
    ),
    Source(
        "mnli_dev",
        "MultiNLI, official matched dev split",
        "OANC terms, CC BY-SA 3.0, CC BY 3.0",
        shipped=True,
        passes=3.0,
    ),
    Source("scitail", "SciTail, official test split", "Apache-2.0", shipped=True, passes=2.0),
    Source("fm2", "FoolMeTwice", "Apache-2.0; Wikipedia text CC BY-SA 3.0", shipped=True, passes=3.0),
    Source("fever_symmetric", "FEVER Symmetric", "MIT and CC BY-SA 3.0", shipped=True, passes=4.0),
    Source("begin", "BEGIN", "CC BY 4.0, CDLA-Sharing 1.0", shipped=True, passes=4.0),
    Source("wice", "WiCE", "ODC-BY over CC BY-SA and Common Crawl text", shipped=True, passes=2.0),
    Source("summedits", "SummEdits", "Apache-2.0", shipped=True, passes=2.5),
    Source("halueval", "HaluEval, question answering", "MIT", shipped=True, passes=2.0),
    Source("climate_fever", "Climate-FEVER", "none stated", shipped=True, passes=3.0),
    Source("rte", "RTE", "none stated", shipped=True, passes=3.0),
    Source("factscore", "FActScore as adapted by Query-Conditioned-NLI", "CC BY-NC 4.0", shipped=False),
    Source("aggrefact", "AggreFact over CNN/DailyMail and XSum", "none stated", shipped=False),
    Source("cliff", "CLIFF over CNN/DailyMail and XSum", "none stated", shipped=False),
    Source("xsum", "XSum (BBC text)", "none stated", shipped=False),
    Source("anli", "Adversarial NLI", "CC BY-NC 4.0", shipped=False, note="test only"),
)

SYNTHETIC_PASSES = {"copy": 0.18, "num": 0.4, "ent": 0.2, "ant": 0.4, "neg": 0.2, "tail": 0.12, "absent": 0.25}
HARD_PASSES = {"trimmed": 4.0}
HARD_PASSES_OTHERWISE = 0.7


def source_of(tag: str) -> Source:
    """Return the source of a row's tag, looking through the synthetic kinds; `KeyError` for an undecided one."""
    origin = tag.split(":")[2] if tag.startswith("syn_") else tag
    for source in SOURCES:
        if origin.startswith(source.prefix):
            return source
    raise KeyError(f"no licence is decided for source {tag!r}: add it to training/grounding/sources.py")


def passes(tag: str) -> float:
    """Return how often, on average, a row with this tag is shown in one epoch."""
    if tag.startswith("syn_"):
        return SYNTHETIC_PASSES[tag.split(":")[1]]
    if tag.startswith("hard:"):
        return HARD_PASSES.get(tag.split(":")[1], HARD_PASSES_OTHERWISE)
    return source_of(tag).passes
