"""`tidegate bench`: what guarding costs and how long it holds text, under load, over real gRPC."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

import click
from rich.console import Console
from rich.progress import Progress

from workbench.bench.policies import GUARDED, PASS_THROUGH
from workbench.bench.run import Advance, Measured, Offered, run
from workbench.bench.texts import read_texts
from workbench.capacity.model import Demand
from workbench.capacity.profiles import Profile
from workbench.cli.plan import (
    MOST_OFFERED,
    MOST_PLANNED,
    SIZES,
    Number,
    Planned,
    plan_options,
    planned_text,
    refuse_without_plan,
)

_STREAMS = 8
_SHOWN = ("time_to_first_token_ms", "hold_ms", "stall_between_tokens_ms", "generator_lag_ms")


@click.command()
@click.option("--seconds", type=Number(2, 3600), default=20.0, show_default=True, help="Both phases together.")
@click.option(
    "--streams",
    type=click.IntRange(1, MOST_PLANNED),
    help=f"At a time, on average: 8, and at most {MOST_OFFERED:,}; with --plan 1,000, 100,000 and 1,000,000.",
)
@click.option("--rate", type=Number(1, 1000), default=50.0, show_default=True, help="Tokens/s of a stream.")
@click.option("--coalesce", type=click.IntRange(1, 64), default=1, show_default=True, help="Tokens in a message.")
@click.option("--violating", type=Number(0, 1), default=0.05, show_default=True, help="Share of such texts.")
@click.option("--max-hold-ms", type=click.IntRange(1, 600_000), default=400, show_default=True)
@click.option("--cache", "is_cached", is_flag=True, help="Keep findings of repeated passages, as the service does.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed offers the same load.")
@click.option(
    "--texts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='Send these: a text a line, or rows {"text"} of a .jsonl file (default: built-in sentences).',
)
@click.option("--target", default="", metavar="HOST:PORT", help="A service that runs already (default: start one).")
@click.option("--policies", default=f"{PASS_THROUGH},{GUARDED}", help="With --target: pass-through and guarded policy.")
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write delays and costs as PNG into this folder (needs matplotlib: the extra `plots`).",
)
@click.option(
    "--profile",
    type=click.Choice([each.value for each in Profile]),
    default=Profile.MODELS.value,
    show_default=True,
    help="What the guarded policy reads; each one all that those before it read.",
)
@plan_options
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
def bench(
    seconds: float,
    streams: int | None,
    rate: float,
    coalesce: int,
    violating: float,
    max_hold_ms: int,
    is_cached: bool,
    seed: int,
    texts: Path | None,
    target: str,
    policies: str,
    plots: Path | None,
    profile: str,
    as_json: bool,
    **planned: Unpack[Planned],
) -> None:
    """Offer an open-loop load, first to a policy that checks next to nothing, then to one with every detector.

    Streams begin at random times and send tokens at a model's speed, whatever the service does. With --plan nothing is
    offered: what so many streams need is worked out from measured figures.

    Example: tidegate bench --seconds 20 --streams 8 --json

    Example: tidegate bench --plan --streams 1000000 --coalesce 4
    """
    if planned["plan"]:
        demand = Demand(1, rate, coalesce, violating, Profile(profile))
        click.echo(planned_text(demand, [streams] if streams else list(SIZES), planned, as_json=as_json))
        return
    refuse_without_plan(planned, streams)
    passed, _, guarded = policies.partition(",")
    if not passed or not guarded:
        raise click.UsageError("--policies names two policies with a comma between them")
    offered = Offered(
        streams=streams or _STREAMS,
        seconds=seconds,
        tokens_per_second=rate,
        tokens_per_message=coalesce,
        violating=violating,
        max_hold_ms=max_hold_ms,
        seed=seed,
        texts=tuple(read_texts(texts)) if texts else (),
        target=target,
        policies=(passed, guarded),
        is_cached=is_cached,
        profile=Profile(profile),
    )
    with _progress(seconds) as advance:
        measured = run(offered, advance)
    result = measured.result
    if plots is not None:
        _draw(plots, measured)
    click.echo(json.dumps(result, indent=2) if as_json else _table(result))


def _draw(folder: Path, measured: Measured) -> None:
    """Write the plots. Raises `ClickException` where matplotlib is missing."""
    try:
        from workbench.bench.plots import write_plots  # it loads matplotlib, which only this option needs
    except ImportError:
        raise click.ClickException("--plots needs matplotlib: pip install 'tidegate-sidecar[plots]'") from None
    for path in write_plots(folder, measured):
        click.echo(f"written: {path}", err=True)


@contextmanager
def _progress(seconds: float) -> Iterator[Advance]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Offering load", total=seconds)
        yield lambda passed: progress.advance(task, passed)


def _table(result: Mapping[str, Any]) -> str:
    phases = {"pass-through": result["pass_through"], "guarded": result["guarded"]}
    lines = [f"{'':<34}" + "".join(f"{name:>26}" for name in phases)]
    for figure in _SHOWN:
        cells = [_spread(phase[figure]) for phase in phases.values()]
        lines.append(f"{figure + ' p50/p95/p99':<40}" + "".join(f"{cell:>24}" for cell in cells))
    lines += [
        f"{figure:<34}" + "".join(f"{phase[figure]!s:>26}" for phase in phases.values())
        for figure in ("tokens_per_second", "memory_mib", "streams")
    ]
    lines.append(f"CPU seconds per 1,000 tokens: {result['cpu_split_seconds_per_1000_tokens']}")
    ratio, reason = result["cost_ratio_to_bare_encoder"], result["cost_ratio_reason"]
    lines.append(f"cost against a bare encoder pass: {ratio if ratio is not None else f'not measured ({reason})'}")
    return "\n".join(lines)


def _spread(values: Mapping[str, float | None]) -> str:
    return " / ".join("-" if values[key] is None else f"{values[key]:.1f}" for key in ("p50", "p95", "p99"))
