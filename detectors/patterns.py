r"""Regular expressions and keyword lists that a policy's author supplies. All run in linear time, thousands at once.

    detect:
      detector: patterns
      patterns:
        - {label: ORDER_ID, regex: '\bORD-\d{8}\b'}
        - {label: PASSPHRASE, regex: '(?i)the magic word is (?P<value>\w+)', score: 0.7}
      keywords:
        COMPETITOR: [Acme, Acme Cloud, Globex]
        CODENAME: {terms: [Kraken, C++], case_sensitive: true, whole_words: false, score: 0.8}

The labels are the author's. A finding is the whole match, or the group named `value` where the regex has one. Of
several keywords that begin at one place the longest is found; a space in one stands for any one to four white-space
characters. Scripts without spaces between words (Chinese, Japanese, Thai) need no `whole_words: false`.

A regex has Python's syntax and meaning, with these differences, which make it safe in a stream: no look-around,
back-reference, atomic group or conditional; it must match at least one character; an unbounded repeat ends after
`max_match_chars` characters, so a match has an end; `^` and `$` without `(?m)` are the beginning and the very end of
the whole text.

Text is looked at as it stands and as it looks (`detectors.text.looks`): a zero-width space in a word, or full-width
letters, hide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from detectors.base import DetectorError, Params
from detectors.text.looks import LooksScanner
from detectors.text.regular import Node, NotRegular, RegularScanner, Rule, asks_for_boundary, keywords

THRESHOLD = 0.5
_GROUP = "value"

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
Score = Annotated[float, Field(gt=0.0, le=1.0)]


class Pattern(BaseModel):
    """One regular expression."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Label = Field(description="What a match is called; several patterns may share a label.")
    regex: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] = Field(
        description="Python's syntax without look-around and back-references; a group named `value` is the finding."
    )
    score: Score = Field(default=1.0, description="The score of a match, over 0 to 1.")


class Keywords(BaseModel):
    """A list of terms."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    terms: tuple[str, ...] = Field(min_length=1, description="Words and phrases; the longest that fits is found.")
    case_sensitive: bool = Field(default=False, description="Whether `Acme` is another word than `ACME`.")
    whole_words: bool = Field(default=True, description="Whether a term inside a longer word is left alone.")
    score: Score = Field(default=1.0, description="The score of a match, over 0 to 1.")


def _as_keywords(value: Any) -> Any:
    """A bare list is a list of terms."""
    return {"terms": value} if isinstance(value, list | tuple) else value


ListedKeywords = Annotated[Keywords, BeforeValidator(_as_keywords, json_schema_input_type=Keywords | tuple[str, ...])]


class PatternsParams(Params):
    """What to look for; at least one pattern or keyword list."""

    patterns: tuple[Pattern, ...] = Field(default=(), description="Regular expressions, each with its label.")
    keywords: Mapping[Label, ListedKeywords] = Field(
        default_factory=dict, description="Word lists by label: a list of terms, or `terms` with their settings."
    )
    max_match_chars: int = Field(
        default=128, ge=8, le=512, description="Where an unbounded repeat ends: the most characters that it matches."
    )

    @model_validator(mode="after")
    def _names_something(self) -> PatternsParams:
        if not self.patterns and not self.keywords:
            raise ValueError("name at least one pattern or keyword list")
        return self


class Patterns:
    """The detector type `patterns`."""

    name: ClassVar[str] = "patterns"
    params: ClassVar[type[Params]] = PatternsParams
    summary: ClassVar[str] = "your own regular expressions and keyword lists, in linear time"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The author's labels."""
        assert isinstance(params, PatternsParams)
        return dict.fromkeys((*(pattern.label for pattern in params.patterns), *params.keywords), THRESHOLD)

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """The author's scores."""
        assert isinstance(params, PatternsParams)
        scores: dict[str, float] = {label: listed.score for label, listed in params.keywords.items()}
        for pattern in params.patterns:
            scores[pattern.label] = max(scores.get(pattern.label, 0.0), pattern.score)
        return scores

    @classmethod
    def build(cls, params: Params) -> LooksScanner:
        """Make the scanner. Raises `DetectorError` naming the pattern, what is wrong with it, where, and the remedy."""
        assert isinstance(params, PatternsParams)
        rules = [*_pattern_rules(params), *_keyword_rules(params)]
        try:
            return LooksScanner(RegularScanner(cls.name, rules, max_repeat_chars=params.max_match_chars))
        except NotRegular as error:
            first, *others = [*_irregular(params)] or [DetectorError(str(error))]
            raise DetectorError(str(first), path=first.path, others=others) from error


def _irregular(params: PatternsParams) -> Iterator[DetectorError]:
    """The regexes that cannot run by themselves, each with its place; none when it is all together."""
    for number, rule in enumerate(_pattern_rules(params)):
        try:
            RegularScanner("one", [rule], max_repeat_chars=params.max_match_chars)
        except NotRegular as error:
            yield DetectorError(str(error), path=("patterns", number, "regex"))


def _pattern_rules(params: PatternsParams) -> Iterator[Rule]:
    for pattern in params.patterns:
        group = _GROUP if f"(?P<{_GROUP}>" in pattern.regex else ""
        yield Rule(pattern.label, pattern.regex, pattern.score, reason=f"pattern {pattern.label}", group=group)


def _keyword_rules(params: PatternsParams) -> Iterator[Rule]:
    for label, listed in params.keywords.items():
        # Terms that need no boundary are a rule of their own: only without boundaries may a tree have thousands of
        # different characters, as Chinese lists do.
        for bounded in (True, False):
            terms = [term for term in listed.terms if (listed.whole_words and asks_for_boundary(term)) == bounded]
            if terms:
                yield Rule(label, _tree(label, terms, listed), listed.score, reason=f"keywords {label}")


def _tree(label: str, terms: list[str], listed: Keywords) -> Node:
    try:
        return keywords(terms, ignore_case=not listed.case_sensitive, whole_words=listed.whole_words)
    except ValueError as error:
        raise DetectorError(f"keywords {label}: {error}") from error
