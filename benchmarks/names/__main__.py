"""Measures which share of the names in sentences of some twenty languages `pii` finds, as served.

    python -m benchmarks.names [--model NAME_OR_FOLDER]

The sentences are those of `benchmarks.names.sentences`, eight of each language, with nine persons, six places and
three organisations in each. A name is found when a finding of its label, from the recommended threshold on, overlaps it
by half; `any label` takes a place for a person. Wrong are findings of these three labels that overlap no name. So few
sentences tell a language that is read from one that is not, and no more.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.names.sentences import SENTENCES
from benchmarks.results import table, write
from detectors.models.encoded import DEFAULT_MODEL
from detectors.pii.detector import Pii, PiiParams
from detectors.pii.tagged import TaggedPii
from detectors.types import Finding
from workbench.evaluation.segments import findings_of
from workbench.evaluation.spans import Span, hits

LABELS: Mapping[str, str] = {"P": "PERSON", "L": "LOCATION", "O": "ORGANIZATION"}
ANY = "any"
LEAST = 0.5

Labelled = Sequence[tuple[str, Span]]
_MARKED = re.compile(r"\{([PLO]) ([^}]*)\}")


@dataclass(frozen=True)
class Sentence:
    """A sentence, and the names in it."""

    text: str
    names: Labelled


def main() -> None:
    """Run it, and write benchmarks/results/names.md and .json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name, or its folder's path")
    params = PiiParams(model=parser.parse_args().model)
    tagger, thresholds = Pii.parts(params)[1].build(), Pii.labels_of(params)
    assert isinstance(tagger, TaggedPii)
    figures = {}
    for language, marked in SENTENCES.items():
        sentences = [unmarked(each) for each in marked]
        found = findings_of(tagger, [each.text for each in sentences])
        counted = [[each for each in own if each.score >= thresholds[each.label]] for own in found]
        figures[language] = shares(sentences, counted)
    header = ["language", "names", *LABELS.values(), "any label", "wrong findings"]
    rows = [
        [language, own["names"], *(f"{own[label]:.2f}" for label in (*LABELS.values(), ANY)), own["wrong"]]
        for language, own in figures.items()
    ]
    text = f"Model: {tagger.model}\n\n{table(header, rows)}"
    print(text)
    print(write("names", figures, text))


def unmarked(marked: str) -> Sentence:
    """The sentence without its marks."""
    text, names, position = "", [], 0
    for mark in _MARKED.finditer(marked):
        text += marked[position : mark.start()]
        names.append((LABELS[mark[1]], Span(len(text), len(text) + len(mark[2]))))
        text += mark[2]
        position = mark.end()
    return Sentence(text + marked[position:], names)


def shares(sentences: Sequence[Sentence], found: Sequence[Sequence[Finding]]) -> Mapping[str, float]:
    """How many names there are, which share of them was found by label and by any, and how many findings are wrong."""
    pairs: list[tuple[Labelled, Labelled]] = [
        (one.names, [(each.label, Span(each.start, each.end)) for each in own if each.label in LABELS.values()])
        for one, own in zip(sentences, found, strict=True)
    ]
    result: dict[str, float] = {"names": sum(len(names) for names, _ in pairs)}
    for label in (*LABELS.values(), ANY):
        spans = [(_of(label, names), _of(label, own)) for names, own in pairs]
        count = sum(len(names) for names, _ in spans)
        result[label] = sum(hits(names, own, least=LEAST) for names, own in spans) / count
    result["wrong"] = sum(
        not any(each.start < name.end and name.start < each.end for _, name in names)
        for names, own in pairs
        for _, each in own
    )
    return result


def _of(label: str, labelled: Labelled) -> list[Span]:
    return [span for name, span in labelled if label in (ANY, name)]


if __name__ == "__main__":
    main()
