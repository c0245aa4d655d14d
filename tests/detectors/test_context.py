"""Contexts: documents indexed once, put together as if they had been read as one, shared within a tenant."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from benchmarks.stream_cost import nasty
from benchmarks.stream_cost.texts import plain
from detectors.context import CHAR_BYTES, Context, Documents, context_of
from detectors.grounding.facts import ContextFacts
from detectors.grounding.features import lexical_features
from detectors.grounding.index import facts_of, index_of, relevance
from detectors.grounding.passages import PassageIndex

BRIDGE = "The harbour bridge was opened in May 1932 by him. It carries eight lanes. Its arch is 503 metres long."
BAKERY = 'Rosa sells forty kinds of bread in Turin. "We close on Mondays," she says. The shop is in Canada Street.'
CLAIMS = ("The arch is 503 metres long.", "Rosa's bridge opened in May 1932.", "The Canadian shop has forty breads.")


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_put_together_is_what_reading_all_gives(claim: str) -> None:
    texts = [BRIDGE, BAKERY, BRIDGE]
    context, index, facts = context_of(texts), PassageIndex(texts), ContextFacts(texts)
    evidence = index.select(claim)
    assert index_of(context).select(claim) == evidence
    assert lexical_features(claim, index_of(context), facts_of(context), evidence) == lexical_features(
        claim, index, facts, evidence
    )


def test_adding_gives_another_context_and_leaves_the_first() -> None:
    first = context_of([BRIDGE])
    more = first.added(["shop"], context_of([BAKERY]).documents)
    assert (len(first), len(more), more.ids) == (1, 2, ("1", "shop"))
    assert first.digest == context_of([BRIDGE]).digest != more.digest
    assert context_of([("x", BRIDGE)]).digest != first.digest


@pytest.mark.parametrize(
    ("citation", "place"), (("a", 0), ("A", 0), ("2", 1), ("3", 2), ("1", 0), ("4", None), ("zzz", None), ("", None))
)
def test_a_citation_names_a_document_by_id_or_number(citation: str, place: int | None) -> None:
    assert context_of([("a", BRIDGE), ("b", BAKERY), ("c", BRIDGE)]).place(citation) == place


def test_an_id_goes_before_a_number() -> None:
    assert context_of([("2", BRIDGE), ("1", BAKERY)]).place("2") == 0


def test_documents_are_shared_within_a_tenant_and_the_oldest_go_first() -> None:
    documents = Documents(max_chars=len(BRIDGE) + len(BAKERY))
    bridge = documents.get(BRIDGE, "acme")
    assert documents.get(BRIDGE, "acme") is bridge
    assert documents.get(BRIDGE, "globex") is not bridge
    documents.get(BAKERY, "acme")
    assert len(documents) == 2
    assert documents.get(BRIDGE, "acme") is not bridge


def test_nothing_is_kept_where_nothing_may_be() -> None:
    documents = Documents(max_chars=0)
    assert documents.get(BRIDGE).text == BRIDGE
    assert len(documents) == 0


def test_relevance_is_the_share_of_the_questions_words() -> None:
    context = context_of([BRIDGE])
    assert relevance(context, "How long is the arch of the bridge?") == 1.0
    assert relevance(context, "Who won the chess championship?") == 0.0
    assert relevance(context_of([]), "anything") == 0.0


CHARS = 16_000
WORDY = {
    "prose": plain(CHARS),
    "words that come once": " ".join(f"{number:x}q" for number in range(CHARS // 5)),
    "ids": " ".join(f"item{number} {number * 7919}." for number in range(CHARS // 16)),
    "four digits": nasty.texts()["table of four digits"][:CHARS],
    "decimals": nasty.texts()["decimals"][:CHARS],
}


@pytest.mark.parametrize("size", [2_000, CHARS])
@pytest.mark.parametrize("name", WORDY)
def test_a_character_takes_no_more_than_is_held_for_it(name: str, size: int) -> None:
    text = WORDY[name]

    def indexed() -> list[Context]:
        context = context_of(["".join(list(text[start : start + size])) for start in range(0, len(text), size)])
        part = context.part(tuple(range(1, len(context))) or (0,))
        assert all(index_of(each).select("The committee met.") and facts_of(each).words for each in (context, part))
        return [context, part]

    indexed()  # the stems of words that were met last are remembered for all contexts
    gc.collect()
    tracemalloc.start()
    try:
        kept = indexed()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept
    assert taken <= CHAR_BYTES * len(text)
    assert name != "prose" or taken <= 25 * len(text)
