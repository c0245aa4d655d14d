"""Task checks that need no judge: valid JSON, a JSON Schema, a length, words that must come, a language.

    detect:
      detector: format
      json: {schema: {type: object, required: [answer]}}
      chars: {max: 4000}
      required: {DISCLAIMER: [no medical advice, not a doctor]}

| label | told | at |
|---|---|---|
| `NOT_JSON` | at once | the first character that no JSON text can have there, or the last where it ends too early |
| `WRONG_SHAPE` | when the text is over | the last character |
| `TOO_LONG` | at once | the first character, or the first of the word or the sentence, that is too much |
| `TOO_SHORT` | when the text is over | the last character |
| `MISSING` | when the text is over | the last character; the reason names what is missing |
| `WRONG_LANGUAGE` | when the text is over | the last character; not where the language cannot be told |

Each label is found at most once in a lane, but for `MISSING`, and nothing in a text that is empty. All but the last
character leaves at once: what is told when the text is over, the last character waits for. A word is what stands
between white space and has a letter or a digit; a sentence ends at one of `.!?` or their likes in other scripts, where
white space or nothing follows.

A rule that does not say what it reads reads the content of what the model writes.

The reason never holds any of the text: of a schema it names the keyword that failed, by its place in the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from detectors.base import DetectorError, Params, Reads
from detectors.format.json_text import JsonReader
from detectors.format.language import LANGUAGES, LanguageCount
from detectors.format.shape import shape_of
from detectors.text.regular import NotRegular, RegularScan, RegularScanner, Rule, asks_for_boundary, keywords
from detectors.types import Finding

SCHEMA_CHARS = 100_000
"""The longest text that is held against a schema: it has to be kept until it is over."""
_SENTENCE_ENDS = frozenset(".!?\u3002\uff01\uff1f\u0964\u06d4\u061f\u2026")
_UNSPACED_ENDS = frozenset("\u3002\uff01\uff1f")
"""Where no white space follows in the scripts that use them."""
_CLOSERS = frozenset("\"')]}\u201d\u2019\u00bb")
_SCORE = 1.0
_THRESHOLD = 0.5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Part):
    """At least, and at most, so many."""

    min: int = Field(default=0, ge=0, description="Fewer are too few.")
    max: int | None = Field(default=None, ge=1, description="More are too many.")

    @model_validator(mode="after")
    def _bounds(self) -> Bounds:
        if not self.min and self.max is None:
            raise ValueError("says neither min nor max")
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max is {self.max}, less than min, {self.min}: no text can have both")
        return self


class JsonForm(_Part):
    """That the whole text is one JSON document, of a schema where there is one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    shape: Mapping[str, Any] | None = Field(default=None, alias="schema", description="A JSON Schema, draft 2020-12.")


class LanguageForm(_Part):
    """That the text is in one of some languages."""

    one_of: tuple[str, ...] = Field(min_length=1, description="Codes of ISO 639-1, such as `en`.")
    min_letters: int = Field(default=60, ge=1, description="A text with fewer letters is not judged.")

    @field_validator("one_of")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [code for code in codes if code not in LANGUAGES]
        if unknown:
            raise ValueError(f"{unknown[0]} cannot be told; these can: {', '.join(LANGUAGES)}")
        return codes


class FormatParams(Params):
    """What the text must be like; at least one condition."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    document: JsonForm | None = Field(
        default=None, alias="json", description="The text is one JSON document: `{}`, or `{schema: ...}`."
    )
    chars: Bounds | None = Field(default=None, description="How many characters (code points).")
    words: Bounds | None = Field(default=None, description="How many words, parted by white space.")
    sentences: Bounds | None = Field(default=None, description="How many sentences.")
    language: LanguageForm | None = Field(default=None, description="Which language the text is in.")
    required: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="By a name: words and phrases of which one must come, in whatever case."
    )
    required_patterns: Mapping[str, str] = Field(
        default_factory=dict, description="By a name: a regex, as of `patterns`, that must match somewhere."
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> FormatParams:
        bounds = (self.chars, self.words, self.sentences)
        if not any((self.document, *bounds, self.language, self.required, self.required_patterns)):
            raise ValueError(
                "name at least one of json, chars, words, sentences, language, required, required_patterns"
            )
        both = sorted({*self.required} & {*self.required_patterns})
        if both:
            raise ValueError(f"required and required_patterns both have {both[0]}; give one of them another name")
        if any(not terms for terms in self.required.values()):
            raise ValueError("required: a list of terms is empty")
        return self


class Format:
    """The detector type `format`."""

    name: ClassVar[str] = "format"
    params: ClassVar[type[Params]] = FormatParams
    reads: ClassVar[Reads] = Reads(frozenset({"model"}), frozenset({"content"}))
    summary: ClassVar[str] = "whether a text has the form that is asked for: JSON, a schema, a length, required words"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """Those of what is asked for."""
        assert isinstance(params, FormatParams)
        return dict.fromkeys(_labels(params), _THRESHOLD)

    @classmethod
    def build(cls, params: Params) -> FormatScanner:
        """The scanner. Raises `DetectorError`: a schema or a regex cannot be used, with the remedy."""
        assert isinstance(params, FormatParams)
        return FormatScanner(params)


def _labels(params: FormatParams) -> Iterator[str]:
    bounds = [each for each in (params.chars, params.words, params.sentences) if each is not None]
    has_schema = params.document is not None and params.document.shape is not None
    if params.document is not None:
        yield "NOT_JSON"
    if has_schema:
        yield "WRONG_SHAPE"
    if has_schema or any(each.max is not None for each in bounds):
        yield "TOO_LONG"
    if any(each.min for each in bounds):
        yield "TOO_SHORT"
    if params.required or params.required_patterns:
        yield "MISSING"
    if params.language is not None:
        yield "WRONG_LANGUAGE"


class FormatScanner:
    """The pattern scanner that reads a form."""

    def __init__(self, params: FormatParams) -> None:
        self.name = Format.name
        self.labels = frozenset(_labels(params))
        self.reads_json = params.document is not None
        shape = params.document.shape if params.document is not None else None
        self.validate = shape_of(shape) if shape is not None else None
        self.bounds = tuple(
            (name, bounds)
            for name in ("characters", "words", "sentences")
            if (bounds := getattr(params, "chars" if name == "characters" else name)) is not None
        )
        self.most_kept = SCHEMA_CHARS if self.validate is not None else 0
        self.language = params.language
        self.required = (*params.required, *params.required_patterns)
        self.inner = _inner(params)
        reach = self.inner.look_behind + self.inner.look_ahead if self.inner is not None else 0
        self.look_behind = reach + 1
        self.look_ahead = 1

    def start(self) -> FormatScan:
        """Open a scan for one lane."""
        return FormatScan(self)


class FormatScan:
    """The scan of one lane."""

    def __init__(self, scanner: FormatScanner) -> None:
        self._scanner = scanner
        self._json = JsonReader() if scanner.reads_json else None
        self._inner: RegularScan | None = scanner.inner.start() if scanner.inner is not None else None
        self._seen: frozenset[str] = frozenset()
        self._at = 0
        self._kept: list[str] = []
        """The text so far, where a schema is asked of it, in pieces."""
        self._counts = {"characters": 0, "words": 0, "sentences": 0}
        self._language = LanguageCount() if scanner.language is not None else None
        self._in_word = False
        self._sentence = "new"
        """`new`: the next word begins one; `in`: within one; `ending`: behind a mark that may end it."""
        self._told: frozenset[str] = frozenset()
        self._pending: tuple[Finding, ...] = ()
        self._is_over = False

    @property
    def cleared(self) -> int:
        """All but the last character, while the lane is open."""
        return self._at if self._is_over else max(0, self._at - 1)

    def fork(self) -> FormatScan:
        """Another scan in the same state."""
        other = copy(self)
        other._json = self._json.fork() if self._json is not None else None
        other._inner = self._inner.fork() if self._inner is not None else None
        other._counts = dict(self._counts)
        self._kept = ["".join(self._kept)]
        other._kept = [*self._kept]
        other._language = self._language.fork() if self._language is not None else None
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        found = [*self._pending]
        new = text[self._at - offset :]
        if (room := self._scanner.most_kept - self._at) > 0:
            self._kept.append(new[:room])
        found += [finding for char in new for finding in self._take(char)]
        if self._inner is not None:
            matches = self._inner.advance(text, offset, is_final=is_final)
            self._seen |= {each.label for each in matches}
        if is_final and not self._is_over:
            self._is_over = True
            found += self._end()
        self._pending = tuple(each for each in found if each.start >= self.cleared)
        return sorted(each for each in found if each.start < self.cleared)

    def _take(self, char: str) -> Iterator[Finding]:
        at = self._at
        self._at += 1
        if self._json is not None and "NOT_JSON" not in self._told:
            yield from self._tell("NOT_JSON", at, self._json.feed(char))
        self._count(char)
        if self._language is not None:
            self._language.add(char)
        if self._scanner.most_kept and at >= self._scanner.most_kept:
            yield from self._tell("TOO_LONG", at, f"more than {SCHEMA_CHARS} characters, with a schema")
        for name, bounds in self._scanner.bounds:
            if bounds.max is not None and self._counts[name] > bounds.max:
                yield from self._tell("TOO_LONG", at, f"more than {bounds.max} {name}")

    def _count(self, char: str) -> None:
        """Count a character, and the word and the sentence that it begins."""
        counts = self._counts
        counts["characters"] += 1
        if char.isspace():
            self._in_word = False
            self._sentence = "new" if self._sentence == "ending" else self._sentence
            return
        is_of_word = char.isalnum()
        if is_of_word and not self._in_word:
            counts["words"] += 1
            self._in_word = True
        if is_of_word and self._sentence == "new":
            counts["sentences"] += 1
            self._sentence = "in"
        elif char in _UNSPACED_ENDS:
            self._sentence = "new"
        elif char in _SENTENCE_ENDS and self._sentence == "in":
            self._sentence = "ending"
        elif self._sentence == "ending" and char not in _CLOSERS and char not in _SENTENCE_ENDS:
            self._sentence = "in"

    def _end(self) -> Iterator[Finding]:
        """What can only be said now, at the last character."""
        if not self._at:
            return
        at = self._at - 1
        if self._json is not None and "NOT_JSON" not in self._told:
            yield from self._tell("NOT_JSON", at, self._json.end())
        if self._scanner.validate is not None and not self._told & {"NOT_JSON", "TOO_LONG"}:
            yield from self._tell("WRONG_SHAPE", at, self._scanner.validate("".join(self._kept)))
        for name, bounds in self._scanner.bounds:
            if self._counts[name] < bounds.min:
                yield from self._tell("TOO_SHORT", at, f"fewer than {bounds.min} {name}")
        for name in self._scanner.required:
            if name not in self._seen:
                yield Finding(at, at + 1, "MISSING", _SCORE, f"{name} is missing")
        yield from self._tell("WRONG_LANGUAGE", at, self._wrong_language())

    def _wrong_language(self) -> str:
        """Why the language is not one of those that are asked for; empty where it is, or cannot be told."""
        form, count = self._scanner.language, self._language
        if form is None or count is None or count.letters < form.min_letters:
            return ""
        language = count.language()
        return "" if language is None or language in form.one_of else f"it is in {language}"

    def _tell(self, label: str, at: int, reason: str) -> Iterator[Finding]:
        if reason and label not in self._told:
            self._told |= {label}
            yield Finding(at, at + 1, label, _SCORE, reason)


def _inner(params: FormatParams) -> RegularScanner | None:
    """What looks for the words and patterns that must come. Raises `DetectorError`."""
    rules = [
        Rule(name, keywords([term], ignore_case=True, whole_words=asks_for_boundary(term)), _SCORE)
        for name, terms in params.required.items()
        for term in terms
    ]
    rules += [Rule(name, regex, _SCORE) for name, regex in params.required_patterns.items()]
    for rule in rules:
        try:
            RegularScanner("one", [rule])
        except (NotRegular, ValueError) as error:
            place = "required_patterns" if rule.label in params.required_patterns else "required"
            raise DetectorError(f"{rule.label}: {error}", path=(place, rule.label)) from error
    return RegularScanner(Format.name, rules) if rules else None
