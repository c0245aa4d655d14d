"""Say where a row is wrong, where its source only says that it is: finer labels for whole summaries.

SummEdits labels whole summaries, yet a service judges sentence by sentence. Its summaries of one document are edits of
each other, so a sentence that also stands in a supported summary is supported, and where exactly one sentence of an
unsupported summary stands in none, the error is there, at the words that differ from the closest supported sentence
(of these, where there are any, at those that no supported sentence has: edits reword beside the error, too).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from detectors.grounding.passages import split_sentences, words
from training.grounding.rows import Row

SOURCE = "summedits"
CLOSE = 0.6
"""How much of two sentences must be the same words for one to count as an edit of the other."""


def by_edit(rows: Sequence[Row]) -> list[Row]:
    """Return `rows` with those of SummEdits replaced by rows of one sentence, or whole where the place is unknown."""
    summaries: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row.source.startswith(SOURCE):
            summaries[row.documents].append(row)
    found = [row for row in rows if not row.source.startswith(SOURCE)]
    for group in summaries.values():
        found += _of_one_document(group)
    return found


def _of_one_document(group: Sequence[Row]) -> Iterator[Row]:
    good = list(dict.fromkeys(sentence for row in group if row.is_supported for sentence in _sentences(row.claim)))
    for sentence in good:
        yield Row(group[0].documents, sentence, "supported", None, group[0].source)
    for row in group:
        if row.is_supported:
            if len(_sentences(row.claim)) > 1:
                yield row
            continue
        changed = [sentence for sentence in _sentences(row.claim) if sentence not in good]
        edited = _edited(changed[0], good) if len(changed) == 1 else None
        if edited:
            yield Row(row.documents, changed[0], row.label, edited, row.source)
        elif good:
            yield row


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def _edited(sentence: str, good: Sequence[str]) -> tuple[tuple[int, int], ...] | None:
    """Return the spans of `sentence` that its closest good sentence has not; where words were only left out, all."""
    if not good:
        return None
    places = words(sentence)
    plain = [word.lower() for word, _, _ in places]
    best = max((_matcher(one, plain) for one in good), key=SequenceMatcher.ratio)
    if best.ratio() < CLOSE:
        return None
    changed = [n for kind, _, _, j, k in best.get_opcodes() if kind != "equal" for n in range(j, k)]
    known = {word.lower() for one in good for word, _, _ in words(one)}
    new = [n for n in changed if plain[n] not in known] or changed
    return tuple((places[n][1], places[n][2]) for n in new) or ((0, len(sentence)),)


def _matcher(good: str, plain: list[str]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, [word.lower() for word, _, _ in words(good)], plain, autojunk=False)
