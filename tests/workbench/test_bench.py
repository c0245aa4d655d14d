"""The benchmark's own parts: what it sends, what it counts, and how it tells it."""

from __future__ import annotations

import json
import os
import random
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from detectors import registry
from sidecar.cli.main import main
from sidecar.errors import ConfigError
from sidecar.policy.store import PolicyStore
from sidecar.values import Action
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.servers import serving
from workbench.bench.costs import core_seconds, messages_of, parts_of
from workbench.bench.load import Load, Samples, offer
from workbench.bench.plots import write_plots
from workbench.bench.policies import GUARDED, guarded_policy, missing_detectors, pass_through_policy
from workbench.bench.report import cpu_figures, percentile, scheduler_figures
from workbench.bench.run import Measured
from workbench.bench.server import Counters, CpuSeconds, Service
from workbench.bench.texts import drawn_texts, made_text, made_texts, pieces_of, read_texts

GUARD = plan(
    (WordScanner("card"), [rule(Action.REDACT)]), (SegmentFlagger("stop"), [rule(Action.BLOCK, "FLAG", index=1)])
)


# --- what is sent -----------------------------------------------------------------------------------------------------


@given(st.text(alphabet="ab \n\té.🙂", max_size=40))
def test_the_pieces_are_the_text(text: str):
    assert "".join(pieces_of(text)) == text


def test_texts_are_the_same_for_the_same_seed_and_violate_as_often_as_said():
    def made(violating: float) -> list[str]:
        return [*islice(made_texts(random.Random(7), violating=violating), 200)]

    assert made(0.3) == made(0.3)
    assert [sum(any(each.isdigit() or each == "@" for each in text) for text in made(share)) for share in (0, 1)] == [
        0,
        200,
    ]


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "one\n\ntwo\n"), ("a.jsonl", '{"text": "one"}\n{"text": "two"}')]
)
def test_texts_come_from_a_file(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content, encoding="utf-8")
    texts = read_texts(tmp_path / name)
    assert texts == ["one", "two"]
    assert {*islice(drawn_texts(random.Random(1), texts), 50)} == {"one", "two"}


@pytest.mark.parametrize(("name", "content"), [("a.txt", "\n"), ("a.jsonl", '{"words": 1}'), ("a.jsonl", "x")])
def test_a_file_without_texts_is_refused(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=name):
        read_texts(tmp_path / name)


def test_both_policies_compile_and_the_guarded_one_has_every_detector_of_the_comparison(tmp_path: Path):
    for number, policy in enumerate((pass_through_policy(400), guarded_policy(400))):
        (tmp_path / f"{number}.yaml").write_text(json.dumps(policy), encoding="utf-8")
    store = PolicyStore((tmp_path,))
    store.load()
    guarded = {each.detector for each in store.plans[GUARDED].rules}
    assert guarded | set(missing_detectors()) == {"secrets", "pii", "patterns", "injection", "toxicity", "topic"}
    assert guarded <= set(registry.names())


# --- what is counted --------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_every_token_that_was_sent_is_accounted_for_once():
    texts = iter(lambda: made_text(random.Random(1), sentences=2, is_violating=False), "")
    async with serving(GUARD) as server:
        samples = await offer(
            server.address, Load(streams=2, seconds=0.4, tokens_per_second=400), texts, lambda _: None
        )
    streams = samples.outcomes["finished"]
    assert streams >= 1
    assert dict(samples.outcomes) == {"finished": streams, "unfinished": 0}
    assert len(samples.hold_ms) == samples.tokens_sent
    assert len(samples.first_token_ms) == streams
    assert len(samples.stall_ms) == samples.tokens_sent - streams
    assert min(samples.hold_ms) >= 0


@pytest.mark.slow
async def test_blocked_and_failed_streams_are_counted_apart():
    async with serving(GUARD) as server:
        load = Load(streams=1, seconds=0.1, tokens_per_second=400)
        blocked = await offer(server.address, load, iter(lambda: "Please stop.", ""), lambda _: None)
        refused = await offer(
            server.address,
            Load(streams=1, seconds=0.1, tokens_per_second=400, policy="none"),
            iter(lambda: "Hello.", ""),
            lambda _: None,
        )
    assert set(blocked.outcomes) == {"blocked", "unfinished"}
    assert set(refused.outcomes) == {"failed: UnknownPolicy", "unfinished"}


def test_a_process_is_seen_by_its_threads_and_its_memory():
    own = Service("", pid=os.getpid())
    before = own.cpu()
    assert before is not None
    core_seconds(GUARD, ["a card. " * 50])
    after = own.cpu()
    assert after is not None
    assert after.since(before).total >= 0
    assert after.total > 0
    assert (own.memory_mib() or 0) > 10
    assert (Service("").cpu(), Service("").memory_mib(), Service("").counters()) == (None, None, {})


def test_each_part_is_timed_with_the_messages_and_batches_of_the_load():
    text = made_text(random.Random(1), sentences=4, is_violating=False) + " A card."
    parts = parts_of(GUARD, [text], None, tokens_per_message=4, segments_per_batch=2.4)
    assert parts.tokenise == 0
    assert min(parts.core, parts.queue, parts.policy, parts.events) > 0
    assert "".join(messages_of(text, 4)) == text
    assert len(messages_of(text, 4)) == -(-len(pieces_of(text)) // 4)


def test_a_run_is_drawn(tmp_path: Path):
    samples = Samples(first_token_ms=[3.0, 1.0], hold_ms=[0.0, 5.0], stall_ms=[])
    result = {
        "cpu_split_seconds_per_1000_tokens": {"core": 0.1, "transport_and_session": 0.2},
        "pass_through": {"cpu_seconds_per_1000_tokens": {"total": 0.1}},
        "bare_encoder_cpu_seconds_per_1000_tokens": None,
    }
    written = write_plots(tmp_path / "plots", Measured(result, {"guarded": samples, "pass_through": samples}))
    assert [path.name for path in written] == ["delays.png", "costs.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


# --- how it is told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([3.0], 99, 3.0), ([4.0, 1.0, 3.0, 2.0], 50, 2.0), (list(range(1, 101)), 99, 99)],
)
def test_percentiles_are_values_that_were_seen(values: list[float], percent: float, expected: float | None):
    assert percentile(values, percent) == expected


def test_processor_time_is_told_per_thousand_tokens():
    used = CpuSeconds(event_loop=1.0, grpc=0.5, workers=0.5)
    assert cpu_figures(used, 500) == {"total": 4.0, "event_loop": 2.0, "grpc_threads": 1.0, "worker_threads": 1.0}
    assert (cpu_figures(None, 500), cpu_figures(used, 0)) == (None, None)


def test_the_schedulers_counters_are_told_as_growth():
    model = (("model", "m"),)
    before: Counters = {
        ("tidegate_scheduler_batch_items_count", model): 1.0,
        ("tidegate_scheduler_batch_items_sum", model): 5.0,
    }
    after: Counters = {
        ("tidegate_scheduler_batch_items_count", model): 3.0,
        ("tidegate_scheduler_batch_items_sum", model): 11.0,
        ("tidegate_inference_seconds_sum", model): 0.5,
        ("tidegate_detector_outcomes_total", (("detector", "x"), ("outcome", "shed"))): 2.0,
    }
    figures = scheduler_figures(before, after)
    assert (figures["batches"], figures["segments_per_batch"]) == (2, 3.0)
    assert (figures["inference_ms_per_batch"], figures["shed"], figures["failed"]) == (250.0, 2, 0)


def test_the_command_says_what_it_needs():
    wrong = CliRunner().invoke(main, ["bench", "--target", "127.0.0.1:1", "--policies", "one"])
    assert (wrong.exit_code, "two policies" in wrong.stderr) == (2, True)
    assert "Example: tidegate bench" in CliRunner().invoke(main, ["bench", "--help"]).stdout


@pytest.mark.slow
def test_a_whole_run_tells_both_phases_and_where_the_time_goes():
    told = CliRunner().invoke(main, ["bench", "--seconds", "2", "--streams", "1", "--rate", "200", "--json"])
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    for phase in ("pass_through", "guarded"):
        figures = result[phase]
        assert figures["hold_ms"]["count"] == figures["tokens"] > 0
        assert figures["cpu_seconds_per_1000_tokens"]["total"] > 0
    assert result["machine"]["cpus"] >= 1
    assert (result["cost_ratio_to_bare_encoder"] is None) == (result["cost_ratio_reason"] is not None)
