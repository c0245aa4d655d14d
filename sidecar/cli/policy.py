"""`tidegate policy ...`: what policy authors run. Checks, tests, explains; touches no service.

What a person reads about problems goes to stderr, as `file:line:column: error TG101: path: message. remedy`; results go
to stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from detectors import registry
from detectors.base import EVERYTHING, ONE_BY_ONE
from sidecar.cli.bundles import bundle
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.explain import explain
from sidecar.cli.files import compiled, errors_of
from sidecar.cli.fmt import fmt
from sidecar.cli.lazy import LazyGroup
from sidecar.cli.lint import lint
from sidecar.cli.packs import packs_command
from sidecar.cli.policy_status import status
from sidecar.cli.reports import described, line
from sidecar.cli.testing import run_tests
from sidecar.errors import PolicyError
from sidecar.policy.completion import completed
from sidecar.policy.language import json_schema, json_schema_of_tests
from sidecar.policy.lint.thresholds import expectations
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan, RulePlan, StreamSettings
from sidecar.policy.schema.actions import RedactAction
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.values import Action

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES|DIRS...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


class _Policies(LazyGroup):
    """Commands that check policies: one that is wrong is their result."""

    status_of_wrong_policies = WRONG


@click.group(
    cls=_Policies,
    lazy={
        "diff": "workbench.cli.preview:diff",
        "import": "workbench.cli.moving:import_policy",
        "tune": "workbench.cli.tune:tune",
    },
)
def policy() -> None:
    """Check, test and show policies.

    Example: tidegate policy test policies/
    """


policy.add_command(bundle)
policy.add_command(explain)
policy.add_command(fmt)
policy.add_command(lint)
policy.add_command(packs_command)
policy.add_command(status)


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
    return json.dumps(completed(json_schema(detectors), detectors), indent=2, ensure_ascii=False) + "\n"


def schema_text_of_tests() -> str:
    """The text of `policies/tests.schema.json`."""
    return json.dumps(json_schema_of_tests(), indent=2, ensure_ascii=False) + "\n"


# --- files and errors ------------------------------------------------------------------------------------------------


def _chosen(paths: Sequence[Path], name: str | None, *, as_json: bool) -> list[tuple[LoadedPolicy, Plan]]:
    """The policies of that name, or all; ends the command when a file is wrong or there is none of that name."""
    files = compiled(paths)
    if errors := errors_of(files):
        if as_json:
            _print_json({"errors": [described(each) for each in errors]})
        _print_errors(errors)
        sys.exit(WRONG)
    chosen = [pair for file in files for pair in file.policies if name in (None, pair[1].name)]
    if name is not None and not chosen:
        raise Failure(f"there is no policy named {name!r} in these files")
    return chosen


def _print_errors(errors: Iterable[PolicyError]) -> None:
    for error in errors:
        click.echo(line(error), err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _named(plan: Plan) -> dict[str, Any]:
    return {"name": plan.name, "version": plan.version, "digest": plan.digest}


# --- show ------------------------------------------------------------------------------------------------------------


def _early(stream: StreamSettings) -> str:
    """Where the beginnings of an answer's segments are read early, in words."""
    places = [f"after {', '.join(map(str, stream.early_tokens))}"] if stream.early_tokens else []
    places += [f"every {stream.early_every_tokens}"] if stream.early_every_tokens else []
    return f", read early {', then '.join(places)} tokens" if places else ""


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
            "early_tokens": list(plan.stream.early_tokens),
            "early_every_tokens": plan.stream.early_every_tokens,
            "pace_ms": plan.stream.pace_ms,
            "tool_calls": "whole" if plan.holds_calls else "stream",
        },
        "rules": [_shown_rule(loaded, rule, holds.get(rule.index)) for rule in plan.rules],
    }


def _shown_rule(loaded: LoadedPolicy, rule: RulePlan, hold: int | None) -> dict[str, Any]:
    expected = expectations(loaded, rule)
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
        **({"canary": asdict(rule.canary)} if rule.canary is not None else {}),
        **({"counts": _counts(rule)} if rule.reading != ONE_BY_ONE else {}),
        **({"expected": {label: asdict(point) for label, point in expected.items()}} if expected else {}),
    }


def _counts(rule: RulePlan) -> dict[str, Any]:
    """How a rule counts along an answer, for a program."""
    counts, answer = asdict(rule.reading), rule.reading.answer
    if answer is None:
        return {name: value for name, value in counts.items() if name != "answer"}
    least = {label: round(answer.least(score, 1), 4) for label, score in sorted(rule.thresholds.items())}
    return counts | {"answer": {"sentences": answer.sentences, "labels": least}}


def _counting(rule: RulePlan) -> str:
    """How a rule counts along an answer; nothing when it fires at each sentence that fails."""
    conditions, reading = [], rule.reading
    if reading.answer is not None:
        labels = ", ".join(f"{label} {reading.answer.least(least, 1):.2f}" for label, least in rule.thresholds.items())
        conditions.append(f"for answers of {reading.answer.sentences} sentences: from {labels}, later ones from more")
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
        + _early(stream)
        + (f", paced over at most {stream.pace_ms} ms" if stream.pace_ms else ""),
        f"  calls   {'leave whole and judged, or not at all' if plan.holds_calls else 'stream as other text does'}",
    ]
    lines += _session_lines(plan)
    for rule in plan.rules:
        lines += _rule_lines(loaded, rule, holds.get(rule.index))
    click.echo("\n".join(lines))


def _session_lines(plan: Plan) -> Iterator[str]:
    """What the policy makes of sessions, where it does."""
    session = plan.session
    if session.untrusted:
        yield f"  session marked untrusted by {', '.join(sorted(session.untrusted))}"
    for each in session.escalations:
        rule = plan.all_rules[each.rule]
        met = [f"risk of {each.risk:g}"] if each.risk is not None else []
        if each.violations is not None:
            met.append(f"{each.violations} violations within {each.within_ms / 1000:g} s")
        shadow = "" if rule.is_enforced else f" ({rule.enforcement})"
        yield f"  session stopped for {each.for_ms / 1000:g} s after {' or '.join(met)}: {rule.id}{shadow}"


def _rule_lines(loaded: LoadedPolicy, rule: RulePlan, hold: int | None) -> Iterator[str]:
    operator = _operator_of(loaded, rule)
    doing = rule.action.word + (f" with {operator}" if operator else "")
    shadow = "" if rule.is_enforced else f" ({rule.enforcement})"
    if rule.canary is not None:
        shadow = f" (on {rule.canary.percent:g} %)"
    yield f"  rule {rule.id}: {doing}{shadow}, severity {rule.severity.word}"
    yield f"    detector    {rule.detector}"
    by_threshold: dict[float, list[str]] = {}
    for label, threshold in sorted(rule.thresholds.items()):
        by_threshold.setdefault(threshold, []).append(label)
    for threshold, labels in sorted(by_threshold.items()):
        yield f"    from {threshold:<6g} {', '.join(labels)}"
    if rule.reads != EVERYTHING:
        yield f"    reads       {', '.join(sorted(rule.reads.parts))}: {', '.join(sorted(rule.reads.channels))}"
    for label, point in expectations(loaded, rule).items():
        told = f"{point.recall:.1%} of {label} found, {point.false_positives:.1%} of other texts taken for it"
        yield f"    expects     {told} ({point.texts[0]} and {point.texts[1]} texts measured)"
    if rule.requires is not None:
        yield f"    requires    {rule.requires}"
    if rule.session is not None:
        yield f"    acts        in a session {rule.session}"
    if rule.is_telling:
        yield f"    tells       {', '.join([*([f'risk {rule.risk:g}'] if rule.risk else []), *sorted(rule.marks)])}"
    if counting := _counting(rule):
        yield f"    fires       {counting}"
    yield f"    holds back  {'a segment, until its verdict' if hold is None else f'at most {hold} characters'}"
    yield f"    on error    {rule.on_error}, on timeout {rule.on_timeout}"
