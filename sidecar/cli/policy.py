"""`tidegate policy ...`: what policy authors run. Checks, tests, explains; touches no service.

What a person reads about problems goes to stderr, as `file:line:column: error: path: message. remedy`; results go to
stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from detectors import registry
from detectors.base import EVERYTHING, ONE_BY_ONE, Reading
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.lazy import LazyGroup
from sidecar.cli.policy_status import status
from sidecar.cli.testing import run_tests
from sidecar.errors import PolicyError
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.language import json_schema, json_schema_of_tests
from sidecar.policy.loader import LoadedPolicy, policy_files
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.schema.actions import RedactAction
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.policy.store import repeated_names
from sidecar.values import Action

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES|DIRS...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.group(cls=LazyGroup, lazy={"diff": "workbench.cli.preview:diff"})
def policy() -> None:
    """Check, test and show policies.

    Example: tidegate policy test policies/
    """


policy.add_command(status)


@policy.command()
@_PATHS
@_JSON
def lint(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check policy files: every error, with its line and what to do.

    Redaction keys are not asked for: `hash` and `pseudonym` are checked as if there were one.

    Example: tidegate policy lint policies/ my-policy.yaml
    """
    files = _compiled(paths)
    errors = _errors(files)
    plans = [plan for file in files for _, plan in file.policies]
    if as_json:
        found = {"files": len(files), "policies": [_named(plan) for plan in plans], "errors": _described(errors)}
        _print_json({**found, "warnings": list(_warnings(plans))})
    else:
        _print_errors(errors)
        for warning in _warnings(plans):
            click.echo(f"warning: {warning}", err=True)
        if not errors:
            click.echo(f"{_counted(len(plans), 'policy', 'policies')} in {_counted(len(files), 'file')}: no errors")
    sys.exit(WRONG if errors else 0)


def _warnings(plans: Iterable[Plan]) -> Iterator[str]:
    """What works and may not be meant: a rule that stops text with no word of its own, a notice of nothing."""
    for plan in plans:
        for rule in plan.rules:
            if rule.is_enforced and rule.action is Action.BLOCK and rule.message is None:
                yield f"{plan.name}: rule `{rule.id}` blocks without a message: people read a default text"
        if plan.stream.notice is not None and not plan.redacts:
            yield f"{plan.name}: `notice` tells of redactions, and no rule redacts"


policy.add_command(run_tests)


@policy.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--check", "against", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Compare only.")
@click.option("--tests", "of_tests", is_flag=True, help="That of files of tests, in place of policies'.")
def schema(output: Path | None, against: Path | None, of_tests: bool) -> None:
    """Print the JSON Schema of policies, with the detectors that are installed.

    Example: tidegate policy schema --output policies/schema.json
    """
    text = schema_text_of_tests() if of_tests else schema_text()
    if against is not None:
        if against.read_text(encoding="utf-8") != text:
            options = "--tests " if of_tests else ""
            click.echo(f"{against} is out of date; run: tidegate policy schema {options}--output {against}", err=True)
            sys.exit(WRONG)
    elif output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)


@policy.command()
@_PATHS
@click.option("--policy", "name", metavar="NAME", help="Show this policy only.")
@_JSON
def show(paths: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Show policies as they are compiled: rules, detectors, thresholds, how much text each rule may hold back.

    Example: tidegate policy show policies/pci.yaml
    """
    chosen = _chosen(paths, name, as_json=as_json)
    if as_json:
        _print_json([_shown(loaded, plan) for loaded, plan in chosen])
    else:
        for loaded, plan in chosen:
            _print_plan(loaded, plan)


def schema_text() -> str:
    """The text of `policies/schema.json`."""
    detectors = [registry.get(name) for name in registry.names()]
    return json.dumps(json_schema(detectors), indent=2, ensure_ascii=False) + "\n"


def schema_text_of_tests() -> str:
    """The text of `policies/tests.schema.json`."""
    return json.dumps(json_schema_of_tests(), indent=2, ensure_ascii=False) + "\n"


# --- files and errors ------------------------------------------------------------------------------------------------


def _compiled(paths: Sequence[Path]) -> list[CompiledFile]:
    files = policy_files(paths)
    if not files:
        raise Failure(f"there is no *.yaml or *.yml file in {', '.join(map(str, paths))}")
    return [compile_file(path, public_keys()) for path in files]


def _chosen(paths: Sequence[Path], name: str | None, *, as_json: bool) -> list[tuple[LoadedPolicy, Plan]]:
    """The policies of that name, or all; ends the command when a file is wrong or there is none of that name."""
    files = _compiled(paths)
    if errors := _errors(files):
        if as_json:
            _print_json({"errors": _described(errors)})
        _print_errors(errors)
        sys.exit(WRONG)
    chosen = [pair for file in files for pair in file.policies if name in (None, pair[1].name)]
    if name is not None and not chosen:
        raise Failure(f"there is no policy named {name!r} in these files")
    return chosen


def _errors(files: Sequence[CompiledFile]) -> list[PolicyError]:
    return [error for file in files for error in file.errors] + repeated_names(files)


def _print_errors(errors: Iterable[PolicyError]) -> None:
    for error in errors:
        sentence = f"{error.message.rstrip('.')}. {error.remedy}".rstrip()
        click.echo(": ".join(part for part in (error.place, "error", error.path, sentence) if part), err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _described(errors: Iterable[PolicyError]) -> list[dict[str, Any]]:
    keys = ("file", "line", "column", "path", "message", "remedy")
    return [{key: getattr(error, key) for key in keys} for error in errors]


def _named(plan: Plan) -> dict[str, Any]:
    return {"name": plan.name, "version": plan.version, "digest": plan.digest}


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


# --- show ------------------------------------------------------------------------------------------------------------


def _holds(plan: Plan) -> dict[int, int]:
    """How many characters each rule's detector may hold back while a lane is open; models hold a segment instead."""
    return {rule.index: scanner.detector.look_ahead for scanner in plan.scanners for rule in scanner.rules}


def _shown(loaded: LoadedPolicy, plan: Plan) -> dict[str, Any]:
    holds = _holds(plan)
    return _named(plan) | {
        "owner": plan.owner,
        "order": plan.order,
        "match": {
            "directions": sorted(plan.match.directions),
            "labels": dict(plan.match.labels),
            "tenants": sorted(plan.match.tenants),
        },
        "stream": {
            "mode": plan.stream.mode,
            "max_hold_ms": plan.stream.max_hold_ms,
            "max_held_chars": plan.stream.max_held_chars,
            "min_segment_tokens": plan.stream.min_segment_tokens,
            "max_segment_tokens": plan.stream.max_segment_tokens,
            "pace_ms": plan.stream.pace_ms,
            "tool_calls": "whole" if plan.holds_calls else "stream",
        },
        "rules": [_shown_rule(loaded, rule, holds.get(rule.index)) for rule in plan.rules],
    }


def _shown_rule(loaded: LoadedPolicy, rule: RulePlan, hold: int | None) -> dict[str, Any]:
    return {
        "id": rule.id,
        "detector": rule.detector,
        "labels": dict(sorted(rule.thresholds.items())),
        "parts": sorted(rule.reads.parts),
        "channels": sorted(rule.reads.channels),
        "severity": rule.severity.word,
        "action": rule.action.word,
        "operator": _operator_of(loaded, rule),
        "enforcement": rule.enforcement,
        "on_error": rule.on_error,
        "on_timeout": rule.on_timeout,
        "holds": "segment" if hold is None else hold,
        **({"counts": asdict(rule.reading)} if rule.reading != ONE_BY_ONE else {}),
    }


def _counting(reading: Reading) -> str:
    """How a rule counts along an answer; nothing when it fires at each sentence that fails."""
    conditions = []
    if reading.consecutive > 1:
        conditions.append(f"after {reading.consecutive} failed sentences in a row")
    if reading.ratio is not None:
        conditions.append(f"when over {reading.ratio:g} of at least {reading.ratio_after} sentences have failed")
    return ", ".join(conditions)


def _operator_of(loaded: LoadedPolicy, rule: RulePlan) -> str | None:
    """What a rule that redacts puts in place."""
    if rule.action is not Action.REDACT:
        return None
    written = loaded.spec.rules[rule.index].action
    return written.redact.with_ if isinstance(written, RedactAction) else "label"


def _conditions(plan: Plan) -> str:
    if plan.name == DEFAULT_POLICY:
        return "every stream that no other policy takes"
    match = plan.match
    stated = {
        "directions": ", ".join(sorted(match.directions)),
        "labels": ", ".join(f"{key}={value}" for key, value in match.labels),
        "tenants": ", ".join(sorted(match.tenants)),
    }
    conditions = "; ".join(f"{key} {words}" for key, words in stated.items() if words) or "every stream"
    return f"{conditions} (order {plan.order})"


def _print_plan(loaded: LoadedPolicy, plan: Plan) -> None:
    stream, holds = plan.stream, _holds(plan)
    lines = [
        f"{plan.name} {plan.version}",
        f"  digest  {plan.digest}",
        f"  takes   {_conditions(plan)}",
        f"  stream  {stream.mode}, holds at most {stream.max_held_chars} characters and {stream.max_hold_ms} ms,"
        f" segments of {stream.min_segment_tokens} to {stream.max_segment_tokens} tokens"
        + (f", paced over at most {stream.pace_ms} ms" if stream.pace_ms else ""),
        f"  calls   {'leave whole and judged, or not at all' if plan.holds_calls else 'stream as other text does'}",
    ]
    for rule in plan.rules:
        lines += _rule_lines(loaded, rule, holds.get(rule.index))
    click.echo("\n".join(lines))


def _rule_lines(loaded: LoadedPolicy, rule: RulePlan, hold: int | None) -> Iterator[str]:
    operator = _operator_of(loaded, rule)
    doing = rule.action.word + (f" with {operator}" if operator else "")
    shadow = "" if rule.is_enforced else f" ({rule.enforcement})"
    yield f"  rule {rule.id}: {doing}{shadow}, severity {rule.severity.word}"
    yield f"    detector    {rule.detector}"
    by_threshold: dict[float, list[str]] = {}
    for label, threshold in sorted(rule.thresholds.items()):
        by_threshold.setdefault(threshold, []).append(label)
    for threshold, labels in sorted(by_threshold.items()):
        yield f"    from {threshold:<6g} {', '.join(labels)}"
    if rule.reads != EVERYTHING:
        yield f"    reads       {', '.join(sorted(rule.reads.parts))}: {', '.join(sorted(rule.reads.channels))}"
    if counting := _counting(rule.reading):
        yield f"    fires       {counting}"
    yield f"    holds back  {'a segment, until its verdict' if hold is None else f'at most {hold} characters'}"
    yield f"    on error    {rule.on_error}, on timeout {rule.on_timeout}"
