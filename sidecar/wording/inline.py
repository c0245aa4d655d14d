r"""What closes the inline markup that is open where a paragraph of Markdown ends.

By CommonMark a blank line ends it all. Renderers that mend a text while it streams do not ask where a paragraph ends:
they close open emphasis behind the last word, and show nothing behind an open link, image or tag. So what is open is
closed where it was opened.

A link, an image or a tag that was cut becomes none: half an address leads to a wrong place, and an image would ask a
server for it. `…`, which may stand neither in a tag nor behind a target, makes it plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

CUT = "…"
_TOKEN = re.compile(
    r"""
    \\[^\n]
    | (?P<run> `+ )(?!`).*?(?<!`)(?P=run)(?!`)
    | (?: \$\$.*?\$\$ | \\\[.*?\\\] | (?<!\$)\$(?![\s$])[^$\n]*(?<!\s)\$ | <[^<>\s][^<>]*> | (?<!~)~(?!~) )
    | (?P<code> `+ )
    | (?P<bracket> !?\[ )
    | (?P<end> \](?P<target>\()? )
    | (?P<mark> \*+ | _+ | ~~+ )
    | (?P<tag> <[A-Za-z/][^<>]*\Z )
    """,
    re.VERBOSE | re.DOTALL,
)
_TARGET = re.compile(
    r"""\s*(?:<[^<>\n]*>|(?:\\.|\((?:\\.|[^\s()\\])*\)|[^\s()<\\])*)"""
    r"""(?:\s+(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\((?:\\.|[^()\\])*\)))?\s*\)""",
    re.DOTALL,
)


class _Open(msgspec.Struct):
    """A bracket, or a run of delimiters."""

    mark: str
    count: int = 1


def closing(paragraph: str) -> str:
    """What closes what is open at the end of a paragraph; empty where nothing is."""
    opened: list[_Open] = []
    place = 0
    while (token := _TOKEN.search(paragraph, place)) is not None:
        place = token.end()
        rest = paragraph[place:]
        if token["bracket"]:
            opened.append(_Open("["))
        elif token["mark"]:
            _take_run(opened, paragraph, token)
        elif token["end"] and _close(opened, "[") and token["target"]:
            target = _TARGET.match(rest)
            if target is None and ")" not in rest:
                return _cut_target(rest) + _ends(opened, "")
            place += 0 if target is None else target.end()
        elif token["tag"] or (token["code"] and rest.strip()):
            cut = _cut_tag(token["tag"]) if token["tag"] else _end_code(token["code"], rest)
            return cut + _ends(opened, "")
    return _ends(opened, CUT if paragraph[-1:].isspace() else "")


def _end_code(mark: str, code: str) -> str:
    apart = {"`": " ", "\n": CUT}  # where the mark would be a longer one, or begin a fence
    return f"{apart.get(code[-1], '')}{mark}"


def _ends(opened: list[_Open], cut: str) -> str:
    """What closes the marks. Behind a blank a delimiter would close nothing: `cut` stands between."""
    ends = "".join("]" if each.mark == "[" else each.mark * each.count for each in reversed(opened))
    return f"{cut}{ends}" if ends and ends[0] != "]" else ends


def _cut_target(target: str) -> str:
    pointed = f" {CUT}>" if target.lstrip().startswith("<") and ">" not in target else ""
    return f"{pointed} {CUT}{'' if target.strip() else f' {CUT}'})"


def _cut_tag(tag: str) -> str:
    return f" {CUT}>" if re.search(r"[\s:@/]", tag) else ">"


def _close(opened: list[_Open], mark: str) -> bool:
    """Close the last such mark with all in it, if there is one that no bracket parts from here."""
    for number in _within_reach(opened):
        if opened[number].mark == mark:
            del opened[number:]
            return True
    return False


def _within_reach(opened: list[_Open]) -> Iterator[int]:
    """The numbers of the marks that may be closed here, the last one first: none before a bracket that is open."""
    first = max((number for number, each in enumerate(opened) if each.mark == "["), default=0)
    return reversed(range(first, len(opened)))


def _take_run(opened: list[_Open], text: str, token: re.Match[str]) -> None:
    """Close with a run of delimiters what it can, and open with the rest."""
    mark, count = token["mark"][0], len(token["mark"])
    before, behind = text[token.start() - 1 : token.start()], text[token.end() : token.end() + 1]
    is_in_word = mark == "_" and before.isalnum() and behind.isalnum()
    if is_in_word:
        return
    if before.strip():
        for number in _within_reach(opened):
            if opened[number].mark == mark and count:
                closed = min(count, opened[number].count)
                count -= closed
                opened[number].count -= closed
                del opened[number + bool(opened[number].count) :]  # what was open in it as well
    if count and behind.strip() and not (mark == "_" and before.isalnum()):
        opened.append(_Open(mark, count))
