"""The command `tidegate policy tune`: which threshold follows from what people said of a rule's findings."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click

from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.source import run, source_of
from sidecar.cli.files import compiled, errors_of
from sidecar.cli.options import CONFIG, LOG, logged
from sidecar.config import load_settings
from sidecar.outbox.event import Data
from sidecar.outbox.reader import read_file
from sidecar.policy.plan import Plan, RulePlan
from workbench.tuning.evidence import Subject, gather
from workbench.tuning.picture import write_picture
from workbench.tuning.points import Cost, Point, points, proposal
from workbench.tuning.report import Tuning, as_json, lines
from workbench.tuning.writing import with_threshold

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_SHARE = click.FloatRange(0, 1)


@click.command(name="tune")
@click.argument("policies", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="POLICY_FILE")
@click.option("--rule", required=True, metavar="RULE|POLICY/RULE", help="The rule whose threshold it is.")
@click.option("--label", help="Which of its labels (default: the only one).")
@click.option("--shadow", "shadows", multiple=True, metavar="RULE", help="Count this rule's findings too; repeatable.")
@click.option(
    "--events", "files", type=_FILE, multiple=True, help="Events and labels, JSON lines or an outbox; repeatable."
)
@click.option(
    "--bootstrap", metavar="HOST:PORT", help="Read them from Kafka's topics (default: the settings' brokers)."
)
@click.option("--min-precision", type=_SHARE, help="At least this share of findings must be right.")
@click.option("--max-false-alarms", type=_SHARE, help="At most this share of streams may have a false alarm.")
@click.option("--write", is_flag=True, help="Write the threshold that is proposed into the file; layout stays.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON on stdout.")
@LOG
@CONFIG
def tune(
    policies: Path,
    rule: str,
    label: str | None,
    shadows: tuple[str, ...],
    files: tuple[Path, ...],
    bootstrap: str | None,
    min_precision: float | None,
    max_false_alarms: float | None,
    write: bool,
    png: Path | None,
    is_json: bool,
    log: str | None,
    config: Path | None,
) -> None:
    """Say what labels tell of a rule at each threshold, and propose one for a stated cost.

    Events, decisions and labels are read from files, or from the topics. Shares have 95 % intervals, and a proposal
    keeps to the cost at their worse end. Exit status 1 when no threshold does.

    Example: tidegate policy tune chat.yaml --rule no-insults --events events.jsonl --events labels.jsonl
    --min-precision 0.9 --write
    """
    cost = _cost(min_precision, max_false_alarms)
    if write and cost is None:
        raise click.UsageError("--write needs a cost: --min-precision or --max-false-alarms")
    plan, of = _rule(policies, rule)
    name = _label(of, label)
    subject = Subject(plan.name, (of.id, *shadows), name)
    evidence = gather(subject, run(_read(files, bootstrap, config)))
    told = points(evidence, current=of.thresholds[name])
    tuning = Tuning(
        subject=subject,
        evidence=evidence,
        current=of.thresholds[name],
        told=told,
        cost=cost,
        proposed=None if cost is None else proposal(told, cost),
    )
    _tell(tuning, is_json=is_json, png=png)
    params = {"policy": plan.name, "version": plan.version, "rule": of.id, "label": name, "cost": cost and cost.goal}
    logged(log, f"tune {plan.name}/{of.id}", params, _figures(tuning))
    if cost is not None and tuning.proposed is None:
        sys.exit(WRONG)
    if write:
        _write(policies, plan, of, tuning)


def _figures(tuning: Tuning) -> dict[str, object]:
    """What a log of runs holds: the threshold in force, the proposed one, and what is known at each of them."""
    told: dict[str, object] = {"current": tuning.current}
    for name, point in (("now", _at(tuning, tuning.current)), ("proposed", tuning.proposed)):
        if point is not None:
            told[name] = {
                "threshold": point.threshold,
                "findings": point.findings,
                "precision": point.precision.value,
                "known_recall": point.known_recall.value,
                "false_alarms": point.false_alarms.value,
            }
    return told


def _at(tuning: Tuning, threshold: float) -> Point | None:
    return next((point for point in tuning.told if point.threshold == threshold), None)


def _cost(min_precision: float | None, max_false_alarms: float | None) -> Cost | None:
    if min_precision is not None and max_false_alarms is not None:
        raise click.UsageError("say one cost: --min-precision or --max-false-alarms")
    if min_precision is not None:
        return Cost("min_precision", min_precision)
    return None if max_false_alarms is None else Cost("max_false_alarms", max_false_alarms)


def _rule(file: Path, name: str) -> tuple[Plan, RulePlan]:
    """The rule of that name, in its policy. Raises `Failure`."""
    files = compiled([file])
    if errors := errors_of(files):
        raise Failure(str(errors[0]))
    found = [
        (plan, rule)
        for each in files
        for _, plan in each.policies
        for rule in plan.rules
        if name in (rule.id, f"{plan.name}/{rule.id}")
    ]
    if not found:
        raise Failure(f"there is no rule {name} in {file}")
    if len(found) > 1:
        raise Failure(f"there are {len(found)} rules {name} in {file}: say POLICY/RULE")
    return found[0]


def _label(rule: RulePlan, label: str | None) -> str:
    """The label whose threshold it is. Raises `Failure`."""
    names = [*rule.thresholds]
    if label is None and len(names) == 1:
        return names[0]
    if label not in names:
        said = f"rule {rule.id} has no label {label}" if label else f"rule {rule.id} has several labels"
        raise Failure(f"{said}; say one with --label: {', '.join(names)}")
    return label


async def _read(files: Sequence[Path], bootstrap: str | None, config: Path | None) -> list[Data]:
    """All events that are there. Raises `UsageError` or `ReadError`."""
    if files and bootstrap is not None:
        raise click.UsageError("say one place to read events from: files, or brokers")
    return [each async for each in (_of_files(files) if files else _of_topics(bootstrap, config))]


async def _of_files(files: Sequence[Path]) -> AsyncIterator[Data]:
    for file in files:
        async for read in read_file(file):
            if read.data is not None:
                yield read.data


async def _of_topics(bootstrap: str | None, config: Path | None) -> AsyncIterator[Data]:
    settings = load_settings(config)
    topics = settings.kafka.topics
    wanted = tuple(dict.fromkeys((topics.violations, topics.decisions, topics.labels)))
    source = source_of(settings, outbox=None, file=None, bootstrap=bootstrap, topics=wanted)
    if not source.is_kafka:
        raise click.UsageError("say where events are: --events FILE, or --bootstrap HOST:PORT")
    async for read in source.read():
        if read.data is not None:
            yield read.data


def _tell(tuning: Tuning, *, is_json: bool, png: Path | None) -> None:
    if not tuning.evidence.found:
        raise Failure(f"no finding of {tuning.subject.policy}/{tuning.subject.rules[0]} is among these events")
    if png is not None:
        title = f"{tuning.subject.policy}/{tuning.subject.rules[0]}: {tuning.subject.label}"
        proposed = tuning.proposed.threshold if tuning.proposed else None
        write_picture(png, tuning.told, title=title, current=tuning.current, proposed=proposed)
    click.echo(json.dumps(as_json(tuning), indent=2) if is_json else "\n".join(lines(tuning)))


def _write(file: Path, plan: Plan, rule: RulePlan, tuning: Tuning) -> None:
    """Put the proposed threshold into the file. Raises `TidegateError` where that cannot be done."""
    assert tuning.proposed is not None
    with file.open(encoding="utf-8", newline="") as opened:  # ends of lines stay as they are
        before = opened.read()
    text = with_threshold(
        before,
        str(file),
        policy=plan.name,
        rule=rule.id,
        label=tuning.subject.label,
        threshold=tuning.proposed.threshold,
        thresholds=rule.thresholds,
    )
    file.write_text(text, encoding="utf-8", newline="")
    click.echo(f"written: {file}; give the policy another metadata.version", err=True)
