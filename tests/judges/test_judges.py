"""Unclear findings go to a judge, a scripted server: what it says counts, and nothing leaves before it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.clock import LoopClock
from sidecar.config import SchedulerSettings
from sidecar.errors import Overloaded
from sidecar.judges.escalation import Judges
from sidecar.judges.judge import OUTCOMES
from sidecar.judges.settings import Budget, JudgeSettings
from sidecar.outbox.event import StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.judging import Escalation
from sidecar.policy.plan import Plan
from sidecar.scheduler.scheduler import Request, Scheduler
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.spans import Spans
from sidecar.values import Action, Blocked, Found, Lane, Release
from tests.fakes import plan, rule
from tests.servers import FakeClock, make_engine
from tests.streams import cuts_of
from tests.upstream import Answer, Seen, Upstream, scripted_upstream

LANE = Lane()
SCORES = {"bad": 0.95, "odd": 0.6, "weak": 0.4}
TEXT = "This is fine. This is odd, is it not? That is weak as well. And so on to the end."


class Scorer:
    """A detector that scores a segment by the words in it."""

    name = "scorer"
    labels = frozenset({"FLAG"})
    look_behind = 0
    model = "scorer-1"

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        return [self._of(item) for item in items]

    def _of(self, item: BatchItem) -> list[Finding]:
        scores = [score for word, score in SCORES.items() if word in item.text[item.begin :]]
        return [Finding(item.begin, len(item.text), "FLAG", max(scores), "words")] if scores else []


def at_once(request: Request) -> None:
    """A scheduler that answers at once."""
    [findings] = request.detector.detect([request.item])
    request.answer(Found(request.segment.to_lane(findings)))


def judged(action: Action = Action.REDACT, *, is_needed: bool = False, labels: Sequence[str] = ()) -> Plan:
    """A policy whose rule leaves 0.3 to 0.8 to the judge; by itself it acts from 0.5 on."""
    escalation = Escalation("guard", 0.3, 0.8, frozenset(labels), is_needed)
    return plan((Scorer(), [replace(rule(action, "FLAG"), judge=escalation)]))


def completion(content: str) -> Answer:
    return Answer([json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()])


def asked(seen: Seen) -> str:
    text: str = json.loads(seen.body)["messages"][-1]["content"]
    return text


class Bench:
    """An engine with a judge, and the judge's server."""

    def __init__(self, upstream: Upstream, policy: Plan, outbox: MemoryOutbox, clock: FakeClock, **options: Any):
        self.upstream = upstream
        self.outbox = outbox
        self.clock = clock
        self.metrics = Metrics("test")
        options = {"prompt": "llama-guard", "timeout_ms": 5000, **options}
        own = JudgeSettings(url=f"{upstream.url}/v1", model="guard-model", **options)
        self.judges = Judges({"guard": own}, at_once, clock=clock, metrics=self.metrics)
        self.engine = make_engine(policy, scheduler=self.judges, outbox=outbox, clock=clock)

    async def run(self, chunks: Sequence[str], tenant: str = "") -> str:
        """What leaves of a text; `|` stands for a block."""
        async with self.engine.open(StreamStart(tenant=tenant)) as session:
            for chunk in chunks:
                await session.feed(LANE, chunk)
            session.finish()
            return await shown_of(session)

    @property
    def reasons(self) -> list[str]:
        """What events say of why, oldest first."""
        return [event.data.detector.reason for event in self.outbox.events if isinstance(event.data, Violation)]

    def fared(self, way: str) -> float:
        """How many questions fared so."""
        labels = {"judge": "guard", "way": way}
        return self.metrics.registry.get_sample_value("tidegate_judge_questions_total", labels) or 0.0

    @property
    def waits(self) -> float:
        """Of how many texts it is known how long they waited."""
        labels = {"judge": "guard"}
        return self.metrics.registry.get_sample_value("tidegate_judge_wait_seconds_count", labels) or 0.0

    def count(self, outcome: str) -> float:
        labels = {"judge": "guard", "outcome": outcome}
        return self.metrics.registry.get_sample_value("tidegate_judge_verdicts_total", labels) or 0.0


async def shown_of(session: Session) -> str:
    said = ""
    async for shown in session.outputs():
        said += shown.text if isinstance(shown, Release) else "|" if isinstance(shown, Blocked) else ""
    return said


@asynccontextmanager
async def bench(policy: Plan | None = None, **options: Any) -> AsyncIterator[Bench]:
    outbox = MemoryOutbox()
    await outbox.start()
    async with scripted_upstream() as upstream:
        made = Bench(upstream, policy or judged(), outbox, FakeClock(), **options)
        await made.judges.start()
        try:
            yield made
        finally:
            await made.judges.stop()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.001)


# --- what the judge says ----------------------------------------------------------------------------------------------


async def test_what_the_judge_clears_is_no_violation() -> None:
    async with bench() as made:
        made.upstream.answer = completion("safe")
        assert await made.run([TEXT]) == TEXT
        assert made.reasons == []
        assert (len(made.upstream.requests), made.count("safe")) == (2, 2)


async def test_what_the_judge_confirms_is_one_although_its_score_is_below_the_threshold() -> None:
    async with bench() as made:
        made.upstream.choose = lambda seen: completion("unsafe\nS10" if "weak" in asked(seen) else "safe")
        assert await made.run([TEXT]) == "This is fine. This is odd, is it not?<FLAG> And so on to the end."
        assert made.reasons == ["words; judge guard: unsafe (hate)"]


async def test_nobody_is_asked_about_what_is_clear() -> None:
    async with bench(judged(Action.BLOCK)) as made:
        assert await made.run(["This is fine. ", "This is bad."]) == "This is fine.|"
        assert made.reasons == ["words"]
        assert made.upstream.requests == []


async def test_only_labels_that_the_rule_names_confirm() -> None:
    async with bench(judged(labels=["hate"])) as made:
        made.upstream.answer = completion("unsafe\nS5")
        assert "<FLAG>" in await made.run(["This is odd."])  # by its own score
        assert await made.run(["This is weak."]) == "This is weak."
        made.upstream.answer = completion("unsafe\nS10")
        assert "<FLAG>" in await made.run(["This is weak, too."])


async def test_the_judge_is_asked_in_its_own_form_with_its_key(tmp_path: Any) -> None:
    key = tmp_path / "key"
    key.write_text("s3cret\n")
    async with bench(key_file=key) as made:
        made.upstream.answer = completion("safe")
        await made.run(["This is odd."])
        [seen] = made.upstream.requests
        assert (seen.path, seen.headers["authorization"]) == ("/v1/chat/completions", "Bearer s3cret")
        body = json.loads(seen.body)
        assert (body["model"], body["temperature"], asked(seen)) == ("guard-model", 0, "This is odd.")


async def test_the_span_of_a_stream_has_what_the_judge_said_and_the_longest_wait_and_no_text() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async with bench() as made:
        made.engine.spans = Spans(provider.get_tracer("test"), None)

        def choose(seen: Seen) -> Answer:
            made.clock.ms += 120 if "weak" in asked(seen) else 0
            return completion("unsafe\nS10" if "weak" in asked(seen) else "safe")

        made.upstream.choose = choose
        await made.run([TEXT])
        await made.run(["This is fine."])

    judged, unasked = (dict(each.attributes or {}) for each in exporter.get_finished_spans())
    assert judged["tidegate.judge.questions"] == 2
    assert judged["tidegate.judge.said"] == ("judge guard: safe", "judge guard: unsafe (hate)")
    assert judged["tidegate.judge.max_wait_ms"] == 120
    assert not any("judge" in name for name in unasked)
    assert "odd" not in repr(judged)


# --- held until it says it --------------------------------------------------------------------------------------------


async def test_nothing_unclear_leaves_before_the_judge_answers() -> None:
    async with bench() as made:
        answer = replace(completion("unsafe\nS1"), hold_at=0)
        made.upstream.answer = answer
        async with made.engine.open(StreamStart()) as session:
            said: list[str] = []

            async def read() -> None:
                async for shown in session.outputs():
                    text = shown.text if isinstance(shown, Release) else ""
                    said.append(text)

            reader = asyncio.create_task(read())
            await session.feed(LANE, "This is fine. This is odd. And on.")
            session.finish()
            await until(lambda: len(made.upstream.requests) == 1 and bool(said))
            assert "".join(said) == "This is fine."
            made.clock.advance(300)
            await asyncio.sleep(0)
            assert "".join(said) == "This is fine."
            answer.go_on.set()
            await reader
            assert "".join(said) == "This is fine.<FLAG> And on."


@pytest.mark.parametrize(("word", "released"), [("odd", "<FLAG>"), ("weak", "This is weak.")])
async def test_the_local_verdict_stands_when_the_judge_is_late(word: str, released: str) -> None:
    async with bench() as made:
        made.upstream.answer = replace(completion("safe"), hold_at=0)
        run = asyncio.create_task(made.run([f"This is {word}."]))
        await until(lambda: bool(made.upstream.requests))
        assert not run.done()
        made.clock.advance(391)  # of the 400 that text may be held
        assert await run == released
        assert made.count("late") == 1
        assert made.reasons == (["words; judge guard: late"] if word == "odd" else [])


async def test_the_judges_own_time_ends_it_too() -> None:
    async with bench(timeout_ms=1) as made:
        made.upstream.answer = replace(completion("safe"), hold_at=0)
        assert await made.run(["This is odd."]) == "<FLAG>"
        assert made.count("late") == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer([b"{}"], status=500), "failed with 500"),
        (Answer([b""], status=302, headers={"location": "/elsewhere"}), "failed with 302"),
        (Answer([b"\xff\xfe nonsense"]), "unreadable"),
        (Answer([b'{"choices": []}']), "unreadable"),
        (Answer([b'{"choices": [{"message": {"content": null}}]}']), "unreadable"),
        (completion("As an AI model I say: This is odd."), "unreadable"),
        (Answer([b'{"choices": ['], resets=True), "unreadable"),
    ],
)
async def test_the_local_verdict_stands_when_the_judge_fails(answer: Answer, why: str) -> None:
    async with bench() as made:
        made.upstream.answer = answer
        assert await made.run(["This is weak. This is odd."]) == "This is weak.<FLAG>"
        [reason] = made.reasons
        assert reason.startswith("words; judge guard: ")
        assert reason in (f"words; judge guard: {why}", "words; judge guard: failed")
        assert made.count("failed") == 2


async def test_a_rule_that_needs_the_judge_fails_with_it_and_accuses_nobody() -> None:
    async with bench(judged(Action.BLOCK, is_needed=True)) as made:
        made.upstream.answer = Answer([b"{}"], status=503)
        said = await made.run(["This is weak."])
        assert said == "|"
        [data] = [event.data for event in made.outbox.events if isinstance(event.data, Violation)]
        assert data.failure is not None
        assert (data.failure.kind, data.failure.reason) == ("error", "judge guard: failed with 503")


async def test_late_where_the_rule_needs_it_is_a_refusal_to_try_again() -> None:
    async with bench(judged(Action.BLOCK, is_needed=True)) as made:
        made.upstream.answer = replace(completion("safe"), hold_at=0)
        run = asyncio.create_task(made.run(["This is weak."]))
        await until(lambda: bool(made.upstream.requests))
        made.clock.advance(391)
        with pytest.raises(Overloaded):
            await run


# --- budget, cache, sample --------------------------------------------------------------------------------------------


async def test_past_the_budget_the_local_verdict_stands_and_is_counted() -> None:
    async with bench(budget=Budget(per_minute=1)) as made:
        made.upstream.answer = completion("safe")
        assert await made.run(["This is odd, one."]) == "This is odd, one."
        assert await made.run(["This is odd, two."]) == "<FLAG>"
        assert (len(made.upstream.requests), made.count("shed")) == (1, 1)
        assert made.reasons == ["words; judge guard: not asked, over budget"]
        assert (made.fared("asked"), made.fared("over_budget"), made.waits) == (1, 1, 1)
        made.clock.advance(60_000)
        assert await made.run(["This is odd, three."]) == "This is odd, three."


async def test_a_text_is_judged_once_for_each_tenant() -> None:
    async with bench() as made:
        made.upstream.answer = completion("safe")
        for tenant in ("a", "a", "b"):
            await made.run(["This is odd."], tenant)
        assert (len(made.upstream.requests), made.count("safe")) == (2, 3)
        assert (made.fared("asked"), made.fared("cached"), made.waits) == (2, 1, 2)


async def test_a_cache_that_is_full_forgets_what_was_used_least_lately() -> None:
    async with bench(cache_entries=1) as made:
        made.upstream.answer = completion("safe")
        for number in (1, 1, 2, 1):
            await made.run([f"This is odd {number}."])
        assert len(made.upstream.requests) == 3


async def test_a_sample_of_texts_is_judged_and_always_the_same() -> None:
    async with bench(sample=0.5, cache_entries=0) as made:
        made.upstream.answer = completion("safe")
        texts = [f"This is odd {number}." for number in range(40)]
        first = [await made.run([each]) for each in texts]
        assert [await made.run([each]) for each in texts] == first
        assert 0 < made.count("safe") < 80
        assert made.count("safe") + made.count("unsampled") == 80


async def test_a_server_that_fails_again_and_again_is_left_alone_and_then_tried() -> None:
    async with bench() as made:
        made.upstream.answer = Answer([b""], status=500)
        for number in range(8):
            await made.run([f"This is odd {number}."])
        assert (len(made.upstream.requests), made.count("shed")) == (5, 3)
        made.clock.advance(5_000)
        made.upstream.answer = completion("safe")
        assert await made.run(["This is odd again."]) == "This is odd again."


async def test_streams_at_once_share_one_question_and_hear_the_same() -> None:
    async with bench() as made:
        answer = made.upstream.answer = replace(completion("unsafe\nS2"), hold_at=0)
        runs = [asyncio.create_task(made.run(["This is weak."])) for _ in range(3)]
        await until(lambda: bool(made.upstream.requests))
        for _ in range(20):
            await asyncio.sleep(0)
        answer.go_on.set()
        assert await asyncio.gather(*runs) == ["<FLAG>"] * 3
        assert len(made.upstream.requests) == 1


async def test_rules_of_one_detector_ask_it_about_a_segment_together() -> None:
    judge = Escalation("guard", 0.3, 0.8)
    detector = Scorer()
    both = plan(
        (detector, [rule(Action.BLOCK, "FLAG", thresholds={"FLAG": 0.9})]),
        (detector, [replace(rule(Action.ANNOTATE, "FLAG", index=1), judge=judge)]),
    )
    metrics, items = Metrics("test"), []
    scheduler = Scheduler(SchedulerSettings(threads=1), clock=LoopClock(), metrics=metrics)
    async with scripted_upstream() as upstream:
        answer = upstream.answer = replace(completion("unsafe\nS1"), hold_at=0)
        own = JudgeSettings(url=upstream.url, model="m", prompt="llama-guard", timeout_ms=50_000)
        judges = Judges({"guard": own}, scheduler.submit, clock=LoopClock(), metrics=metrics)
        await judges.start()
        await scheduler.start()
        outbox = MemoryOutbox()
        await outbox.start()
        engine = make_engine(replace(both, stream=replace(both.stream, max_hold_ms=60_000)), scheduler=judges,
                             outbox=outbox)  # fmt: skip
        async with engine.open(StreamStart()) as session:
            await session.feed(LANE, "This is odd. ")
            session.finish()
            async for shown in session.outputs():  # what blocks does not wait for what annotates
                if isinstance(shown, Release) and shown.text:
                    items.append(shown.text)
                    assert upstream.requests == [] or not answer.is_played.is_set()
                    answer.go_on.set()
        assert "".join(items) == "This is odd. "
        assert [each.data.policy.rule for each in outbox.events if isinstance(each.data, Violation)] == ["rule-1"]
        asks = metrics.registry.get_sample_value("tidegate_scheduler_batch_items_sum", {"model": "scorer-1"})
        assert asks == 1
        await judges.stop()
        await scheduler.stop()


# --- laws -------------------------------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_the_cuts_the_same_is_asked_and_the_same_leaves(data: st.DataObject) -> None:
    chunks = data.draw(cuts_of(TEXT))

    async def both() -> None:
        async with bench() as made:
            made.upstream.choose = lambda seen: completion("unsafe\nS1" if "weak" in asked(seen) else "safe")
            whole = await made.run([TEXT], "a")
            texts, reasons = [*map(asked, made.upstream.requests)], made.reasons
            assert await made.run(chunks, "b") == whole
            assert sorted(map(asked, made.upstream.requests[len(texts) :])) == sorted(texts)
            assert made.reasons == reasons * 2

    asyncio.run(both())


async def test_no_event_holds_a_word_of_the_judge_or_of_the_text() -> None:
    async with bench() as made:
        made.upstream.answer = completion("unsafe\nThis is odd")
        await made.run(["This is odd."])
        assert made.reasons == ["words; judge guard: unsafe"]
        assert [event.data.ended for event in made.outbox.events if isinstance(event.data, StreamDecision)] == [
            "finished"
        ]


async def test_every_outcome_has_a_series_from_the_start() -> None:
    async with bench() as made:
        samples = {each.labels["outcome"] for metric in made.metrics.registry.collect() for each in metric.samples
                   if each.name == "tidegate_judge_verdicts_total"}  # fmt: skip
        assert samples == {*OUTCOMES}
