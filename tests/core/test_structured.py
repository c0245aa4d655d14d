r"""JSON inside a text: read decoded however it is cut; written back as it came, or valid without what was redacted."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import Finding, Grounding
from sidecar.core.json_tokens import MAX_WORD_CHARS, Tokenizer
from sidecar.core.structured import REMEMBERED_CHANGES, JsonReading
from sidecar.offline import guard
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Channel,
    Decision,
    Exposure,
    Lane,
    Output,
    Recorded,
    Redaction,
    Release,
)
from tests.fakes import replacing_in_calls
from tests.streams import all_cuts, by_character, cut_at, cuts_of, every_cut

POLICIES = Path(__file__).parents[2] / "policies"
CALL = Lane(channel=Channel.TOOL_ARGUMENTS)
Span = tuple[int, int]


# -- a stand-in for the core ------------------------------------------------------------------------------------------


def view_of(pieces: Iterable[str]) -> str:
    reading = JsonReading()
    return "".join([reading.feed(piece) for piece in pieces]) + reading.finish()


def released(view: str, start: int, end: int, spans: Sequence[tuple[Span, str]]) -> Release:
    """What the core makes of `[start, end)` of a view when it replaces the spans."""
    pieces, redactions, length, at = [], [], 0, start
    for (begin, stop), replacement in spans:
        pieces += [view[at:begin], replacement]
        length += begin - at
        redactions.append(Redaction(0, "X", begin, stop, length, length + len(replacement)))
        length += len(replacement)
        at = stop
    pieces.append(view[at:end])
    return Release(CALL, "".join(pieces), start, end, redactions=tuple(redactions))


def drive(pieces: Iterable[str], spans: Sequence[tuple[Span, str]], seed: int | None) -> list[Release]:
    """Feed the pieces and replace the spans, letting out at places that `seed` draws (None: all at the end)."""
    reading, view, at, source = JsonReading(), "", 0, random.Random(seed)
    outputs: list[Output] = []
    for piece in [*pieces, None]:
        view += reading.finish() if piece is None else reading.feed(piece)
        end = len(view) if piece is None else source.randint(at, len(view)) if seed is not None else at
        end = min([end, *(begin for (begin, stop), _ in spans if begin < end < stop)])
        inside = [each for each in spans if at <= each[0][0] and each[0][1] <= end and each[0][0] < end]
        outputs.append(reading.out(released(view, at, end, inside)))
        at = end
    return [each for each in outputs if isinstance(each, Release)]


def text_of(outputs: Iterable[Output]) -> str:
    return "".join(each.text for each in outputs if isinstance(each, Release))


def marks_of(releases: Iterable[Release]) -> list[tuple[int, int, int, int]]:
    """The redactions, with their replacements' places in all of the text."""
    marks, length = [], 0
    for each in releases:
        marks += [
            (one.start, one.end, length + one.replacement_start, length + one.replacement_end)
            for one in each.redactions
        ]
        length += len(each.text)
    return marks


def assert_accounted(raw: str, releases: Sequence[Release]) -> None:
    """Releases tile the raw text, and outside of their redactions they are the raw text."""
    assert [each.start for each in releases] == [0, *(each.end for each in releases[:-1])]
    assert releases[-1].end == len(raw)
    for each in releases:
        at, place = each.start, 0
        for one in each.redactions:
            assert at <= one.start <= one.end <= each.end
            assert each.text[place : one.replacement_start] == raw[at : one.start]
            at, place = one.end, one.replacement_end
        assert each.text[place:] == raw[at : each.end]


# -- documents, written in every form ---------------------------------------------------------------------------------


class Atom(NamedTuple):
    """A character of a string: its value, how it was written, how it reads."""

    value: str
    raw: str
    view: str


class Leaf(NamedTuple):
    """A key or value of a document. `atoms` are a string's characters; a number or literal has one."""

    kind: str
    atoms: tuple[Atom, ...]


SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "/": "\\/"}
SPACE = ["", " ", "\n", "  \t", "\r\n"]
LITERALS = ["true", "false", "null", "NaN", "-Infinity"]


def escaped(value: str) -> str:
    units = value.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


@st.composite
def atoms(draw: st.DrawFn) -> Atom:
    value = draw(st.sampled_from([*'abc 4@.é漢😀\u0301{}[]:,"\\', *SHORT, "\x01", "\ud83d"]))
    if value == "\ud83d":  # half a pair, never followed by the other half
        return Atom(value, escaped(value), "\ufffd")
    if value in '"\\':
        return Atom(value, draw(st.sampled_from([f"\\{value}", escaped(value)])), f"\\{value}")
    forms = [escaped(value), escaped(value).upper().replace("\\U", "\\u")]
    forms += [value] if value >= " " else []
    forms += [SHORT[value]] if value in SHORT else []
    return Atom(value, draw(st.sampled_from(forms)), value)


def is_plain(written: list[Atom]) -> bool:
    """Whether backslashes stand alone: runs of them are read at the level that they were doubled for."""
    pairs = itertools.pairwise(written)
    is_apart = not any(a.view[0] == "\\" and b.view[0] in '\\nrtbfu/"' for a, b in pairs)
    return is_apart and "".join(each.value for each in written).strip()[:1] not in ("{", "[")


ANY_STRINGS = st.lists(atoms(), max_size=8).map(lambda each: Leaf("string", tuple(each)))
STRINGS = ANY_STRINGS.filter(lambda each: is_plain([*each.atoms]))
NUMBERS = st.one_of(
    st.integers().map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?\Z"),
    st.sampled_from([*LITERALS, "4111111111111111", "0", "-0", "1E5"]),
).map(lambda text: Leaf("scalar", (Atom(text, text, text),)))
Shape = Leaf | list[Any] | tuple[tuple[Leaf, Any], ...]


def shapes_of(strings: st.SearchStrategy[Leaf]) -> st.SearchStrategy[Any]:
    def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        pairs = st.lists(st.tuples(strings, inner), max_size=3)
        return st.lists(inner, max_size=3) | pairs.map(lambda each: (*each,))

    return st.recursive(strings | NUMBERS, containers, max_leaves=8)


class Document(NamedTuple):
    """A document, with where each character of its leaves stands in the view, and each leaf in the raw text."""

    raw: str
    view: str
    leaves: list[tuple[Leaf, list[Span]]]
    places: list[Span]


@st.composite
def documents(draw: st.DrawFn, strings: st.SearchStrategy[Leaf] = STRINGS) -> Document:
    raw: list[str] = []
    view: list[str] = []
    leaves: list[tuple[Leaf, list[Span]]] = []
    places: list[Span] = []

    def put(text: str, reads: str | None = None) -> Span:
        start = sum(map(len, view))
        raw.append(text)
        view.append(text if reads is None else reads)
        return start, start + len(view[-1])

    def write(shape: Any) -> None:
        put(draw(st.sampled_from(SPACE)))
        if isinstance(shape, Leaf):
            quote = '"' if shape.kind == "string" else ""
            start = sum(map(len, raw))
            put(quote)
            leaves.append((shape, [put(each.raw, each.view) for each in shape.atoms]))
            put(quote)
            places.append((start, sum(map(len, raw))))
        else:
            write_all(shape)
        put(draw(st.sampled_from(SPACE)))

    def write_all(shape: Any) -> None:
        put("[" if isinstance(shape, list) else "{")
        for number, each in enumerate(shape):
            put("," if number else "")
            if isinstance(shape, list):
                write(each)
            else:
                write(each[0])
                put(":")
                write(each[1])
        put("]" if isinstance(shape, list) else "}")

    write(draw(shapes_of(strings)))
    return Document("".join(raw), "".join(view), leaves, places)


def leaves_of(text: str) -> list[Any]:
    """All keys and values of a document in their order, numbers as they are written."""
    found: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, tuple):
            for key, inner in value:
                found.append(key)
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        else:
            found.append(value)

    class Written(str):
        """A number or literal, told apart from a string."""

        __slots__ = ()

    walk(
        json.loads(
            text,
            object_pairs_hook=tuple,
            strict=False,
            parse_float=Written,
            parse_int=Written,
            parse_constant=Written,
        )
    )
    return [
        ("scalar", str(each)) if isinstance(each, Written) else ("string", each) if isinstance(each, str) else each
        for each in found
    ]


def value_of(leaf: Leaf, text: str) -> Any:
    if leaf.kind == "string":
        return ("string", text)
    return {"true": True, "false": False, "null": None}.get(text, ("scalar", text))


def expected_leaves(document: Document, spans: Sequence[tuple[Span, str]]) -> list[Any]:
    """What the leaves must be: kept characters, and each replacement where its span first meets a leaf."""
    left = dict(spans)
    return [_expected(leaf, places, left) for leaf, places in document.leaves]


def _expected(leaf: Leaf, places: list[Span], left: dict[Span, str]) -> Any:
    pieces, is_touched = [], False
    for atom, place in zip(leaf.atoms, places, strict=True):
        units = [place] if leaf.kind == "string" else [(each, each + 1) for each in range(*place)]
        values = [atom.value] if leaf.kind == "string" else list(atom.value)
        for unit, value in zip(units, values, strict=True):
            owners = [span for span in left if span[0] < unit[1] and unit[0] < span[1]]
            if atom.view == '\\"':  # a span that came from before and ends at the backslash does not hold the quote
                owners = [each for each in owners if each[1] >= unit[1] or left[each]]
            pieces.append("" if owners else value)
            for owner in owners:
                pieces.append(left[owner])
                left[owner] = ""
            is_touched = is_touched or bool(owners)
    text = "".join(pieces)
    return ("string", text) if is_touched else value_of(leaf, text)


@st.composite
def spans_in(draw: st.DrawFn, view: str) -> list[tuple[Span, str]]:
    places = sorted(draw(st.sets(st.integers(0, len(view)), max_size=6)))
    texts = st.sampled_from(["<X>", '"', "\\", "a\nb", "*"])
    return [(span, draw(texts)) for span in zip(places[::2], places[1::2], strict=False)]


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "view"),
    [
        (r'{"a":"x\n4111"}', '{"a":"x\n4111"}'),
        (r'"\t\r\b\f\/\u0040"', '"\t\r\b\f/@"'),
        (r'"\ud83d\ude00"', '"😀"'),
        (r'"\ud83d\ud83d\ude00"', '"\ufffd😀"'),
        (r'"\ude00 \ud83d"', '"\ufffd \ufffd"'),
        (r'"say \"x\" \\"', r'"say \"x\" \\"'),  # a quoted value ends where it ends
        (r'"say \u0022x\u0022 \u005c"', r'"say \"x\" \\"'),
        (r'"\\n"', '"\n"'),  # as deep as it was written, the escape of a document in a document
        (r'"\\\n"', '"\\\\\n"'),  # a backslash, then a new line
        (r'"\\\\n \\\\\\n"', '"\n \\\\\\\\\n"'),
        (r'"\\ud83d\\ude00 \\u0040"', '"😀 @"'),
        (r'"\ud83d\\ude00"', '"\ufffd\ufffd"'),  # halves of different levels are no pair
        (r'{"a":"{\"b\":\"x\\n4\"}"}', '{"a":"{\\"b\\":\\"x\n4\\"}"}'),
        (r'"\x \u12 \"', r'"\x \u12 \"'),
        (r"echo \n4111", "echo \n4111"),  # outside of JSON as well
        ('{"a": 12.5e3, "b": tr', '{"a": 12.5e3, "b": tr'),
        ("\ud83d", "\ufffd"),
    ],
)
def test_escapes_are_read_decoded_at_whatever_level_they_were_written(raw: str, view: str) -> None:
    assert {view_of(pieces) for pieces in all_cuts(raw)} == {view}


@given(documents(), st.data())
def test_a_document_reads_as_its_values_and_leaves_as_it_came(document: Document, data: st.DataObject) -> None:
    pieces = data.draw(cuts_of(document.raw))
    assert view_of(pieces) == view_of(by_character(document.raw)) == document.view
    releases = drive(pieces, [], data.draw(st.integers()))
    assert_accounted(document.raw, releases)
    assert text_of(releases) == document.raw


GARBAGE = st.text(alphabet='{}[]":,\\nu0041d83e -ax\n漢\ud83d', max_size=40)


@given(GARBAGE, st.data())
def test_any_text_passes_unchanged(raw: str, data: st.DataObject) -> None:
    pieces = data.draw(cuts_of(raw))
    assert view_of(pieces) == view_of([raw])
    assert text_of(drive(pieces, [], data.draw(st.integers()))) == raw


def test_a_number_is_read_when_it_is_complete() -> None:
    reading = JsonReading()
    assert [reading.feed(piece) for piece in ('{"n": 12', "34", " ", ",")] == ['{"n": ', "", "", "1234 ,"]


def test_a_number_that_does_not_end_is_read_as_it_comes() -> None:
    reading = JsonReading()
    views = [reading.feed(piece) for piece in ("[", *"1" * 100)]
    assert max(map(len, views)) == MAX_WORD_CHARS + 2
    assert "".join(views) == "[" + "1" * 100


# -- the way back -----------------------------------------------------------------------------------------------------


@given(documents(), st.data())
def test_what_is_redacted_is_gone_and_all_else_keeps_its_value(document: Document, data: st.DataObject) -> None:
    spans = data.draw(spans_in(document.view))
    releases = drive(data.draw(cuts_of(document.raw)), spans, data.draw(st.integers()))
    assert_accounted(document.raw, releases)
    assert leaves_of(text_of(releases)) == expected_leaves(document, spans)


@given(documents(ANY_STRINGS), st.data())
def test_what_no_span_touches_keeps_its_value_whatever_backslashes_there_are(
    document: Document, data: st.DataObject
) -> None:
    view = view_of([document.raw])
    releases = drive(data.draw(cuts_of(document.raw)), data.draw(spans_in(view)), data.draw(st.integers()))
    assert_accounted(document.raw, releases)
    redacted = [(each.start, each.end) for release in releases for each in release.redactions]
    found = leaves_of(text_of(releases))
    assert len(found) == len(document.leaves)
    for value, (leaf, _), (start, end) in zip(found, document.leaves, document.places, strict=True):
        if not any(begin < end and start < stop for begin, stop in redacted):
            assert value == value_of(leaf, "".join(each.value for each in leaf.atoms))


@given(documents(ANY_STRINGS), st.data())
def test_the_cutting_changes_nothing(document: Document, data: st.DataObject) -> None:
    spans = data.draw(spans_in(view_of([document.raw])))
    once = drive([document.raw], spans, None)
    again = drive(data.draw(cuts_of(document.raw)), spans, data.draw(st.integers()))
    assert (text_of(again), marks_of(again)) == (text_of(once), marks_of(once))
    assert text_of(drive(by_character(document.raw), spans, 7)) == text_of(once)


@given(GARBAGE, st.data())
def test_a_redaction_in_what_is_no_json_is_cut_freely_too(raw: str, data: st.DataObject) -> None:
    spans = data.draw(spans_in(view_of([raw])))
    once = drive([raw], spans, None)
    again = drive(data.draw(cuts_of(raw)), spans, data.draw(st.integers()))
    assert_accounted(raw, again)
    assert (text_of(again), marks_of(again)) == (text_of(once), marks_of(once))
    if is_json(raw):
        json.loads(text_of(once), strict=False)


def is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except ValueError:
        return False
    return True


NESTED_TEXT = st.text(alphabet='ab \n"\\/é😀n{[', max_size=8)
NESTED = st.recursive(
    NESTED_TEXT | st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NESTED_TEXT, inner, max_size=3),
    max_leaves=5,
)
MARKER = 74111111111111117


@given(NESTED, NESTED_TEXT, st.integers(0, 3), st.booleans(), st.data())
def test_documents_in_documents_stay_documents(
    other: Any, text: str, depth: int, is_ascii: bool, data: st.DataObject
) -> None:
    """A number and a string that are replaced in a document inside strings, with all that stands around them."""

    def nest(number: Any, string: str) -> Any:
        value: Any = [other, {"n": number, f"k{text}": string}, other]
        for level in range(depth):
            value = {"json": json.dumps(value, ensure_ascii=is_ascii, indent=level or None), "other": other}
        return value

    raw = json.dumps(nest(MARKER, f"s{text}{MARKER}a"), ensure_ascii=is_ascii)
    view, marker = view_of([raw]), str(MARKER)
    first, second = view.index(marker), view.index(f"{marker}a")
    spans = [((first + 1, first + 9), 'x"y'), ((second, second + len(marker)), "\n<X>")]
    releases = drive(data.draw(cuts_of(raw)), spans, data.draw(st.integers()))
    found = json.loads(text_of(releases))
    for _ in range(depth):
        assert found["other"] == other
        found = json.loads(found["json"])
    assert found == [other, {"n": '7x"y11111117', f"k{text}": f"s{text}\n<X>a"}, other]


@pytest.mark.parametrize(
    ("raw", "span", "replacement", "expected"),
    [
        ('{"a":"b","c":"d"}', 'b","c', "*", '{"a":"*","":"d"}'),  # structure stays, values do not merge
        ('{"a":"b","c":"d"}', '"a"', "*", '{"*":"b","c":"d"}'),
        ('{"a": 4111, "b": 1}', "4111", "****", '{"a": "****", "b": 1}'),
        ('{"a": 4111, "b": 1}', "11", "**", '{"a": "4**1", "b": 1}'),
        ('{"a": 4111}', "4111", "", '{"a": ""}'),
        ('{"a": null, "b": 5}', 'null, "b": 5', "*", '{"a": "*", "": ""}'),
        ("4111 ", "411", "*", '"*1" '),
        ("4111 1111 is it", "4111 1111", "*", "* is it"),  # words, not JSON
        ("use [4111 1111] now", "4111 1111", "*", "use [*] now"),
        ('```json\n{"a": 4111}\n```\n4111, ok', "4111", "*", '```json\n{"a": "*"}\n```\n4111, ok'),
        (r'{"a":"x\ny"}', "\n", "*", '{"a":"x*y"}'),
        (r'{"a":"\ud83d\ude00b"}', "😀", "*", '{"a":"*b"}'),
        (r'{"a":"key=b\" c"}', "b\\", "*", r'{"a":"key=*\" c"}'),
        (r'{"a":"{\"n\": 4111}"}', "4111", "*", r'{"a":"{\"n\": \"*\"}"}'),
        (r'{"a":"{\u0022n\u0022: 4111}"}', "4111", "*", r'{"a":"{\u0022n\u0022: \"*\"}"}'),
        (r'{"a":"{\n \"n\":\n 4111\n}"}', "4111", '"', r'{"a":"{\n \"n\":\n \"\\\"\"\n}"}'),
        ('{"a":"b"}', "b", 'x"\ny\ud83d', '{"a":"x\\"\\ny\ufffd"}'),
        ("[" + "12" * 50 + "]", "2121", "*", "[1" + "1111" + "2" + "12" * 47 + "]"),  # too long to wait for its end
    ],
)
def test_a_replacement_leaves_valid_json(raw: str, span: str, replacement: str, expected: str) -> None:
    start = view_of([raw]).index(span)
    for seed, pieces in enumerate(all_cuts(raw)):
        releases = drive(pieces, [((start, start + len(span)), replacement)], seed)
        assert_accounted(raw, releases)
        assert text_of(releases) == expected


def test_two_redactions_of_one_number_make_one_string() -> None:
    releases = drive(["[123456]"], [((2, 3), "a"), ((4, 5), "b")], None)
    assert text_of(releases) == '["1a3b56"]'
    assert marks_of(releases) == [(1, 4, 1, 5), (4, 7, 5, 9)]


def test_a_release_that_ends_inside_a_number_waits_for_its_end() -> None:
    reading = JsonReading()
    view = reading.feed("[123456]")
    first = reading.out(released(view, 0, 3, []))
    second = reading.out(released(view, 3, 5, [((3, 4), "x")]))
    third = reading.out(released(view, 5, 8, []))
    assert [first, second] == [Release(CALL, "[", 0, 1), Release(CALL, "", 1, 1)]
    assert third == Release(CALL, '"12x456"]', 1, 8, redactions=(Redaction(0, "X", 1, 7, 0, 8),))


def test_a_redaction_that_ends_inside_an_escape_leaves_as_a_whole() -> None:
    reading = JsonReading()
    view = reading.feed(r'{"a":"xb\\c"}')
    first = reading.out(released(view, 0, 9, [((7, 9), "*")]))
    second = reading.out(released(view, 9, len(view), []))
    assert first == Release(CALL, '{"a":"x', 0, 7)
    assert second == Release(CALL, '*c"}', 7, 13, redactions=(Redaction(0, "X", 7, 10, 0, 1),))


# -- offsets ----------------------------------------------------------------------------------------------------------

RAW = r'{"a":"\n\u0041b"}'


def decision(start: int, end: int, released_to: int) -> Decision:
    finding = Finding(start, end, "X", 1.0, "", Grounding(0.1, "p", 3, 4, start, end))
    exposure = Exposure(released_to, 0, 0.0)
    return Decision(1, 0, CALL, finding, Action.REDACT, Action.REDACT, exposure, "A")


def test_offsets_count_the_text_as_it_came() -> None:
    reading = JsonReading()
    view = reading.feed(RAW)
    assert view == '{"a":"\nAb"}'
    annotation = Annotation(0, "X", 7, 9, 1.0, "", Grounding(0.1, "p", 3, 4, 8, 9))
    release = Release(CALL, view, 0, len(view), annotations=(annotation,), decisions=(decision(6, 8, 7),))
    (moved,) = [reading.out(release)]
    assert isinstance(moved, Release)
    assert (moved.annotations[0].start, moved.annotations[0].end) == (8, 15)
    assert moved.annotations[0].grounding == Grounding(0.1, "p", 3, 4, 14, 15)
    finding = moved.decisions[0].finding
    assert (finding.start, finding.end, moved.decisions[0].exposure.released_to) == (6, 14, 8)
    assert finding.grounding == Grounding(0.1, "p", 3, 4, 6, 14)


def test_a_block_and_a_record_have_the_offsets_of_the_text_as_it_came() -> None:
    reading = JsonReading()
    view = reading.feed(RAW)
    reading.out(released(view, 0, 7, []))
    blocked = reading.out(Blocked(CALL, 0, 7, "no", "X", "", (decision(7, 8, 7),)))
    recorded = reading.out(Recorded(CALL, (decision(7, 8, 7),)))
    assert isinstance(blocked, Blocked)
    assert blocked.position == 8
    for each in (blocked, recorded):
        assert (each.decisions[0].finding.start, each.decisions[0].finding.end) == (8, 14)


def test_nothing_counts_as_released_that_waits() -> None:
    """A block inside a number: its first digits were let out by the core, and never left."""
    reading = JsonReading()
    view = reading.feed('{"n": 4111}')
    out = reading.out(released(view, 0, 8, []))
    blocked = reading.out(Blocked(CALL, 0, 8, "no", "X", "", (decision(8, 9, 8),)))
    assert (text_of([out]), isinstance(blocked, Blocked) and blocked.position) == ('{"n": ', 6)
    assert blocked.decisions[0].exposure.released_to == 6


# -- bounds -----------------------------------------------------------------------------------------------------------

HOSTILE = {
    "backslashes": "\\" * 20_000,
    "half a string": '{"a":"' + "x\\n" * 6_000,
    "brackets": "[" * 10_000 + "]" * 10_000,
    "digits": "[" + "1" * 20_000 + "]",
    "word": "[" + "x" * 20_000,
    "spaces": '{"a": 1' + " " * 20_000 + "}",
    "halves": '"' + "\\ud83d" * 3_000 + '"',
    "quotes": '"' * 20_000,
    "documents": '{"a":1}' * 3_000,
    "deep strings": '{\\"' * 7_000,
}


class Counting(Tokenizer):
    """A tokenizer that counts the characters it looks at."""

    __slots__ = ("looked",)

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0

    def read(self, raw: str, *, is_final: bool) -> str:
        self.looked += len(self._rest) + len(raw)
        return super().read(raw, is_final=is_final)


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_work_and_what_waits_are_bounded_however_the_text_comes(raw: str) -> None:
    counting = Counting()
    views, waits = [], 0
    for piece in itertools.batched(raw, 3) if hasattr(itertools, "batched") else cut_at(raw, [*range(0, len(raw), 3)]):
        views.append(counting.read("".join(piece), is_final=False))
        waits = max(waits, len(counting._rest))
    views.append(counting.read("", is_final=True))
    whole = Tokenizer()
    assert "".join(views) == whole.read(raw, is_final=False) + whole.read("", is_final=True)
    assert waits <= 400
    assert counting.looked <= 200 * len(raw)
    assert text_of(drive([raw], [], None)) == raw


def test_what_has_left_is_forgotten() -> None:
    reading, at = JsonReading(), 0
    for _ in range(5_000):
        view = reading.feed("some text\\n")
        reading.out(released(" " * (at + len(view)), at, at + len(view), []))
        at += len(view)
    assert len(reading._raw.text) < 4_096
    assert len(reading._tokenizer.tokens) < 100
    assert len(reading._tokenizer.changes) <= 2 * REMEMBERED_CHANGES + 1
    late = reading.out(Recorded(CALL, (decision(at - 10, at, at),)))
    assert (late.decisions[0].finding.start, late.decisions[0].finding.end) == (54_989, 55_000)


# -- with the core and the shipped policies ---------------------------------------------------------------------------


@cache
def shipped(name: str) -> Plan:
    (policy,) = compile_file(POLICIES / f"{name}.yaml", public_keys()).policies
    return replacing_in_calls(policy[1])


def guarded(name: str, pieces: Iterable[str]) -> list[Output]:
    """The outputs of a call's arguments, which are read as JSON."""
    return list(guard(shipped(name), ((CALL, piece) for piece in pieces)).outputs)


ESCAPED = {
    "a card behind a line's end": (
        r'{"body": "Card:\n4111111111111111\nexp 12/29"}',
        r'{"body": "Card:\n••••••••••••1111\nexp 12/29"}',
    ),
    "a card in groups": (
        r'{"body": "Card:\n4111 1111 1111 1111\nok"}',
        r'{"body": "Card:\n•••• •••• •••• 1111\nok"}',
    ),
    "a card that a line's end divides": (
        r'{"body": "4111 1111\n1111 1111"}',
        r'{"body": "4111 1111\n1111 1111"}',  # as in plain text
    ),
    "a social security number": (r'{"body": "SSN\n536-22-8726\nok"}', r'{"body": "SSN\n‹social-security-number›\nok"}'),
    "an account": (r'{"body": "IBAN:\nDE89370400440532013000\nok"}', r'{"body": "IBAN:\n‹IBAN›\nok"}'),
    "addresses": (
        r'{"body": "hosts:\n10.0.0.12\n10.0.0.13"}',
        r'{"body": "hosts:\n‹IP-address›\n‹IP-address›"}',
    ),
    "a wallet": (
        r'{"body": "wallet\n1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa\n"}',
        r'{"body": "wallet\n‹crypto-wallet›\n"}',
    ),
    "mail between line ends": (
        r'{"body": "Contact:\njane@example.com\nBye"}',
        r'{"body": "Contact:\n‹email-address›\nBye"}',
    ),
    "mail between escaped quotes": (
        r'{"body": "the literal \u0022jane@example.com\u0022 here"}',
        r'{"body": "the literal \u0022‹email-address›\u0022 here"}',
    ),
    "mail with an escaped sign": (r'{"to": "jane\u0040example.com"}', r'{"to": "‹email-address›"}'),
    "bare numbers": (
        '{"card": 4111111111111111, "phone": 14155552671, "ok": 1}',
        '{"card": "••••••••••••1111", "phone": "‹phone-number›", "ok": 1}',
    ),
    "a number that its key explains": ('{"ssn": 536228726, "n": 2}', '{"ssn": "‹social-security-number›", "n": 2}'),
    "strings that their keys explain": (
        '{"ssn":"536228726","phone":"4155552671","account_number":"123456789012"}',
        '{"ssn":"‹social-security-number›","phone":"‹phone-number›","account_number":"‹bank-account›"}',
    ),
    "a key": ('{"jane@example.com": 1}', '{"‹email-address›": 1}'),
    "a document in a document": (
        r'{"a":"{\"body\":\"Card:\\n4111111111111111\", \"card\": 4111111111111111}"}',
        r'{"a":"{\"body\":\"Card:\\n••••••••••••1111\", \"card\": \"••••••••••••1111\"}"}',
    ),
}


@pytest.mark.parametrize(("raw", "expected"), ESCAPED.values(), ids=ESCAPED)
def test_personal_data_in_arguments_is_found_and_the_arguments_stay_valid(raw: str, expected: str) -> None:
    assert json.loads(expected)
    for pieces in ([raw], by_character(raw), *every_cut(raw)):
        assert text_of(guarded("pii-redact", pieces)) == expected


def test_a_password_is_known_by_its_key() -> None:
    raw = r'{"a":"{\"password\":\"Zk3Lm8Vt2XbN7wQ9\"}","password":"Zk3Lm8Vt2XbN7wQ9"}'
    expected = r'{"a":"{\"password\":\"‹secret›\"}","password":"‹secret›"}'
    assert text_of(guarded("default", by_character(raw))) == expected


@pytest.mark.parametrize("token", [r"\u0067hp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
                                   r"ghp\u005fA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"])  # fmt: skip
def test_a_call_with_a_token_of_escaped_characters_is_blocked_as_a_whole(token: str) -> None:
    for pieces in all_cuts('{"k": "' + token + '"}'):
        outputs = guarded("secrets-block", pieces)
        assert text_of(outputs) == ""
        assert [each.position for each in outputs if isinstance(each, Blocked)] == [0]


@pytest.mark.slow
def test_a_name_with_escaped_letters_is_replaced_as_a_whole() -> None:
    raw = r'{"body": "My name is J\u00f6rg M\u00fcller from K\u00f6ln."}'
    expected = r'{"body": "My name is ‹name› from K\u00f6ln."}'
    assert {text_of(guarded("pii-names", pieces)) for pieces in ([raw], by_character(raw))} == {expected}
