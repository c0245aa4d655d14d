"""What Envoy itself says of an exchange: attributes, and the dynamic metadata of its other filters.

An attribute is named as in Envoy's documentation, such as `xds.route_name`, and has to stand in the filter's
`request_attributes`. Metadata is named `NAMESPACE:KEY.KEY`, such as `envoy.filters.http.jwt_authn:claims.tenant`; the
namespace has to stand in the filter's `metadata_options`. No caller can set either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict


def attributes_of(message: Any, names: Iterable[str]) -> dict[str, str]:
    """The values of these names, as far as the message has them."""
    found = {name: _metadata(message, name) if ":" in name else _attribute(message, name) for name in names}
    return {name: value for name, value in found.items() if value}


def _attribute(message: Any, name: str) -> str:
    """Envoy puts attributes under the name of its filter, which the operator may choose."""
    for struct in message.attributes.values():
        if name in struct.fields:
            return _text(MessageToDict(struct).get(name))
    return ""


def _metadata(message: Any, name: str) -> str:
    namespace, _, path = name.partition(":")
    value: Any = (
        MessageToDict(message.metadata_context.filter_metadata[namespace])
        if (namespace in message.metadata_context.filter_metadata)
        else None
    )
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return _text(value)


def _text(value: Any) -> str:
    """A scalar as text; whole numbers without a point, since Envoy has no others. Lists and objects name nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else ""
