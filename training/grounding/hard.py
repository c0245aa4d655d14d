"""Harder claims than the synthetic rows of the data set, made from its train rows; deterministic.

Kinds (`hard:KIND`), each from whole sentences of real text, labels by construction:

* `atomic`   a short fact cut from a sentence, its pronoun replaced by the subject of the document: supported;
* `transfer` the same subject with what another document says of its own subject: unsupported, span = the predicate;
* `swap`     two names, or two numbers, of one sentence change places: unsupported, span = both;
* `mixed`    two facts of the context in one sentence, one of them from elsewhere: unsupported, span = that one;
* `both`     two facts of the same context in one sentence: supported;
* `joined`   two human-labelled claims of the same context, supported if both are;
* `two`      two human-labelled claims of different contexts, both contexts supplied, supported if both are;
* `trimmed`  a claim of WiCE with its unsupported words cut out: supported, and no copy of its context;
* `elsewhere` a human-labelled supported claim with what another document says in like words: unsupported.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from detectors.grounding.passages import PassageIndex, split_sentences
from training.grounding.rows import Row

_NAME = r"[A-Z][\w’'.-]+(?: (?:of|the|de|van|von|and) (?=[A-Z])| (?=[A-Z])|[A-Z][\w’'.-]+)*"
_FACT = re.compile(
    rf"^(?P<subject>{_NAME}|He|She|It|They)(?: \([^)]*\))? "
    r"(?P<predicate>(?:is|was|are|were|has|had|became|won|made|wrote|played|served|led|joined|moved|died|began|[a-z]+ed)"
    r" [^,;:]{8,110}?)"
    r"(?=,| and (?:is|was|has|had|[a-z]+ed)\b| which| who |;|\.$)"
)
_SWAPPABLE = re.compile(r"(?<![.!?] )(?<!^)\b(?:[A-Z][a-z]+(?: [A-Z][a-z]+)*|\d[\d,.]*\d|\d)\b")
_PRONOUNS = frozenset({"He", "She", "It", "They"})
_PREPOSITION = (
    r"(?:about|across|after|against|among|around|as|at|before|between|by|during|for|from|in|into|near|of|on|over|"
    r"since|through|throughout|to|under|until|via|while|with|within|without)"
)
_LEADING_PHRASE = re.compile(rf"{_PREPOSITION}\b.*", re.IGNORECASE)
_BEFORE_TRAILING = re.compile(rf"(?:,? {_PREPOSITION}(?: the| a| an| his| her| its| their)?)+ $")
_ADJECTIVE = re.compile(r"[a-z\d][\w-]*(?: [a-z\d][\w-]*)?")
_MADE_OF_ONE = ("mnli", "fm2", "fever", "scitail", "begin")
_ELSEWHERE_POOL, _ELSEWHERE_RECALL = 2500, (0.3, 0.8)


def hard_rows(rows: Sequence[Row], *, seed: int, limits: Mapping[str, int]) -> list[Row]:
    """Return at most `limits[kind]` rows of each kind, made from `rows`."""
    rng = random.Random(seed)
    contexts = list(dict.fromkeys(row.documents for row in rows if len(row.documents[0]) > 250))
    rng.shuffle(contexts)
    made = {
        "atomic": list(_atomic(contexts)),
        "transfer": list(_transfers(contexts, rng)),
        "swap": list(_swaps(contexts, rng)),
        "both": list(_pairs(contexts, rng, other=False)),
        "mixed": list(_pairs(contexts, rng, other=True)),
        "joined": list(_joined(rows, rng)),
        "two": list(_two(rows, rng)),
        "trimmed": list(_trimmed(rows)),
        "elsewhere": list(_elsewhere(rows, contexts, rng)),
    }
    chosen: list[Row] = []
    for kind in made:
        rng.shuffle(made[kind])
        chosen += made[kind][: limits.get(kind, 0)]
    return chosen


def facts(document: str) -> Iterator[tuple[str, str]]:
    """Yield `(subject, predicate)` of simple facts of a document, pronouns resolved to the document's own subject."""
    subject = ""
    for start, end in split_sentences(document):
        match = _FACT.match(document[start:end])
        if not match:
            continue
        found = match["subject"]
        if found not in _PRONOUNS:
            subject = subject or found
            yield found, match["predicate"]
        elif subject:
            yield subject, match["predicate"]


def _atomic(contexts: Iterable[tuple[str, ...]]) -> Iterator[Row]:
    for documents in contexts:
        for subject, predicate in facts(documents[0]):
            yield Row(documents, f"{subject} {predicate}.", "supported", None, "hard:atomic")


def _transfers(contexts: Sequence[tuple[str, ...]], rng: random.Random) -> Iterator[Row]:
    known = [(documents, list(facts(documents[0]))) for documents in contexts]
    every = [fact for _, found in known for fact in found]
    for documents, found in known:
        for subject, own in found[:2]:
            verb = own.split()[0]
            _, predicate = max((rng.choice(every) for _ in range(12)), key=lambda fact: fact[1].split()[0] == verb)
            if predicate not in documents[0]:
                claim = f"{subject} {predicate}."
                yield Row(documents, claim, "unsupported", ((len(subject) + 1, len(claim) - 1),), "hard:transfer")


def _swaps(contexts: Iterable[tuple[str, ...]], rng: random.Random) -> Iterator[Row]:
    for documents in contexts:
        sentences = split_sentences(documents[0])
        start, end = rng.choice(sentences)
        sentence = documents[0][start:end]
        found = list(_SWAPPABLE.finditer(sentence))
        pairs = [
            (a, b)
            for a in found
            for b in found
            if a.start() < b.start()
            and a.group() != b.group()
            and a.group()[0].isdigit() == b.group()[0].isdigit()
            and not re.fullmatch(r",? (?:and|or|&) |, ", sentence[a.end() : b.start()])
        ]
        if not pairs or len(sentence) > 300:
            continue
        a, b = rng.choice(pairs)
        claim = sentence[: a.start()] + b.group() + sentence[a.end() : b.start()] + a.group() + sentence[b.end() :]
        shift = len(b.group()) - len(a.group())
        spans = ((a.start(), a.start() + len(b.group())), (b.start() + shift, b.start() + shift + len(a.group())))
        yield Row(documents, claim, "unsupported", spans, "hard:swap")


def _pairs(contexts: Sequence[tuple[str, ...]], rng: random.Random, *, other: bool) -> Iterator[Row]:
    known = [(documents, list(facts(documents[0]))) for documents in contexts]
    known = [(documents, found) for documents, found in known if len(found) >= 2]
    for documents, found in known:
        (subject, first), (_, second) = rng.sample(found, 2)
        if other:
            _, second = rng.choice(rng.choice(known)[1])
            if second in documents[0]:
                continue
        claim, at = f"{subject} {first} and ", 0
        at = len(claim)
        claim += f"{second}."
        spans = ((at, len(claim) - 1),) if other else None
        yield Row(
            documents, claim, "unsupported" if other else "supported", spans, "hard:mixed" if other else "hard:both"
        )


def _joined(rows: Sequence[Row], rng: random.Random) -> Iterator[Row]:
    by_context: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if _is_joinable(row):
            by_context[row.documents].append(row)
    for claims in by_context.values():
        if len(claims) >= 2:
            first, second = rng.sample(claims, 2)
            yield from _conjunction(first, second, first.documents, "hard:joined", rng)


def _two(rows: Sequence[Row], rng: random.Random) -> Iterator[Row]:
    usable = [row for row in rows if _is_joinable(row) and len(row.documents) == 1 and len(row.documents[0]) < 900]
    supported = [row for row in usable if row.is_supported]
    for first in supported:
        second = rng.choice(supported if rng.random() < 0.6 else usable)
        documents = (*first.documents, *second.documents)
        if first.documents != second.documents:
            yield from _conjunction(first, second, documents, "hard:two", rng)


def _trimmed(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        if row.source.startswith("wice") and row.spans and len(row.spans) == 1:
            claim = _without(row.claim, *row.spans[0])
            if claim and len(claim.split()) >= 4:
                yield Row(row.documents, claim, "supported", None, "hard:trimmed")


def _without(claim: str, start: int, end: int) -> str | None:
    """Return `claim` less a phrase or a word that a sentence can do without, None where it likely cannot."""
    before, phrase, after = claim[:start], claim[start:end], claim[end:]
    trailing = re.fullmatch(r"[ .]*", after)
    introduced = _BEFORE_TRAILING.search(before)
    if _LEADING_PHRASE.fullmatch(phrase) and (not before or trailing):
        rest = before.rstrip(" ,") + after if before else after.lstrip(" ,")
    elif trailing and introduced:
        rest = before[: introduced.start()] + after
    elif before.endswith(" ") and not trailing and not introduced and _ADJECTIVE.fullmatch(phrase):
        rest = before + after.lstrip()
    else:
        return None
    return rest[:1].upper() + rest[1:]


def _elsewhere(rows: Sequence[Row], contexts: Sequence[tuple[str, ...]], rng: random.Random) -> Iterator[Row]:
    pool = [documents[0] for documents in contexts[:_ELSEWHERE_POOL]]
    index = PassageIndex(pool)
    claims = [row for row in rows if row.is_supported and row.source.startswith(_MADE_OF_ONE) and len(row.claim) < 250]
    for row in rng.sample(claims, min(len(claims), 2500)):
        best = index.select(row.claim, top=1)[0]
        least, most = _ELSEWHERE_RECALL
        if least <= best.recall <= most and pool[best.passages[0].document] not in row.documents:
            yield Row((best.text,), row.claim, "unsupported", None, "hard:elsewhere")


def _is_joinable(row: Row) -> bool:
    return row.is_human and len(row.claim) < 140 and not row.source.startswith(("summedits", "begin", "halueval"))


def _conjunction(first: Row, second: Row, documents: tuple[str, ...], source: str, rng: random.Random) -> Iterator[Row]:
    head = first.claim.rstrip(". ") + rng.choice((", and ", "; ", ". ", " and "))
    claim = head + second.claim
    places = ((first, (0, len(first.claim))), (second, (len(head), len(claim))))
    spans = tuple(span for row, span in places if not row.is_supported)
    if len(spans) < 2:
        yield Row(documents, claim, "unsupported" if spans else "supported", spans or None, source)
