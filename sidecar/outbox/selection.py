"""Which events are wanted: one filter for `events tail`, `stats`, `export` and `top`, and for what each sink gets.

What is stated must hold all together; of several values of one condition any will do. A condition on what a kind of
event does not have (the rule of a fault) is not met by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict

from sidecar.outbox.event import (
    App,
    Data,
    Kind,
    PolicyRef,
    RuleRef,
    StreamDecision,
    Violation,
    kind_of,
    severity_of,
)
from sidecar.spelling import spelled
from sidecar.values import ActionName, Severity, SeverityName

Words: TypeAlias = tuple[str, ...]
Moment: TypeAlias = Annotated[
    str, spelled(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "a time in UTC as events have it, 2026-11-29T08:00:00.000Z")
]
"""As events write times, so that they compare as text."""

APP_LABEL = "app"
"""The label by which an application says which one it is."""


class Selection(BaseModel):
    """The conditions; without any, every event is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[Kind, ...] = ()
    severities: tuple[SeverityName, ...] = ()
    min_severity: SeverityName = "info"
    policies: Words = ()
    """Names of policies."""
    rules: Words = ()
    """`POLICY/RULE`, or `RULE` of whatever policy: its violations."""
    detectors: Words = ()
    labels: Words = ()
    """What was found, by the detector's label, such as `CREDIT_CARD`."""
    done: tuple[ActionName, ...] = ()
    tenants: Words = ()
    apps: Words = ()
    """The application, as the stream's label `app` says it."""
    sessions: Words = ()
    streams: Words = ()
    fields: Mapping[str, str] = {}
    """Any field by its path in the JSON, such as `app.model` or `app.labels.team`, and its value as text."""
    since: Moment | None = None
    """Not before; by when it happened."""
    until: Moment | None = None
    """Before; by when it happened."""

    def accepts(self, data: Data) -> bool:
        """Whether the event is wanted."""
        return (
            self._is_of_its_time(data)
            and (not self.kinds or kind_of(data) in self.kinds)
            and self._matters(severity_of(data))
            and self._is_whose(data)
            and self._is_what(data)
            and all(text_at(data, path) == value for path, value in self.fields.items())
        )

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    @cached_property
    def _least(self) -> Severity:
        return Severity.of(self.min_severity)

    def _is_of_its_time(self, data: Data) -> bool:
        occurred = data.time.occurred
        return (self.since is None or occurred >= self.since) and (self.until is None or occurred < self.until)

    def _matters(self, severity: Severity) -> bool:
        return severity >= self._least and (not self.severities or severity.word in self.severities)

    def _is_whose(self, data: Data) -> bool:
        return (
            _is_one(data.ids.tenant, self.tenants)
            and _is_one(data.ids.session, self.sessions)
            and _is_one(data.ids.stream, self.streams)
            and _is_one(app_of(data), self.apps)
        )

    def _is_what(self, data: Data) -> bool:
        detector, label = (data.detector.name, data.detector.label) if isinstance(data, Violation) else ("", "")
        return (
            _is_one(policy_of(data), self.policies)
            and (not self.rules or (isinstance(data, Violation) and _is_rule(data, self.rules)))
            and _is_one(detector, self.detectors)
            and _is_one(label, self.labels)
            and _is_one(done_to(data), self.done)
        )


def app_of(data: Data) -> str:
    """The application whose stream it was, by its label `app`; empty where it has none."""
    app = getattr(data, "app", None)
    return app.labels.get(APP_LABEL, "") if isinstance(app, App) else ""


def policy_of(data: Data) -> str:
    """The policy's name; empty where there is none."""
    policy = getattr(data, "policy", None)
    return policy.name if isinstance(policy, PolicyRef | RuleRef) else ""


def done_to(data: Data) -> str:
    """What was done to the text, or to the stream; empty of what did nothing."""
    return data.done if isinstance(data, Violation | StreamDecision) else ""


def value_at(data: Data, path: str) -> object:
    """The field at a path of names with dots between; None where the event has none.

    A label's own name may have dots.
    """
    return _below(msgspec.to_builtins(data), path)


def text_at(data: Data, path: str) -> str | None:
    """The field at a path, as text; None where the event has none."""
    value = value_at(data, path)
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _below(tree: object, path: str) -> object:
    if not isinstance(tree, dict):
        return None
    if path in tree:
        return tree[path]
    name, _, rest = path.partition(".")
    return _below(tree.get(name), rest) if rest else None


def _is_one(value: str, wanted: Words) -> bool:
    return not wanted or value in wanted


def _is_rule(data: Violation, wanted: Words) -> bool:
    return data.policy.rule in wanted or f"{data.policy.name}/{data.policy.rule}" in wanted
