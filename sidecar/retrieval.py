"""How good a retrieval was, by the ids of the passages that were handed over, where somebody labelled what is relevant.

Figures of information retrieval (Manning, Raghavan, Schuetze 2008, chapter 8), over distinct passages in the order in
which they came: precision and recall, recall of the first k, and the context's precision: the mean, over the relevant
passages that were found, of the precision up to each (average precision over what was found, as Ragas has it).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sidecar.outbox.event import RetrievalSummary

RECALL_AT = (1, 3, 5, 10)


def retrieval_of(retrieved: Sequence[str], relevant: Collection[str]) -> RetrievalSummary | None:
    """The figures of one stream; None where nothing is labelled as relevant. `retrieved` are ids, the best first."""
    wanted = frozenset(relevant)
    if not wanted:
        return None
    found = [each in wanted for each in dict.fromkeys(retrieved)]
    hits = sum(found)
    return RetrievalSummary(
        relevant=len(wanted),
        retrieved=len(found),
        found=hits,
        precision=_share(hits, len(found)),
        recall=_share(hits, len(wanted)),
        context_precision=_context_precision(found),
        recall_at={str(k): _share(sum(found[:k]), len(wanted)) for k in RECALL_AT},
    )


def _context_precision(found: Sequence[bool]) -> float:
    precisions = [sum(found[:rank]) / rank for rank, is_found in enumerate(found, start=1) if is_found]
    return round(sum(precisions) / len(precisions), 4) if precisions else 0.0


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
