"""What so many streams need on paper: more never needs less, units add up, and the page says what the code prints."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.capacity.docs import COMMAND, rest_of, tables
from benchmarks.capacity.figures import figures as figures_of
from benchmarks.results import RESULTS
from sidecar.cli.main import main
from workbench.capacity.calibration import PYTHON, scaled
from workbench.capacity.figures import DIVISORS, Figure, FigureError, Figures, measured, replaced, stated
from workbench.capacity.model import LEAST_PARTITIONS, Capacity, Demand, Form, Need, capacity
from workbench.capacity.profiles import Profile

ROOT = Path(__file__).parents[2]
ENDS = ("low", "value", "high")
PROFILES = list(Profile)
DEMANDS = st.builds(
    Demand,
    streams=st.integers(1, 2_000_000),
    tokens_per_second=st.floats(1, 200),
    tokens_per_message=st.integers(1, 64),
    violating=st.floats(0, 1),
    profile=st.sampled_from(PROFILES),
    headroom=st.floats(0, 0.9),
    replica_cores=st.integers(1, 64),
    app_streams=st.integers(1, 500),
)


def round_figures() -> dict[str, Figure]:
    """Figures that can be added up by hand."""
    values = {
        "pass_us": 300, "passes": 1, "names": 2, "sentence_ms": 40, "core_us": 20, "tokenise_us": 10, "token_us": 50,
        "message_us": 40, "wake_cores": 0.08, "call_us": 200, "segment_tokens": 40, "patterns_mib": 100,
        "models_mib": 200, "grounding_mib": 50, "stream_kib": 10, "context_bytes": 20, "event_us": 200,
        "partition_events": 3000, "event_bytes": 1000,
    }  # fmt: skip
    return {name: Figure(value, value, value, "x", "x", "here") for name, value in values.items()}


def need(demand: Demand, form: Form, figures: Figures | None = None) -> Need:
    return {each.form: each for each in capacity(demand, figures or round_figures()).needs}[form]


def amounts(plan: Capacity) -> list[float]:
    """All that a plan asks for."""
    own = [(each.replicas, each.processes, each.cores, each.memory_gib, each.model_replicas) for each in plan.needs]
    return [plan.tokens_per_second, plan.events_per_second, plan.partitions, plan.events_gb_per_day, *sum(own, ())]


def grows(less: Capacity, more: Capacity) -> bool:
    return all(a <= b * (1 + 1e-9) for a, b in zip(amounts(less), amounts(more), strict=True))


@given(DEMANDS, st.integers(0, 1_000_000), st.sampled_from(ENDS))
def test_more_streams_never_need_less(demand: Demand, added: int, end: str) -> None:
    more = msgspec.structs.replace(demand, streams=demand.streams + added)
    assert grows(capacity(demand, measured(), end), capacity(more, measured(), end))


@given(DEMANDS, st.floats(1, 4))
def test_faster_streams_never_need_less(demand: Demand, times: float) -> None:
    more = msgspec.structs.replace(demand, tokens_per_second=demand.tokens_per_second * times)
    assert grows(capacity(demand, measured()), capacity(more, measured()))


@given(DEMANDS, st.floats(0, 1), st.floats(0, 0.09), st.integers(0, 3))
def test_more_violations_headroom_and_detectors_never_need_fewer_cores(
    demand: Demand, violating: float, headroom: float, steps: int
) -> None:
    more = msgspec.structs.replace(
        demand,
        violating=max(demand.violating, violating),
        headroom=demand.headroom + headroom,
        profile=PROFILES[min(PROFILES.index(demand.profile) + steps, len(PROFILES) - 1)],
    )
    for less_need, more_need in zip(capacity(demand, measured()).needs, capacity(more, measured()).needs, strict=True):
        assert less_need.cores <= more_need.cores * (1 + 1e-9)
        assert less_need.replicas <= more_need.replicas


@given(DEMANDS)
def test_the_spread_holds_what_is_likely(demand: Demand) -> None:
    low, value, high = (capacity(demand, measured(), end) for end in ENDS)
    for least, likely, most in zip(low.needs, value.needs, high.needs, strict=True):
        assert least.cores <= likely.cores * (1 + 1e-9)
        assert likely.cores <= most.cores * (1 + 1e-9)
        if least.processes == most.processes:  # a cheap pass leaves room for more event loops, and each has its memory
            assert least.memory_gib <= most.memory_gib * (1 + 1e-9)
    assert low.partitions <= value.partitions <= high.partitions


def test_units_add_up() -> None:
    demand = Demand(1000, 50, 4, 0.0, Profile.MODELS, answer_tokens=400, headroom=0.5)
    event_us = 200 / 400
    shared = need(demand, Form.SHARED)
    us = 50 + 40 / 4 + 20 + 10 + event_us + 300
    assert shared.us_per_token == pytest.approx(us * 1.04)  # a process wakes for .08 of the 2 cores that are not idle
    assert shared.cores == 44  # 50,000 tokens/s at 406 us are 20.3 cores, twice that with half of each idle
    assert shared.replicas == 11
    assert shared.processes == 11
    assert shared.memory_gib == pytest.approx(11 * 200 / 1024 + 1000 * 10 / 1024**2)
    sidecar = need(demand, Form.SIDECAR)
    assert sidecar.us_per_token == pytest.approx(us + 80_000 / 1600)
    assert (sidecar.replicas, sidecar.processes) == (32, 32)
    assert sidecar.cores == pytest.approx(32 * 1.5)  # 1,600 tokens/s at 440.5 us, doubled, to the next tenth
    served = need(demand, Form.INFERENCE_SERVER)
    assert served.us_per_token == pytest.approx(us + 50 + 200 / 40)
    assert served.model_replicas == 8  # 15 cores of passes, doubled, in servers of 4
    plan = capacity(demand, round_figures())
    assert plan.events_per_second == pytest.approx(50_000 / 400)
    assert plan.events_gb_per_day == pytest.approx(125 * 1000 * 86_400 / 1e9)
    assert plan.partitions == LEAST_PARTITIONS


def test_a_replica_has_no_more_processes_than_cores() -> None:
    """Eleven times a number, divided by it, is a little more than eleven: a process too many was planned."""
    for end in ENDS:
        for cores in range(1, 65):
            plan = capacity(Demand(1, profile=Profile.PATTERNS, replica_cores=cores), measured(), end)
            assert {each.processes for each in plan.needs if each.form is Form.SHARED} == {2 * cores}


def test_each_profile_adds_its_part() -> None:
    us = {profile: need(Demand(1000, violating=0.0, profile=profile), Form.SIDECAR).us_per_token for profile in Profile}
    assert us[Profile.MODELS] - us[Profile.PATTERNS] == pytest.approx(10 + 300)
    assert us[Profile.NAMES] - us[Profile.MODELS] == pytest.approx(300)
    assert us[Profile.GROUNDING] - us[Profile.NAMES] == pytest.approx(40_000 / 25)


def test_one_stream_and_a_thousand_million_have_a_plan() -> None:
    one = capacity(Demand(1, violating=0.0), round_figures())
    assert [(each.replicas, each.cores) for each in one.needs[:2]] == [(1, pytest.approx(0.2)), (2, 8.0)]
    assert one.partitions == LEAST_PARTITIONS
    most = capacity(Demand(1_000_000_000), round_figures())
    assert most.partitions > LEAST_PARTITIONS
    assert need(Demand(1, profile=Profile.PATTERNS), Form.INFERENCE_SERVER).model_replicas == 0


# -- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(measured()))
def test_each_figure_has_a_unit_a_spread_and_a_source_that_is_there(name: str) -> None:
    figure = measured()[name]
    assert 0 < figure.low <= figure.value <= figure.high
    assert figure.unit
    assert figure.meaning
    assert (ROOT / figure.source.split(":")[0]).is_file()


def test_the_shipped_figures_are_about_what_the_results_say_now() -> None:
    """Results are written anew more often than figures: `python -m benchmarks.capacity --figures` writes these."""
    shipped, now = measured(), figures_of(RESULTS)
    assert shipped.keys() == now.keys()
    assert [name for name in now if not 1 / 3 < shipped[name].value / now[name].value < 3] == []


def test_a_figure_is_replaced_and_has_no_spread_then() -> None:
    changed = stated(measured(), "pass_us = 150")["pass_us"]
    assert (changed.low, changed.value, changed.high, changed.source) == (150, 150, 150, "stated with --figure")
    assert replaced(measured(), "names", 1.0, source="x")["names"].unit == measured()["names"].unit


@pytest.mark.parametrize(
    ("assignment", "words"),
    (
        ("pass=150", "there is no figure 'pass'; those that there are: call_us, context_bytes"),
        ("pass_us", "'pass_us' is not NAME=NUMBER, such as pass_us=150"),
        ("pass_us=fast", "is not NAME=NUMBER"),
        ("pass_us=-1", "pass_us is -1, but it is a number of us a token: state 0 to 1e+12"),
        ("pass_us=inf", "state 0 to 1e+12"),
        ("pass_us=nan", "state 0 to 1e+12"),
        ("pass_us=1e300", "pass_us is 1e+300"),
        ("segment_tokens=0", "segment_tokens is 0, but others are divided by it: state 1 to 1e+12"),
        ("partition_events=0.5", "partition_events is 0.5, but others are divided by it"),
    ),
)
def test_a_figure_that_cannot_be_says_what_can(assignment: str, words: str) -> None:
    with pytest.raises(FigureError, match=re.escape(words)):
        stated(measured(), assignment)


@pytest.mark.parametrize("value", [0, 1e12])
def test_figures_at_both_ends_have_a_plan(value: float) -> None:
    """One by one, and all of them: no plan divides by nothing, or has more than can be written."""
    figures = measured()
    everything = figures
    for name in figures:
        least = max(value, 1) if name in DIVISORS else value
        everything = replaced(everything, name, least, source="x")
        for profile in PROFILES:
            for changed in (replaced(figures, name, least, source="x"), everything):
                assert all(map(math.isfinite, amounts(capacity(Demand(1_000_000_000, profile=profile), changed))))


def test_a_calibration_scales_what_python_does_and_replaces_the_pass() -> None:
    shipped = measured()
    core = shipped["core_us"].value
    changed = scaled(shipped, core_us=(core, core * 2, core * 3), pass_us=(90.0, 100.0, 110.0))
    assert (changed["pass_us"].low, changed["pass_us"].value, changed["pass_us"].high) == (90, 100, 110)
    assert changed["core_us"].high == pytest.approx(core * 3)
    for name in set(PYTHON) - {"core_us"}:
        assert changed[name].value == pytest.approx(shipped[name].value * 2)
        assert changed[name].source.endswith("times 2.00 (measured here with --calibrate)")
    assert changed["passes"] == shipped["passes"]
    assert scaled(shipped, core_us=None, pass_us=None) == shipped


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    (
        (["--headroom", "0.2"], "--headroom is for a plan: add --plan"),
        (["--figure", "pass_us=1"], "--figure is for a plan: add --plan"),
        (["--calibrate"], "--calibrate is for a plan: add --plan"),
        (["--streams", "20000"], "a run offers at most 10,000 streams; add --plan to work out what 20,000 need"),
        (["--plan", "--figure", "speed=1"], "--figure: there is no figure 'speed'"),
        (["--plan", "--headroom", "1"], "0<=x<=0.95"),
        (["--plan", "--headroom", "nan"], "nan is not in the range 0<=x<=0.95"),
        (["--plan", "--rate", "nan"], "nan is not in the range 1<=x<=1000"),
        (["--plan", "--figure", "segment_tokens=0"], "--figure: segment_tokens is 0"),
        (["--plan", "--profile", "all"], "'patterns', 'models', 'names', 'grounding'"),
    ),
)
def test_what_cannot_be_asked_is_said(arguments: list[str], words: str) -> None:
    told = CliRunner().invoke(main, ["bench", *arguments])
    assert told.exit_code == 2
    assert words in " ".join(told.stderr.split())


def test_a_plan_for_a_program_has_every_end_and_every_figure() -> None:
    told = CliRunner().invoke(main, ["bench", "--plan", "--streams", "1000", "--coalesce", "4", "--json"])
    result = json.loads(told.stdout)
    assert [each["demand"]["streams"] for each in result["plans"]] == [1000]
    assert result["plans"][0]["demand"]["tokens_per_message"] == 4
    assert [need["form"] for need in result["plans"][0]["value"]["needs"]] == [form.value for form in Form]
    assert result["plans"][0].keys() == {"demand", *ENDS}
    assert result["figures"].keys() == measured().keys()


def test_without_a_number_of_streams_three_are_planned() -> None:
    told = CliRunner().invoke(main, ["bench", "--plan"]).stdout
    assert [size for size in ("1,000", "100,000", "1,000,000") if f"| {size} | shared |" in told] != []


@pytest.mark.slow
def test_a_calibrated_plan_says_what_was_measured() -> None:
    told = CliRunner().invoke(main, ["bench", "--plan", "--calibrate", "--streams", "10", "--json"])
    figures = json.loads(told.stdout)["figures"]
    assert figures["core_us"]["source"] == "measured here with --calibrate"
    assert 0 < figures["core_us"]["low"] <= figures["core_us"]["value"]


PAGE = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMAND.findall(PAGE))
def test_the_page_has_the_tables_that_the_command_prints(command: str) -> None:
    assert f"```sh\ntidegate {command}\n```\n\n{tables(command)}\n" in PAGE


def test_the_page_names_every_figure() -> None:
    assert len(COMMAND.findall(PAGE)) >= len(Profile)
    assert rest_of("bench --plan") in PAGE
