"""python -m benchmarks.policies: what policies cost to load, to compile and to decide by, in CPU time of one core."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks.results import table, write
from detectors.types import Finding
from sidecar.policy.compiler import compile_policy
from sidecar.policy.conditions import Candidate, Circumstances
from sidecar.policy.decide import decide
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.values import Lane

_HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n'
_MIXED = (
    "{detector: patterns, patterns: [{label: A, regex: '\\bord%d-\\d{4,8}\\w*'}]}",
    "{detector: patterns, keywords: {A: [word%d, plum cake, plum]}}",
    "{detector: pii, labels: [CREDIT_CARD, EMAIL_ADDRESS]}",
    "{detector: secrets}",
)
_REGEXES = _MIXED[:1]
_COUNTS = (10, 100, 1_000, 3_000)
_CALLS = 200
_FINDING = Finding(10, 30, "A", 1.0)


def main() -> None:
    """Measure, and write the result file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies", description=__doc__)
    parser.add_argument(
        "--repeats", type=int, default=3, help="how often each is measured; the best counts (default: 3)"
    )
    repeats = parser.parse_args().repeats
    compile_policy(_loaded(_policy(_MIXED, 8)))  # what all share is made once in a process
    texts = {f"{count:,} rules of four kinds": _policy(_MIXED, count) for count in _COUNTS}
    texts |= {f"{count:,} rules, each a regex of its own": _policy(_REGEXES, count) for count in _COUNTS}
    texts["a rule of 30,000 keywords"] = _keywords(30_000)
    made = {name: _made(text, repeats) for name, text in texts.items()}
    decided = {f"decide, {count:,} rules": _decided(count, repeats) for count in (10, 100, 1_000)}
    decided |= {f"ask {name}": _asked(terms, repeats) for name, terms in _TERMS.items()}
    rows = [(name, seconds["load"], seconds["compile"]) for name, seconds in made.items()]
    costs = [(name, microseconds) for name, microseconds in decided.items()]
    parts = (
        "# What policies cost",
        "CPU time of one core, the best of several runs; one policy each.",
        table(("policy", "load, s", "compile, s"), rows),
        "For each finding of a segment, where all the rules read the detector that found it:",
        table(("what", "microseconds"), costs),
    )
    print(write("policies", {"seconds": made, "microseconds": decided}, "\n\n".join(parts)))


_TERMS = {
    "a condition in CEL": "when: 'finding.score > 0.5 && stream.tenant != \"acme\"'",
    "an exception by value": "except: [{value: [plums, cherries], reason: fruit, owner: shop}]",
}


def _policy(kinds: tuple[str, ...], count: int) -> str:
    detects = (kinds[number % len(kinds)] for number in range(count))
    return _HEAD + "".join(
        _rule(number, each % number if "%d" in each else each) for number, each in enumerate(detects)
    )


def _rule(number: int, detect: str, more: str = "") -> str:
    return f"  - id: r{number}\n    detect: {detect}\n    action: redact\n" + (f"    {more}\n" if more else "")


def _keywords(count: int) -> str:
    words = ", ".join(f"{7919 * number % 1_000_003:x}word" for number in range(count))
    return _HEAD + _rule(0, f"{{detector: patterns, keywords: {{A: [{words}]}}}}")


def _loaded(text: str) -> Any:
    [loaded] = load_text(text)
    return loaded


def _made(text: str, repeats: int) -> dict[str, float]:
    """Seconds to load and to compile a policy."""
    loaded = _loaded(text)
    return {
        "load": _best(lambda: _loaded(text), repeats),
        "compile": _best(lambda: compile_policy(loaded), repeats),
    }


def _decided(count: int, repeats: int) -> float:
    """Microseconds to decide by so many rules that read one detector on one finding."""
    kinds = ("{detector: patterns, keywords: {A: [plum]}}",)
    [scanner] = compile_policy(_loaded(_policy(kinds, count))).scanners
    return _microseconds(lambda: decide(scanner.rules, [_FINDING]), repeats)


def _asked(more: str, repeats: int) -> float:
    """Microseconds to ask what a rule asks of a finding beyond its threshold."""
    detect = "{detector: patterns, keywords: {A: [plum]}}"
    plan: Plan = compile_policy(_loaded(_HEAD + _rule(0, detect, more)))
    terms, circumstances = plan.rules[0].terms, Circumstances()
    assert terms is not None
    candidate = Candidate(_FINDING, Lane(), "patterns")
    return _microseconds(lambda: circumstances.admit(terms, candidate, lambda: "a plum in the text"), repeats)


def _microseconds(call: Callable[[], object], repeats: int) -> float:
    def often() -> None:
        for _ in range(_CALLS):
            call()

    return _best(often, repeats) / _CALLS * 1e6


def _best(call: Callable[[], object], repeats: int) -> float:
    """CPU seconds of the run that was least disturbed."""
    return min(_timed(call) for _ in range(repeats))


def _timed(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
