"""What the agents can do: three tools on the files of one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Tool = Callable[..., str]


def tools_for(folder: Path) -> list[Tool]:
    """The tools, with the docstrings that frameworks make their definitions from."""

    def read_file(path: str) -> str:
        """Read a file.

        Args:
            path: The name of the file.
        """
        return (folder / path).read_text()

    def write_file(path: str, content: str) -> str:
        """Write a file.

        Args:
            path: The name of the file.
            content: Its new text.
        """
        (folder / path).write_text(content)
        return "written"

    def edit_file(path: str, old: str, new: str) -> str:
        """Replace a stretch of a file, which must be there once.

        Args:
            path: The name of the file.
            old: The text that is there.
            new: The text in its place.
        """
        text = (folder / path).read_text()
        if text.count(old) != 1:
            return f"error: the file has that text {text.count(old)} times"
        (folder / path).write_text(text.replace(old, new))
        return "edited"

    return [read_file, write_file, edit_file]
