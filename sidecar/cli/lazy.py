"""Groups of commands, some of which are imported when they are used: those of the workbench too."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from sidecar.cli.ending import Group


class LazyGroup(Group):
    """A group that imports some of its commands when they are used. `lazy`: where each is, as `module:name`."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all."""
        return sorted([*super().list_commands(ctx), *self._lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, name = self._lazy[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command
