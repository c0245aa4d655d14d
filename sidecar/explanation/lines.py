"""An account as lines of text, for a terminal. What is quoted cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detectors.types import Change, Look
from sidecar.explanation.account import (
    Account,
    DecisionAccount,
    Final,
    FindingAccount,
    Piece,
    PolicyAccount,
    ReaderAccount,
    RuleAccount,
    RuleFate,
)
from sidecar.explanation.recorded import EventAccount
from sidecar.explanation.words import called, is_worth_telling, segment_told, told_of

_SHOWN_CHARS = 60
_SHOWN_CHANGES = 12


def lines(account: Account) -> Iterator[str]:
    """All of an account."""
    yield from _section("Which policy", _policies(account))
    if account.final is None:
        yield "No policy takes this text: the service would refuse it."
        return
    yield from _section(f"Rules of {account.policy}", map(_rule, account.rules))
    yield from _section("What was read", _read(account))
    yield from _section("What was found", _findings(account))
    yield from _section("What was decided", map(_decision, account.decisions))
    yield from _section("What left", (line for each in account.pieces for line in _piece(each, account)))
    yield from _final(account.final)


def event_lines(account: EventAccount) -> Iterator[str]:
    """All of an event's account, and of the replay of its text."""
    yield from _section(f"Event {account.event.ids.event}, {account.kind}", map(printable, account.says))
    yield from _section("Its policy", [account.why_standing])
    if account.replay is None:
        yield "An event holds no text: give it with --text or --file to see what becomes of it now."
        return
    yield from _section("Its text now", [account.why_recurs])
    yield from lines(account.replay)


def printable(text: str) -> str:
    """A line that cannot steer the terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def quoted(text: str, limit: int = _SHOWN_CHARS) -> str:
    """A text in quotes, shortened in the middle, with escapes for what does not print."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[-(limit // 2) :]}"
    return repr(text)


def _section(title: str, body: Iterable[str]) -> Iterator[str]:
    yield title
    content = list(body)
    yield from (f"  {line}" for line in content or ["nothing"])
    yield ""


def _policies(account: Account) -> Iterator[str]:
    """All that were asked; of those that were not, how many there are."""
    if not account.asked.policy:
        yield from map(_policy, account.policies)
        return
    yield from (_policy(each) for each in account.policies if each.is_taken)
    if others := sum(not each.is_taken for each in account.policies):
        yield f"  {others} other{'s' * (others > 1)} not asked"


def _policy(each: PolicyAccount) -> str:
    return f"{'>' if each.is_taken else ' '} {each.name} {each.version}: {each.why}"


def _rule(each: RuleAccount) -> str:
    shadow = "" if each.is_enforced else " in shadow"
    return f"{'>' if each.is_reading else ' '} {each.id} ({each.action}{shadow}, by {each.detector}): {each.why}"


def _read(account: Account) -> Iterator[str]:
    if account.is_decoded:
        yield f"JSON, read decoded: {quoted(account.read_text)}; findings have places in that"
    for each in account.readers:
        yield from _reader(each, account)


def _reader(each: ReaderAccount, account: Account) -> Iterator[str]:
    model = f" {each.model}" if each.model else ""
    rules = f" for {', '.join(each.rules)}" if each.rules else ""
    yield f"{each.name}{model}{rules}: {each.why}"
    text = account.read_text or account.text
    for look in each.looks:
        yield from _look(look, text)
    for segment in each.segments:
        own = text[segment.start : segment.end]
        yield f"  {segment_told(segment)}: {quoted(own)}"
        for look in segment.looks:
            yield from (f"  {line}" for line in _look(look, own))


def _look(look: Look, text: str) -> Iterator[str]:
    yield f"  also as {look.name}: {quoted(look.text)}"
    for each in look.changes[:_SHOWN_CHANGES]:
        yield f"    {each.start}-{each.end} {_change(each, text)}"
    if len(look.changes) > _SHOWN_CHANGES:
        yield f"    and {len(look.changes) - _SHOWN_CHANGES} more places"


def _change(each: Change, text: str) -> str:
    reads = f" as {quoted(each.read)}" if each.read else ""
    return f"{quoted(text[each.start : each.end])}{reads}: {each.how}"


def _findings(account: Account) -> Iterator[str]:
    told = [each for each in account.findings if is_worth_telling(each)]
    for each in told:
        yield from _finding(each)
    if rest := len(account.findings) - len(told):
        yield f"and {rest} more that scored less than half of what a rule asks for, or that no rule asks for"


def _finding(each: FindingAccount) -> Iterator[str]:
    segment = f" in segment {each.segment}" if each.segment else ""
    reason = f": {each.reason}" if each.reason else ""
    yield f"{each.start}-{each.end} {each.label} {each.score:.2f} by {each.detector}{segment}{reason}"
    yield f"    {quoted(each.text)}"
    for fate in told_of(each):
        yield f"    {_fate(fate)}"


def _fate(each: RuleFate) -> str:
    return f"rule {each.rule}: {called(each.fate)}, {each.why}"


def _decision(each: DecisionAccount) -> str:
    found = f"{each.label} " if each.label else ""
    done = each.done if each.done == each.decided else f"{each.done} (the rule says {each.decided})"
    score = f" {each.score:.2f}, from {each.threshold:g}" if each.score is not None and each.threshold else ""
    return f"rule {each.rule} ({each.severity}): {done}, {found}at {each.start}-{each.end}{score}: {each.why}"


def _piece(each: Piece, account: Account) -> Iterator[str]:
    came = account.text[each.start : each.end]
    left = "" if each.kind == "kept" else f" -> {quoted(each.text)}"
    yield f"{each.start}-{each.end} {quoted(came)}{left}"
    yield f"    {each.why}."


def _final(final: Final) -> Iterator[str]:
    yield f"Result: {final.action}{f' by rule {final.blocked_by}' if final.blocked_by else ''}"
    yield f"  text     {final.text!r}"
    if final.message:
        yield f"  message  {final.message!r}"
    yield f"  held     at most {final.max_held_chars} characters"
    if final.leaked_chars:
        yield f"  leaked   {final.leaked_chars} characters of what a rule redacts or blocks had left before"
    if final.unscanned_chars:
        yield f"  unread   {final.unscanned_chars} characters: {'; '.join(final.unscanned_why)}"
