"""The guard in memory that applications test with: the outcome of rules, scripts, refusals; both clients."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streams import cuts_of
from tidegate import (
    Action,
    Chunk,
    DeadlineExceeded,
    GuardBlocked,
    InvalidRequest,
    Lane,
    Overloaded,
    Passage,
    Release,
    SidecarFault,
    Span,
    Summary,
    TidegateError,
    Unavailable,
    UnknownPolicy,
    Verdict,
)
from tidegate.testing import Guard, annotate, block, redact
from tidegate.types import AnyChunk

ROOT = Path(__file__).parents[2]
RULES = (redact("ann@x.org", "[EMAIL]"), redact("ann@x"), block("launch code", "Not that."), annotate("perhaps"))


# -- an application and its test, as the documentation has them -------------------------------------------------------


def answer(tokens: Sequence[str], client: object) -> str:
    """An application: it shows what may be shown, and the policy's words where it was stopped."""
    shown = ""
    try:
        for text in client.stream(tokens, policy="support-bot").text():  # type: ignore[attr-defined]
            shown += text
    except GuardBlocked as blocked:
        shown += blocked.message
    return shown


def test_an_application_is_tested_without_a_sidecar() -> None:
    guard = Guard(redact("ann@x.org", "[EMAIL]"), block("launch code", "I cannot say that."))
    assert answer(["Write to an", "n@x.", "org, the launch ", "code is 7"], guard.client()) == (
        "Write to [EMAIL], the I cannot say that."
    )
    [call] = guard.calls
    assert call.options == {"policy": "support-bot", "direction": "output"}
    assert call.text.startswith("Write to ann@x.org")


def test_it_needs_nothing_of_the_service() -> None:
    """Neither what the service is made of, nor what it brings."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['sidecar', 'detectors', 'google.rpc', 'numpy', 'msgspec']));"
        "from tidegate.testing import Guard, redact;"
        "print(Guard(redact('b')).client().check('abc').text)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "a[REDACTED]c\n"


# -- rules ------------------------------------------------------------------------------------------------------------


def _streamed(guard: Guard, chunks: Sequence[str]) -> tuple[str, str | None, Summary]:
    stream = guard.client().stream(chunks, on_block="yield")
    shown = list(stream)
    summary = stream.summary
    assert summary is not None
    blocked = [each.message for each in shown if isinstance(each, Verdict)]
    return "".join(each.text for each in shown if isinstance(each, Release)), next(iter(blocked), None), summary


@pytest.mark.parametrize(
    ("text", "shown", "message", "action"),
    [
        ("nothing here", "nothing here", None, Action.ALLOW),
        ("", "", None, Action.ALLOW),
        ("to ann@x.org!", "to [EMAIL]!", None, Action.REDACT),
        ("to ann@x.or", "to [REDACTED].or", None, Action.REDACT),
        ("the launch code", "the ", "Not that.", Action.BLOCK),
        ("ann@x.org launch code ann@x.org", "[EMAIL] ", "Not that.", Action.BLOCK),
        ("perhaps", "perhaps", None, Action.ANNOTATE),
    ],
)
def test_rules_act_however_the_text_is_cut(text: str, shown: str, message: str | None, action: Action) -> None:
    for chunks in ([text], list(text), [text[:3], text[3:]]):
        out, blocked, summary = _streamed(Guard(*RULES), chunks)
        assert (out, blocked, summary.action) == (shown, message, action)
    result = Guard(*RULES).client().check(text)
    assert (result.text, result.verdict and result.verdict.message, result.action) == (shown, message, action)


@given(st.data())
def test_no_cut_changes_what_comes_out(data: st.DataObject) -> None:
    words = st.sampled_from(["ann@x.org", "ann@x", "launch code", "launch ", "a", " ", "é"])
    text = data.draw(st.lists(words, max_size=8).map("".join))
    whole, cut = (_streamed(Guard(*RULES), chunks) for chunks in ([text], data.draw(cuts_of(text))))
    assert cut == whole
    assert "ann@x" not in whole[0]


def test_places_are_those_of_the_text_and_of_the_message() -> None:
    guard = Guard(redact("bb", "[xx]"))
    [first, second, summary] = guard.client().stream(["a bb", " a bb"])
    assert isinstance(first, Release)
    assert isinstance(second, Release)
    assert [(each.span, each.replacement) for each in first.redactions] == [(Span(2, 4), Span(2, 6))]
    assert [(each.span, each.replacement) for each in second.redactions] == [(Span(7, 9), Span(3, 7))]
    assert (first.input, second.input) == (Span(0, 4), Span(4, 9))
    assert isinstance(summary, Summary)
    assert [each.span for each in summary.violations] == [Span(2, 4), Span(7, 9)]
    assert [(each.received_chars, each.released_chars) for each in summary.coverage] == [(9, 9)]


def test_a_block_stops_its_choice_and_no_other() -> None:
    guard = Guard(block("bad"))
    chunks: list[AnyChunk] = [
        (0, "content", "a bad"),
        (1, "content", "fine"),
        (0, "content", " more"),
        (1, "reasoning", "!"),
    ]
    shown = list(guard.client().stream(chunks, on_block="yield"))
    assert [each.lane.choice for each in shown if isinstance(each, Verdict)] == [0]
    released: defaultdict[Lane, str] = defaultdict(str)
    for each in shown:
        if isinstance(each, Release):
            released[each.lane] += each.text
    assert released == {Lane(0): "a ", Lane(1): "fine", Lane(1, "reasoning"): "!"}


def test_the_end_of_a_lane_lets_out_what_was_held() -> None:
    chunks = [Chunk("laun"), Chunk("", ends_lane=True), Chunk("ch code", Lane(0, "reasoning"))]
    shown = [each.text for each in Guard(block("launch code")).client().stream(chunks) if isinstance(each, Release)]
    assert shown == ["laun", "ch code"]


def test_bytes_may_be_cut_inside_a_character() -> None:
    data = "né".encode()
    guard = Guard(redact("é"))
    assert "".join(guard.client().stream([data[:2], data[2:]]).text()) == "n[REDACTED]"
    assert guard.calls[0].text == "né"


def test_a_rule_needs_words() -> None:
    with pytest.raises(ValueError, match="needs words"):
        redact("")


def test_what_was_sent_is_kept() -> None:
    guard = Guard()
    options = {"tenant": "t", "labels": {"a": "b"}, "context": {"doc": "text"}, "direction": "input"}
    client = guard.client()
    list(client.stream(["a", Passage("more", "p"), (1, "reasoning", "b")], **options))  # type: ignore[arg-type]
    client.check("c", prompt="why")
    stream, check = guard.calls
    assert stream.options == {**options, "context": [("doc", "text")]}
    assert (stream.texts, stream.passages) == ({Lane(): "a", Lane(1, "reasoning"): "b"}, [Passage("more", "p")])
    assert (check.options, check.text) == ({"prompt": "why", "direction": "output"}, "c")
    assert stream.is_finished


# -- scripts ----------------------------------------------------------------------------------------------------------

STOP = Verdict(rule="no-secrets", label="secret", message="No.", position=6)


def test_a_script_is_played_a_step_for_each_chunk_and_the_rest_at_the_end() -> None:
    sent: list[str] = []

    def tokens() -> Iterator[str]:
        for token in ("x", "y"):
            sent.append(token)
            yield token

    stream = (
        Guard.scripted("Hello ", "world", Release("!", input=Span(11, 12)), STOP)
        .client()
        .stream(tokens(), on_block="yield")
    )
    seen = [(each.text if isinstance(each, Release) else type(each).__name__, len(sent)) for each in stream]
    assert seen == [("Hello ", 1), ("world", 2), ("!", 2), ("Verdict", 2), ("Summary", 2)]
    assert stream.summary is not None
    assert (stream.summary.action, stream.summary.violation_count) == (Action.BLOCK, 1)


def test_a_scripted_block_raises_as_a_real_one() -> None:
    with pytest.raises(GuardBlocked) as raised:
        list(Guard.scripted("Hello ", STOP).client().stream(["x"]))
    assert raised.value.verdict == STOP
    result = Guard.scripted("Hello ", STOP).client().check("x")
    assert (result.is_blocked, result.text) == (True, "Hello ")


REFUSALS = [
    InvalidRequest("no", field="text", reason="TOO_LONG"),
    UnknownPolicy("none", policy="x"),
    Overloaded("full", retry_after=1.5),
    Overloaded("full"),
    Unavailable("going", reason="DRAINING", retry_after=2.0),
    DeadlineExceeded("late", reason="IDLE"),
    SidecarFault("INTERNAL: broken", reason="BUG"),
]


def _same(raised: TidegateError, wanted: TidegateError) -> None:
    assert type(raised) is type(wanted)
    assert vars(raised) == vars(wanted)
    assert str(wanted) in str(raised)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: f"{type(each).__name__}-{each.reason}")
async def test_a_scripted_error_comes_as_a_real_one(refusal: TidegateError) -> None:
    guard = Guard.scripted("Hello ", refusal)
    stream = iter(guard.client().stream(["x", "y"]))
    assert isinstance(next(stream), Release)
    with pytest.raises(type(refusal)) as raised:
        next(stream)
    _same(raised.value, refusal)
    with pytest.raises(type(refusal)) as raised:
        guard.client().check("x")
    _same(raised.value, refusal)
    with pytest.raises(type(refusal)) as raised:
        await guard.async_client().check("x")
    _same(raised.value, refusal)
    with pytest.raises(type(refusal)) as raised:
        [_ async for _ in guard.async_client().stream(["x", "y"])]
    _same(raised.value, refusal)


# -- both clients -----------------------------------------------------------------------------------------------------


async def test_the_client_for_asyncio_plays_the_same() -> None:
    async def tokens() -> AsyncIterator[str]:
        for token in ("ann@", "x.org and launch", " code"):
            yield token

    guard = Guard(*RULES)
    async with guard.async_client() as client:
        stream = client.stream(tokens(), on_block="yield")
        shown = [each async for each in stream]
    assert "".join(each.text for each in shown if isinstance(each, Release)) == "[EMAIL] and "
    assert [each.message for each in shown if isinstance(each, Verdict)] == ["Not that."]
    assert stream.summary is not None
    assert (await client.check("ann@x.org")).text == "[EMAIL]"


def _failing() -> Iterator[str]:
    yield "a"
    raise LookupError("the model went away")


async def test_what_the_chunks_raise_is_raised_from_the_stream() -> None:
    with pytest.raises(LookupError):
        list(Guard().client().stream(_failing()))
    with pytest.raises(LookupError):
        [_ async for _ in Guard().async_client().stream(_failing())]


async def test_a_cancelled_stream_ends_without_more() -> None:
    stream = Guard().client().stream(["a", "b", "c"])
    seen = []
    for each in stream:
        seen.append(each)
        stream.cancel()
    assert (len(seen), stream.summary) == (1, None)
    other = Guard().async_client().stream(["a", "b", "c"])
    async for _ in other:
        other.cancel()
    assert other.summary is None


def test_the_example_in_the_clients_own_page_runs() -> None:
    example = re.findall(r"```python\n(.*?)```", (ROOT / "client/README.md").read_text(), re.DOTALL)[-1]
    exec(compile(example, "README.md", "exec"), {})
