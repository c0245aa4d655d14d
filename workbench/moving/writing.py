"""A draft as a policy: each rule is checked by itself and shown to fire, and what is not as it was stands beside it.

1. A rule that is refused becomes a note that says why, as `policy lint` does.
2. A text that violates a rule becomes a test of what came of it. A text that the rule lets pass makes none.
3. Comments say where a rule comes from and what of it is otherwise; what nothing came of stands at the top.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.cases import Guard, make_case, public_keys
from sidecar.policy.compiler import compile_policy
from sidecar.policy.layout import laid_out
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.policy.schema.base import API_VERSION
from sidecar.policy.schema.cases import FileCaseSpec
from sidecar.trials import guard_with
from workbench.moving.draft import ANSWER, PROMPT, Draft, Note, Rule, shown

_WIDTH = 110
_LONG_CHARS = 200
"""A test's text that is longer is not cut at every place."""
_ORDINARY = {
    PROMPT: "How long do I bake a bread of one kilogram in this oven?",
    ANSWER: "Bake it for an hour, then let it cool.",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A policy's text, empty where no rule was left; the rules that it has, and all that is not as it was."""

    text: str
    rules: tuple[Rule, ...]
    notes: tuple[Note, ...]

    @property
    def lost(self) -> list[Note]:
        """What was not carried over."""
        return [each for each in self.notes if each.is_lost]


def written(draft: Draft, *, name: str, version: str, product: str, file: str) -> Written:
    """The policy of a draft; `product` and `file` are where it comes from."""
    for rule in [*draft.rules]:
        if problem := _refused(rule, name):
            draft.rules.remove(rule)
            draft.notes += [Note(shown(rule.source, 300), shown(rule.id), problem), *rule.notes]
    head = {"apiVersion": API_VERSION, "kind": "Policy", "metadata": _metadata(name, version, product)}
    if not draft.rules:
        return Written("", (), tuple(draft.told()))
    plan = _plan({**head, "rules": [each.spec() for each in draft.rules]})
    guard = guard_with(plan)
    tests = [*_tests(draft.rules, guard)] or [_some_test(draft.rules[0], guard)]
    lines = [*_top(draft, product, file), *_block(head), "rules:"]
    for rule in draft.rules:
        lines += _rule(rule)
    lines += ["tests:", *(line for test in tests for line in _item(test))]
    return Written(laid_out("\n".join(lines) + "\n", name), tuple(draft.rules), tuple(draft.told()))


def _metadata(name: str, version: str, product: str) -> dict[str, str]:
    return {"name": name, "version": version, "description": f"What {product} was set up to do, carried over."}


def _refused(rule: Rule, name: str) -> str:
    """Why a rule cannot be one; empty where it can."""
    head = {"apiVersion": API_VERSION, "kind": "Policy", "metadata": {"name": name, "version": "1"}}
    try:
        _plan({**head, "rules": [each.spec() for each in (*rule.needs, rule)]})
    except PolicyErrors as errors:
        return "; ".join(f"{each.message.rstrip('.')}. {each.remedy}".strip() for each in errors.errors)
    except PolicyError as error:
        return error.message
    return ""


def _plan(policy: Mapping[str, Any]) -> Plan:
    """JSON is YAML but for its escapes of characters past U+FFFF, so those are written as they are."""
    [loaded] = load_text(json.dumps(policy, ensure_ascii=False))
    return compile_policy(loaded, public_keys())


# --- tests -----------------------------------------------------------------------------------------------------------


def _tests(rules: Sequence[Rule], guard: Guard) -> Iterator[dict[str, Any]]:
    names: set[str] = set()
    for rule in rules:
        for number, sample in enumerate(rule.samples, start=1):
            name = f"{rule.id} finds what it is for" + (f" ({number})" if number > 1 else "")
            test = _test(name, rule.reads.test_of(sample), guard)
            if rule.id in test["expect"]["violations"]:
                names.add(name)
                yield test
    for reads, text in _ORDINARY.items():
        if any(rule.reads.parts == reads.parts for rule in rules):
            test = _test(f"an ordinary {reads.prefix} passes", reads.test_of(text), guard)
            if not test["expect"]["violations"]:
                yield test


def _some_test(rule: Rule, guard: Guard) -> dict[str, Any]:
    """A test where none shows a rule: of an ordinary text, whatever comes of it."""
    return _test("what comes of an ordinary text", rule.reads.test_of(_ORDINARY[PROMPT]), guard)


def _test(name: str, said: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """A test that says what comes of a text now."""
    test: dict[str, Any] = {"name": name, **said}
    case = make_case(FileCaseSpec.model_validate_json(json.dumps({**test, "expect": {"leaked": 0}})))
    observed = guard(case, case.whole)
    if any(
        len(text) > _LONG_CHARS for text in (said.get("input", ""), said.get("output", ""), *said.get("chunks", ()))
    ):
        test["chunkings"] = ["whole", "random"]
    return {**test, "expect": {"violations": [*observed.violations]}}


# --- text ------------------------------------------------------------------------------------------------------------


def _top(draft: Draft, product: str, file: str) -> Iterator[str]:
    yield from _comment(
        f"Carried over from {product}: {shown(file, 300)}. "
        "Read it, run its tests, and try it in shadow before it is enforced."
    )
    for kind in dict.fromkeys(note.kind for note in draft.notes):
        yield "#"
        yield f"# {kind.capitalize()}:"
        for note in draft.notes:
            if note.kind == kind:
                yield from _comment(f"{note.place}: {note.what}: {note.told}", "#   - ", "#     ")


def _rule(rule: Rule) -> Iterator[str]:
    yield from _comment(f"From {rule.source}", "  # ", "  # ")
    for note in rule.notes:
        yield from _comment(f"{note.kind}: {note.what}: {note.told}", "  #   - ", "  #     ")
    yield from _item(rule.spec())


def _comment(text: str, first: str = "# ", rest: str = "# ") -> list[str]:
    """Comment lines. A text of a stranger's file has no end of line in it that a comment could end with."""
    return textwrap.wrap(
        shown(text, 2000), _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def _block(value: dict[str, Any]) -> Iterator[str]:
    for key, each in value.items():
        yield from _key(key, each)


def _item(value: dict[str, Any]) -> Iterator[str]:
    """A mapping as an item of a list, a key a line."""
    lines = [*_block(value)]
    yield f"  - {lines[0]}"
    yield from (f"    {line}" for line in lines[1:])


def _key(key: str, value: Any) -> Iterable[str]:
    return _dumped({key: value}).splitlines()


def _dumped(value: dict[str, Any]) -> str:
    [(key, inner)] = value.items()
    if isinstance(inner, dict | list):
        flow = yaml.safe_dump(inner, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False).strip()
        return f"{key}: {flow}"
    text: str = yaml.safe_dump(value, width=10**9, allow_unicode=True, sort_keys=False)
    return text.strip()
