"""`tidegate events ...`: what a security team runs. Reads and labels events, makes topics; changes nothing else.

A module for each command; results go to stdout, what a person should know beside them to stderr.
"""

from __future__ import annotations

from collections.abc import Mapping

import click

from sidecar.cli.lazy import LazyGroup

_LAZY: Mapping[str, str] = {
    "compare": "sidecar.cli.events.compare:compare",
    "create-topics": "sidecar.cli.events.topics:create_topics_command",
    "export": "sidecar.cli.events.export:export",
    "keygen": "sidecar.cli.events.keygen:keygen",
    "label": "sidecar.cli.events.label:label",
    "lookup": "sidecar.cli.events.reveal:lookup",
    "reveal": "sidecar.cli.events.reveal:reveal_command",
    "stats": "sidecar.cli.events.stats:stats",
    "tail": "sidecar.cli.events.tail:tail",
    "top": "sidecar.cli.events.top:top",
    "verify": "sidecar.cli.events.verify:verify",
}
"""Commands, and where each is."""


@click.group(cls=LazyGroup, lazy=_LAZY)
def events() -> None:
    """Read the events, prove that none is missing, say what they were, make the topics.

    Example: tidegate events tail --follow
    """
