"""Measures what a preview costs: conversations through two versions of a shipped policy, at once and one by one.

    python -m benchmarks.preview

At once is what `tidegate policy diff` does; one by one is each version by itself, through the same core without
anything that remembers. No text comes twice, so that nothing is won by texts that repeat, which real traffic is full
of. Ways take turns within one process, and what is compared are sums over all rounds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import mixed, plain
from sidecar.policy.plan import Plan
from sidecar.policy.turns import exchanges
from sidecar.rehearsal import Rehearsal
from workbench.preview.replay import Asked, Replay
from workbench.preview.tally import Tally
from workbench.preview.traffic import Row, conversation

POLICIES = Path(__file__).parents[2] / "policies"
AT_LEAST = 1.8
ROUNDS = 5
CHANGES: Mapping[str, tuple[str, str, str, int]] = {
    "injection and toxicity, by the model": ("chat-safety", "{injection: 0.3,", "{injection: 0.5,", 20),
    "personal data and names": ("pii-names", "action: {redact: {with: stand_in}}", "action: block", 20),
    "personal data by its form, graver": ("pii-redact", "severity: high", "severity: low", 200),
    "personal data by its form, cards blocked": (
        "pii-redact",
        "{redact: {with: stand_in, answers: {with: mask, keep_last: 4}}}",
        "block",
        200,
    ),
}
"""Which policy, what its new version says otherwise, and how many conversations there are in a round."""


def main() -> None:
    """Measure and write the results."""
    figures = {name: _measured(name) for name in CHANGES}
    rows = [
        (name, each["conversations"], each["chars"], each["both"], each["apart"], f"{each['ratio']:.2f}")
        for name, each in figures.items()
    ]
    header = ["two versions that read", "conversations", "characters", "both, s", "one by one, s", "ratio"]
    held = all(each["ratio"] >= AT_LEAST for each in figures.values())
    told = f"Aimed at: at least {AT_LEAST} times in every row: {'yes' if held else 'no'}"
    text = (
        "Seconds to replay conversations through two versions of a policy: both at once (`tidegate policy diff`), and"
        f" one after the other.\nSums of {ROUNDS} rounds of texts that never repeat, on one process.\n\n"
    )
    print(write("preview", {"at_least": AT_LEAST, "rows": figures}, f"{text}{table(header, rows)}\n\n{told}"))


def _measured(name: str) -> dict[str, float]:
    policy, old, new, conversations = CHANGES[name]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{version}.yaml" for version in ("old", "new")]
        text = (POLICIES / f"{policy}.yaml").read_text(encoding="utf-8").partition("\ntests:")[0] + "\n"
        assert old in text
        paths[0].write_text(text, encoding="utf-8")
        paths[1].write_text(text.replace(old, new), encoding="utf-8")
        asked = Asked((str(paths[0]),), (str(paths[1]),), policy=policy, examples=0)
        replaying = Replay(asked)
        plans = [version.plans[0] for version in (replaying.old, replaying.new)]
        seconds = {"both": 0.0, "apart": 0.0}
        whole = Tally()
        for number in range(ROUNDS + 1):
            rows = _traffic(number, conversations)
            spent = {
                "both": _timed(lambda rows=rows: whole.add(replaying.tally_of(rows))),  # type: ignore[misc]
                "apart": sum(_timed(lambda plan=plan, rows=rows: _alone(plan, rows)) for plan in plans),  # type: ignore[misc]
            }
            if number:  # the first one loads models
                seconds = {way: seconds[way] + spent[way] for way in seconds}
    ratio = seconds["apart"] / seconds["both"]
    return {**seconds, "ratio": ratio, "conversations": conversations * ROUNDS, "chars": whole.chars}


def _alone(plan: Plan, rows: list[Row]) -> None:
    """One version by itself."""
    for row in rows:
        said = conversation(row)
        assert said is not None
        rehearsal = Rehearsal(said.facts, said.id)
        for exchange in exchanges(said.turns):
            conduct = rehearsal.begin(plan, exchange)
            rehearsal.end(conduct, exchange, rehearsal.guard(conduct, exchange))


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _traffic(round_number: int, conversations: int) -> list[Row]:
    """Conversations of a question and an answer."""
    rows = []
    for number in range(conversations):
        seed = round_number * 100_000 + number
        made = (plain if number % 2 else mixed)(1200, seed)
        turns = [{"user": f"{seed}. {made[:300]}"}, {"model": f"{seed}: {made[300:]}"}]
        rows.append(Row(number, f"round {round_number}", msgspec.json.encode({"id": str(seed), "turns": turns})))
    return rows


if __name__ == "__main__":
    main()
