"""Shows conversations while they run: side by side and live on a terminal, line by line anywhere else."""

from __future__ import annotations

import re
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
LINE_CHARS = 60
"""Without a terminal: so much text makes a line."""
HELD_CHARS = 12
"""Without a terminal: so much more held text makes a line."""
CLEARED, HELD, FOUND, REPLACED, STOPPED = "default", "black on yellow", "red", "bold cyan", "bold white on red"
_TAGS = re.compile("[\U000e0020-\U000e007e]+")


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
    """A line whenever enough was let out, something was replaced or stopped, or text is being held."""

    def __init__(self, console: Console, conversation: Conversation) -> None:
        self._console = console
        self._shown = 0
        self._held = 0
        self._is_stopped = False
        self._evidence = 0
        console.print(f"\n--- {conversation.title} [policy {conversation.policy}]", markup=False)

    def show(self, transcript: Transcript) -> None:
        """Print what is new, if it is worth a line."""
        new = transcript.pieces[self._shown :]
        text = "".join(piece.text for piece in new)
        is_due = len(text) >= LINE_CHARS or any(piece.rule for piece in new)
        if new and (is_due or transcript.is_complete or transcript.blocked_by):
            self._shown = len(transcript.pieces)
            self._line(transcript, f"let out {text!r}")
        if len(transcript.held) >= max(HELD_CHARS, self._held + HELD_CHARS):
            self._line(transcript, f"holds   {transcript.held!r}")
            self._held = len(transcript.held)
        elif len(transcript.held) < HELD_CHARS:
            self._held = 0
        for each in transcript.evidence[self._evidence :]:
            self._line(transcript, f"rests on {each.passage} ({each.support:.2f}): {each.sentence!r}")
        self._evidence = len(transcript.evidence)
        if transcript.blocked_by and not self._is_stopped:
            self._is_stopped = True
            self._line(transcript, f"BLOCKED by {transcript.blocked_by}: {transcript.message}")

    def _line(self, transcript: Transcript, what: str) -> None:
        counts = f"in {len(transcript.received):4}  held {len(transcript.held):3}  "
        self._console.print(counts + what, markup=False, soft_wrap=True)


def panel(conversation: Conversation, transcript: Transcript) -> RenderableType:
    """One conversation in a frame."""
    columns = Table(expand=True, box=None, padding=(0, 1), header_style="dim")
    for heading, ratio in (("came in", 5), ("held", 2), ("let out", 5)):
        columns.add_column(heading, ratio=ratio, overflow="fold")
    columns.add_row(_came_in(transcript), _held(transcript), _let_out(transcript))
    return Panel(
        Group(columns, *_evidence(transcript), _status(transcript)),
        title=f"[bold]{conversation.title}[/bold]",
        subtitle=f"policy [bold]{conversation.policy}[/bold], {conversation.direction}",
        border_style="red" if transcript.blocked_by else "green" if transcript.is_complete else "blue",
    )


def _came_in(transcript: Transcript) -> Text:
    text, position = Text(), 0
    for start, end in transcript.replaced:
        text.append(_visible(transcript.received[position:start]), style=CLEARED)
        text.append(_visible(transcript.received[start:end]), style=FOUND)
        position = end
    text.append(_visible(transcript.received[position : transcript.released_to]), style=CLEARED)
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


def _evidence(transcript: Transcript) -> Iterator[Text]:
    """A line for each sentence that was shown with its evidence."""
    for each in transcript.evidence:
        line = Text(f" ✓ {each.support:.2f} {each.passage}: ", style="green")
        yield line.append(_visible(each.sentence), style="dim")


def _status(transcript: Transcript) -> Text:
    held = f"held at most {transcript.max_held_chars}" if transcript.is_complete else f"holding {len(transcript.held)}"
    status = Text(f" {len(transcript.received)} in, {len(transcript.released)} out, {held}", style="dim")
    for (rule, label), count in sorted(transcript.violations.items()):
        status.append(f"  {rule}: {label}" + (f" x{count}" if count > 1 else ""), style=REPLACED)
    if transcript.is_complete and not transcript.violations:
        status.append("  nothing found, nothing changed", style="green")
    return status


def _visible(text: str) -> str:
    """What a terminal would hide or obey, spelled out: hidden ASCII as such, other characters by their code points."""
    shown = _TAGS.sub(lambda run: "‹" + "".join(chr(ord(tag) - 0xE0000) for tag in run[0]) + "›", text)
    return "".join(_spelled(character) for character in shown)


def _spelled(character: str) -> str:
    if character == "\r":
        return ""
    return character if character == "\n" or character.isprintable() else f"‹{ord(character):X}›"
