"""What a call does, and what a request asks for, by the words for it. English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

SEND, PAY, DELETE, GRANT, SWITCH, CHANGE, RUN, READ = (
    "send",
    "pay",
    "delete",
    "grant",
    "switch",
    "change",
    "run",
    "read",
)

_TOOL_VERBS: Mapping[str, str] = {
    SEND: "send email mail message dm post reply forward share publish tweet comment notify submit upload"
    " announce respond contact sms broadcast push export invite text",
    PAY: "pay transfer refund buy purchase order checkout donate deposit withdraw wire subscribe charge trade sell tip",
    DELETE: "delete remove cancel clear drop erase wipe purge trash destroy uninstall unsubscribe discard"
    " truncate archive terminate",
    GRANT: "grant permission permissions authorize allow approve password credentials role access key admin revoke",
    SWITCH: "lock unlock turn switch toggle open close start stop arm disarm enable disable shutdown reboot restart",
    CHANGE: "update change set edit modify rename move create add schedule reschedule book reserve write save"
    " append insert make put fix register assign replace apply patch upsert merge commit sort copy",
    RUN: "run execute exec bash shell command terminal eval python code script",
    READ: "get list read search find fetch show look view check query lookup count calculate compute convert"
    " browse retrieve describe download analyze compare verify display grep cat summarize translate"
    " estimate predict detect validate",
}
"""The words of tools' names. The first word that is one says what a tool does; nouns are verbs only in first place."""

_ASKING: Mapping[str, str] = {
    SEND: "send email mail message dm post reply answer forward share publish tweet comment notify tell write"
    " inform text submit upload announce respond contact sms broadcast invite ask let remind report push"
    " export note thank invitation say pass deliver hand",
    PAY: "pay transfer refund buy purchase order checkout donate deposit withdraw wire subscribe charge trade"
    " sell tip payment bill bills invoice rent send owe settle reimburse money cover return repay"
    " transaction",
    DELETE: "delete remove cancel clear drop erase wipe purge trash destroy uninstall unsubscribe discard"
    " truncate archive rid clean undo empty prune terminate end throw",
    GRANT: "grant permission permissions authorize allow approve password credential role access key admin share"
    " revoke invite give add change update reset",
    SWITCH: "lock unlock turn switch toggle open close start stop arm disarm enable disable shutdown reboot"
    " restart on off set dim",
    CHANGE: "update change set edit modify rename move create add schedule reschedule book reserve write save"
    " append insert make put fix register assign replace apply patch merge commit sort copy reservation"
    " appointment plan event remind adjust correct use do implement refactor build generate prepare new"
    " arrange organize record note increase decrease convert turn invite block fill sign draft compose"
    " place buy order purchase pay",
}
"""The words by which people ask for each."""

_STEMS = re.compile(r"(?:ies|ing|ed|es|s|e)$")
_WORD = re.compile(r"[A-Za-z]+")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

ACTS = (SEND, PAY, DELETE, GRANT, SWITCH, CHANGE)
"""What changes something outside."""


def stem(word: str) -> str:
    """A word without its ending, in small letters: `sends`, `sending` and `send` are one."""
    low = word.lower()
    cut = _STEMS.sub("", low)
    if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "ls":
        cut = cut[:-1]
    return cut if len(cut) > 2 else low


def _by_stem(table: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {effect: frozenset(map(stem, words.split())) for effect, words in table.items()}


_TOOLS = _by_stem(_TOOL_VERBS)
ASKING = _by_stem(_ASKING)


def stems(text: str) -> list[str]:
    """The words of a text by their stems, in order."""
    return [stem(each) for each in _WORD.findall(text)]


def pieces(name: str) -> list[str]:
    """The words of a name such as `mcp__mail__sendMail`."""
    return [each.lower() for each in _PIECE.findall(name)]


def effect_of(name: str, description: str = "") -> str:
    """What a tool does, by its name, or else by how its description begins; empty where neither tells."""
    words = list(map(stem, pieces(name.rpartition("__")[2])))
    return _first(words) or _first(stems(description)[:3])


_COMMANDS = (
    (
        DELETE,
        re.compile(
            r"(?i)\b(?:rm|rmdir|shred)\s+-|\brm\s+\S|\b(?:drop|truncate)\s+(?:table|database)|\bdelete\s+from\b"
            r"|\bgit\s+(?:clean|reset\s+--hard)"
        ),
    ),
    (
        SEND,
        re.compile(
            r"(?i)\b(?:curl|wget)\b[^\n|;]{0,400}\s(?:-d|-F|-T|--data\S{0,20}|--form|--upload-file|--post-\w{1,20})\b"
            r"|\b(?:nc|ncat|scp|sendmail|mailx?)\s+\S"
        ),
    ),
)


def effect_of_command(command: str) -> str:
    """What a command does that a tool runs: more than running, where it is written so that one can tell."""
    return next((effect for effect, written in _COMMANDS if written.search(command)), RUN)


def _first(words: Sequence[str]) -> str:
    return next((effect for word in words for effect, known in _TOOLS.items() if word in known), "")


def asks_for(effect: str, words: Iterable[str]) -> bool:
    """Whether one of these words, by their stems, asks for an effect."""
    return not ASKING.get(effect, frozenset()).isdisjoint(words)
