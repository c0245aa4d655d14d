"""Calls of tools, judged by name and arguments: what codecs tell of them, and what a policy makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sidecar.codec.body import StreamedAnswer, WholeBody
from sidecar.codec.weave import Text
from sidecar.core.stream import Stream
from sidecar.errors import PolicyErrors
from sidecar.offline import guard_exchange
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.policy.turns import Call, Turn, call_lanes, exchanges
from sidecar.values import Blocked, Channel, Part, Release, Tool
from tests.exchanges import EXCHANGES, Exchange

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: calls, version: "1"}\n'
DETECT = 'detector: tools, allow: [search, "files_*"], arguments: {search: {query: {max_chars: 8}}}'


def plan_of(more: str = "", action: str = "block", rest: str = "") -> Plan:
    [loaded] = load_text(f"{HEAD}{rest}rules:\n  - {{id: calls, detect: {{{DETECT}{more}}}, action: {action}}}\n")
    return compile_policy(loaded)


PLAN = plan_of()


def blocked(*calls: tuple[str, object], cut: int = 0) -> bool:
    turn = Turn(Part.MODEL, calls=tuple(Call(name, json.dumps(arguments)) for name, arguments in calls))
    [exchange] = exchanges([turn])
    spoken = [each.text for each in exchange.spoken]
    pieces = [[text[at : at + cut] for at in range(0, len(text), cut)] for text in spoken] if cut else None
    return any(isinstance(each, Blocked) for each in guard_exchange(PLAN, exchange, pieces).outputs)


@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize(
    ("calls", "is_blocked"),
    [
        ([("search", {"query": "bread"})], False),
        ([("search", {})], False),
        ([("files_read", {"path": "a long path of a file"})], False),
        ([("search", {"query": "bread and butter"})], True),
        ([("send_mail", {"to": "eve"})], True),
        ([("search", {"query": "bread"}), ("files_read", {}), ("send_mail", {})], True),
        ([("search", {"query": "bread"}), ("search", {"query": "bread and butter"})], True),
        ([("search", {"query": 'a "b" \\'})], False),
    ],
)
def test_calls_are_judged_by_name_and_arguments_however_they_are_cut(
    calls: list[tuple[str, object]], is_blocked: bool, cut: int
) -> None:
    assert blocked(*calls, cut=cut) is is_blocked


def test_nothing_of_a_call_leaves_that_is_not_in_order() -> None:
    turn = Turn(Part.MODEL, text="I mail it.", calls=(Call("send_mail", '{"to": "eve"}'),))
    [exchange] = exchanges([turn])
    outputs = guard_exchange(PLAN, exchange).outputs
    left = "".join(each.text for each in outputs if isinstance(each, Release))
    assert left == "I mail it."


def test_a_call_whose_name_nobody_tells_is_blocked() -> None:
    _, arguments = call_lanes(0)
    stream = Stream(PLAN)
    stream.read_as_json(arguments)
    stream.feed(arguments, '{"query":"bread"}')
    stream.close()
    assert isinstance(stream.next_output(), Blocked)


def test_a_rule_that_annotates_lets_the_call_leave() -> None:
    [exchange] = exchanges([Turn(Part.MODEL, calls=(Call("send_mail", "{}"),))])
    outputs = guard_exchange(plan_of(action="annotate"), exchange).outputs
    assert not any(isinstance(each, Blocked) for each in outputs)
    assert any(each.decisions for each in outputs)


def fed(exchange: Exchange) -> Iterator[Text]:
    """What a body of an answer gives to be read."""
    if exchange.half == "answer":
        yield from WholeBody(exchange.shape, exchange.data, is_request=False).texts
        return
    body = StreamedAnswer(exchange.shape, exchange.form, max_frame_bytes=1 << 20)
    for each in [*body.feed(exchange.data), *body.finish()]:
        if isinstance(each, Text):
            yield each


NAMELESS = "patch"
"""An exchange with a call of a provider's own tool, which has no name."""


@pytest.mark.parametrize(
    "exchange", [each for each in EXCHANGES if each.half != "request" and each.name != NAMELESS], ids=str
)
def test_every_shape_tells_what_its_calls_call(exchange: Exchange) -> None:
    calls = [each for each in fed(exchange) if each.lane.channel is Channel.TOOL_ARGUMENTS and each.text]
    for each in calls:
        assert each.tool is not None
        assert each.tool.name, each
    names = {each.tool for each in calls if each.tool and each.tool.is_name}
    assert {Tool(each.tool.name, is_name=True) for each in calls if each.tool} <= names


@pytest.mark.parametrize("half", ["answer", "stream"])
def test_arguments_that_stand_before_their_name_are_told_it(half: str) -> None:
    shape = next(each.shape for each in EXCHANGES if each.shape.title.startswith("OpenAI chat"))
    call = {"index": 0, "id": "c1", "type": "function", "function": {"arguments": "{}", "name": "search"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    document = {"choices": [{"index": 0, "message" if half == "answer" else "delta": message}]}
    form = next(each.form for each in EXCHANGES if each.shape is shape and each.half == half)
    texts = list(fed(Exchange(shape, "odd", half, form, (document,))))  # type: ignore[arg-type]  # a literal
    assert [(each.text, each.tool) for each in texts] == [
        ("search", Tool("search", is_name=True)),
        ("{}", Tool("search")),
    ]


@pytest.mark.parametrize(
    ("more", "action", "rest", "code"),
    [
        (", channels: [content]", "block", "", "TG370"),
        (", parts: [user]", "block", "", "TG370"),
        ("", "redact", "", "TG371"),
        ("", "withhold", "", "TG371"),
        ("", "block", "stream: {tool_calls: stream}\n", "TG372"),
    ],
)
def test_what_a_rule_about_calls_cannot_do_is_refused(more: str, action: str, rest: str, code: str) -> None:
    with pytest.raises(PolicyErrors) as refused:
        plan_of(more, action, rest)
    assert code in [each.code for each in refused.value.errors]
