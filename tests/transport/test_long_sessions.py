"""Sessions of agents: each request brings the whole history, and only what is new of it is looked at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

import tidegate
from sidecar.codec.body import WholeBody
from sidecar.codec.catalogue import GENERIC, SHAPES
from sidecar.codec.places import Reader
from sidecar.codec.shape import Shape
from sidecar.config import Guarded, Limits
from sidecar.errors import CallerError
from sidecar.outbox.event import StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.transport import exchange
from sidecar.transport.bodies import Bodies, Passed, Refused
from sidecar.transport.decision import Guard
from sidecar.transport.exchange import Room
from sidecar.transport.facts import Caller
from sidecar.transport.http_headers import Described
from sidecar.transport.http_status import http_status_of
from sidecar.values import Action
from tests import histories
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.histories import Step, history
from tests.servers import make_engine, serving
from tests.session.test_histories import Counting
from tidegate.types import Part

STEPS = 2000
DESCRIBED = [shape for shape in histories.SHAPES if shape != "generic"]
KNOWN: Mapping[str, Shape] = {shape.name: shape for shape in (*SHAPES, GENERIC)}


def guarding(card: Action = Action.REDACT, bad: Action = Action.ANNOTATE) -> Plan:
    return plan(
        (WordScanner(r"\d{4} \d{4}"), [rule(card)]),
        (SegmentFlagger("bad", label="FLAG", spans=True), [rule(bad, "FLAG", index=1)]),
    )


class Agents:
    """Agents of one API before one guard."""

    def __init__(self, shape: str, plan: Plan, *, limits: Limits | None = None, **settings: Any) -> None:
        self.shape = KNOWN[shape]
        self.scheduler, self.outbox = Counting(), MemoryOutbox()
        self.engine = make_engine(plan, scheduler=self.scheduler, outbox=self.outbox, limits=limits or Limits())
        self.settings = Guarded(**settings)

    async def send(self, document: dict[str, Any], **headers: str) -> Passed | Refused:
        await self.outbox.start()
        caller = Caller(CIMultiDict(headers))
        data = json.dumps(document).encode()
        with Room(1 << 30).held() as held:
            return await Bodies(self.engine, self.settings).request(
                Guard(self.shape), caller, Described("application/json"), data, held
            )

    def of(self, kind: type) -> list[Any]:
        return [each.data for each in self.outbox.events if isinstance(each.data, kind)]


def steps(count: int) -> list[Step]:
    return [(f"Step {number}.", f"cat file{number}", f"line {number} of the file.\n") for number in range(count)]


@pytest.mark.parametrize("shape", histories.SHAPES)
async def test_two_thousand_steps_pass_and_the_next_one_is_all_that_is_read(shape: str):
    agents, done = Agents(shape, guarding()), steps(STEPS)
    whole = history(shape, done)
    passed = await agents.send(whole)
    assert isinstance(passed, Passed)
    assert passed.data == json.dumps(whole).encode()

    asked = agents.scheduler.asked
    longer = history(shape, [*done, ("Last.", "cat card", "card 1234 5678, so bad.\n")])
    passed = await agents.send(longer)
    assert isinstance(passed, Passed)
    assert json.loads(passed.data) == json.loads(json.dumps(longer).replace("1234 5678", "<WORD>"))
    assert len(agents.of(Violation)) == 2
    if shape == "generic":
        return  # of an API that nobody described, all that a request says is one text

    assert 1 <= agents.scheduler.asked - asked <= 6
    last = agents.of(StreamDecision)[-1]
    assert len(last.coverage) <= 6
    assert last.known_texts > 2 * STEPS


@pytest.mark.parametrize("shape", DESCRIBED)
async def test_one_address_in_a_session_makes_one_event_and_each_request_tells_of_it(shape: str):
    agents = Agents(shape, guarding())
    done = [("I look.", "cat card", "card 1234 5678, fine.\n"), *steps(30)]
    for turn in range(1, len(done)):
        await agents.send(history(shape, done[:turn]))

    assert [each.policy.rule for each in agents.of(Violation)] == ["rule-0"]
    first, *later = agents.of(StreamDecision)
    assert (first.violations, first.repeated) == ({"rule-0": 1}, {})
    assert {(tuple(each.violations), tuple(each.repeated.items())) for each in later} == {((), (("rule-0", 1),))}


async def test_ten_sessions_side_by_side_are_each_read_once():
    agents = Agents("openai-chat", guarding())
    sessions = [[(f"Session {name}.", f"cat {name}{n}", f"{name}: {n}\n") for n in range(20)] for name in range(10)]
    for turn in range(1, 21):
        for each in sessions:
            await agents.send(history("openai-chat", each[:turn]))
    texts = {text for each in sessions for step in each for text in step}
    assert len(agents.engine.histories) == len({histories.SYSTEM, histories.TASK, "shell", *texts})
    assert agents.scheduler.asked < 2 * len(texts)


@pytest.mark.parametrize("shape", DESCRIBED)
@settings(max_examples=10)
@given(
    st.lists(st.tuples(*[st.text("ab1234 5678bad.\n\u20ac", max_size=24) for _ in range(3)]), min_size=2, max_size=6),
    st.sampled_from((Action.ANNOTATE, Action.REDACT)),
)
def test_a_request_is_the_beginning_of_the_next_one(shape: str, done: list[Step], bad: Action):
    """So that a provider's prompt cache holds what it held: for all but what closes the list."""

    async def run() -> None:
        agents = Agents(shape, guarding(Action.REDACT, bad))
        before = b""
        for turn in range(1, len(done) + 1):
            passed = await agents.send(history(shape, done[:turn]))
            assert isinstance(passed, Passed)
            assert passed.data.startswith(before)
            before = passed.data.removesuffix(b"]}")

    asyncio.run(run())


# -- where a session is too long --------------------------------------------------------------------------------------

SAID = {
    "openai-chat": (400, "context_length_exceeded"),
    "openai-completions": (400, "context_length_exceeded"),
    "openai-responses": (400, "context_length_exceeded"),
    "mistral-fim": (400, "context_length_exceeded"),
    "inputs": (400, "context_length_exceeded"),
    "anthropic-messages": (413, "prompt is too long"),
    "bedrock-anthropic": (400, "Input is too long for requested model"),
    "bedrock-converse": (400, "Input is too long for requested model"),
    "cohere-chat": (400, "too many tokens"),
    "gemini": (400, "exceeds the maximum number of tokens allowed"),
    "generic": (413, "more than 10 bytes"),
    "ollama": (400, "prompt too long; exceeded max context length"),
    "tgi": (422, "`inputs` tokens + `max_new_tokens` must be"),
}


@pytest.mark.parametrize("shape", KNOWN)
def test_each_provider_has_its_own_words_for_it(shape: str):
    status, data = exchange.failure_of(KNOWN[shape], http_status_of(exchange.too_large_request(10)))
    assert (status, SAID[shape][1] in data.decode()) == (SAID[shape][0], True)
    assert "more than 10 bytes" in data.decode()


@pytest.mark.parametrize("shape", DESCRIBED)
async def test_a_request_of_too_many_texts_is_refused_before_one_is_read(shape: str):
    agents = Agents(shape, guarding(), limits=Limits(max_request_texts=20))
    assert isinstance(await agents.send(history(shape, steps(3))), Passed)
    asked = agents.scheduler.asked
    with pytest.raises(CallerError) as refused:
        await agents.send(history(shape, steps(100)))

    assert (refused.value.limit, agents.scheduler.asked) == (20, asked)
    status, data = exchange.failure_of(KNOWN[shape], http_status_of(refused.value))
    assert (status, SAID[shape][1] in data.decode()) == (SAID[shape][0], True)
    assert "more than 20 texts" in data.decode()


def test_of_texts_past_the_limit_no_more_are_made():
    messages = [{"role": "user", "content": "a"}] * 100_000
    data = json.dumps({"model": "m", "messages": messages}).encode()
    with patch.object(Reader, "_once", autospec=True, side_effect=Reader._once) as made, pytest.raises(CallerError):
        WholeBody(KNOWN["openai-chat"], data, is_request=True, most_texts=10)
    assert made.call_count == 11


@pytest.mark.parametrize(
    ("shape", "document"),
    [
        (
            "openai-chat",
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * 11}]},
        ),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": "a"}] * 11}]}),
    ],
)
def test_parts_that_make_one_text_count_each(shape: str, document: dict[str, Any]):
    data = json.dumps(document).encode()
    assert len(WholeBody(KNOWN[shape], data, is_request=True, most_texts=11).texts) == 1
    with pytest.raises(CallerError, match="more than 10 texts"):
        WholeBody(KNOWN[shape], data, is_request=True, most_texts=10)


def test_what_is_wrong_otherwise_is_told_as_before():
    status = http_status_of(CallerError("is odd", field="body"))
    assert exchange.failure_of(KNOWN["openai-chat"], status)[0] == 400
    assert b"context_length_exceeded" not in exchange.failure_of(KNOWN["openai-chat"], status)[1]


# -- over gRPC --------------------------------------------------------------------------------------------------------


async def test_a_history_over_grpc_is_read_once_and_has_no_open_lanes():
    parts: tuple[Part, ...] = ("user", "model", "tool_result")
    lanes = [tidegate.Lane(choice=number, part=parts[number % 3]) for number in range(2 * Limits().max_lanes)]
    chunks = [tidegate.Chunk(f"Message {lane.choice}. ", lane, ends_lane=True) for lane in lanes]
    card = tidegate.Chunk("card 1234 5678 ", tidegate.Lane(choice=len(lanes), part="user"), ends_lane=True)
    async with serving(guarding(), scheduler=Counting()) as running, tidegate.AsyncClient(running.address) as client:
        for sent in (chunks, [*chunks, card], [*chunks, card]):
            stream = client.stream(sent, direction="input")
            shown = [each.text async for each in stream if isinstance(each, tidegate.Release)]
            said = "".join(each.text for each in sent if isinstance(each.text, str))
            assert "".join(shown) == said.replace("1234 5678", "<WORD>")
    assert [each.known_texts for each in running.decisions] == [0, len(lanes), len(lanes) + 1]
    assert [each.repeated for each in running.decisions] == [{}, {}, {"rule-0": 1}]
    assert len(running.violations) == 1


async def test_a_text_that_is_checked_again_is_known():
    async with serving(guarding(), scheduler=Counting()) as running, tidegate.AsyncClient(running.address) as client:
        first = await client.check("card 1234 5678", direction="input")
        again = await client.check("card 1234 5678", direction="input")
    assert (first.text, again.text) == ("card <WORD>", "card <WORD>")
    assert again.redactions == first.redactions
    assert [each.known_texts for each in running.decisions] == [0, 1]
