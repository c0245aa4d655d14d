"""The options that say which events are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click
import msgspec

from sidecar.outbox.event import Kind, Violation, kind_of, severity_of
from sidecar.outbox.reads import Read
from sidecar.values import Severity

_SEVERITIES: Mapping[str, int] = {severity.word: severity.value for severity in Severity}


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted; what is no event is always shown."""

    kinds: frozenset[str]
    least: int
    rule: str
    tenant: str
    session: str

    def accepts(self, read: Read) -> bool:
        """Whether to show it."""
        data = read.data
        if data is None:
            return True
        return (
            (not self.kinds or kind_of(data) in self.kinds)
            and severity_of(data) >= self.least
            and (not self.rule or (isinstance(data, Violation) and data.policy.rule == self.rule))
            and (not self.tenant or data.ids.tenant == self.tenant)
            and (not self.session or data.ids.session == self.session)
        )


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which events are wanted, and hand the command a `Filter`."""

    @click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice([str(kind) for kind in Kind]),
        help="Only this kind; may be repeated.",
    )
    @click.option("--min-severity", type=click.Choice([*_SEVERITIES]), default="info", help="Only this and above.")
    @click.option("--rule", default="", help="Only violations of this rule.")
    @click.option("--tenant", default="", help="Only this tenant.")
    @click.option("--session", default="", help="Only this session.")
    @wraps(command)
    def wrapped(
        *args: Any, kinds: tuple[str, ...], min_severity: str, rule: str, tenant: str, session: str, **kwargs: Any
    ) -> None:
        wanted = Filter(
            kinds=frozenset(kinds), least=_SEVERITIES[min_severity], rule=rule, tenant=tenant, session=session
        )
        command(*args, wanted=wanted, **kwargs)

    return wrapped
