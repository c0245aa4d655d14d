"""Two versions of a policy beside each other: what changes, by whom, and what may be shown of it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sidecar.cli.policy import policy
from workbench.preview.confusion import share_of
from workbench.preview.replay import Asked, Replay
from workbench.preview.report import replayed
from workbench.preview.spread import batches, replay
from workbench.preview.tally import Change, Tally
from workbench.preview.traffic import Row
from workbench.preview.veil import veiled

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: default, version: "1"}\nrules:\n'
CARDS = "  - {{id: cards, detect: {{detector: pii, labels: [CREDIT_CARD]}}, action: {0}}}\n"
NAMES = "  - {{id: names, detect: {{detector: patterns, keywords: {{NAME: [Kraken]}}}}, action: {0}}}\n"
CARD = "4111 1111 1111 1111"
MASK, LABEL, BLOCK = "{redact: {with: mask}}", "{redact: {with: label}}", "{block: {message: No.}}"


def written(folder: Path, name: str, rules: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(HEAD + rules, encoding="utf-8")
    return path


def rows(*texts: str | dict[str, Any]) -> list[Row]:
    told = [{"text": each} if isinstance(each, str) else each for each in texts]
    return [Row(number, f"t:{number + 1}", json.dumps(each).encode()) for number, each in enumerate(told)]


def compared(folder: Path, old: str, new: str, *texts: str | dict[str, Any], **more: Any) -> Tally:
    paths = (written(folder, "old", old), written(folder, "new", new))
    return Replay(Asked((str(paths[0]),), (str(paths[1]),), **more)).tally_of(rows(*texts))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (CARDS.format(MASK), CARDS.format(BLOCK), Change.NEWLY_BLOCKED),
        (CARDS.format(BLOCK), CARDS.format("annotate"), Change.NO_LONGER_BLOCKED),
        (CARDS.format("annotate"), CARDS.format(MASK), Change.NEWLY_REDACTED),
        (CARDS.format(MASK), NAMES.format(MASK), Change.NO_LONGER_REDACTED),
        (CARDS.format(MASK), CARDS.format(LABEL), Change.REDACTED_OTHERWISE),
        (CARDS.format(BLOCK), CARDS.format("{block: {message: Never.}}"), Change.BLOCKED_OTHERWISE),
        (CARDS.format("annotate"), NAMES.format("annotate"), Change.FOUND_OTHERWISE),
        (CARDS.format(MASK), CARDS.format(MASK) + NAMES.format(BLOCK), Change.NONE),
    ],
)
def test_what_becomes_of_a_stream(tmp_path: Path, old: str, new: str, change: Change) -> None:
    tally = compared(tmp_path, old, new, f"card {CARD}")
    assert tally.changes == {str(change): 1}
    assert (tally.streams, tally.conversations, tally.changed) == (1, 1, int(change is not Change.NONE))


def test_a_tools_result_is_newly_withheld(tmp_path: Path) -> None:
    said = {"turns": [{"user": "look"}, {"tool_result": f"it is {CARD}"}]}
    tally = compared(tmp_path, CARDS.format("annotate"), CARDS.format(BLOCK), said)
    assert tally.changes == {"newly withheld": 1}
    assert tally.parts == {"tool_result": {"newly withheld": 1}}


def test_counts_by_rule_tenant_and_part(tmp_path: Path) -> None:
    old, new = CARDS.format(MASK), CARDS.format(BLOCK) + NAMES.format("annotate")
    tally = compared(
        tmp_path,
        old,
        new,
        {"tenant": "a", "turns": [{"user": f"card {CARD}"}, {"model": "the Kraken plan"}]},
        {"tenant": "b", "turns": [{"user": "hello"}, {"model": f"{CARD}"}]},
    )
    counts = {rule: (each.old, each.new, each.gained, each.lost) for rule, each in tally.rules.items()}
    assert counts == {"default/cards": (2, 2, 0, 0), "default/names": (0, 1, 1, 0)}
    assert tally.tenants == {
        "a": {"newly blocked": 1, "other findings, same text": 1},
        "b": {"the same": 1, "newly blocked": 1},
    }
    assert tally.parts == {
        "user": {"newly blocked": 1, "the same": 1},
        "model": {"other findings, same text": 1, "newly blocked": 1},
    }


def test_a_policy_that_is_the_same_in_both_is_guarded_once(tmp_path: Path) -> None:
    folders = []
    for name, order in (("old", 1), ("new", 2)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "same.yaml").write_text(HEAD + CARDS.format(MASK), encoding="utf-8")
        other = HEAD.replace("default", "other").replace("rules:", "match: {tenants: [t]}\nrules:")
        other = other.replace("name: other", f"name: other, order: {order}")
        (folder / "other.yaml").write_text(other + NAMES.format(MASK if order == 1 else LABEL), encoding="utf-8")
        folders.append(folder)
    replaying = Replay(Asked((str(folders[0]),), (str(folders[1]),)))
    tally = replaying.tally_of(rows(f"card {CARD}"))
    once = tally.asked
    assert tally.known == 0
    tally = replaying.tally_of(rows({"text": f"Kraken: {CARD}", "tenant": "t"}))
    assert (tally.asked, tally.known) == (2 * once, once)


def test_findings_are_computed_once_for_both_and_for_a_text_that_comes_again(tmp_path: Path) -> None:
    new = CARDS.format(BLOCK)
    tally = compared(tmp_path, CARDS.format(MASK), new, *[f"my card is {CARD}"] * 10)
    assert tally.changes == {"newly blocked": 10}
    assert tally.asked - tally.known == tally.asked / 20


def test_a_stream_that_no_policy_takes_is_counted_and_leaves_as_it_is(tmp_path: Path) -> None:
    old = CARDS.format(MASK)
    path = written(tmp_path, "new", old)
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("name: default", "name: shop")
        .replace("rules:", "match: {labels: {app: shop}}\nrules:"),
        encoding="utf-8",
    )
    asked = Asked((str(written(tmp_path, "old", old)),), (str(path),))
    tally = Replay(asked).tally_of(rows(f"card {CARD}", {"text": CARD, "labels": {"app": "shop"}}))
    assert (tally.unguarded_old, tally.unguarded_new) == (0, 1)
    assert tally.number(Change.NO_LONGER_REDACTED) == 1
    assert tally.examples[Change.NO_LONGER_REDACTED][0].new == "no policy takes it"


def test_what_analysts_said_beside_what_was_found(tmp_path: Path) -> None:
    old, new = NAMES.format("annotate"), NAMES.format("annotate") + CARDS.format(MASK)
    tally = compared(
        tmp_path,
        old,
        new,
        {"text": "the Kraken plan", "review": True},
        {"text": f"card {CARD}", "review": {"violation": True, "rules": ["cards"]}},
        {"text": "the Kraken again", "review": False},
        {"text": "hello", "review": False},
        {"text": "nobody looked"},
    )
    assert (tally.old.hits, tally.old.false_alarms, tally.old.misses, tally.old.passed) == (1, 1, 1, 1)
    assert (tally.new.hits, tally.new.false_alarms, tally.new.misses, tally.new.passed) == (2, 1, 0, 1)
    assert (tally.corrected, tally.spoilt) == (1, 0)
    assert (tally.old_rules["cards"].misses, tally.new_rules["cards"].hits) == (1, 1)
    assert (tally.new.recall.value, tally.new.precision.value) == (1.0, 2 / 3)


def test_an_interval_is_wilsons() -> None:
    """From Wilson (1927) by hand: 9 of 10 at 95 %."""
    share = share_of(9, 10)
    assert (share.value, round(share.low, 4), round(share.high, 4)) == (0.9, 0.5958, 0.9821)
    assert share_of(0, 0).value is None


SECRETS = [CARD, "jane.doe@example.com", "Jane", "Doe", "+1 202-555-0143", "sk_live_abc123DEF456ghi789JKL012"]


@pytest.mark.parametrize("old", [MASK, "annotate"])
def test_examples_show_nothing_sensitive_unless_that_is_asked_for(tmp_path: Path, old: str) -> None:
    text = f"my name is Jane Doe, write to jane.doe@example.com or +1 202-555-0143, card {CARD}, key {SECRETS[-1]}"
    call = {"turns": [{"model": "paying", "calls": [{"name": "pay", "arguments": {'n"o\\te': text}}]}]}
    tally = compared(tmp_path, CARDS.format(old), CARDS.format(BLOCK), text, call)
    shown = json.dumps([str(each) for examples in tally.examples.values() for each in examples])
    assert [each for each in SECRETS if each in shown] == []
    assert "‹CREDIT_CARD›" in json.loads(shown)[0]
    bare = compared(tmp_path, CARDS.format(old), CARDS.format(BLOCK), text, shows_text=True)
    assert f"‹CREDIT_CARD: {CARD}›" in str(bare.examples)


@given(words=st.lists(st.sampled_from([*SECRETS, "please", "card", "Tom", "\n", "é", "日本", "57", "!"]), max_size=12))
def test_whatever_stands_around_it_no_secret_is_shown(words: list[str]) -> None:
    shown = veiled(" ".join(words), [])
    assert [each for each in [*SECRETS, "Tom", "日本", "57"] if each in shown] == []


def generated(number: int) -> list[str | dict[str, Any]]:
    source = random.Random(7)
    pieces = ["hello there", f"card {CARD}", "the Kraken plan", "fine, thanks", "Globex is cheaper"]
    return [
        {
            "id": str(n),
            "tenant": source.choice("abc"),
            "turns": [{"user": source.choice(pieces)}, {"model": " ".join(source.choices(pieces, k=3))}],
            "review": source.random() < 0.5,
        }
        for n in range(number)
    ]


def test_tallies_add_up_to_the_same_in_any_order_and_any_batches(tmp_path: Path) -> None:
    old, new = written(tmp_path, "old", CARDS.format(MASK)), written(tmp_path, "new", CARDS.format(BLOCK))
    replaying = Replay(Asked((str(old),), (str(new),), examples=3))
    every = rows(*generated(60))
    whole = replaying.tally_of(every)
    for size in (1, 7, 60):
        parts = [replaying.tally_of(batch) for batch in batches(every, size)]
        random.Random(size).shuffle(parts)
        added = Tally(examples_kept=3)
        for part in parts:
            added.add(part)
        added.asked, added.known = whole.asked, whole.known  # what was known differs, what was found does not
        assert added == whole


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(policy, ["diff", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    traffic = tmp_path / "t.jsonl"
    traffic.write_bytes(b"\n".join(row.data for row in rows(*generated(200))))
    return (
        written(tmp_path, "old", CARDS.format(MASK)),
        written(tmp_path, "new", CARDS.format(BLOCK) + NAMES.format("annotate")),
        traffic,
    )


@pytest.mark.slow
def test_processes_count_what_one_counts(files: tuple[Path, Path, Path]) -> None:
    old, new, traffic = files
    found = [json.loads(run(old, new, "--traffic", traffic, "--workers", n, "--json").stdout) for n in ("1", "2")]
    for each in found:
        del each["asked"], each["known"]
    assert found[0] == found[1]
    assert (found[0]["conversations"], found[0]["streams"]) == (200, 400)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_wrong_in_a_file_is_told_whoever_reads_it(files: tuple[Path, Path, Path], workers: str) -> None:
    old, new, traffic = files
    sound = traffic.read_bytes()
    with traffic.open("ab") as file:
        file.write(b'\n{"messages": 5}\n{"id": "empty"}\n')
        file.write(b'{"text": "fine"}\n' * 100 + b"{\n" * 30)
    result = run(old, new, "--traffic", traffic, "--workers", workers)
    assert (result.exit_code, result.stdout) == (2, "")
    for line in ("201: this is no conversation: Expected `array | null`, got `int`", "202: it holds no text"):
        assert f"{traffic}:{line}" in result.stderr
    assert f"{traffic}:320: this is no conversation" in result.stderr
    assert result.stderr.splitlines()[-1] == "and 12 more"
    traffic.write_bytes(sound)
    new.write_text(new.read_text(encoding="utf-8").replace("annotate", "anotate"), encoding="utf-8")
    result = run(old, new, "--traffic", traffic, "--workers", workers)
    assert result.exit_code == 1
    assert f"{new}:" in result.stderr
    assert "error TG103" in result.stderr


def test_rows_are_read_a_few_batches_ahead_of_those_who_count(files: tuple[Path, Path, Path]) -> None:
    old, new, _ = files
    handed: list[int] = []

    def source() -> Any:
        for row in rows(*generated(2000)):
            handed.append(row.number)
            yield row

    behind: list[int] = []
    replay(Asked((str(old),), (str(new),)), source(), told=lambda row: behind.append(len(handed) - row.number))
    assert max(behind) <= 64 + 1


@pytest.mark.parametrize(
    ("limit", "value", "code", "message"),
    [
        ("--max-new-blocks", "100%", 0, ""),
        ("--max-new-blocks", "0.5%", 1, "are newly blocked: more than --max-new-blocks 0.5%"),
        ("--max-new-blocks", "3", 1, "more than --max-new-blocks 3"),
        ("--max-lost-blocks", "0", 0, ""),
        ("--max-changes", "1%", 1, "are changed: more than --max-changes 1%"),
        ("--min-precision", "99", 1, "the precision of the new version is"),
        ("--min-recall", "1", 0, ""),
        ("--max-changes", "some", 2, "'some' is neither a number of streams, such as 12"),
        ("--max-changes", "101%", 2, "'101%' is neither"),
        ("--max-changes", "nan%", 2, "'nan%' is neither"),
    ],
)
def test_limits(files: tuple[Path, Path, Path], limit: str, value: str, code: int, message: str) -> None:
    old, new, traffic = files
    result = run(old, new, "--traffic", traffic, limit, value)
    assert (result.exit_code, message in result.stderr) == (code, True)


def test_the_page_stands_by_itself_and_marks_up_nothing_of_the_traffic(files: tuple[Path, Path, Path]) -> None:
    old, new, traffic = files
    evil = {"id": "<script>", "tenant": "<b>", "text": f"<img src=x onerror=alert(1)> card {CARD}"}
    traffic.write_text(json.dumps(evil), encoding="utf-8")
    page = traffic.parent / "p.html"
    assert run(old, new, "--traffic", traffic, "--html", page, "--show-text").exit_code == 0
    nowhere = page.parent / "nowhere" / "page.html"
    refused = run(old, new, "--traffic", traffic, "--html", nowhere)
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"Error: {nowhere} cannot be read or written: No such file or directory\n",
    )
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "newly blocked" in text


def test_traffic_without_a_text_is_no_result(files: tuple[Path, Path, Path]) -> None:
    old, new, traffic = files
    traffic.write_text('{"kind": "decision", "ids": {}}\n', encoding="utf-8")
    result = run(old, new, "--traffic", traffic)
    assert (result.exit_code, "there is no conversation with a text" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("conversations", "streams", "told"),
    [
        (1, 1, "1 conversation, 1 request or answer, 1,200 characters"),
        (2, 3, "2 conversations, 3 requests and answers, 1,200 characters"),
    ],
)
def test_how_much_was_replayed_is_told_in_words_that_agree(conversations: int, streams: int, told: str) -> None:
    assert replayed(Tally(conversations=conversations, streams=streams, chars=1200)) == told
