"""What each shipped policy touches of harmless texts, and what it finds of what it is for.

    python -m benchmarks.packs --data FOLDER [--rows 300] [--pack gdpr --pack hipaa]

FOLDER has the public sets: `injection/dev.jsonl.gz`, `pii/test_synth_unseen_templates.jsonl.gz` and
`pii/test_hard_negatives.jsonl.gz`, `toxicity/test_tweeteval_offensive.jsonl.gz` and `toxicity/test_sdcnl.jsonl.gz`,
`grounding/test_begin.jsonl.gz`. Of each so many rows are drawn from a seed, and read up to their first 800 characters,
each by a policy of its own as the proxy would have it read. The rows are other than those that the models were trained
on; the sets are public, so that anybody may choose a threshold by them.

Detectors without a public set (`secrets`, `patterns`, `topic`, `invisible_text`) are measured only by what they touch.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import table, write
from detectors.context import context_of
from detectors.models.encoded import ModelParams, encoder_of
from detectors.models.encoder import Encoder, Encoding, Tokenised
from sidecar.library import Pack, packs
from sidecar.offline import Guarded, guard_text
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from sidecar.values import Action, Direction, Lane, Part

MOST_CHARS = 800
ATTACKS = frozenset({"direct", "jailbreak"})
PROMPTS = frozenset({"benign", "hard_negative"})


@dataclass(frozen=True)
class Text:
    """A text, whose words it is, what it should rest on, and the values in it that are to be found."""

    text: str
    part: Part = Part.USER
    context: str = ""
    spans: tuple[tuple[int, int, str], ...] = ()


def main() -> int:
    """Run, print the tables and write the results."""
    arguments = _arguments()
    sets = Sets(arguments.data, arguments.rows)
    read_once(encoder_of(ModelParams()))
    chosen = [packs()[name] for name in arguments.pack] if arguments.pack else list(packs().values())
    figures = {}
    for each in chosen:
        figures[each.name] = measured(each, sets)
        print(each.name, json.dumps(figures[each.name]), flush=True)
    text = report(figures, arguments.rows)
    print(text)
    if not arguments.pack:
        print(write("packs", figures, text))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.packs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--rows", type=int, default=300, help="so many of each set")
    parser.add_argument("--pack", action="append", default=[], help="this one only, written nowhere; may be repeated")
    return parser.parse_args()


def read_once(encoder: Encoder) -> None:
    """Have the encoder read each text once, for all policies: what it says does not depend on who asks."""
    read, every = encoder.read, tuple(encoder.card.heads)
    known: dict[str, Encoding] = {}

    def remembered(tokenised: Tokenised, heads: Iterable[str]) -> list[Encoding]:
        if new := [text for text in dict.fromkeys(tokenised.texts) if text not in known]:
            known.update(zip(new, read(encoder.tokenise(new), every), strict=True))
        return [known[text] for text in tokenised.texts]

    encoder.read = remembered  # type: ignore[method-assign]


# --- sets ------------------------------------------------------------------------------------------------------------


class Sets:
    """The sets, each drawn once."""

    def __init__(self, data: Path, rows: int) -> None:
        self._data, self._rows = data, rows
        injection = list(self._read("injection/dev"))
        offensive = list(self._read("toxicity/test_tweeteval_offensive"))
        need = self._read("toxicity/test_sdcnl")
        begin = list(self._read("grounding/test_begin"))
        self.harmless: Mapping[str, list[Text]] = {
            "prompts": self._drawn(_texts(row for row in injection if row["kind"] in PROMPTS)),
            "documents": self._drawn(_texts((row for row in injection if row["kind"] == "document"), Part.TOOL_RESULT)),
            "code and numbers": self._drawn(_texts(self._read("pii/test_hard_negatives"), Part.MODEL)),
            "grounded answers": self._drawn(_answers(begin, supported=True)),
        }
        self.attacks = self._drawn(_texts(row for row in injection if row["kind"] in ATTACKS))
        self.hidden = self._drawn(_texts((row for row in injection if row["kind"] == "indirect"), Part.TOOL_RESULT))
        self.offensive = self._drawn(_texts((row for row in offensive if row["labels"]["toxicity"]), Part.MODEL))
        self.need = self._drawn(_texts(row for row in need if row["labels"]["self_harm"]))
        self.unsupported = self._drawn(_answers(begin, supported=False))
        self.personal = self._drawn(_annotated(self._read("pii/test_synth_unseen_templates")))

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        with gzip.open(self._data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)

    def _drawn(self, texts: Iterable[Text]) -> list[Text]:
        every = list(texts)
        return random.Random(7).sample(every, min(self._rows, len(every)))


def _texts(rows: Iterable[Mapping[str, Any]], part: Part = Part.USER) -> Iterator[Text]:
    return (Text(row["text"][:MOST_CHARS], part) for row in rows)


def _answers(rows: Iterable[Mapping[str, Any]], *, supported: bool) -> Iterator[Text]:
    wanted = (row for row in rows if (row["label"] == "supported") is supported)
    return (Text(row["claim"], Part.MODEL, row["context"]) for row in wanted)


def _annotated(rows: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    for row in rows:
        spans = tuple((each["start"], each["end"], each["label"]) for each in row["entities"])
        yield Text(row["text"], spans=spans)


# --- a pack ----------------------------------------------------------------------------------------------------------


def measured(each: Pack, sets: Sets) -> dict[str, Any]:
    """A pack's figures: what it touches of harmless texts, and what it finds of what it is for."""
    ((_, plan),) = compile_file(each.file, public_keys()).policies
    touched = {name: _touched(plan, texts) for name, texts in sets.harmless.items()}
    return {"touched": touched, "found": dict(_found(plan, sets))}


def _guarded(plan: Plan, text: Text) -> Guarded:
    return guard_text(
        plan,
        text.text,
        lane=Lane(part=text.part),
        direction=Direction.OUTPUT if text.part is Part.MODEL else Direction.INPUT,
        context=context_of([text.context]) if text.context else None,
        is_history=text.part is Part.TOOL_RESULT,
    )


def _touched(plan: Plan, texts: Sequence[Text]) -> dict[str, float]:
    changed = remarked = 0
    for text in texts:
        done = max((each.done for each in _guarded(plan, text).decisions), default=Action.ALLOW)
        changed += done >= Action.REDACT
        remarked += Action.ALLOW < done < Action.REDACT
    return {"texts": len(texts), "changed": changed, "remarked": remarked}


def _found(plan: Plan, sets: Sets) -> Iterator[tuple[str, dict[str, Any]]]:
    """What of each set that is about one of the plan's detectors its rules find."""
    labels = {(rule.detector, label) for rule in plan.rules for label in rule.thresholds}
    parts = {(rule.detector, part) for rule in plan.rules for part in rule.reads.parts}
    if ("injection", "injection") in labels and ("injection", Part.USER) in parts:
        yield "attacks by users", _share(plan, "injection", sets.attacks)
    if ("injection", "indirect_injection") in labels:
        yield "orders hidden in documents", _share(plan, "injection", sets.hidden)
    if ("toxicity", Part.MODEL) in parts:
        yield "offensive tweets, as answers", _share(plan, "toxicity", sets.offensive)
    if ("toxicity", "self_harm") in labels:
        yield "posts of people who may harm themselves", _share(plan, "toxicity", sets.need)
    if ("grounding", "unsupported") in labels:
        yield "unsupported answers", _share(plan, "grounding", sets.unsupported)
    reading = [rule for rule in plan.rules if rule.detector == "pii" and Part.USER in rule.reads.parts]
    if wanted := {label for rule in reading for label in rule.thresholds}:
        yield "personal data", _values(plan, wanted, sets.personal)


def _share(plan: Plan, detector: str, texts: Sequence[Text]) -> dict[str, Any]:
    rules = {rule.index for rule in plan.rules if rule.detector == detector}
    found = sum(any(each.rule in rules for each in _guarded(plan, text).decisions) for text in texts)
    return {"of": len(texts), "found": found}


def _values(plan: Plan, wanted: set[str], texts: Sequence[Text]) -> dict[str, Any]:
    """Of the annotated values with these labels, those of which at least half is in a finding that a rule acts on."""
    there, found = Counter[str](), Counter[str]()
    for text in texts:
        spans = [(each.finding.start, each.finding.end) for each in _guarded(plan, text).decisions]
        for start, end, label in text.spans:
            if label in wanted:
                there[label] += 1
                found[label] += 2 * _covered(start, end, spans) >= end - start
    by_label = {label: [found[label], there[label]] for label in sorted(there)}
    return {"of": there.total(), "found": found.total(), "labels": by_label}


def _covered(start: int, end: int, spans: Sequence[tuple[int, int]]) -> int:
    return len({at for begin, stop in spans for at in range(max(start, begin), min(end, stop))})


# --- the report ------------------------------------------------------------------------------------------------------


def report(figures: Mapping[str, Any], rows: int) -> str:
    """The tables, in Markdown."""
    kinds = list(next(iter(figures.values()))["touched"])
    touched = [[name, *(_cell(each["touched"][kind]) for kind in kinds)] for name, each in figures.items()]
    found = [
        [name, what, each["of"], f"{each['found'] / max(each['of'], 1):.2f}"]
        for name, of in figures.items()
        for what, each in of["found"].items()
    ]
    labels = [
        f"- `{name}`: " + ", ".join(f"{label} {hit} of {of}" for label, (hit, of) in personal["labels"].items())
        for name, each in figures.items()
        if (personal := each["found"].get("personal data"))
    ]
    return "\n\n".join(
        (
            f"At most {rows} rows of each public set, drawn from a seed, their first {MOST_CHARS} characters.",
            "Harmless texts that are changed, withheld or stopped, and in brackets those that are only remarked on:",
            table(["policy", *kinds], touched),
            "Of what a policy is for, the share that its rules find, whatever they do about it:",
            table(["policy", "of", "rows or values", "found"], found),
            "Personal data by label, where the set has any:",
            "\n".join(labels),
        )
    )


def _cell(counts: Mapping[str, int]) -> str:
    shares = [100 * counts[key] / max(counts["texts"], 1) for key in ("changed", "remarked")]
    return f"{shares[0]:.1f} % ({shares[1]:.1f})"


if __name__ == "__main__":
    sys.exit(main())
