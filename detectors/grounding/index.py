"""What grounding makes of a context, once for each document and once for each context: its passages and its facts."""

from __future__ import annotations

from detectors.context import Context, Document
from detectors.grounding.facts import ContextFacts
from detectors.grounding.passages import PassageIndex, content_words


def index_of(context: Context) -> PassageIndex:
    """The passages of all documents, put together from those of each."""
    return context.derived(_joined_index)


def facts_of(context: Context) -> ContextFacts:
    """What all documents state."""
    return context.derived(_joined_facts)


def relevance(context: Context, question: str) -> float:
    """How much of a question's words the context holds, 0..1, rare words counting more."""
    return index_of(context).recall(content_words(question)) if context.documents else 0.0


def _joined_index(context: Context) -> PassageIndex:
    return PassageIndex.joined(document.derived(_index) for document in context.documents)


def _joined_facts(context: Context) -> ContextFacts:
    return ContextFacts.joined(document.derived(_facts) for document in context.documents)


def _index(document: Document) -> PassageIndex:
    return PassageIndex([document.text])


def _facts(document: Document) -> ContextFacts:
    return ContextFacts([document.text])
