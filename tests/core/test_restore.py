"""Stand-ins: a value never leaves towards the model, and no stand-in reaches a tool."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.offline import Guarded, guard
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan, StandIn
from sidecar.policy.stand_ins import Kept, StandIns, StandInSource
from sidecar.summary import is_violation
from sidecar.values import Action, Channel, Direction, FailureKind, Lane, Part
from tests.streams import all_cuts, by_character, cut_at, cuts_of
from tests.test_laws import aws_key, github_token

POLICIES = Path(__file__).parents[2] / "policies"
USER = Lane(part=Part.USER)
CALL = Lane(channel=Channel.TOOL_ARGUMENTS)
SAID = Lane()

VALUES = (
    "jane.doe@acme.org",
    "bob@acme.net",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "378282246310005",
    "+1 415 555 2671",
    "(415) 555-2671",
    "192.168.10.27",
    "10.0.0.12",
    "fe80::1ff:fe23:4567:890a",
    "00:1B:44:11:3A:B7",
    "GB33BUKB20201555555555",
    "536-22-8726",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    github_token(1),
    aws_key(2),
)
FILLER = ("", " ", "\n", "x = ", "'", '"', "\\", "é", "👩🏽‍💻", "{", "+", "-", " said ", ", ", "漢", "\t", "$(", "@@ ")


@cache
def policy(text: str = "") -> Plan:
    """Personal data and secrets have stand-ins."""
    if not text:
        (one,) = compile_file(POLICIES / "pii-redact.yaml", public_keys()).policies
        return one[1]
    return compiled(text)


def compiled(rules: str) -> Plan:
    folder = Path(_folder())
    path = folder / "policy.yaml"
    head = "apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: default, version: '1'}\n"
    path.write_text(head + rules)
    file = compile_file(path, public_keys())
    assert not file.errors
    return file.policies[0][1]


@cache
def _folder() -> str:
    import tempfile

    return tempfile.mkdtemp()


BOTH = """
rules:
  - {id: secrets, detect: {detector: secrets}, action: {redact: {with: stand_in}}}
  - {id: data, detect: {detector: pii}, action: {redact: {with: stand_in}}}
"""


def source(*, max_entries: int = 1000) -> StandInSource:
    return StandInSource(b"k" * 32, Kept(max_bytes=1 << 20, max_entries=max_entries))


def asked(book: StandIns, *texts: str, plan: Plan | None = None) -> list[str]:
    """What a model is sent: each text is a message."""
    parts = [(Lane(part=Part.USER, item=number), text) for number, text in enumerate(texts)]
    guarded = guard(plan or policy(BOTH), parts, direction=Direction.INPUT, stand_ins=book)
    return [guarded.text(lane) for lane, _ in parts]


def answered(book: StandIns, pieces: Sequence[str], lane: Lane = CALL, plan: Plan | None = None) -> Guarded:
    return guard(plan or policy(BOTH), [(lane, piece) for piece in pieces], stand_ins=book)


def stand_ins_of(book: StandIns, values: Sequence[str], plan: Plan | None = None) -> list[str]:
    return asked(book, *(f"note: {value}" for value in values), plan=plan)


def body(texts: Sequence[str]) -> list[str]:
    return [text.removeprefix("note: ") for text in texts]


# -- round trips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES)
def test_a_value_goes_out_as_another_one_and_comes_back_wherever_it_is_cut(value: str) -> None:
    book = source().book("", "")
    (sent,) = asked(book, f"note: {value}")
    stand_in = sent.removeprefix("note: ")
    assert value not in sent
    raw = json.dumps({"path": "notes.txt", "content": f"before {stand_in} behind"})
    expected = json.dumps({"path": "notes.txt", "content": f"before {value} behind"})
    for pieces in all_cuts(raw):
        assert answered(book, pieces).text() == expected


@st.composite
def mixtures(draw: st.DrawFn) -> list[tuple[str, bool]]:
    """Pieces of a text, each a value or something else."""
    piece = st.sampled_from([(each, True) for each in VALUES]) | st.sampled_from([(each, False) for each in FILLER])
    return draw(st.lists(piece, min_size=1, max_size=8))


@given(mixture=mixtures(), depth=st.integers(0, 3), data=st.data())
def test_what_a_tool_is_handed_is_what_it_would_have_been_without_a_guard(
    mixture: list[tuple[str, bool]], depth: int, data: st.DataObject
) -> None:
    book = source().book("", "")
    values = [text for text, is_value in mixture if is_value]
    out = iter(body(stand_ins_of(book, values)))
    written = "|".join(next(out) if is_value else text for text, is_value in mixture)
    meant = "|".join(text for text, _ in mixture)
    for _ in range(depth + 1):
        written, meant = json.dumps({"a": written}), json.dumps({"a": meant})
    guarded = answered(book, data.draw(cuts_of(written)))
    assert json.loads(guarded.text()) == json.loads(meant)
    assert guarded.text() == answered(book, [written]).text()
    assert guarded.leaked_chars == 0


@given(mixture=mixtures(), data=st.data())
def test_no_value_leaves_towards_the_model(mixture: list[tuple[str, bool]], data: st.DataObject) -> None:
    text = "; ".join(piece for piece, _ in mixture)
    values = [piece for piece, is_value in mixture if is_value]
    whole = asked(source().book("", ""), text)
    plan, book = policy(BOTH), source().book("", "")
    cut = guard(plan, [(USER, piece) for piece in data.draw(cuts_of(text))], direction=Direction.INPUT, stand_ins=book)
    assert [cut.text()] == whole
    assert cut.leaked_chars == 0
    assert not [value for value in values if value in cut.text()]


PATCH = """*** Begin Patch
*** Update File: config.py
@@
-MAIL = "{0}"
+MAIL = "{0}"  # {1}
 HOST = '{1}'
*** End Patch
"""
SHELL = "curl -H \"Authorization: Bearer {0}\" https://example.org/{1}?x={1} | grep -c '{0}'"


@given(
    first=st.sampled_from(VALUES),
    second=st.sampled_from(VALUES),
    form=st.sampled_from((PATCH, SHELL, "{0}x{1}", "{0}\n{1}, {0}", "é{0}漢{1}")),
    data=st.data(),
)
def test_patches_and_commands_are_put_back_to_the_byte(first: str, second: str, form: str, data: st.DataObject) -> None:
    book = source().book("", "")
    one, two = body(stand_ins_of(book, [first, second]))
    for made in (lambda text: text, lambda text: json.dumps({"command": ["bash", "-lc", text]})):
        written, meant = made(form.format(one, two)), made(form.format(first, second))
        assert answered(book, data.draw(cuts_of(written))).text() == meant


@given(first=st.sampled_from(VALUES), data=st.data())
def test_a_quoted_stand_in_is_one_word_where_its_value_is(first: str, data: st.DataObject) -> None:
    book = source().book("", "")
    (stand_in,) = body(stand_ins_of(book, [first]))
    restored = answered(book, data.draw(cuts_of(f"grep {shlex.quote(stand_in)!s} 'a b'"))).text()
    if shlex.quote(stand_in) != stand_in or shlex.quote(first) == first:
        assert shlex.split(restored) == ["grep", first, "a b"]


# -- histories --------------------------------------------------------------------------------------------------------


@given(turns=st.lists(mixtures(), min_size=1, max_size=4))
def test_a_request_is_a_prefix_of_the_next_one(turns: list[list[tuple[str, bool]]]) -> None:
    history: list[str] = []
    sent: list[str] = []
    for turn in turns:
        history.append(" ".join(piece for piece, _ in turn))
        longer = asked(source().book("", ""), *history)
        assert longer[: len(sent)] == sent
        sent = longer


@given(values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4), data=st.data())
def test_a_stand_in_in_a_history_stays_and_is_no_finding(values: list[str], data: st.DataObject) -> None:
    """In text that the model wrote, after a compaction, in another process: it is known by its key."""
    said = "; ".join(body(stand_ins_of(source().book("", ""), values)))
    later = source().book("", "")
    guarded = guard(
        policy(BOTH),
        [(USER, piece) for piece in data.draw(cuts_of(f"Before: {said}. Now?"))],
        direction=Direction.INPUT,
        stand_ins=later,
    )
    assert guarded.text() == f"Before: {said}. Now?"
    assert guarded.decisions == ()


def test_a_value_comes_back_after_its_message_was_left_out_of_the_history() -> None:
    makes = source()
    (stand_in,) = asked(makes.book("a", ""), VALUES[0])
    later = makes.book("a", "")
    assert asked(later, f"Earlier you saw {stand_in}.") == [f"Earlier you saw {stand_in}."]
    assert answered(later, [json.dumps({"to": stand_in})]).text() == json.dumps({"to": VALUES[0]})


def test_a_value_that_holds_a_stand_in_comes_back_as_a_whole() -> None:
    book = source().book("", "")
    (token,) = asked(book, github_token(5))
    (address,) = asked(book, f"postgres://app:{token}@db.internal/x")
    written = json.dumps({"url": address})
    assert answered(book, [written]).text() == json.dumps({"url": f"postgres://app:{github_token(5)}@db.internal/x"})


def test_a_call_with_a_stand_in_whose_value_nobody_knows_does_not_leave() -> None:
    (stand_in,) = asked(source().book("", ""), VALUES[0])
    written = json.dumps({"path": "a", "content": f"to {stand_in}"})
    for pieces in all_cuts(written):
        guarded = answered(source().book("", ""), pieces)
        assert guarded.blocked is not None
        assert guarded.text() == written[: written.index(stand_in)]
        [told] = guarded.decisions
        assert told.failure is not None
        assert (told.done, told.failure.kind) == (Action.BLOCK, FailureKind.ERROR)
    said = answered(source().book("", ""), [f"to {stand_in}"], SAID)
    assert (said.text(), said.decisions) == (f"to {stand_in}", ())


@pytest.mark.slow
def test_a_name_that_the_model_reads_comes_back_and_is_known_in_a_history() -> None:
    (names,) = compile_file(POLICIES / "pii-names.yaml", public_keys()).policies
    plan, book = names[1], source().book("", "")
    (sent,) = asked(book, "My name is Anna Smith.", plan=plan)
    name = sent.removeprefix("My name is ").removesuffix(".")
    assert name not in ("", "Anna Smith")
    history = f"The letter is from {name}. {name} lives in Oslo, and {name} is glad."
    guarded = guard(plan, [(USER, history)], direction=Direction.INPUT, stand_ins=book)
    assert (guarded.text(), guarded.decisions) == (history, ())
    written = json.dumps({"from": name, "text": f"Dear {name}'s friends"})
    for pieces in (by_character(written), [written]):
        meant = json.dumps({"from": "Anna Smith", "text": "Dear Anna Smith's friends"})
        assert answered(book, pieces, plan=plan).text() == meant


def test_a_stand_in_blocks_nothing_whatever_it_looks_like() -> None:
    """Not where text of another lane comes behind it, either."""
    block = "  - {id: words, detect: {detector: patterns, keywords: {W: [example]}}, action: block}\n"
    plan, book = policy(BOTH + block), source().book("", "")
    (stand_in,) = asked(book, VALUES[0], plan=plan)
    thoughts, text = Lane(channel=Channel.REASONING), f"ask {stand_in}"
    for pieces in all_cuts(text):
        parts = [*((SAID, piece) for piece in pieces), (thoughts, "well"), (SAID, f" or {stand_in}")]
        guarded = guard(plan, parts, stand_ins=book)
        assert (guarded.blocked, guarded.text(SAID), guarded.decisions) == (None, f"{text} or {stand_in}", ())
    assert guard(plan, [(SAID, "an example")], stand_ins=book).blocked is not None


# -- tenants and sessions ---------------------------------------------------------------------------------------------

PLACES = [(tenant, session) for tenant in ("", "a", "b") for session in ("", "1", "2")]


@given(value=st.sampled_from(VALUES), own=st.sampled_from(PLACES), other=st.sampled_from(PLACES), data=st.data())
def test_nothing_comes_out_at_another_tenant_or_session(
    value: str, own: tuple[str, str], other: tuple[str, str], data: st.DataObject
) -> None:
    makes = source()
    (stand_in,) = body(stand_ins_of(makes.book(*own), [value]))
    written = json.dumps({"x": stand_in})
    there = makes.book(*other)
    asked(there, "something else: 10.9.8.7")
    guarded = answered(there, data.draw(cuts_of(written)))
    assert guarded.text() == (json.dumps({"x": value}) if own == other else written)


@given(values=st.lists(st.sampled_from(VALUES), min_size=2, max_size=6), data=st.data())
def test_sessions_side_by_side_get_their_own(values: list[str], data: st.DataObject) -> None:
    makes = source()
    books = [makes.book("t", f"s{number}") for number in range(len(values))]
    sent = [stand_ins_of(book, [value]) for book, value in zip(books, values, strict=True)]
    written = [json.dumps({"x": body(each)[0]}) for each in sent]
    assert len(set(written)) == len(values)
    for at in data.draw(st.permutations(range(len(values)))):
        assert json.loads(answered(books[at], by_character(written[at])).text()) == {"x": values[at]}


def test_a_value_is_the_same_for_all_sessions_of_a_tenant_where_the_rule_says_so() -> None:
    plan = policy(BOTH.replace("with: stand_in", "with: stand_in, same_within: tenant"))
    makes = source()
    sent = {tuple(stand_ins_of(makes.book("t", session), [VALUES[0]], plan)) for session in ("", "1", "2")}
    assert len(sent) == 1
    assert tuple(stand_ins_of(makes.book("u", "1"), [VALUES[0]], plan)) not in sent


# -- what is no stand-in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["mail.abcdefghij@example.com", "9457 3626 8306 2995", "+999 1234 5678 9012", "244.1.2.3", "tok_abcdefghijklmnop"],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    book = source().book("", "")
    asked(book, *VALUES)
    written = json.dumps({"x": text})
    for pieces in (cut_at(written, [each]) for each in range(len(written))):
        assert answered(book, pieces).text() == written


def test_two_values_that_would_share_a_stand_in_have_two() -> None:
    """IPv4 has the fewest: of a thousand addresses some meet."""
    values = [f"10.{number // 250}.{number % 250}.9" for number in range(1000)]
    book = source(max_entries=5000).book("", "")
    sent = asked(book, *(f"host {value} is up" for value in values))
    hosts = [text.removeprefix("host ").removesuffix(" is up") for text in sent]
    assert len(set(hosts)) == len(values)
    written = json.dumps(hosts)
    assert json.loads(answered(book, [written]).text()) == values


def test_more_values_than_a_form_has_are_told_apart_all_the_same() -> None:
    book, rule = source(max_entries=0).book("", ""), StandIn(frozenset({Channel.TOOL_ARGUMENTS}))
    values = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(70_000)]
    made = [book.put(value, "IP_ADDRESS", rule) for value in values]
    assert len(set(made)) == len(values)
    assert book.put(values[-1], "IP_ADDRESS", rule) == made[-1]


# -- where it comes back ----------------------------------------------------------------------------------------------


def test_text_keeps_the_stand_in_unless_the_policy_has_it_put_back() -> None:
    book = source().book("", "")
    (sent,) = stand_ins_of(book, [VALUES[0]])
    assert answered(book, by_character(sent), SAID).text() == sent
    assert answered(book, by_character(sent), SAID).decisions == ()
    plan = policy(BOTH.replace("with: stand_in", "with: stand_in, restore: [tool_arguments, content]"))
    book = source().book("", "")
    (sent,) = stand_ins_of(book, [VALUES[0]], plan)
    restored = answered(book, by_character(sent), SAID, plan)
    assert restored.text() == f"note: {VALUES[0]}"
    assert restored.decisions == ()
    assert [(each.is_restored, each.start, each.end) for each in restored.redactions] == [(True, 6, len(sent))]


def test_the_request_s_policy_says_where_whatever_the_answer_s_is() -> None:
    book = source().book("", "")
    (sent,) = body(stand_ins_of(book, [VALUES[0]]))
    other = policy("rules:\n  - {id: words, detect: {detector: patterns, keywords: {W: [zebra]}}, action: block}\n")
    written = json.dumps({"to": sent, "n": 1})
    for pieces in all_cuts(written):
        assert answered(book, pieces, plan=other).text() == json.dumps({"to": VALUES[0], "n": 1})


def test_a_number_that_stood_for_a_number_is_one_again() -> None:
    book = source().book("", "")
    lane = Lane(part=Part.TOOL_RESULT, channel=Channel.TOOL_ARGUMENTS)
    sent = guard(policy(BOTH), [(lane, '{"card": 378282246310005}')], direction=Direction.INPUT, stand_ins=book).text()
    assert isinstance(json.loads(sent)["card"], int)
    assert answered(book, by_character(sent)).text() == '{"card": 378282246310005}'


@given(value=st.sampled_from(VALUES), data=st.data())
def test_what_the_model_itself_hands_to_a_tool_stays_and_is_told(value: str, data: st.DataObject) -> None:
    """A replacement would be written into files: a call that may not leave is for a rule that blocks."""
    written = json.dumps({"content": f"note: {value}"})
    guarded = answered(source().book("", ""), data.draw(cuts_of(written)))
    assert guarded.text() == written
    assert guarded.leaked_chars == 0
    told = [each for each in guarded.decisions if is_violation(each)]
    assert told
    assert {(each.decided, each.done) for each in told} == {(Action.ANNOTATE, Action.ANNOTATE)}


def test_interleaved_calls_are_put_back_each() -> None:
    book = source().book("", "")
    one, two = body(stand_ins_of(book, VALUES[:2]))
    lanes = [Lane(channel=Channel.TOOL_ARGUMENTS, item=number) for number in (0, 1)]
    texts = [json.dumps({"to": each}) for each in (one, two)]
    chunks = itertools.chain.from_iterable(zip(by_character(texts[0]), by_character(texts[1]), strict=False))
    parts = list(zip(itertools.cycle(lanes), chunks, strict=False))
    rest = [(lane, text[min(map(len, texts)) :]) for lane, text in zip(lanes, texts, strict=True)]
    guarded = guard(policy(BOTH), [*parts, *rest], stand_ins=book)
    assert [guarded.text(lane) for lane in lanes] == [json.dumps({"to": each}) for each in VALUES[:2]]


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_what_is_kept_is_bounded_and_a_tenant_cannot_wash_out_another_one() -> None:
    makes = source(max_entries=10)
    (quiet,) = asked(makes.book("quiet", ""), VALUES[0])
    for number in range(100):
        asked(makes.book("loud", ""), f"10.0.{number}.1")
    assert makes.kept.entries <= 10
    assert answered(makes.book("quiet", ""), [quiet]).text() == VALUES[0]


def test_nothing_shows_a_value() -> None:
    book = source().book("", "")
    asked(book, VALUES[0])
    assert VALUES[0] not in repr(book) + repr(vars(book)) + repr(book._entries)


# -- what is withheld -------------------------------------------------------------------------------------------------


def test_what_is_withheld_is_in_no_book() -> None:
    rules = "rules:\n  - {id: bad, detect: {detector: patterns, keywords: {BAD: [badly]}}, action: {withhold: {}}}\n"
    plan, makes = policy(BOTH.replace("rules:\n", rules)), source()
    result, asks = Lane(part=Part.TOOL_RESULT), Lane(1, part=Part.USER)
    for text, number in ((f"{VALUES[0]} went badly", 0), (f"{VALUES[0]} went well", 1)):
        book = makes.book("a", "")
        parts = [(result, text), (asks, "go on")]
        guarded = guard(plan, parts, direction=Direction.INPUT, stand_ins=book, history=frozenset({result}))
        assert VALUES[0] not in guarded.text(result)
        assert (book.is_used, makes.kept.entries) == (bool(number), number)
