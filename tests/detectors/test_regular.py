r"""The regular engine: the same matches as `re` over the whole text, however the text arrives, and no more held than
must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.text.regular import Finder, NotRegular, RegularScanner, Rule, Watch, keywords, parse
from detectors.text.regular.charset import CharSet, category, coarse
from detectors.types import Finding

ALPHABET = "aAbk1 -_\né\u212a٣\U0001f600\u0301\ud800"
ATOMS = [*"abk1 -é", r"\w", r"\d", r"\s", "[a-b1]", "[^a]", "[ab]", r"[\wé-]", r"[^\s]", "."]
PLACES = [r"\b", r"\B", "(?m:^)", "(?m:$)", r"\A", r"\Z"]
COUNTS = ["?", "*", "+", "{2}", "{1,3}", "{2,}", "*?", "+?", "??", "{1,3}?"]


def patterns() -> st.SearchStrategy[str]:
    """Regular expressions that match no empty text, over the small alphabet."""
    atom = st.sampled_from(ATOMS)
    unit = st.builds(lambda a, c: a + c, atom, st.sampled_from(["", "", *COUNTS]))
    piece = st.one_of(unit, atom, st.sampled_from(PLACES))
    body = st.lists(piece, min_size=1, max_size=4).map("".join)
    group = st.builds(lambda x, y, c: f"(?:{x}|{y}){c}", body, body, st.sampled_from(["", "?", "{1,2}", "{2}"]))
    full = st.lists(st.one_of(body, group), min_size=1, max_size=3).map("".join)
    flags = st.sampled_from(["", "(?i)", "(?a)", "(?s)", "(?ai)"])
    return st.builds(
        lambda f, left, core, right: f + left + core + right, flags, full, atom, st.sampled_from(["", r"\b", "(?m:$)"])
    ).filter(_is_usable)


def _is_usable(pattern: str) -> bool:
    return re.compile(pattern).match("") is None


texts = st.text(alphabet=ALPHABET, max_size=24)


def cuts_of(text: str) -> st.SearchStrategy[list[int]]:
    """Where a text arrives in pieces."""
    return st.lists(st.integers(0, len(text)), max_size=8).map(sorted)


def scan(scanner: RegularScanner, text: str, ends: Iterable[int], *, context: int | None = None) -> list[Finding]:
    """Feed a text that has arrived up to each of `ends`, then all of it, with as little left context as is allowed."""
    found: list[Finding] = []
    run = scanner.start()
    for end in [*ends, None]:
        offset = max(0, run.cleared - (scanner.look_behind if context is None else context))
        before = run.cleared
        new = run.advance(text[offset:end], offset, is_final=end is None)
        assert before <= run.cleared <= (len(text) if end is None else end)
        assert all(finding.start < run.cleared for finding in new)
        assert all(finding.start >= before for finding in new)
        assert end is None or end - run.cleared <= scanner.look_ahead
        found += new
    assert run.cleared == len(text)
    return found


def spans(pattern: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(pattern, text)]


@given(patterns(), texts, st.data())
@example(r"\bé+\b", "aé é", None)
@example("(?i)k", "\u212aK", None)
def test_a_scan_finds_what_re_finds_over_the_whole_text(pattern: str, text: str, data: st.DataObject | None) -> None:
    scanner = RegularScanner("test", [Rule("X", pattern, 1.0)], max_repeat_chars=32)
    expected = spans(pattern, text)
    for ends in ([], list(range(len(text))), data.draw(cuts_of(text)) if data else []):
        assert [(found.start, found.end) for found in scan(scanner, text, ends)] == expected


@given(st.lists(patterns(), min_size=2, max_size=4), texts, st.data())
def test_rules_do_not_disturb_one_another(rules: list[str], text: str, data: st.DataObject) -> None:
    scanner = RegularScanner(
        "test", [Rule(str(number), pattern, 1.0) for number, pattern in enumerate(rules)], max_repeat_chars=32
    )
    expected = sorted(
        Finding(*span, str(number), 1.0) for number, pattern in enumerate(rules) for span in spans(pattern, text)
    )
    assert scan(scanner, text, []) == expected
    assert scan(scanner, text, data.draw(cuts_of(text))) == expected


@given(patterns(), texts)
def test_every_prefix_of_a_match_is_held(pattern: str, text: str) -> None:
    watch = Watch([parse(pattern)], max_repeat_chars=32)
    data = watch.encode(text)
    for start, end in spans(pattern, text):
        assert all(watch.hold(data[:cut], 0) <= start for cut in range(start + 1, end + 1))


LOOKS = [r"(?=a)", r"(?!a)", r"(?<=a)", r"(?<!\d)", r"(?=\w+-)", r"(?!b1)"]


@given(
    st.lists(st.sampled_from([*ATOMS, *LOOKS, "(a|b)", r"a+", r"\w{1,3}", r"(?>a+)", "1*+"]), min_size=1, max_size=5),
    st.booleans(),
    texts,
)
def test_a_watch_never_misses_a_pattern_with_look_arounds(parts: list[str], again: bool, text: str) -> None:
    pattern = "(k|b)" + "".join(parts) + (r"\1" if again else "")
    watch = Watch([parse(pattern)], max_repeat_chars=32)
    data = watch.encode(text)
    for end in range(len(text) + 1):
        hold = watch.hold(data[:end], 0)
        decided = {span for span in spans(pattern, text[:end]) if span[0] < hold}
        assert decided == {span for span in spans(pattern, text) if span[0] < hold}
    for start, _ in spans(pattern, text):
        assert watch.matching(data, 0, start + 1) == range(1)


@pytest.mark.parametrize(
    ("arrived", "held"),
    (
        ("pay 4111 11", "4111 11"),
        ("pay 4111 a", ""),
        ("pay 4111 apples", ""),
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 ", "1111 1111 1111 "),  # another could begin in the middle of this one
        ("4111 1111 1111 1111 x", ""),
        ("41111", "41111"),
        ("41111 ", ""),
        ("x4111", ""),
        ("12 34 5", "5"),
    ),
)
def test_only_what_may_become_a_card_number_is_held(arrived: str, held: str) -> None:
    watch = Watch([parse(r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b")])
    assert arrived[watch.hold(watch.encode(arrived), 0) :] == held


@pytest.mark.parametrize(
    ("pattern", "reason", "position"),
    (
        (r"ab(?=c)", "look-around", 2),
        (r"[(?=](?<!a)b", "look-around", 5),
        (r"\(?(a)b\1", "back-reference", 7),
        (r"(?P<x>a)(?P=x)", "back-reference", 8),
        (r"a++b", "possessive", 1),
        (r"a(?>b)", "atomic", 1),
        (r"(a)?(?(1)b|c)", "conditional", 4),
        (r"a*", "empty text", None),
        (r"(?:a{1,200}b){1,9}", "1809 characters", None),
        (r"a(b", "not a valid regular expression", 1),
    ),
)
def test_a_pattern_that_cannot_run_in_linear_time_is_refused_by_name_and_place(
    pattern: str, reason: str, position: int | None
) -> None:
    with pytest.raises(NotRegular, match=reason) as refused:
        RegularScanner("test", [Rule("X", pattern, 1.0)])
    assert refused.value.position == position


def test_a_pattern_that_runs_away_in_re_is_fine_here() -> None:
    scanner = RegularScanner("test", [Rule("X", r"(a+)+b", 1.0)])
    assert scan(scanner, "a" * 3000 + " aaab", range(0, 3000, 7)) == [Finding(3001, 3005, "X", 1.0)]


def test_an_unbounded_repeat_is_bounded() -> None:
    found = scan(RegularScanner("test", [Rule("X", "xa+", 1.0)], max_repeat_chars=10), "x" + "a" * 50, [])
    assert [(one.start, one.end) for one in found] == [(0, 11)]


class _Counting:
    """A machine's search that counts the characters it was given."""

    def __init__(self, search: Callable[[bytes, int, int], list[tuple[int, int]]]) -> None:
        self._search, self.chars = search, 0

    def __call__(self, data: bytes, begin: int, end: int) -> list[tuple[int, int]]:
        self.chars += end - begin
        return self._search(data, begin, end)


@pytest.mark.parametrize("text", ("1" * 4000, "1a" * 2000, "the quick brown fox 12 " * 200, "111-111-1x" * 400))
def test_filters_read_each_character_a_bounded_number_of_times(text: str) -> None:
    scanner = RegularScanner("test", [Rule("X", r"(?:\d{1,3}-?){1,40}x", 1.0), Rule("Y", r"\d{200}y", 1.0)])
    gate = _Counting(scanner.watch._gate)
    scanner.watch._gate = gate
    scan(scanner, text, range(len(text)))
    assert gate.chars <= 66 * len(text)


@given(
    st.sets(st.text(alphabet="abAé 1+", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=12),
    texts,
    st.booleans(),
    st.booleans(),
)
def test_keywords_are_found_as_an_alternation_would(
    terms: set[str], text: str, ignore_case: bool, whole_words: bool
) -> None:
    tree = keywords(terms, ignore_case=ignore_case, whole_words=whole_words)
    scanner = RegularScanner("test", [Rule("X", tree, 1.0)])
    found = [(one.start, one.end) for one in scan(scanner, text, range(len(text)))]
    assert found == spans(_alternation(terms, ignore_case=ignore_case, whole_words=whole_words), text)


def _alternation(terms: Iterable[str], *, ignore_case: bool, whole_words: bool) -> str:
    def one(term: str) -> str:
        words = " ".join(term.split())
        left = r"\b" if whole_words and words[0].isalnum() else ""
        right = r"\b" if whole_words and words[-1].isalnum() else ""
        return left + re.escape(words).replace(r"\ ", r"\s{1,4}") + right

    longest_first = sorted({" ".join(term.split()) for term in terms}, key=len, reverse=True)
    return ("(?i)" if ignore_case else "") + "|".join(map(one, longest_first))


def test_a_pattern_of_many_characters_is_read_in_pairs_of_bytes() -> None:
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 300)]
    pattern = "(?:" + "|".join(f"x{letter}{{1,2}}[^x{letter}]" for letter in letters) + ")"
    text = f"éx{letters[3]}{letters[3]}a, x{letters[299]}\nx{letters[299]}x"
    finder = Finder(parse(pattern))
    assert [found[:2] for found in finder.find(text, 0, len(text))] == spans(pattern, text) != []


def test_patterns_that_tell_the_same_characters_apart_share_an_alphabet_and_others_do_not() -> None:
    one, other, third = (Finder(parse(pattern)) for pattern in (r"\bab\d", r"\b\dba", r"ab\d"))
    assert one._alphabet is other._alphabet is not third._alphabet
    text = "ab1 1ba ab1"
    assert [found[:2] for found in one.find(text, 0, len(text))] == spans(r"\bab\d", text)
    assert [found[:2] for found in other.find(text, 0, len(text))] == spans(r"\b\dba", text)


CLASSES = ["[a-z]", "[k]", "[^k]", r"[\w-]", r"[^\d]", "[À-ÿ]", "s", "[ß]", "[ΐ-ώ]", "İ", "ı", r"\W"]


@pytest.mark.parametrize("pattern", CLASSES)
@pytest.mark.parametrize("flags", ("", "(?i)", "(?ai)"))
def test_a_class_has_the_characters_that_re_gives_it(pattern: str, flags: str) -> None:
    node = parse(flags + pattern)
    ours = "".join(chr(c) for low, high in node.chars.ranges for c in range(low, min(high, 0x2FFF) + 1))  # type: ignore[union-attr]  # one class
    theirs = "".join(re.findall(flags + pattern, "".join(map(chr, range(0x3000)))))
    assert ours == theirs


@given(st.characters(), st.characters())
def test_the_coarse_alphabet_keeps_kinds_apart(one: str, other: str) -> None:
    alphabet = coarse()
    assert len(alphabet.encode(one + other)) == 2
    byte = alphabet.encode(one)[0]
    assert (byte < 128 and (chr(byte).isalnum() or byte == 95)) == bool(re.match(r"\w", one))
    assert byte in alphabet.bytes_of(CharSet.from_text(one + other))
    assert (ord(one) in category("w")) == bool(re.match(r"\w", one))


def test_a_finder_sees_left_of_where_it_begins() -> None:
    assert list(Finder(parse(r"\bcat\b")).find("xcat cat", 1, 8)) == [(5, 8, 5, 8)]


def test_a_group_is_the_finding_and_the_match_is_consumed() -> None:
    scanner = RegularScanner("test", [Rule("X", r"key=(?P<value>\w{2,9})", 1.0, group="value")])
    assert scan(scanner, "key=abc key=de", []) == [Finding(4, 7, "X", 1.0), Finding(12, 14, "X", 1.0)]


def test_a_check_sees_the_same_text_however_it_was_cut() -> None:
    seen: list[tuple[str, int, int]] = []

    def check(text: str, start: int, end: int) -> float | None:
        seen.append((text, start, end))
        return None

    scanner = RegularScanner("test", [Rule("X", r"b+", 1.0, check=check)], look_behind=3)
    views: list[Sequence[tuple[str, int, int]]] = []
    for ends in ([], range(12), [5, 9]):
        seen.clear()
        assert scan(scanner, "0123bbc bbbz", ends) == []
        views.append(list(seen))
    assert views == [[("123bbc", 3, 5), ("bc bbbz", 3, 6)]] * 3
