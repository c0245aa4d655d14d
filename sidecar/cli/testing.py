"""The command `tidegate policy test`: policies' own tests, files of tests beside them, and what they leave untested."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec
import watchfiles
from rich.console import Console
from rich.progress import track

from detectors.suggestion import closest
from sidecar.cli import reports
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.options import LOG, logged
from sidecar.cli.reports import Checked, Form
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.differences import Difference
from sidecar.suite import Loaded, RuleCoverage, Suite, Tested, Work, coverage, share_fired

_QUIET_MS = 100
"""How long nothing more may come before what changed is looked at: an editor takes several steps to save a file."""
_LOOK_MS = 1000
_MOST_DECISIONS = 12
"""How many decisions a failed test shows."""


@click.command(name="test")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES|DIRS...")
@click.option("--policy", "name", metavar="NAME", help="Run the tests of this policy only.")
@click.option("-k", "--only", metavar="TEXT", default="", help="Run the tests whose name holds this text.")
@click.option("--coverage", "shows_coverage", is_flag=True, help="Show which rules fired in a test, and which did not.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail when a smaller share of the rules fired in a test.",
)
@click.option("--watch", is_flag=True, help="Run again what changed, whenever a file does; models stay loaded.")
@click.option(
    "--record",
    "traffic",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Make tests of recorded conversations and events first, as `policy diff` reads them; may be repeated.",
)
@click.option(
    "--record-to",
    type=click.Path(path_type=Path, dir_okay=False),
    default="recorded_test.yaml",
    show_default=True,
    help="Where to write them.",
)
@click.option("--record-text", is_flag=True, help="Keep texts as they are, sensitive ones too.")
@click.option("--format", "form", type=click.Choice(reports.FORMS), default="text", help="How to print what came out.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@LOG
def run_tests(
    paths: tuple[Path, ...],
    name: str | None,
    only: str,
    shows_coverage: bool,
    min_coverage: float | None,
    watch: bool,
    traffic: tuple[Path, ...],
    record_to: Path,
    record_text: bool,
    form: Form,
    as_json: bool,
    log: str | None,
) -> None:
    """Run the tests in policy files and in files of tests (*_test.yaml), each text cut every way its test asks for.

    With --format sarif, github or junit a test that failed is an error with its line, what differs, and the scores of
    what was decided.

    Example: tidegate policy test policies/ -k "card" --coverage
    """
    form = "json" if as_json else form
    if watch and form in ("sarif", "github", "junit"):
        raise click.UsageError(f"--format {form} is one report, and --watch never ends: leave out one of them")
    suite = Suite(paths)
    loaded = _loaded(suite, paths, name, form)
    if traffic:
        recording = importlib.import_module("workbench.cli.recording")  # only when it is asked for
        plans = [plan for _, plan in loaded.policies if name in (None, plan.name)]
        recording.record(traffic, plans, paths, to=record_to, policy=name or "", keeps_text=record_text)
        paths = (*paths, record_to)
        suite = Suite(paths)
        loaded = _loaded(suite, paths, name, form)
    tested = [suite.run(work)[0] for work in _with_progress(_wanted(loaded, name, only))]
    rules = _covered(loaded, tested, name) if shows_coverage or min_coverage is not None else []
    failed = [each for each in tested if not each.result.is_passed]
    if form == "text":
        for each in failed:
            _print_failure(each)
        _print_totals(loaded, tested, name)
        _print_coverage(rules)
    elif form == "json":
        _print_json(_described(tested, rules))
    else:
        click.echo(reports.rendered([*map(_checked, tested)], form), nl=False)
    logged(log, "policy test", {"paths": " ".join(map(str, paths)), "policy": name}, _figures(tested, rules))
    lacking = [*_lacking(loaded, tested, rules, least=min_coverage, only=only)]
    for reason in lacking:
        click.echo(reason, err=True)
    if watch:
        _watch(suite, paths, name, only)
    sys.exit(WRONG if failed or lacking else 0)


def _watch(suite: Suite, paths: Sequence[Path], name: str | None, only: str) -> None:
    """Run again what changed, until the person stops it. Looked at every second, too: not all file systems tell."""
    folders = {path if path.is_dir() else path.parent for path in paths}
    folders |= {Path(loaded.source.file).parent for loaded, _ in suite.load().policies}
    click.echo("watching for changes; Ctrl-C stops it", err=True)
    told: list[str] = []
    for _ in watchfiles.watch(
        *folders,
        watch_filter=_is_yaml,
        raise_interrupt=False,
        debounce=_QUIET_MS,
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
    ):
        wrong, work = _changed(suite, name, only)
        if wrong != told:
            for line in wrong:
                click.echo(line, err=True)
        told = wrong
        if not wrong:
            _run_changed(suite, work)


def _changed(suite: Suite, name: str | None, only: str) -> tuple[list[str], list[Work]]:
    """What is wrong with the files now, or the tests that they have."""
    try:
        loaded = suite.load()
    except PolicyError as error:
        return [str(error)], []
    return [reports.line(error) for error in loaded.errors], _wanted(loaded, name, only)


def _is_yaml(_change: watchfiles.Change, path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def _run_changed(suite: Suite, work: Sequence[Work]) -> None:
    """Run what is not known. Where nothing is run, nothing is said."""
    ran = [suite.run(each) for each in work]
    anew = sum(is_new for _, is_new in ran)
    if not anew:
        return
    failed = [tested for tested, _ in ran if not tested.result.is_passed]
    for each in failed:
        _print_failure(each)
    click.echo(f"{reports.counted(anew, 'test')} run, {len(ran) - anew} unchanged: {len(failed) or 'none'} failed")


def _loaded(suite: Suite, paths: Sequence[Path], name: str | None, form: Form) -> Loaded:
    """What the files hold; ends the command where a file is wrong, or there is no policy of that name."""
    loaded = suite.load()
    if not loaded.files:
        raise Failure(f"there is no *.yaml or *.yml file in {', '.join(map(str, paths))}")
    if loaded.errors:
        _print_errors(loaded.errors, form)
        sys.exit(WRONG)
    if name is not None and name not in {plan.name for _, plan in loaded.policies}:
        raise Failure(f"there is no policy named {name!r} in these files")
    return loaded


def _wanted(loaded: Loaded, name: str | None, only: str) -> list[Work]:
    return [each for each in loaded.work if only in each.spec.name and (name is None or each.policy in ("", name))]


def _with_progress(work: Sequence[Work]) -> Iterator[Work]:
    console = Console(stderr=True)
    yield from track(work, description="testing", console=console, transient=True, disable=not console.is_terminal)


def _covered(loaded: Loaded, tested: Sequence[Tested], name: str | None) -> list[RuleCoverage]:
    return coverage([pair for pair in loaded.policies if name in (None, pair[1].name)], tested)


def _print_errors(errors: Sequence[PolicyError], form: Form) -> None:
    match form:
        case "sarif" | "github" | "junit":
            click.echo(reports.rendered([*map(reports.checked, errors)], form), nl=False)
            return
        case "json":
            _print_json({"errors": [reports.described(error) for error in errors]})
    for error in errors:
        click.echo(reports.line(error), err=True)


# --- for programs ----------------------------------------------------------------------------------------------------


def _checked(tested: Tested) -> Checked:
    """A test that was run; where it failed, with what differs and, a line each, what was decided."""
    work, result = tested.work, tested.result
    name = ": ".join(filter(None, (work.policy, result.case.name)))
    if result.is_passed:
        return Checked(work.source.file, name)
    cut = f" (cut: {result.chunking})" if result.chunking else ""
    differences = "; ".join(map(_shortly, result.differences))
    message = "\n".join((f"{name}{cut}: {differences}", *_decided(tested)))
    inside = next((each.place for each in result.differences if each.place), ())
    problem = work.source.error(("tests", work.number, *inside), Code.TEST_FAILED, message)
    return Checked(work.source.file, name, problem)


def _shortly(difference: Difference) -> str:
    note = f" ({difference.note})" if difference.note else ""
    return f"{_what(difference)}: expected {difference.expected}, got {difference.actual}{note}"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _described(tested: Sequence[Tested], rules: Sequence[RuleCoverage]) -> dict[str, Any]:
    failed = sum(not each.result.is_passed for each in tested)
    counts = {"passed": len(tested) - failed, "failed": failed, "tests": [_described_test(each) for each in tested]}
    if not rules:
        return counts
    return {**counts, "coverage": {"percent": _percent(rules), "rules": [asdict(each) for each in rules]}}


def _figures(tested: Sequence[Tested], rules: Sequence[RuleCoverage]) -> dict[str, float]:
    """What a log of runs holds."""
    failed = sum(not each.result.is_passed for each in tested)
    share = {"coverage_percent": _percent(rules)} if rules else {}
    return {"passed": len(tested) - failed, "failed": failed, "runs": sum(each.result.runs for each in tested), **share}


def _described_test(tested: Tested) -> dict[str, Any]:
    result = tested.result
    return {
        "file": tested.work.source.file,
        "policy": tested.policy,
        "test": result.case.name,
        "passed": result.is_passed,
        "runs": result.runs,
        "chunking": result.chunking,
        "differences": [_described_difference(tested, each) for each in result.differences],
        "decisions": [] if result.is_passed else [msgspec.structs.asdict(each) for each in result.observed.decisions],
    }


def _described_difference(tested: Tested, difference: Difference) -> dict[str, Any]:
    return {
        "what": _what(difference),
        "expected": difference.expected,
        "actual": difference.actual,
        "place": tested.place(difference.place),
    }


# --- for people ------------------------------------------------------------------------------------------------------


def _what(difference: Difference) -> str:
    """What differs, and of which turn where there are several."""
    match difference.place:
        case ("turns", number, *_):
            return f"turns[{number}].{difference.what}"
    return difference.what


def _print_failure(tested: Tested) -> None:
    result = tested.result
    click.echo(f"{tested.place()}: failed: {tested.policy}: {result.case.name}", err=True)
    if result.chunking:
        click.echo(f"  cut: {result.chunking}", err=True)
    for each in result.differences:
        line = f", {tested.place(each.place)}" if each.place else ""
        click.echo(f"  {_what(each)}{line}{f' ({each.note})' if each.note else ''}", err=True)
        click.echo(f"    expected: {each.expected}", err=True)
        click.echo(f"    actual:   {each.actual}", err=True)
        if each.pointer is not None:
            click.echo(f"              {' ' * each.pointer}^", err=True)
    for told in _decided(tested):
        click.echo(f"  {told}", err=True)


def _decided(tested: Tested) -> Iterator[str]:
    """What was decided, what is nearest to the place where texts part first."""
    observed = tested.result.observed
    at = next((each.at for each in tested.result.differences if each.at is not None), 0)
    nearest = sorted(observed.decisions, key=lambda each: min(abs(each.start - at), abs(each.end - at)))
    for each in nearest[:_MOST_DECISIONS]:
        yield f"decided: {each}"
    if len(nearest) > _MOST_DECISIONS:
        yield f"decided: {len(nearest) - _MOST_DECISIONS} more, farther away"


def _print_totals(loaded: Loaded, tested: Sequence[Tested], name: str | None) -> None:
    """A line for each policy or file of tests; none where nothing was run, which is no pass."""
    if loaded.work and not tested:
        return
    groups = {(each.source.file, plan.name): 0 for each, plan in loaded.policies if name in (None, plan.name)}
    groups |= dict.fromkeys([(each.work.source.file, each.work.policy) for each in tested], 0)
    beside = {each.work.source.file for each in tested if not each.work.is_own}
    for file, policy in groups:
        if file in beside:
            continue
        own = [each for each in tested if (each.work.source.file, each.work.policy) == (file, policy)]
        _print_total(f"{file}: {policy}", own)
    for file in sorted(beside):
        _print_total(file, [each for each in tested if each.work.source.file == file])


def _print_total(what: str, tested: Sequence[Tested]) -> None:
    failed = sum(not each.result.is_passed for each in tested)
    runs = reports.counted(sum(each.result.runs for each in tested), "run")
    click.echo(f"{what}: {reports.counted(len(tested), 'test')}, {runs}: {f'{failed} failed' if failed else 'passed'}")


def _print_coverage(rules: Sequence[RuleCoverage]) -> None:
    if not rules:
        return
    for each in rules:
        fired = f"fired in {reports.counted(each.fired, 'test')}" if each.fired else "never fired"
        spared = f"left alone what it should in {each.spared}" if each.spared else "never shown not to fire"
        click.echo(f"{each.place}: {each.policy}: {each.rule}: {fired}, {spared}")
    fired_rules = sum(each.fired > 0 for each in rules)
    spared_rules = sum(each.spared > 0 for each in rules)
    told = f"coverage: {fired_rules} of {reports.counted(len(rules), 'rule')} fired ({_percent(rules):g} %)"
    click.echo(f"{told}, {spared_rules} shown not to fire")


def _lacking(
    loaded: Loaded, tested: Sequence[Tested], rules: Sequence[RuleCoverage], *, least: float | None, only: str
) -> Iterator[str]:
    """Why the command fails though no test does."""
    if only and loaded.work and not tested:
        names = [each.spec.name for each in loaded.work]
        meant = closest(only, names)
        hint = (
            f"did you mean {meant!r}?" if meant else f"there are {reports.counted(len(names), 'test')} of other names"
        )
        yield f"there are no tests to run: no name holds {only!r}; {hint}"
    elif not tested:
        yield "there are no tests to run"
    if least is not None and 100 * share_fired(rules) < least:
        yield f"coverage is {_percent(rules):g} %, less than --min-coverage {least:g}"


def _percent(rules: Sequence[RuleCoverage]) -> float:
    return round(100 * share_fired(rules), 1)
