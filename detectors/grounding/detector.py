"""Grounding: does the supplied context bear out each sentence of an answer?

For each sentence that claims something:

1. of the context the best passages by their words are chosen, and sentences gathered from several (`passages`);
2. the pair model reads the sentence beside the best passage, or the few best sentences of a long context, and beside
   more that was gathered only where that leaves its support open; a long sentence beside all of them; one that the
   context has word for word not at all (`Stages`). What all sentences begin with is one batch, what they go on with
   another (`model`);
3. the model's answers and the exact checks (numbers, dates, names, quotations, negation, what it says of its author)
   become one support score (`combiner`);
4. a sentence that cites is judged against the documents that it cites as well.

What comes back for a sentence is a finding `unsupported` with the score 1 - support, whatever the score; the rule has
the threshold. Its `grounding` says which passage supports it best and where, which words are not borne out, and which
checks failed. Beside it there may be `miscited` (1 - the support by the documents that are cited) or `uncited`. A
sentence that claims nothing is `neutral`; one without a context is `unchecked`, and counts as not looked at.

It reads English best, and compares a sentence as it stands: it does not know whom "she" means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from detectors.base import (
    NEUTRAL,
    UNCHECKED,
    UNSUPPORTED,
    AnswerBar,
    BatchItem,
    DetectorError,
    Params,
    Reading,
    Reads,
)
from detectors.context import Context, context_of
from detectors.grounding.combiner import COPIED, Combiner, PairAnswer, model_features
from detectors.grounding.features import Compared, FailedCheck
from detectors.grounding.index import facts_of, index_of
from detectors.grounding.model import Pair, PairModel, load_pair_model
from detectors.grounding.neutral import is_neutral
from detectors.grounding.passages import Evidence, content_of, content_words, split_sentences, words
from detectors.grounding.sentences import Claim, claims
from detectors.models.card import card_digest
from detectors.models.encoded import model_folder
from detectors.models.encoder import GOLDEN_TOLERANCE
from detectors.models.places import places
from detectors.models.runtime import Runtime
from detectors.models.session import Placement, placement_of
from detectors.models.tokenizer import Pieces
from detectors.types import Finding, Grounding

DEFAULT_MODEL = "tidegate-grounding"
MISCITED = "miscited"
UNCITED = "uncited"
NO_CONTEXT = "no context"
BALANCED = "balanced"
"""The threshold of the model's card that is used where a policy states none."""

_COMPARED = {
    UNSUPPORTED: "compared with the passages that fit best",
    MISCITED: "compared with what it cites",
    UNCITED: "cites no passage",
}
_EVEN = 0.5
_DIGITS = 4
"""Decimals of a score: what lies beyond is the processor's."""
_PAIR_TOKENS = 150
"""How much of the model's reading a sentence takes, measured on answers over retrieved documents."""


class Stages(NamedTuple):
    """Which pieces of evidence the model reads; `parameters.reading` of its card. Without it all, with every claim."""

    unclear: tuple[float, float] = (0.0, 1.0)
    """Between which supports by what is read first what was gathered is read as well."""
    long_words: int = 0
    """A claim of more words says several things: all evidence is read at once, the second passage too."""
    many_passages: int = 0
    """In a context of more passages the model begins with the few best sentences instead of the best passage."""

    @property
    def is_sparing(self) -> bool:
        """Whether there is anything that is not read: only then a copy goes without."""
        return self.long_words > 0

    def is_open(self, support: float) -> bool:
        """Whether more is to be read."""
        return self.unclear[0] <= support <= self.unclear[1]


class GroundingParams(Params):
    """How an answer must rest on its context."""

    rule_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "min_support",
            "answer_sentences",
            "consecutive",
            "ratio",
            "ratio_after",
            "require_citation",
            "require_context",
            "evidence",
        }
    )

    model: str = Field(
        DEFAULT_MODEL, description="The model that reads the pairs: a name, or a folder's path.", min_length=1
    )
    min_support: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The least support (0 to 1) that lets a sentence pass. Left out: what the model's card recommends.",
    )
    answer_sentences: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Judge answers of so many checked sentences by their worst one: those that the context bears out "
        "are flagged as rarely as one sentence at `min_support`. Past so many the bar falls on.",
    )
    consecutive: int = Field(
        default=1, ge=1, le=100, description="Fire only once so many checked sentences in a row have failed."
    )
    ratio: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Fire only when more than this share of the answer's checked sentences so far has failed.",
    )
    ratio_after: int = Field(
        default=3, ge=1, le=1000, description="How many sentences must have been checked before `ratio` counts."
    )
    require_citation: bool = Field(
        default=False, description="A sentence that claims something must cite a passage, such as `[2]`."
    )
    require_context: bool = Field(
        default=False, description="A sentence that comes before there is any context counts as failed."
    )
    evidence: bool = Field(
        default=False, description="For a rule that annotates: remark on sentences that pass, too, with their evidence."
    )

    @model_validator(mode="after")
    def _judges_an_answer_one_way(self) -> Self:
        others = {"consecutive": self.consecutive > 1, "ratio": self.ratio is not None, "evidence": self.evidence}
        stated = next((name for name, is_stated in others.items() if is_stated), None)
        if self.answer_sentences is not None and stated:
            raise ValueError(
                f"`answer_sentences` and `{stated}` read an answer in two ways; give each a rule of its own"
            )
        return self

    def reading(self) -> Reading:
        """How a rule reads the answer's sentences."""
        reached = _reached(self.model) if self.answer_sentences else ()
        answer = AnswerBar(self.answer_sentences, reached) if self.answer_sentences and reached else None
        return Reading(self.consecutive, self.ratio, self.ratio_after, self.evidence, answer)


@dataclass(slots=True)
class _Judged:
    """A claim against one context: its evidence, and what the model said of those pieces of it that it read."""

    claim: Claim
    context: Context
    pieces: Pieces
    evidence: Sequence[Evidence]
    compared: Compared
    lexical: Sequence[float]
    read: list[Evidence] = field(default_factory=list)
    answers: list[PairAnswer] = field(default_factory=list)
    """Of what was `read`; none where the context has the claim word for word."""
    support: float = 0.0
    is_cut: bool = False

    def first(self, stages: Stages) -> Sequence[Evidence]:
        """What the model is to begin with."""
        index = index_of(self.context)
        if stages.is_sparing and self.compared.is_copy:
            return ()
        if len(words(self.claim.text)) > stages.long_words:
            return self.evidence
        return [index.brief(self.claim.text)] if len(index.passages) > stages.many_passages else self.evidence[:1]

    def second(self, stages: Stages) -> Sequence[Evidence]:
        """What it is to go on with, once it has said something of the first."""
        if len(self.read) != 1 or not stages.is_open(self.support):
            return ()
        return [each for each in self.evidence if each.is_gathered and each.passages != self.read[0].passages]

    @property
    def best(self) -> tuple[Evidence, PairAnswer]:
        """The piece of evidence that supports the claim best, and what the model said of it."""
        if not self.read:
            return max(self.evidence, key=lambda each: each.recall), COPIED
        return max(zip(self.read, self.answers, strict=True), key=lambda pair: pair[1].support)


@dataclass(slots=True)
class _Sentence:
    """A sentence on its way: its findings, or what they will be read from."""

    claim: Claim
    done: list[Finding] = field(default_factory=list)
    whole: _Judged | None = None
    cited: _Judged | None = None
    is_astray: bool = False
    """Whether a citation points at nothing."""
    cites: bool = False

    @property
    def judged(self) -> list[_Judged]:
        """What the model has to read for it."""
        return [each for each in (self.whole, self.cited) if each is not None]


class GroundingChecker:
    """The detector `grounding`. Thread-safe; one for each model in a process."""

    name: ClassVar[str] = "grounding"
    reads: ClassVar[Reads] = Reads(frozenset({"model"}), frozenset({"content"}))
    params: ClassVar[type[Params]] = GroundingParams
    summary: ClassVar[str] = "sentences of an answer that the supplied context does not bear out"

    labels = frozenset({UNSUPPORTED, MISCITED, UNCITED, UNCHECKED, NEUTRAL})
    look_behind = 0
    sentence_tokens = 80
    pair_tokens = _PAIR_TOKENS

    def __init__(self, model: PairModel) -> None:
        self._model = model
        self._combiner = _combiner_of(model)
        self._stages = _stages_of(model)
        self.model = model.card.identity

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The labels that make a sentence fail, with the scores from which on they do."""
        assert isinstance(params, GroundingParams)
        if params.answer_sentences and not _checker(params.model).reached:
            raise DetectorError(
                f"the card of model {params.model} does not say how its supports are spread (`supported_below`); leave "
                "`answer_sentences` out, and state a lower `min_support`",
                path=("answer_sentences",),
            )
        least = params.min_support
        if least is None:
            least = _checker(params.model).recommended.get(BALANCED, _EVEN)
        labels = {UNSUPPORTED: 1 - least, MISCITED: 1 - least}
        labels |= {UNCITED: 1.0} if params.require_citation else {}
        labels |= {UNCHECKED: 1.0} if params.require_context else {}
        return labels

    @classmethod
    def build(cls, params: Params) -> GroundingChecker:
        """The checker with that model, loaded once in a process. Raises `DetectorError`."""
        assert isinstance(params, GroundingParams)
        return _checker(params.model)

    @property
    def recommended(self) -> Mapping[str, float]:
        """The least supports that the model's card recommends, by name."""
        return {name: float(least) for name, least in self._model.card.parameters.get("thresholds", {}).items()}

    @property
    def reached(self) -> tuple[tuple[float, float], ...]:
        """Scores, rising, with the shares of borne out sentences that reach them; empty where the card has none."""
        below = self._model.card.parameters.get("supported_below", ())
        return tuple((round(1 - support, _DIGITS), float(share)) for support, share in reversed(below))

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """For each sentence of each item what became of it; see the module's text."""
        read = [[self._sentence(claim, item.context) for claim in claims(item.text, item.begin)] for item in items]
        self._ask([judged for own in read for sentence in own for judged in sentence.judged])
        return [[finding for sentence in own for finding in _findings(sentence)] for own in read]

    def support(self, claim: str, context: Context) -> float:
        """How far a context bears out a claim, 0 to 1, whatever the claim; 0 without a context."""
        if not index_of(context).passages:
            return 0.0
        judged = self._judged(Claim(0, len(claim), claim, ()), context)
        self._ask([judged])
        return judged.support

    def check_golden(self) -> None:
        """Raise `DetectorError` when a golden claim of the card does not get its support."""
        for golden in self._model.card.parameters.get("golden_support", ()):
            actual = self.support(golden["claim"], context_of(golden["context"]))
            if abs(actual - golden["support"]) > GOLDEN_TOLERANCE:
                raise DetectorError(
                    f"model {self.model} gives a golden claim a support of {actual:.3f} instead of "
                    f"{golden['support']:.3f}: it was made with other features than this version has"
                )

    # -- before the model -----------------------------------------------------------------------------------------

    def _sentence(self, claim: Claim, context: Context | None) -> _Sentence:
        """Settle a sentence that needs no model, or get it ready for one."""
        if is_neutral(claim.text):
            return _Sentence(claim, [Finding(claim.start, claim.end, NEUTRAL, 0.0, "claims nothing")])
        if context is None or not index_of(context).passages:
            return _Sentence(claim, [Finding(claim.start, claim.end, UNCHECKED, 1.0, NO_CONTEXT)])
        sentence = _Sentence(claim, whole=self._judged(claim, context))
        self._cite(sentence, context)
        return sentence

    def _cite(self, sentence: _Sentence, context: Context) -> None:
        """Get the sentence ready to be judged against what it cites, too."""
        places = [context.place(each) for each in sentence.claim.citations]
        if not places or not (any(place is not None for place in places) or _are_numbers(sentence.claim.citations)):
            return  # no citations: `[sic]` and the like
        sentence.cites = True
        sentence.is_astray = None in places
        known = tuple(sorted({place for place in places if place is not None}))
        if known:
            part = context.part(known)
            sentence.cited = sentence.whole if part is context else self._judged(sentence.claim, part)

    def _judged(self, claim: Claim, context: Context) -> _Judged:
        evidence = index_of(context).select(claim.text)
        compared = Compared(claim.text, facts_of(context), evidence)
        lexical = compared.features(index_of(context))
        return _Judged(claim, context, self._model.claim(claim.text), evidence, compared, lexical)

    def _ask(self, work: Sequence[_Judged]) -> None:
        """Have the model read what is to be read, in two batches."""
        distinct = list({id(each): each for each in work}.values())
        self._read([(each, each.first(self._stages)) for each in distinct])
        self._read([(each, more) for each in distinct if (more := each.second(self._stages))])

    def _read(self, work: Sequence[tuple[_Judged, Sequence[Evidence]]]) -> None:
        """Have the model read claims beside pieces of evidence, and say how far they are supported then."""
        pairs = [[Pair(each.pieces, piece) for piece in evidence] for each, evidence in work]
        answers = iter(self._model.answers([pair for own in pairs for pair in own]))
        for (each, evidence), own in zip(work, pairs, strict=True):
            each.read += evidence
            each.answers += islice(answers, len(own))
            each.is_cut |= not all(self._model.fits(pair) for pair in own)
            each.support = self._support(each)

    # -- after the model ------------------------------------------------------------------------------------------

    def _support(self, judged: _Judged) -> float:
        return round(self._combiner.support(model_features(judged.answers or [COPIED]), judged.lexical), _DIGITS)


def _findings(sentence: _Sentence) -> list[Finding]:
    if sentence.whole is None:
        return sentence.done
    claim, wrong = sentence.claim, _miscited(sentence)
    grounding = _grounding(sentence.whole, ("citation",) if sentence.is_astray else ())
    findings = [_finding(claim, UNSUPPORTED, 1 - grounding.support, grounding)]
    if wrong is not None:
        findings.append(_finding(claim, MISCITED, wrong, grounding))
    elif not sentence.cites:
        findings.append(_finding(claim, UNCITED, 1.0, grounding))
    return findings


def _miscited(sentence: _Sentence) -> float | None:
    """How badly the sentence cites; None when it does not."""
    if not sentence.cites:
        return None
    if sentence.is_astray or sentence.cited is None:
        return 1.0
    return 1 - sentence.cited.support


def _checker(model: str) -> GroundingChecker:
    """The checker with the model of that name, the same for all who ask: so their sentences share batches."""
    folder = model_folder(model)
    return _shared(folder, places().runtime, placement_of(folder), card_digest(folder))


def _reached(model: str) -> tuple[tuple[float, float], ...]:
    """The same of the model of that name; empty where there is none, of which `labels_of` and `build` tell."""
    try:
        return _checker(model).reached
    except DetectorError:
        return ()


@lru_cache(maxsize=8)
def _shared(folder: Path, runtime: Runtime, _placement: Placement | None, _card: str) -> GroundingChecker:
    checker = GroundingChecker(load_pair_model(folder, runtime))
    checker.check_golden()
    return checker


def _combiner_of(model: PairModel) -> Combiner:
    try:
        return Combiner.from_card(model.card.parameters["combiner"])
    except (KeyError, TypeError, ValueError) as error:
        raise DetectorError(
            f"model {model.card.identity}: its card has no `combiner` that this version can read"
        ) from error


def _stages_of(model: PairModel) -> Stages:
    stated = model.card.parameters.get("reading")
    if stated is None:
        return Stages()
    try:
        low, high = map(float, stated["unclear"])
        return Stages((low, high), int(stated["long_words"]), int(stated["many_passages"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DetectorError(
            f"model {model.card.identity}: its card's `reading` is not like `unclear: [0.1, 0.8]`, `long_words: 25`, "
            "`many_passages: 7`"
        ) from error


def _are_numbers(citations: Sequence[str]) -> bool:
    """Whether these can only be citations: a year, or `[sic]`, is none."""
    return all(each.isdecimal() and len(each) <= 3 for each in citations)


def _finding(claim: Claim, label: str, score: float, grounding: Grounding) -> Finding:
    return Finding(claim.start, claim.end, label, round(score, _DIGITS), _reason(label, grounding), grounding)


def _reason(label: str, grounding: Grounding) -> str:
    """What the sentence was compared with, and which exact checks it failed."""
    checks = f"; exact checks failed: {', '.join(grounding.failed)}" if grounding.failed else ""
    return f"{_COMPARED[label]}{checks}"


def _grounding(judged: _Judged, more: tuple[str, ...]) -> Grounding:
    """What the sentence rests on, and what of it does not. Offsets are those of the segment's text."""
    claim, failed = judged.claim, judged.compared.failed
    document, start, end = _best_span(claim.text, judged.best[0], judged.context)
    unsupported = _unsupported_span(judged, failed)
    return Grounding(
        judged.support,
        judged.context.ids[document],
        start,
        end,
        claim.start + unsupported[0],
        claim.start + unsupported[1],
        (*dict.fromkeys(check.kind for check in failed), *more),
        judged.is_cut,
    )


def _unsupported_span(judged: _Judged, failed: Sequence[FailedCheck]) -> tuple[int, int]:
    """The first thing that an exact check failed on, else the words that the model does not find borne out."""
    if failed:
        return failed[0].start, failed[0].end
    marked = [number for number, logit in enumerate(judged.best[1].tokens) if logit > 0]
    if not marked:
        return 0, 0
    return int(judged.pieces.starts[marked[0]]), int(judged.pieces.ends[marked[-1]])


def _best_span(claim: str, evidence: Evidence, context: Context) -> tuple[int, int, int]:
    """The document, and the sentence of the evidence in it, that holds most of the claim's words."""
    wanted = set(content_words(claim))
    spans = [
        (part.document, part.start + start, part.start + end)
        for part in evidence.passages
        for start, end in split_sentences(context.documents[part.document].text[part.start : part.end])
    ]
    return max(
        spans,
        key=lambda span: len(wanted & content_of(context.documents[span[0]].text[span[1] : span[2]])),
    )
