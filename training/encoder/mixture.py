"""The second injection data as training windows: sources capped, some left out whole, attacks placed in carriers.

1. a source gives at most `CAP` rows of a kind, and a language of it at most `LANGUAGE_CAP`: what is plentiful must not
   be what the model learns;
2. sources of `UNSEEN` train nothing: what is chosen is chosen on them;
3. texts are cut as the service cuts them. Of a harmless text up to two segments are taken; of an attack the one that
   the teachers score highest, and what its place says when we placed it (`composed.py`).
"""

from __future__ import annotations

import collections
import dataclasses
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from sidecar.values import Part
from training.encoder.composed import addressed, beside, in_carriers, notes_of, payloads_of, requests_of
from training.encoder.cuts import PARTS, cut_ends
from training.encoder.labels import TOXICITY
from training.encoder.places import placed_labels
from training.encoder.rows import Example, second_examples
from training.encoder.synthetic import orders
from training.encoder.teachers import Teachers
from training.encoder.unseen import is_unseen, origin

CAP = 700
LANGUAGE_CAP = 70
SHORT = 240
TAUGHT_WEIGHT, NEAR = 0.3, 0.3
"""What a soft label counts, and how far apart the teachers may be."""
WINDOWS = 2


def windows_of_second(data: Path, first: Sequence[Example], shipped: Path, rng: random.Random) -> list[Example]:
    """All windows of the second data and of what is composed of both; each is one unit of training."""
    capped = capped_rows(data, rng)
    teachers = Teachers(shipped)
    windows = windows_of(capped, teachers, rng)
    taught = _taught([each for each in second_examples(data, ["unlabelled"]) if not is_unseen(each)], teachers, rng)
    found = [*windows, *taught, *composed([*first, *capped], rng), *orders.order_rows(rng)]
    return [dataclasses.replace(each, is_window=True) for each in found]


def windows_of(rows: Sequence[Example], teachers: Teachers, rng: random.Random) -> list[Example]:
    """The rows as windows: up to two of a harmless text, of an attack the one that carries it."""
    harmless = [window for each in rows if not is_attack(each) for window in _harmless(each, rng)]
    return [*harmless, *_attacks([each for each in rows if is_attack(each)], teachers)]


def capped_rows(data: Path, rng: random.Random) -> list[Example]:
    """The second data without unseen sources, each source and language capped."""
    return list(_capped([each for each in map(placed_labels, second_examples(data)) if not is_unseen(each)], rng))


def composed(examples: Sequence[Example], rng: random.Random) -> list[Example]:
    """Attacks, foreign tasks and ordinary notes in carriers, and attacks beside requests."""
    carriers = [e.text for e in examples if e.kind in ("document", "tool_output") and is_clean(e) and len(e.text) > 60]
    attacks = payloads_of([e for e in examples if not e.source.startswith("HackaT104")])
    own = orders.payloads(rng)
    requests = requests_of(examples)
    prompts = [e.text for e in examples if e.kind == "benign" and is_clean(e) and 60 < len(e.text) < 900]
    notes = notes_of([e for e in examples if e.kind == "document" and is_clean(e)]) + orders.notes(rng)
    return [
        *in_carriers(attacks, carriers, rng, count=5000, part="context"),
        *in_carriers(own, carriers, rng, count=4000, part="context"),
        *in_carriers(requests, carriers, rng, count=3000, part="context"),
        *in_carriers(addressed(requests, rng, count=4000), carriers, rng, count=4000, part="context"),
        *in_carriers(notes, carriers, rng, count=5000, part="context"),
        *beside(attacks, prompts, rng, count=4000),
    ]


def is_clean(example: Example) -> bool:
    """Whether the example is harmless as a user's words, and no ordinary sentence was put into it."""
    return example.injection is not None and example.injection[0] == 0 and "benign-note" not in example.source


def is_attack(example: Example) -> bool:
    """Whether the example is an attack in one place at least."""
    return 1 in ((example.injection or (0, 0))[0], (example.foreign or (0, 0))[0])


def _capped(rows: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    """The rows in random order, each while its source and its language have room."""
    by_kind: collections.Counter[tuple[str, str]] = collections.Counter()
    by_language: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in rng.sample(rows, len(rows)):
        kind, language = (origin(row.source), row.kind), (origin(row.source), row.language)
        many_languages = row.language not in ("en", "und", "")
        if by_kind[kind] >= CAP * (4 if is_attack(row) or many_languages else 1):
            continue
        if many_languages and not is_attack(row) and by_language[language] >= LANGUAGE_CAP:
            continue
        by_kind[kind] += 1
        by_language[language] += 1
        yield row


def _cut(example: Example) -> list[str]:
    if len(example.text) <= SHORT:
        return [example.text]
    return [example.text[seen:end] for seen, _, end in cut_ends(example.text, PARTS[example.kind])]


def _harmless(example: Example, rng: random.Random) -> list[Example]:
    texts = _cut(example)
    if example.language not in ("en", "und"):
        example = dataclasses.replace(example, toxicity=(0,) * len(TOXICITY))
    return [dataclasses.replace(example, text=text) for text in rng.sample(texts, min(len(texts), WINDOWS))]


def _attacks(examples: Sequence[Example], teachers: Teachers) -> list[Example]:
    """Of each attack the window that the teachers score highest together."""
    cut = [_cut(each) for each in examples]
    several = list(dict.fromkeys(text for texts in cut if len(texts) > 1 for text in texts))
    scores = dict(zip(several, teachers.scores(several).mean(axis=1).tolist(), strict=True))
    best = [max(texts, key=lambda text: scores.get(text, 0.0)) for texts in cut]
    return [dataclasses.replace(each, text=text) for each, text in zip(examples, best, strict=True)]


def _taught(examples: Sequence[Example], teachers: Teachers, rng: random.Random) -> list[Example]:
    """One window of each text without a label, with what the teachers say of it where they are near each other."""
    windows = [dataclasses.replace(each, text=rng.choice(_cut(each))) for each in examples]
    scores = teachers.scores([each.text for each in windows])
    return [
        _labelled(each, float(pair.mean()))
        for each, pair in zip(windows, scores, strict=True)
        if abs(pair[0] - pair[1]) < NEAR
    ]


def _labelled(example: Example, label: float) -> Example:
    """The text with what it teaches, which depends on its kind."""
    taught = (label, TAUGHT_WEIGHT)
    if PARTS[example.kind] is Part.USER:
        return dataclasses.replace(example, injection=taught)
    return dataclasses.replace(example, foreign=taught)
