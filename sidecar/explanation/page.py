"""An account as a page: one file of HTML that needs nothing else and asks nobody for anything.

The page is built as a tree of elements, never as text, so that whatever a text holds is shown and nothing of it is
markup. Places are marked by number, underline and colour, so that none of them alone has to tell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import pairwise
from xml.etree.ElementTree import Element, tostring

from detectors.types import Look
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

_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing, whatever it says."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e0fff]"
)
"""What would not be seen, or would change how the page reads."""


def page(account: Account) -> str:
    """The page of a text."""
    title = f"Why did {account.policy or 'no policy'} do that?"
    return _page(title, _asked(account), *_steps(account))


def event_page(account: EventAccount) -> str:
    """The page of an event, and of the replay of its text."""
    says = [_tag("li", each) for each in account.says]
    parts = [
        _section("event", f"What the event tells ({account.kind})", says),
        _section("policy", "Its policy", [_tag("li", account.why_standing)]),
    ]
    if account.replay is None:
        parts.append(
            _tag("p", "An event holds no text: who has it can have it explained beside the event.", id="result")
        )
    else:
        parts.append(_section("now", "Its text now", [_tag("li", account.why_recurs)]))
        parts += [_asked(account.replay), *_steps(account.replay)]
    return _page(f"Event {account.event.ids.event}", *parts)


def _page(title: str, *parts: Element) -> str:
    head = _tag(
        "head",
        _tag("meta", charset="utf-8"),
        _tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _tag("meta", http_equiv="Content-Security-Policy", content=_NOTHING_ELSE),
        _tag("title", title),
        _tag("style", (files(__package__) / "page.css").read_text(encoding="utf-8")),
    )
    main = _tag("main", _tag("h1", title), *parts)
    body = _tag("body", _tag("a", "To the result", href="#result", class_="skip"), main)
    return "<!doctype html>\n" + tostring(_tag("html", head, body, lang="en"), encoding="unicode", method="html") + "\n"


def _steps(account: Account) -> list[Element]:
    """The sections of an account."""
    policies = _section("policies", "Which policy", map(_policy, account.policies))
    if account.final is None:
        return [_tag("p", "No policy takes this text: the service would refuse it.", id="result"), policies]
    told = [each for each in account.findings if is_worth_telling(each)]
    return [
        _result(account.final),
        _marked(account, told),
        _section("found", "What was found", _findings(told, len(account.findings) - len(told))),
        _section("decided", "What was decided", map(_decision, account.decisions)),
        _section("left", "What left, piece by piece", (_piece(each, account) for each in account.pieces)),
        _section("read", "What was read", (_reader(each, account) for each in account.readers)),
        _section("rules", f"Rules of {account.policy}", map(_rule, account.rules)),
        policies,
    ]


# --- sections ---------------------------------------------------------------------------------------------------------


def _asked(account: Account) -> Element:
    asked = account.asked
    said = [asked.direction, asked.part, asked.channel, *(f"{key}={value}" for key, value in asked.labels.items())]
    said += [f"{key}={value}" for key, value in asked.attributes.items()]
    told = {"tenant": asked.tenant, "model": asked.model, "route": asked.route, "prompt": asked.prompt_version}
    said += [f"{name} {value}" for name, value in told.items() if value]
    said += ["in a request's history"] if asked.is_history else []
    return _tag("p", *(_tag("span", each, class_="tag") for each in said))


def _result(final: Final) -> Element:
    by = f", by rule {final.blocked_by}" if final.blocked_by else ""
    parts = [_tag("p", _tag("strong", f"{final.action}{by}"), f". Held at most {final.max_held_chars} characters.")]
    parts.append(_tag("div", final.text, class_="text"))
    if final.message:
        parts.append(_tag("p", "People are told: ", _tag("q", final.message)))
    if final.leaked_chars:
        parts.append(_tag("p", f"{final.leaked_chars} characters of what a rule redacts or blocks had left before."))
    if final.unscanned_chars:
        parts.append(_tag("p", f"{final.unscanned_chars} characters were not read: {'; '.join(final.unscanned_why)}."))
    return _tag("section", _tag("h2", "What came out", id="result"), *parts)


def _marked(account: Account, told: list[FindingAccount]) -> Element:
    """The text as the detectors read it, with what was found marked and numbered."""
    decoded = " It is JSON, shown as it was read: decoded." if account.is_decoded else ""
    words = "Marked: what met a rule (line), what scored too little (dashes), what no rule reads here (dots)."
    text = _tag("div", *_marks(account.read_text or account.text, told), class_="text")
    return _tag("section", _tag("h2", "The text", id="text"), _tag("p", words + decoded, class_="soft"), text)


def _marks(text: str, told: list[FindingAccount]) -> Iterator[Element | str]:
    """The text in stretches that the same findings cover; each finding's number stands where it begins."""
    places = sorted({0, len(text), *(place for each in told for place in (each.start, each.end))})
    begin: dict[int, list[tuple[int, FindingAccount]]] = defaultdict(list)
    for number, each in enumerate(told, start=1):
        begin[each.start].append((number, each))
    covering: list[FindingAccount] = []
    for start, end in pairwise(places):
        covering = [each for each in (*covering, *(each for _, each in begin[start])) if end <= each.end]
        for number, each in begin[start]:
            if each.end > start:
                link = _tag("a", str(number), href=f"#finding-{number}", aria_label=f"finding {number}, {each.label}")
                yield _tag("sup", link)
        if not covering:
            yield text[start:end]
        else:
            yield _tag("mark", text[start:end], class_=min(map(_kind, covering), key=_KINDS.index))


_KINDS = ["met", "near", "unread"]


def _kind(finding: FindingAccount) -> str:
    if not finding.is_read:
        return "unread"
    return "near" if all(each.fate == "under_threshold" for each in told_of(finding)) else "met"


def _findings(told: list[FindingAccount], rest: int) -> Iterator[Element]:
    for number, each in enumerate(told, start=1):
        yield _finding(number, each)
    if rest:
        words = f"and {rest} more that scored less than half of what a rule asks for, or that no rule asks for"
        yield _tag("li", words, class_="soft")


def _finding(number: int, each: FindingAccount) -> Element:
    segment = f", segment {each.segment}" if each.segment else ""
    return _tag(
        "li",
        _tag("h3", f"{number}. {each.label} {each.score:.2f}"),
        _tag("p", _tag("mark", each.text, class_=_kind(each)), f" at {each.start} to {each.end}"),
        _tag("p", f"{each.detector}{segment}: {each.reason or 'it gives no reason'}"),
        _tag("ul", *map(_fate, told_of(each))),
        id=f"finding-{number}",
    )


def _fate(each: RuleFate) -> Element:
    return _tag("li", _tag("strong", f"rule {each.rule}: {called(each.fate)}"), f", {each.why}")


def _decision(each: DecisionAccount) -> Element:
    done = each.done if each.done == each.decided else f"{each.done} (the rule says {each.decided})"
    found = f"{each.label} at" if each.label else "at"
    return _tag(
        "li",
        _tag("h3", f"Rule {each.rule} ({each.severity}): {done}"),
        _tag("p", f"{found} {each.start} to {each.end} ", _tag("q", each.text)),
        _tag("p", f"{each.why[:1].upper()}{each.why[1:]}."),
    )


def _piece(each: Piece, account: Account) -> Element:
    came = account.text[each.start : each.end]
    shown: list[Element | str] = [_tag("q", came)]
    if each.kind == "stopped":
        shown = [_tag("mark", came, class_="stop")]
    elif each.kind != "kept":
        shown = [_tag("q", came), " became ", _tag("mark", each.text or "nothing", class_="put")]
    return _tag(
        "li",
        _tag("p", _tag("span", each.kind, class_="tag"), f"{each.start} to {each.end}"),
        _tag("p", *shown),
        _tag("p", f"{each.why}.", class_="soft"),
    )


def _reader(each: ReaderAccount, account: Account) -> Element:
    text = account.read_text or account.text
    model = f" ({each.model})" if each.model else ""
    rules = f" for {', '.join(each.rules)}" if each.rules else ""
    item = _tag("li", _tag("h3", f"{each.name}{model}{rules}"), _tag("p", each.why))
    item.extend(_look(look, text) for look in each.looks)
    if each.segments:
        own = _tag("ul")
        for segment in each.segments:
            part = text[segment.start : segment.end]
            looks = (_look(look, part) for look in segment.looks)
            own.append(_tag("li", _tag("p", segment_told(segment)), _tag("p", _tag("q", part)), *looks))
        item.append(own)
    return item


def _look(look: Look, text: str) -> Element:
    changes = _tag("ul")
    for each in look.changes:
        read: list[Element | str] = [" as ", _tag("q", each.read)] if each.read else []
        changes.append(_tag("li", _tag("q", text[each.start : each.end]), *read, f": {each.how}"))
    return _tag("div", _tag("p", f"also read as {look.name}: ", _tag("q", look.text)), changes)


def _rule(each: RuleAccount) -> Element:
    shadow = ", in shadow" if not each.is_enforced else ""
    return _taken(each.is_reading, f"{each.id}: {each.action}{shadow}, by {each.detector}", each.why)


def _policy(each: PolicyAccount) -> Element:
    taken = "taken: " if each.is_taken else ""
    return _taken(each.is_taken, f"{each.name} {each.version}", f"{taken}{each.why}")


def _taken(is_taken: bool, title: str, why: str) -> Element:
    item = _tag("li", _tag("h3", title), _tag("p", why))
    if is_taken:
        item.set("class", "taken")
    return item


def _section(name: str, title: str, items: Iterable[Element]) -> Element:
    listed = list(items)
    body = _tag("ol", *listed) if listed else _tag("p", "nothing", class_="soft")
    return _tag("section", _tag("h2", title, id=name), body)


# --- elements ---------------------------------------------------------------------------------------------------------


def _tag(name: str, /, *children: Element | str, **attributes: str) -> Element:
    """An element with its children in order. `class_` and `aria_label` are spelt as Python can."""
    element = Element(name, {key.rstrip("_").replace("_", "-"): _seen(value) for key, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
            continue
        words = child if name == "style" else _seen(child)
        if last is None:
            element.text = (element.text or "") + words
        else:
            last.tail = (last.tail or "") + words
    return element


def _seen(text: str) -> str:
    """The text with what cannot be seen spelt out, as `⟨U+200B⟩`."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)
