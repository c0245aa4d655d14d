"""`tidegate policy ...`: what policy authors run. Checks, tests, explains; touches no service.

What a person reads about problems goes to stderr, as `file:line:column: error: path: message. remedy`; results go to
stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import track

from detectors import registry
from detectors.base import EVERYTHING, ONE_BY_ONE, Reading
from sidecar.cli.ending import WRONG, Failure, Group
from sidecar.cli.policy_status import status
from sidecar.errors import PolicyError
from sidecar.offline import Guarded, guard_text
from sidecar.policy.cases import (
    Case,
    Decided,
    Difference,
    Guard,
    Noted,
    Observed,
    Result,
    check,
    make_case,
    public_keys,
)
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.language import json_schema
from sidecar.policy.loader import LoadedPolicy, policy_files
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.schema.actions import RedactAction
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.policy.store import repeated_names
from sidecar.values import Action, Decision

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES|DIRS...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


@click.group(cls=Group)
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


@policy.command(name="test")
@_PATHS
@click.option("--policy", "name", metavar="NAME", help="Run the tests of this policy only.")
@click.option("-k", "--only", metavar="TEXT", default="", help="Run the tests whose name holds this text.")
@_JSON
def run_tests(paths: tuple[Path, ...], name: str | None, only: str, as_json: bool) -> None:
    """Run the tests in policy files, each text cut every way its test asks for.

    Example: tidegate policy test policies/ -k "card"
    """
    chosen = _chosen(paths, name, as_json=as_json)
    work = [
        (loaded, plan, make_case(spec)) for loaded, plan in chosen for spec in loaded.spec.tests if only in spec.name
    ]
    results = [(loaded, plan, check(plan, case, guard_with(plan))) for loaded, plan, case in _with_progress(work)]
    failed = [each for each in results if not each[2].is_passed]
    if as_json:
        _print_json({"passed": len(results) - len(failed), "failed": len(failed), "tests": list(map(_tested, results))})
    else:
        for loaded, plan, result in failed:
            _print_failure(loaded, plan, result)
        _print_totals(chosen, results)
    sys.exit(WRONG if failed or not results else 0)


@policy.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--check", "against", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Compare only.")
def schema(output: Path | None, against: Path | None) -> None:
    """Print the JSON Schema of policies, with the detectors that are installed.

    Example: tidegate policy schema --output policies/schema.json
    """
    text = schema_text()
    if against is not None:
        if against.read_text(encoding="utf-8") != text:
            click.echo(f"{against} is out of date; run: tidegate policy schema --output {against}", err=True)
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


def guard_with(plan: Plan) -> Guard:
    """The function that `sidecar.policy.cases.check` guards texts with: the same engine as the service's, inline."""

    def guard(case: Case, chunks: Sequence[str]) -> Observed:
        guarded = guard_text(
            plan,
            chunks,
            lane=case.lane,
            session_id=case.session,
            direction=case.direction,
            context=case.context,
            is_history=case.is_history,
        )
        return _observed(plan, case, guarded)

    return guard


def schema_text() -> str:
    """The text of `policies/schema.json`."""
    detectors = [registry.get(name) for name in registry.names()]
    return json.dumps(json_schema(detectors), indent=2, ensure_ascii=False) + "\n"


def _observed(plan: Plan, case: Case, guarded: Guarded) -> Observed:
    violated = {decision.rule for decision in guarded.decisions if decision.failure is None}
    failed = {decision.rule for decision in guarded.decisions if decision.failure is not None}
    blocked = guarded.blocked
    annotations = sorted(guarded.annotations, key=lambda each: (each.start, each.rule, each.end, each.label))
    return Observed(
        output=guarded.text(case.lane),
        violations=tuple(plan.rules[rule].id for rule in sorted(violated)),
        blocked=plan.rules[blocked.rule].id if blocked else None,
        message=blocked.message if blocked else None,
        annotations=tuple(
            Noted(plan.rules[each.rule].id, each.label, case.text[each.start : each.end]) for each in annotations
        ),
        leaked=guarded.leaked_chars,
        decisions=tuple(_decided(plan, decision) for decision in guarded.decisions),
        failures=tuple(sorted({plan.rules[rule].detector for rule in failed})),
    )


def _decided(plan: Plan, decision: Decision) -> Decided:
    finding, rule = decision.finding, plan.rules[decision.rule]
    return Decided(
        rule=rule.id,
        done=decision.done.word,
        label=finding.label,
        score=round(finding.score, 2),
        threshold=rule.thresholds.get(finding.label),
        reason=finding.reason,
        start=finding.start,
        end=finding.end,
    )


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


# --- tests -----------------------------------------------------------------------------------------------------------

_Tested = tuple[LoadedPolicy, Plan, Result]
_Work = tuple[LoadedPolicy, Plan, Case]


def _with_progress(work: Sequence[_Work]) -> Iterator[_Work]:
    console = Console(stderr=True)
    yield from track(work, description="testing", console=console, transient=True, disable=not console.is_terminal)


def _tested(tested: _Tested) -> dict[str, Any]:
    loaded, plan, result = tested
    differences = [_difference(each) for each in result.differences]
    return {
        "file": loaded.source.file,
        "policy": plan.name,
        "test": result.case,
        "passed": result.is_passed,
        "runs": result.runs,
        "chunking": result.chunking,
        "differences": differences,
        "decisions": [msgspec.structs.asdict(each) for each in result.decisions],
    }


def _difference(difference: Difference) -> dict[str, str]:
    return {"what": difference.what, "expected": difference.expected, "actual": difference.actual}


def _print_failure(loaded: LoadedPolicy, plan: Plan, result: Result) -> None:
    number = [case.name for case in loaded.spec.tests].index(result.case)
    place = loaded.source.error(("tests", number), "").place
    click.echo(f"{place}: failed: {plan.name}: {result.case}", err=True)
    click.echo(f"  cut: {result.chunking}", err=True)
    for each in result.differences:
        click.echo(f"  {each.what}{f' ({each.note})' if each.note else ''}", err=True)
        click.echo(f"    expected: {each.expected}", err=True)
        click.echo(f"    actual:   {each.actual}", err=True)
    for decided in result.decisions:
        click.echo(f"  decided: {decided}", err=True)


def _print_totals(policies: Sequence[tuple[LoadedPolicy, Plan]], results: Sequence[_Tested]) -> None:
    for loaded, plan in policies:
        own = [result for _, other, result in results if other is plan]
        failed = sum(not result.is_passed for result in own)
        runs = sum(result.runs for result in own)
        verdict = f"{failed} failed" if failed else "passed"
        click.echo(
            f"{loaded.source.file}: {plan.name}: {_counted(len(own), 'test')}, {_counted(runs, 'run')}: {verdict}"
        )
    if not results:
        click.echo("there are no tests to run", err=True)


# --- show ------------------------------------------------------------------------------------------------------------


def _holds(plan: Plan) -> dict[int, int]:
    """How many characters each rule's detector may hold back while a lane is open; models hold a segment instead."""
    return {rule.index: scanner.detector.look_ahead for scanner in plan.scanners for rule in scanner.rules}


def _shown(loaded: LoadedPolicy, plan: Plan) -> dict[str, Any]:
    holds = _holds(plan)
    return _named(plan) | {
        "owner": plan.owner,
        "order": plan.order,
        "match": plan.match.described(),
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
    stated = (f"{key} {_listed(words)}" for key, words in plan.match.described().items() if words)
    conditions = "; ".join(stated) or "every stream"
    return f"{conditions} (order {plan.order})"


def _listed(words: Mapping[str, str] | Sequence[str]) -> str:
    return ", ".join([f"{key}={word}" for key, word in words.items()] if isinstance(words, Mapping) else words)


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
