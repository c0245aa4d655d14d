"""The forms that are served, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.callouts.adapter import Adapter
from sidecar.callouts.agentgateway import Agentgateway
from sidecar.callouts.fms import Fms
from sidecar.callouts.hooks import Hooks
from sidecar.callouts.kong import Kong
from sidecar.callouts.lakera import Lakera
from sidecar.callouts.litellm import Litellm
from sidecar.callouts.nemo import Nemo
from sidecar.callouts.openai_moderations import OpenaiModerations
from sidecar.callouts.plain import Plain
from sidecar.callouts.portkey import Portkey
from sidecar.callouts.presidio import Presidio

_ALL: tuple[Adapter, ...] = (
    Plain(),
    OpenaiModerations(),
    Presidio(),
    Lakera(),
    Litellm(),
    Agentgateway(),
    Portkey(),
    Kong(),
    Nemo(),
    Fms(),
    Hooks(),
)
ADAPTERS: Mapping[str, Adapter] = {each.name: each for each in _ALL}
"""All there are."""
