"""The options that say which events are wanted, as one `Selection`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, get_args

import click

from sidecar.outbox.builders import timestamp
from sidecar.outbox.event import Kind
from sidecar.outbox.reads import Read
from sidecar.outbox.selection import Selection
from sidecar.values import ActionName, Severity

_SEVERITIES = [severity.word for severity in Severity]
_AGO = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A time as events write it, of `2h` ago (s, m, h, d, w), a day, or RFC 3339; without a zone it is UTC.

    Raises `BadParameter` where it is no time.
    """
    if value is None:
        return None
    if ago := _AGO.fullmatch(value.strip()):
        then = datetime.now(UTC) - timedelta(**{_UNITS[ago["unit"]]: float(ago["number"])})
        return timestamp(then.timestamp())
    try:
        said = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time: say 2h, 2026-11-29, or 2026-11-29T10:00:00Z") from None
    return timestamp((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())


def length(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A length of time such as `10m`, in seconds. Raises `BadParameter`."""
    if value is None:
        return None
    said = _AGO.fullmatch(value.strip())
    seconds = timedelta(**{_UNITS[said["unit"]]: float(said["number"])}).total_seconds() if said else 0
    if seconds < 1:
        raise click.BadParameter(f"{value!r} is no length of time of a second or more: say 10m, 1h or 1d")
    return seconds


def parsed_fields(pairs: tuple[str, ...]) -> dict[str, str]:
    """The values of `--field`. Raises `UsageError`."""
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--field {pair}: expected PATH=VALUE, such as app.model=some-model")
    return dict(pair.split("=", 1) for pair in pairs)


def shows(wanted: Selection, read: Read) -> bool:
    """Whether to show it; what is no event is always shown."""
    return read.data is None or wanted.accepts(read.data)


_OPTIONS = (
    click.option("--since", metavar="TIME", callback=moment, help="Not before: 2h ago, a day, or an RFC 3339 time."),
    click.option("--until", metavar="TIME", callback=moment, help="Only before this time."),
    click.option("--kind", "kinds", multiple=True, type=click.Choice([*map(str, Kind)]), help="Only this kind."),
    click.option("--severity", "severities", multiple=True, type=click.Choice(_SEVERITIES), help="Only this severity."),
    click.option("--min-severity", type=click.Choice(_SEVERITIES), default="info", help="Only this and above."),
    click.option("--policy", "policies", multiple=True, metavar="NAME", help="Only of this policy."),
    click.option("--rule", "rules", multiple=True, metavar="[POLICY/]RULE", help="Only of this rule."),
    click.option("--detector", "detectors", multiple=True, metavar="NAME", help="Only what this detector found."),
    click.option("--label", "labels", multiple=True, metavar="LABEL", help="Only this, such as CREDIT_CARD."),
    click.option("--done", multiple=True, type=click.Choice([*get_args(ActionName)]), help="Only where this was done."),
    click.option("--tenant", "tenants", multiple=True, metavar="ID", help="Only this tenant."),
    click.option("--app", "apps", multiple=True, metavar="NAME", help="Only this application (its label `app`)."),
    click.option("--session", "sessions", multiple=True, metavar="ID", help="Only this session."),
    click.option("--stream", "streams", multiple=True, metavar="ID", help="Only this stream."),
    click.option("--field", "pairs", multiple=True, metavar="PATH=VALUE", help="Only where a field has this value."),
)
_NAMES = tuple(name for name in Selection.model_fields if name != "fields")


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which events are wanted, and hand the command a `Selection`. Each may be repeated."""

    @wraps(command)
    def wrapped(*args: Any, pairs: tuple[str, ...], **kwargs: Any) -> None:
        conditions = {name: kwargs.pop(name) for name in _NAMES}
        command(*args, wanted=Selection(**conditions, fields=parsed_fields(pairs)), **kwargs)

    decorated: Callable[..., None] = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
