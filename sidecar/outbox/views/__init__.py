"""Views: an event as somebody else's standard writes it. CloudEvents is the native form; OCSF and ECS are made of it.

A view is a pure function of the event as it was published (with its producer, number and times); it reads nothing else,
so `events export` and a sink write the same. What a standard has no field for stands under a name of ours, whole
(`unmapped.tidegate`, `tidegate`). A view says nothing (None) of a kind of event that its standard has no class for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from sidecar.outbox.encode import Message, published_data, structured
from sidecar.outbox.event import Data
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.views.ecs import ecs
from sidecar.outbox.views.ocsf import ocsf

ViewName: TypeAlias = Literal["cloudevents", "ocsf", "ecs"]
Shown: TypeAlias = dict[str, Any]
View: TypeAlias = Callable[[Data], Shown | None]

FOREIGN: Mapping[str, View] = {"ocsf": ocsf, "ecs": ecs}
"""The views that are no CloudEvents, by name."""

_encoder = msgspec.json.Encoder()


def shown(view: ViewName, numbered: Numbered, published: float) -> Shown | None:
    """An event as a sink sends it: an object of JSON, or None where the view has nothing for its kind.

    `published` is Unix time in seconds. With `cloudevents` it is a CloudEvent in structured mode.
    """
    if view == "cloudevents":
        return structured(numbered, published)
    return FOREIGN[view](published_data(numbered, published))


def as_view(view: ViewName, message: Message, numbered: Numbered, published: float) -> Message:
    """A Kafka message with another view as its value; its headers say whose event it is, but no schema of ours."""
    value = _encoder.encode(shown(view, numbered, published))
    headers = tuple(header for header in message.headers if header[0] not in {"ce_dataschema", "content-type"})
    return replace(message, value=value, headers=(*headers, ("content-type", b"application/json")))


def line(view: ViewName, numbered: Numbered, published: float) -> bytes | None:
    """The same as one line of JSON, with its newline."""
    value = shown(view, numbered, published)
    return None if value is None else _encoder.encode(value) + b"\n"
