"""Calls of tools over gRPC: their names and ids on the wire, and what a policy makes of them, however they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from typing import TypeAlias

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from sidecar.config import Grpc, Limits
from sidecar.core.stream import Stream
from sidecar.errors import CallerError
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.transport.lanes import LaneReader, arguments_of, is_json, is_name
from sidecar.values import Decision, Direction
from tests.servers import Serving, serving
from tidegate import Chunk, Lane
from tidegate.testing import Guard, redact
from tidegate.v1 import guard_pb2 as pb

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: calls, version: "1"}
stream: {max_hold_ms: 60000}
rules:
  - {id: calls, detect: {detector: tools, allow: [search], arguments: {search: {q: {max_chars: 8}}}}, action: annotate}
  - id: mail
    when: 'tool.name == "mail"'
    detect: {detector: patterns, patterns: [{label: word, regex: "secret"}]}
    action: annotate
"""


def plan_of(text: str = POLICY) -> Plan:
    [loaded] = load_text(text)
    return compile_policy(loaded)


PLAN = plan_of()
NAMED = POLICY.replace("annotate}", "block}")


def name(call: str = "", item: int = 0) -> Lane:
    return Lane(0, "tool_arguments", item=item, is_name=True, call=call)


def arguments(call: str = "", item: int = 0) -> Lane:
    return Lane(0, "tool_arguments", item=item, call=call)


@pytest_asyncio.fixture(params=["light", "grpcio"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Serving]:
    listen = Grpc.model_validate({"listen": ("127.0.0.1:0",), "server": request.param})
    async with serving(PLAN, plan_of(NAMED.replace("name: calls", "name: strict")), grpc=listen) as found:
        yield found


@pytest_asyncio.fixture
async def client(server: Serving) -> AsyncIterator[tidegate.AsyncClient]:
    async with tidegate.AsyncClient(server.address) as found:
        yield found


async def told(client: tidegate.AsyncClient, *chunks: Chunk, policy: str = "") -> list[tuple[str, Lane]]:
    """The labels of what was found, and where."""
    stream = client.stream(chunks, policy=policy, on_block="yield")
    async for _ in stream:
        pass
    assert stream.summary is not None
    return [(each.label, each.lane) for each in stream.summary.violations]


def spoken(lane: Lane) -> Lane:
    """A lane as it comes back, with whose words it is."""
    return Lane(lane.choice, lane.channel, "model", lane.item, lane.is_name, lane.call)


class TestNames:
    async def test_a_call_that_is_allowed(self, client: tidegate.AsyncClient) -> None:
        assert await told(client, Chunk("search", name()), Chunk('{"q":"bread"}', arguments())) == []

    async def test_one_that_is_not_is_told_at_its_name(self, client: tidegate.AsyncClient) -> None:
        found = await told(client, Chunk("shell", name(item=3)), Chunk("{}", arguments(item=3)))
        assert found == [("TOOL_NOT_ALLOWED", spoken(name(item=3)))]

    async def test_one_without_arguments(self, client: tidegate.AsyncClient) -> None:
        assert [label for label, _ in await told(client, Chunk("shell", name()))] == ["TOOL_NOT_ALLOWED"]

    async def test_one_that_nobody_names(self, client: tidegate.AsyncClient) -> None:
        assert await told(client, Chunk("{}", arguments())) == [("TOOL_NOT_NAMED", spoken(arguments()))]

    async def test_the_conditions_of_rules_see_the_name(self, client: tidegate.AsyncClient) -> None:
        chunks = [Chunk("mail", name()), Chunk('{"text":"secret"}', arguments())]
        assert {label for label, _ in await told(client, *chunks)} == {"TOOL_NOT_ALLOWED", "word"}
        chunks = [Chunk("search", name()), Chunk('{"q":"secret"}', arguments())]
        assert await told(client, *chunks) == []

    async def test_a_name_that_comes_late_and_in_pieces(self, client: tidegate.AsyncClient) -> None:
        chunks = [
            Chunk('{"q":"bread and ', arguments()),
            Chunk("sea", name()),
            Chunk("rch", name()),
            Chunk('butter"}', arguments()),
        ]
        assert await told(client, *chunks) == [("ARGUMENT_NOT_ALLOWED", spoken(arguments()))]

    async def test_one_that_comes_behind_text_between(self, client: tidegate.AsyncClient) -> None:
        """What is whole where other text comes is not accused before it ends."""
        chunks = [Chunk('{"q":"bread"}', arguments()), Chunk("Wait."), Chunk("search", name())]
        assert await told(client, *chunks, policy="strict") == []

    async def test_one_that_comes_too_late_is_the_callers_error(self, client: tidegate.AsyncClient) -> None:
        chunks = [Chunk("{}", arguments(), ends_lane=True), Chunk("search", name())]
        with pytest.raises(tidegate.InvalidRequest, match="came after the end of its arguments"):
            await told(client, *chunks)

    async def test_a_block_stops_the_call_at_its_name(self, client: tidegate.AsyncClient) -> None:
        chunks = [Chunk("shell", name()), Chunk('{"a":1}', arguments())]
        stream = client.stream(chunks, policy="strict", on_block="yield")
        out = [each async for each in stream]
        [verdict] = [each for each in out if isinstance(each, tidegate.Verdict)]
        assert (verdict.label, verdict.lane) == ("TOOL_NOT_ALLOWED", spoken(name()))
        assert not any(isinstance(each, tidegate.Release) and each.text for each in out)


class TestIds:
    async def test_calls_that_are_interleaved(self, client: tidegate.AsyncClient) -> None:
        chunks = [
            Chunk("search", name("call_a")),
            Chunk('{"q":"bread', arguments("call_a")),
            Chunk("mail", name("call_b")),
            Chunk('{"text":"a sec', arguments("call_b")),
            Chunk(' and butter"}', arguments("call_a")),
            Chunk('ret"}', arguments("call_b")),
        ]
        assert sorted((label, lane.call, lane.is_name) for label, lane in await told(client, *chunks)) == [
            ("ARGUMENT_NOT_ALLOWED", "call_a", False),
            ("TOOL_NOT_ALLOWED", "call_b", True),
            ("word", "call_b", False),
        ]

    async def test_all_that_comes_back_has_the_callers_lanes(self, client: tidegate.AsyncClient) -> None:
        lanes = [name("a"), arguments("a"), name(item=7), arguments(item=7), name("b"), arguments("b")]
        stream = client.stream([Chunk("search" if each.is_name else "{}", each) for each in lanes])
        texts: dict[Lane, str] = {}
        async for each in stream:
            if isinstance(each, tidegate.Summary):
                continue
            assert isinstance(each, tidegate.Release)
            texts[each.lane] = texts.get(each.lane, "") + each.text
        assert texts == {spoken(each): "search" if each.is_name else "{}" for each in lanes}
        assert stream.summary is not None
        assert {each.lane for each in stream.summary.coverage} == {*map(spoken, lanes)}

    @pytest.mark.parametrize(
        ("lane", "said"),
        [
            (pb.Lane(call="a"), "chunk.lane.call: is for the channel of tool arguments"),
            (pb.Lane(is_name=True), "chunk.lane.is_name: is for the channel of tool arguments"),
            (
                pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="a", item=1),
                "chunk.lane.call: says which call it is, and so does item",
            ),
            (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="a" * 300), "chunk.lane.call: has more than 256"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, lane: pb.Lane, said: str) -> None:
        with pytest.raises(CallerError, match=said):
            LaneReader(Direction.OUTPUT, Limits()).lane_of(lane)

    def test_a_name_is_as_long_as_a_name_may_be(self) -> None:
        lanes = LaneReader(Direction.OUTPUT, Limits(max_name_chars=4))
        lane = lanes.lane_of(pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, is_name=True))
        lanes.tool_of(lane, "se")
        lanes.tool_of(lane, "nd")
        with pytest.raises(CallerError, match="chunk: the name of a call has at most 4 characters") as caught:
            lanes.tool_of(lane, "s")
        assert caught.value.limit == 4

    async def test_a_name_that_is_too_long_is_the_callers_error(self, client: tidegate.AsyncClient) -> None:
        with pytest.raises(tidegate.InvalidRequest, match="chunk: the name of a call has at most 256 characters"):
            await told(client, *[Chunk("a" * 100, name("a"))] * 3)
        with pytest.raises(tidegate.InvalidRequest, match="tool: the name of a call has at most 256 characters"):
            await client.check("{}", lane=arguments(), tool="a" * 300)


class TestChecks:
    async def test_a_check_names_the_tool(self, client: tidegate.AsyncClient) -> None:
        fine = await client.check('{"q":"bread"}', lane=arguments(), tool="search")
        assert (fine.text, fine.summary.violations) == ('{"q":"bread"}', ())
        long = await client.check('{"q":"bread and butter"}', lane=arguments(), tool="search")
        assert [each.label for each in long.summary.violations] == ["ARGUMENT_NOT_ALLOWED"]
        other = await client.check("{}", lane=arguments(), tool="shell")
        assert (other.text, [each.lane for each in other.summary.violations]) == ("{}", [spoken(name())])

    async def test_a_tool_that_is_not_allowed_is_stopped(self, client: tidegate.AsyncClient) -> None:
        found = await client.check("{}", lane=arguments(), tool="shell", policy="strict")
        assert (found.text, found.verdict is not None and found.verdict.label) == ("", "TOOL_NOT_ALLOWED")

    async def test_it_is_for_arguments(self, client: tidegate.AsyncClient) -> None:
        with pytest.raises(tidegate.InvalidRequest, match="tool: is for a lane of the channel of tool arguments"):
            await client.check("text", tool="search")

    def test_the_blocking_client_and_the_guard_in_memory_know_them(self) -> None:
        guard = Guard(redact("bread", "[FOOD]"))
        with guard.client() as client:
            assert client.check('{"q":"bread"}', lane=arguments("a"), tool="search").text == '{"q":"[FOOD]"}'
            out = [*client.stream([Chunk("search", name("a")), Chunk("bread", arguments("a"))])]
        assert guard.calls[0].tool == "search"
        assert guard.calls[1].texts == {name("a"): "search", arguments("a"): "bread"}
        texts = {each.lane: "" for each in out if isinstance(each, tidegate.Release)}
        for each in out:
            if isinstance(each, tidegate.Release):
                texts[each.lane] += each.text
        assert texts == {name("a"): "search", arguments("a"): "[FOOD]"}
        with guard.client() as client, pytest.raises(TypeError, match="tool is of type int"):
            client.check("{}", lane=arguments(), tool=1)  # type: ignore[arg-type]  # that is the point


# -- however they are cut ---------------------------------------------------------------------------------------------

Feed: TypeAlias = list[tuple[pb.Lane, str]]
CALLS: Feed = [
    (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="a"), '{"q":"bread and butter"}'),
    (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="a", is_name=True), "search"),
    (pb.Lane(), "Let me see."),
    (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="b", is_name=True), "mail"),
    (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, call="b"), '{"text":"a secret","to":"eve"}'),
    (pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, item=1), "{}"),
]


def decisions(feed: Iterable[tuple[pb.Lane, str]]) -> list[tuple[str, int, int, str, bool]]:
    """What a stream decides that is fed so: label, place, and the lane as its caller calls it."""
    stream, lanes = Stream(PLAN), LaneReader(Direction.OUTPUT, Limits())
    for message, text in feed:
        lane = lanes.lane_of(message)
        if is_json(lane):
            stream.read_as_json(lane)
        tools = {lane: lanes.tool_of(lane, text)}
        if is_name(lane):
            tools[arguments_of(lane)] = lanes.tool_of(arguments_of(lane), "")
        for each, tool in tools.items():
            if tool is not None:
                stream.name_tool(each, tool)
        stream.feed(lane, text)
    stream.close()
    made: list[Decision] = []
    while (output := stream.next_output()) is not None:
        made += output.decisions
    wired = [(each, lanes.wire(each.lane)) for each in made]
    return sorted(
        (each.finding.label, each.finding.start, each.finding.end, lane.call, lane.is_name) for each, lane in wired
    )


MAIL = 3
EXPECTED = decisions(CALLS)


def test_what_is_expected() -> None:
    assert [(label, call) for label, _, _, call, _ in EXPECTED] == [
        ("ARGUMENT_NOT_ALLOWED", "a"),
        ("TOOL_NOT_ALLOWED", "b"),
        ("TOOL_NOT_NAMED", ""),
        ("word", "b"),
    ]


@given(data=st.data())
@settings(deadline=None)
def test_what_is_decided_does_not_depend_on_how_calls_are_cut_and_mixed(data: st.DataObject) -> None:
    """Each text is cut anywhere, and the pieces of all of them come in any order that keeps each text's own.

    But for a name: its pieces come one behind the other, and that of `mail` before what a rule on it reads.
    """
    pieces = {number: [text] for number, (_, text) in enumerate(CALLS)}
    for number, (lane, text) in enumerate(CALLS):
        if not lane.is_name:
            cuts = data.draw(st.lists(st.integers(1, len(text) - 1), max_size=4, unique=True).map(sorted))
            pieces[number] = [text[one:two] for one, two in pairwise([0, *cuts, len(text)])]
    order = data.draw(st.permutations([number for number, each in pieces.items() for _ in each]))
    order.insert(0, order.pop(order.index(MAIL)))
    fed = [(CALLS[number][0], pieces[number].pop(0)) for number in order]
    split = [(lane, piece) for lane, text in fed for piece in (text if lane.is_name else [text])]
    assert decisions(split) == EXPECTED


def test_a_name_is_judged_where_other_text_comes_as_if_it_ended_there() -> None:
    lane = pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS, is_name=True)
    found = decisions([(lane, "sea"), (pb.Lane(), "Wait."), (lane, "rch")])
    assert [each[:3] for each in found] == [("TOOL_NOT_ALLOWED", 2, 3)]
