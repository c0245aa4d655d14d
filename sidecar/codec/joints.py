"""Sets what is added to an answer off from what was let out before: what is open is closed, and a blank line put.

That is the message of a block, and a notice behind the answer.

The text of each answer's choice is followed as it leaves, its content alone: thoughts and calls are shown elsewhere,
and what is JSON stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from sidecar.codec.weave import Fed, LaneEnd, Text
from sidecar.values import Blocked, Channel, Lane, Part, Redaction, Release
from sidecar.wording.markdown import Surroundings


class _Content(msgspec.Struct):
    """What was let out of a choice's content, and how far that reaches."""

    lane: Lane
    end: int
    surroundings: Surroundings
    begin: str = ""
    """Its first characters that show."""


_BEGIN_CHARS = 16
_DATA = re.compile(r"[\[{]|(?:```|~~~)[ \t]*json", re.IGNORECASE)
"""How an answer begins that programs read: it was asked for in words."""


class Joints:
    """See the module's text. `is_streamed`: to what is over nothing is added; `is_plain`: blocks are not set off."""

    def __init__(self, *, is_streamed: bool, is_plain: bool = False) -> None:
        self._is_streamed = is_streamed
        self._is_plain = is_plain
        self._contents: dict[int, _Content] = {}
        self._json: set[Lane] = set()
        self._over: set[Lane] = set()

    def note(self, fed: Iterable[Fed]) -> None:
        """Take note of what is fed: a lane may be over, or hold JSON."""
        for each in fed:
            if isinstance(each, LaneEnd) and self._is_streamed:
                self._over.add(each.lane)
            elif isinstance(each, Text) and each.is_json:
                self._json.add(each.lane)

    def joined(self, shown: Release | Blocked) -> Iterator[Release | Blocked]:
        """The same, and before a block what sets its message off, as text that is let out."""
        if (joint := self.follow(shown)) and isinstance(shown, Blocked):
            content = self._contents[shown.lane.choice]
            end = content.end
            placed = Redaction(shown.rule, "", max(0, end - 1), end, 0, len(joint))  # where the last of the text stood
            yield Release(content.lane, joint, end, end, redactions=(placed,))
        yield shown

    def follow(self, shown: object) -> str:
        """Take what was let out. Of a block: what belongs between that and its message; of all else nothing."""
        if isinstance(shown, Release):
            self._follow(shown)
        return self._joint(shown) if isinstance(shown, Blocked) else ""

    def behind(self, choice: int, notice: str) -> str:
        """The notice as a paragraph behind a choice's content; empty where nothing was said, or programs read it."""
        content = self._contents.get(choice)
        if content is None or not content.begin or _DATA.match(content.begin):
            return ""
        return content.surroundings.closing() + notice

    def _joint(self, blocked: Blocked) -> str:
        if self._is_plain:
            return ""
        content = self._contents.get(blocked.lane.choice)
        if content is None or not blocked.message:
            return ""
        if content.lane in self._over and content.lane != blocked.lane:
            return ""
        return content.surroundings.closing()

    def _follow(self, release: Release) -> None:
        lane = release.lane
        if lane.channel is not Channel.CONTENT or lane.part is not Part.MODEL or lane in self._json:
            return
        content = self._contents.get(lane.choice)
        if content is None or content.lane != lane:
            content = self._contents[lane.choice] = _Content(lane, release.end, Surroundings())
        content.surroundings.feed(release.text)
        if len(content.begin) < _BEGIN_CHARS:
            content.begin = (content.begin + release.text).lstrip()[:_BEGIN_CHARS]
        content.end = max(content.end, release.end)
