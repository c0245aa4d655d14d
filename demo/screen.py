"""Shows conversations while they run: side by side and live on a terminal, line by line anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.conversations import Conversation
from demo.transcript import Piece, Transcript

FRAMES_PER_SECOND = 12
CLEARED, HELD, REPLACED, STOPPED = "default", "black on yellow", "bold cyan", "bold white on red"


class View(Protocol):
    """Where the state of one conversation is shown."""

    def show(self, transcript: Transcript) -> None:
        """Show it as it is now. Never waits."""
        ...


@contextmanager
def view(console: Console, conversation: Conversation) -> Iterator[View]:
    """Open a view of one conversation; what it showed last stays on the screen."""
    if not console.is_terminal:
        yield LineView(console, conversation)
        return
    with Live(console=console, refresh_per_second=FRAMES_PER_SECOND, transient=False) as live:
        yield LiveView(live, conversation)


class LiveView:
    """Three columns that grow: came in, held, let out."""

    def __init__(self, live: Live, conversation: Conversation) -> None:
        self._live = live
        self._conversation = conversation

    def show(self, transcript: Transcript) -> None:
        """Draw the conversation at the next frame."""
        self._live.update(panel(self._conversation, transcript))


class LineView:
    """A line whenever something was let out or stopped, with what was held at that moment."""

    def __init__(self, console: Console, conversation: Conversation) -> None:
        self._console = console
        self._shown = 0
        self._is_ended = False
        console.print(f"\n--- {conversation.title} [policy {conversation.policy}]", markup=False, highlight=False)

    def show(self, transcript: Transcript) -> None:
        """Print what is new, if anything is."""
        new = transcript.pieces[self._shown :]
        self._shown = len(transcript.pieces)
        if any(piece.text for piece in new):
            self._line(transcript, "out " + repr("".join(piece.text for piece in new)))
        if transcript.blocked_by and not self._is_ended:
            self._is_ended = True
            self._line(transcript, f"BLOCKED by {transcript.blocked_by}: {transcript.message}")

    def _line(self, transcript: Transcript, what: str) -> None:
        counts = f"in {len(transcript.received):4}  held {len(transcript.held):3}  "
        self._console.print(counts + what, markup=False, highlight=False, soft_wrap=True)


def panel(conversation: Conversation, transcript: Transcript) -> RenderableType:
    """One conversation in a frame."""
    columns = Table(expand=True, box=None, padding=(0, 1), header_style="dim")
    columns.add_column("came in", ratio=5)
    columns.add_column("held", ratio=2)
    columns.add_column("let out", ratio=5)
    columns.add_row(_came_in(transcript), _held(transcript), _let_out(transcript))
    return Panel(
        Group(columns, _status(transcript)),
        title=f"[bold]{conversation.title}[/bold]",
        subtitle=f"policy [bold]{conversation.policy}[/bold], {conversation.direction}",
        border_style="red" if transcript.blocked_by else "green" if transcript.is_complete else "blue",
    )


def _came_in(transcript: Transcript) -> Text:
    text = Text(_visible(transcript.received[: transcript.released_to]), style=CLEARED)
    text.append(_visible(transcript.held), style=HELD)
    return text.append(_visible(transcript.withheld), style=STOPPED)


def _held(transcript: Transcript) -> Text:
    if transcript.blocked_by:
        return Text("never leaves", style=STOPPED)
    return Text(_visible(transcript.held), style=HELD)


def _let_out(transcript: Transcript) -> Text:
    text = _joined(transcript.pieces)
    if transcript.blocked_by:
        text.append(f"\n■ {transcript.message or 'blocked'}", style=STOPPED)
    return text


def _joined(pieces: Iterable[Piece]) -> Text:
    text = Text()
    for piece in pieces:
        text.append(_visible(piece.text), style=REPLACED if piece.rule else CLEARED)
    return text


def _status(transcript: Transcript) -> Text:
    counts = f"{len(transcript.received)} in, {len(transcript.released)} out, held at most {transcript.max_held_chars}"
    status = Text(f" {counts}", style="dim")
    for (rule, label), count in sorted(transcript.violations.items()):
        status.append(f"  {rule}: {label}" + (f" x{count}" if count > 1 else ""), style=REPLACED)
    if transcript.is_complete and not transcript.violations:
        status.append("  nothing found, nothing changed", style="green")
    return status


def _visible(text: str) -> str:
    """Characters that a terminal hides or obeys, as their code points."""
    return "".join(character if _is_shown(character) else f"‹{ord(character):X}›" for character in text)


def _is_shown(character: str) -> bool:
    return character == "\n" or character.isprintable() or character == "\u200d"
