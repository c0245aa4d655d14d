"""An event explained: what it says, how its policy stands to those at hand, and what its text would come to now."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sidecar.explanation.explainer import Explainer
from sidecar.explanation.lines import event_lines
from sidecar.explanation.page import event_page
from sidecar.explanation.recorded import explain_event
from sidecar.offline import guard_text
from sidecar.outbox.builders import Ending, StreamInfo, decision_event, violation_event
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import Event
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.policy.plan import Plan
from sidecar.values import Action, Direction, Lane
from tests import dom
from tests.explanation.test_cli import run
from tests.explanation.test_page import is_sound
from tests.outbox.samples import NOW, a_fault, numbered

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: fruit, version: "1"}
rules:
  - id: plums
    detect: {detector: patterns, labels: {FRUIT: 0.5}, keywords: {FRUIT: [plum]}}
    action: {redact: {with: label}}
"""
TEXT = "a plum, please"


def explainer(folder: Path, text: str = POLICY) -> Explainer:
    (folder / "fruit.yaml").write_text(text)
    return Explainer.load([folder])


def info(plan: Plan) -> StreamInfo:
    return StreamInfo(
        stream_id="stream-1",
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
        tenant="acme",
        labels={"app": "shop"},
    )


def a_violation(plan: Plan, text: str = TEXT, lane: Lane | None = None) -> Event:
    """The event that the service makes of the first decision about a text."""
    (decision, *_) = guard_text(plan, text, lane=lane).decisions
    return violation_event(info(plan), plan, decision, NOW)


def test_it_says_what_the_event_holds(tmp_path: Path) -> None:
    explaining = explainer(tmp_path)
    told = explain_event(explaining, a_violation(explaining.plans["fruit"]).data, None)
    assert told.says == (
        "2026-09-21T14:13:20.250Z: rule plums of fruit (medium) said redact, and that was done",
        "patterns found FRUIT with a score of 1.00; it counts from 0.5 on",
        "why: keywords FRUIT",
        "where: characters 2 to 6 of the output (model, content, choice 0)",
        "what it looked like: aaaa",
        "text had left up to character 2",
        "its start was held for 0 ms",
        "whose: stream stream-1, tenant acme, label app=shop",
    )
    assert (told.standing, told.replay, told.recurs) == ("in_force", None, None)


@pytest.mark.parametrize(
    ("change", "standing", "why"),
    [
        (("fruit, version", "fruit, version"), "in_force", "fruit 1 is the same as then"),
        (('"1"', '"2"'), "changed", "fruit has changed since: it was version 1 and is 2"),
        (("0.5", "0.9"), "changed", "under the same version, 1; the threshold of FRUIT was 0.5 and is 0.9"),
        (("id: plums", "id: pears"), "changed", "it has no rule plums any more"),
        (("{redact: {with: label}}", "annotate"), "changed", "its action was redact and is annotate"),
        (("name: fruit", "name: food"), "not_there", "there is no policy fruit among these"),
    ],
)
def test_it_says_how_the_policy_stands_now(tmp_path: Path, change: tuple[str, str], standing: str, why: str) -> None:
    (tmp_path / "then").mkdir()
    (tmp_path / "now").mkdir()
    event = a_violation(explainer(tmp_path / "then").plans["fruit"])
    told = explain_event(explainer(tmp_path / "now", POLICY.replace(*change)), event.data, None)
    assert told.standing == standing
    assert why in told.why_standing


@pytest.mark.parametrize(
    ("change", "text", "recurs", "why"),
    [
        (("a", "a"), TEXT, True, "rule plums decides the same now"),
        (("{redact: {with: label}}", "annotate"), TEXT, False, "the rule now says annotate"),
        (("[plum]", "[pear]"), TEXT, False, "rule plums decides nothing about this place now"),
        (("a", "a"), "1 2 3 4 5 6 7", None, "the text is another one"),
        (("name: fruit", "name: food"), TEXT, True, "rule plums decides the same now"),
    ],
)
def test_with_the_text_it_says_whether_that_comes_to_the_same(
    tmp_path: Path, change: tuple[str, str], text: str, recurs: bool | None, why: str
) -> None:
    (tmp_path / "then").mkdir()
    (tmp_path / "now").mkdir()
    event = a_violation(explainer(tmp_path / "then").plans["fruit"])
    told = explain_event(explainer(tmp_path / "now", POLICY.replace(*change)), event.data, text)
    assert told.replay is not None
    assert told.replay.text == text
    assert told.recurs is recurs
    assert told.why_recurs.startswith(why)


def test_events_of_streams_and_faults_are_told_too(tmp_path: Path) -> None:
    explaining = explainer(tmp_path)
    ending = Ending(ended="finished", done=Action.REDACT, duration_ms=1.0, violations={"plums": 2})
    stream = explain_event(explaining, decision_event(info(explaining.plans["fruit"]), ending, NOW).data, TEXT)
    assert "violations by rule: plums: 2" in stream.says
    assert (stream.recurs, stream.replay is not None) == (None, True)
    fault = explain_event(explaining, a_fault(what="pii").data, None)
    assert (fault.standing, fault.kind) == ("no_policy", "fault")
    assert "pii" in fault.says[0]


def test_an_event_has_a_page(tmp_path: Path) -> None:
    explaining = explainer(tmp_path)
    event = a_violation(explaining.plans["fruit"])
    for text in (None, TEXT):
        tree = dom.read(event_page(explain_event(explaining, event.data, text)))
        is_sound(tree)
        assert "keywords FRUIT" in tree.text


def test_its_lines_cannot_steer_the_terminal(tmp_path: Path) -> None:
    explaining = explainer(tmp_path)
    plan = explaining.plans["fruit"]
    (decision,) = guard_text(plan, TEXT).decisions
    hostile = StreamInfo(
        stream_id="\x1b[31m",
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
        labels={"a\u202e": "b"},
    )
    event = violation_event(hostile, plan, decision, NOW)
    assert all(line.isprintable() for line in event_lines(explain_event(explaining, event.data, None)))


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    return folder


def test_the_command_finds_an_event_in_a_file(policies: Path, tmp_path: Path) -> None:
    event = a_violation(explainer(policies).plans["fruit"])
    file = tmp_path / "events.jsonl"
    lines = [encode_line(numbered(each, number), NOW) for number, each in enumerate((a_fault(), event), start=1)]
    file.write_bytes(b"".join(lines))
    result = run(str(policies), "--event", event.id, "--event-file", str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"Event {event.id}, violation" in result.stdout
    assert "why: keywords FRUIT" in result.stdout
    assert "give it with --text or --file" in result.stdout


@pytest.mark.parametrize(("text", "status"), [(TEXT, 0), ("a pear, please", 1)])
def test_the_command_finds_an_event_in_an_outbox_and_replays_its_text(
    policies: Path, tmp_path: Path, text: str, status: int
) -> None:
    event = a_violation(explainer(policies).plans["fruit"])
    path = tmp_path / "outbox.db"

    async def fill() -> None:
        box = SqliteOutbox(OutboxSettings(path=path, durability="normal"))
        await box.start()
        await box.put([event, a_fault()])
        await box.stop()

    asyncio.run(fill())
    result = run(str(policies), "--event", event.id, "--outbox", str(path), "--text", text, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["event"]["ids"]["event"]) == (status, event.id)
    assert (told["recurs"], told["replay"]["text"]) == (status == 0, text)


def test_an_outbox_alone_asks_for_its_events(policies: Path, tmp_path: Path) -> None:
    explainer(policies)
    result = run(str(policies), "--outbox", str(tmp_path / "none.db"))
    assert result.exit_code == 2
    assert "none.db" in result.stderr


def test_the_only_event_of_a_file_needs_no_id(policies: Path, tmp_path: Path) -> None:
    event = a_violation(explainer(policies).plans["fruit"])
    line = encode_line(numbered(event, 1), NOW)
    result = run(str(policies), "--event-file", "-", text=line)
    assert (result.exit_code, event.id in result.stdout) == (0, True)
    result = run(str(policies), "--event-file", "-", "--html", str(tmp_path / "e.html"), text=line)
    assert (result.exit_code, result.stdout) == (0, "")
    assert event.id in (tmp_path / "e.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--event", "nope"], "there is no event nope"),
        ([], "there are 2 events: say which with --event"),
        (["--direction", "input"], "the event says where its text stood: leave out --direction"),
        (["--policy", "fruit"], "leave out --policy"),
        (["--outbox", "o.db"], "say one place to read events from"),
        (["--bootstrap", "localhost:1"], "say one place to read events from"),
    ],
)
def test_what_the_command_cannot_do_is_2(policies: Path, options: list[str], words: str) -> None:
    explainer(policies)
    lines = b"".join(encode_line(numbered(a_fault(), number), NOW) for number in (1, 2))
    result = run(str(policies), "--event-file", "-", *options, text=lines)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_a_fault_is_about_no_text(policies: Path) -> None:
    explainer(policies)
    result = run(str(policies), "--event-file", "-", "--text", "x", text=encode_line(numbered(a_fault(), 1), NOW))
    assert (result.exit_code, "a fault event is about no text" in result.stderr) == (2, True)
