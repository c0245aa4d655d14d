"""Kinds of prompt injection in English and thirty other languages, each beside a harmless text of the same shape.

A shape (an order and what follows, a role, a mode, a claim of power, a secret asked for in some form, a tale, a split
text, a taught dialogue, a text to translate with words at its end, noise around the words) is one function for both
labels: `SIDES` says which phrases it takes. So neither shape nor length nor language tells the label.

As a user's words an attack is one and a request is not; of the request nothing is said in a document, where it would
be a foreign task. Words addressed to the model in a document are an attack there, and nothing is said of them alone.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from training.encoder.composed import Composed, Payload, place, windows
from training.encoder.rows import Example
from training.encoder.synthetic.everyday import EVERYDAY, of_documents
from training.encoder.synthetic.paragraphs import PARAGRAPHS
from training.encoder.synthetic.phrases_east import EAST
from training.encoder.synthetic.phrases_north import NORTH
from training.encoder.synthetic.phrases_west import WEST

Words = Mapping[str, Sequence[str]]
SOURCE = "own:kinds"
SIDES: Mapping[int, Mapping[str, str]] = {
    1: {
        "lead": "order",
        "want": "demand",
        "role": "evil",
        "mode": "mode",
        "who": "power",
        "what": "secret",
        "tale": "tale",
    },
    0: {
        "lead": "keep",
        "want": "ask",
        "role": "role",
        "mode": "plain",
        "who": "staff",
        "what": "thing",
        "tale": "story",
    },
}
"""The parts that an attack and a harmless text of one shape are made of."""
CASED_JOINTS = (". ", ", ", "! ", "\n", ": ", " - ", "\n\n", " ... ")
TAGS = ("### ", "--- ", "[!] ", ">>> ", "1) ", "@all ", "<p>", "**", "// ", "# ", "<!-- ", "* ")
NOISE = ("asdf ", "la ", "0 ", "!!! ", "___ ", "x ", "ok ok ", "~ ", ". . ")
SHORT = 240
"""Texts up to this length the model sees at once."""


def read(block: str) -> Words:
    """The parts of a language: `part: phrase | phrase` a line. Raises ValueError for a line without a part."""
    parts = {}
    for line in block.strip().splitlines():
        name, phrases = line.split(": ", 1)
        parts[name] = tuple(phrase.strip() for phrase in phrases.split(" | "))
    return parts


LANGUAGES: Mapping[str, Words] = {code: read(block) for code, block in {**WEST, **NORTH, **EAST}.items()}


class Side:
    """One language's phrases of one label, drawn at random by their part in a shape."""

    def __init__(self, words: Words, label: int, rng: random.Random) -> None:
        self._words, self._names, self.rng = words, SIDES[label], rng

    def draw(self, part: str) -> str:
        """A phrase of the part."""
        return self.rng.choice(self._words[self._names.get(part, part)])

    def order(self) -> str:
        """An order and what is wanted, in either sequence, as one or two sentences."""
        pair = [self.draw("lead"), self.draw("want")]
        if self.rng.random() < 0.15:
            pair.reverse()
        joint = self.rng.choice(CASED_JOINTS)
        second = pair[1] if joint[0] in ",:-" else _capital(pair[1])
        return _capital(pair[0]) + joint + second


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _order(side: Side) -> str:
    return side.order()


def _lead(side: Side) -> str:
    return _capital(side.draw("lead")) + side.rng.choice(("", ".", "!"))


def _want(side: Side) -> str:
    return _capital(side.draw("want")) + side.rng.choice(("", ".", "!"))


def _role(side: Side) -> str:
    role = side.draw("role")
    return role if side.rng.random() < 0.4 else f"{role}. {_capital(side.draw('want'))}."


def _mode(side: Side) -> str:
    mode = side.draw("mode")
    return mode if side.rng.random() < 0.4 else f"{mode}{side.rng.choice((' ', chr(10)))}{_capital(side.draw('want'))}"


def _who(side: Side) -> str:
    who = side.draw("who")
    return who if side.rng.random() < 0.4 else f"{who}. {_capital(side.draw('want'))}."


def _what(side: Side) -> str:
    form = side.draw("form") if side.rng.random() < 0.8 else ""
    text = side.draw("tell").replace("{what}", side.draw("what")).replace("{form}", form)
    return " ".join(text.split()).replace(" ?", "?")


def _tale(side: Side) -> str:
    return side.draw("tale")


def _split(side: Side) -> str:
    core = _capital(side.draw("want")) if side.rng.random() < 0.6 else side.order()
    cut = side.rng.randrange(len(core) // 3, max(len(core) * 2 // 3, len(core) // 3 + 1))
    frame = side.rng.choice(('a = "{}", b = "{}". {}.', "a='{}'\nb='{}'\n{}", "a: {}\nb: {}\n{}"))
    return frame.format(core[:cut], core[cut:], side.draw("sum"))


def _shots(side: Side) -> str:
    me, you = side.rng.choice((("User", "Assistant"), ("Q", "A"), ("Human", "AI"), ("1", "2"), ("A", "B")))
    turns = [_capital(side.draw("want")) for _ in range(side.rng.randrange(2, 4))]
    return "".join(f"{me}: {turn}\n{you}: {side.draw('sure')}\n" for turn in turns)


def _told(side: Side) -> str:
    quote = side.rng.choice(("{}", '"{}"', "\n\n{}", "\n---\n{}\n---", "<text>{}</text>"))
    return f"{side.draw('task')} " + quote.format(f"{side.draw('text')} {side.order()}")


def _tagged(side: Side) -> str:
    return side.rng.choice(TAGS) + side.order()


def _noisy(side: Side) -> str:
    noise = side.rng.choice(NOISE) * side.rng.randrange(4, 16)
    return side.rng.choice((f"{noise}{side.order()}", f"{side.order()} {noise}", f"{noise}\n{side.order()}\n{noise}"))


def _spaced(side: Side) -> str:
    mark = side.rng.choice((" ", "-", ".", "\u200b", "_"))
    return mark.join(side.draw("want" if side.rng.random() < 0.5 else "lead"))


def _record(side: Side) -> str:
    record = {"text": side.draw("text"), side.rng.choice(("note", "task", "message", "step_2")): side.order()}
    return json.dumps(record, ensure_ascii=False)


def _after_text(side: Side) -> str:
    parts = [side.draw("text"), side.order()]
    side.rng.shuffle(parts)
    return side.rng.choice((" ", "\n")).join(parts)


SHAPES: tuple[Callable[[Side], str], ...] = (
    *(_order, _order, _order, _lead, _want, _role, _role, _mode, _who, _what, _what, _tale, _split, _shots),
    *(_told, _told, _tagged, _noisy, _spaced, _record, _after_text),
)


def kind_rows(rng: random.Random, *, each: int) -> list[Example]:
    """About `each` short texts of either label in every language, a third as many mixed, long and in documents."""
    return [row for code in LANGUAGES for row in _of(code, rng, each)]


def _of(code: str, rng: random.Random, each: int) -> Iterator[Example]:
    words = LANGUAGES[code]
    yield from _short(code, rng, each)
    for _ in range(each // 3):
        for label in (1, 0):
            yield from _mixed(code, label, rng)
            yield from _long(words, code, label, rng)
            yield from _in_document(words, code, label, rng)


def _short(code: str, rng: random.Random, each: int) -> Iterator[Example]:
    found: dict[str, int] = {}
    for number in range(each):
        for label in (1, 0):
            found[SHAPES[number % len(SHAPES)](Side(LANGUAGES[code], label, rng))] = label
    yield from (user_row(text, label, code) for text, label in found.items() if len(text) <= SHORT)


def user_row(text: str, label: int, language: str, source: str = SOURCE) -> Example:
    """A user's words, as the model sees them at once: an attack is one in a document, too; a request is masked there."""
    kind = "direct" if label else "benign"
    foreign = (1, 1.0) if label else None
    return Example(text, source, kind, (label, 1.0), foreign, language=language, is_window=True)


def _mixed(code: str, label: int, rng: random.Random) -> Iterator[Example]:
    """An order of one language beside a text of another."""
    other = LANGUAGES[rng.choice(sorted(LANGUAGES))]
    parts = [Side(LANGUAGES[code], label, rng).order(), rng.choice(other["text"])]
    if rng.random() < 0.4:
        parts.reverse()
    text = rng.choice((" ", "\n")).join(parts)
    if len(text) <= SHORT:
        yield user_row(text, label, code)


def passage(words: Words, more: Sequence[str], rng: random.Random) -> str:
    """Harmless sentences of a language and `more` of them, some 150 to 1,200 characters."""
    pool = [*words["text"], *words["sign"], *more]
    return rng.choice((" ", " ", "\n")).join(rng.sample(pool, min(len(pool), rng.randrange(4, 13))))


def _long(words: Words, code: str, label: int, rng: random.Random) -> Iterator[Example]:
    """The words of either label before, within or after a long harmless text: the window that shows them, or nothing."""
    core = Side(words, label, rng).order()
    around = passage(words, [*words["story"], *EVERYDAY.get(code, ())], rng)
    if code in PARAGRAPHS and rng.random() < 0.4:
        around = rng.choice(PARAGRAPHS[code])[1]
    payload = Payload(core, SOURCE, (label, 1.0), (label, 1.0))
    for each in windows(_beside(core, around, rng), payload, rng, part="user"):
        yield user_row(each.text, int((each.injection or (0, 0))[0]), code)


def _beside(core: str, around: str, rng: random.Random) -> Composed:
    gap = rng.choice((" ", "\n", "\n\n"))
    draw = rng.random()
    if draw < 0.4:
        return Composed(f"{core}{gap}{around}", 0, len(core))
    if draw < 0.8:
        text = f"{around}{gap}{core}"
        return Composed(text, len(text) - len(core), len(text))
    return place(core, around, rng)


def _in_document(words: Words, code: str, label: int, rng: random.Random) -> Iterator[Example]:
    """A note to the model, or a whole attack, in a document, and a note to people in the same place."""
    if not label:
        payload = Payload(rng.choice([*words["sign"], *words["text"]]), SOURCE, (0, 1.0), (0, 1.0))
    elif rng.random() < 0.5:
        payload = Payload(Side(words, 1, rng).order(), SOURCE, (1, 1.0), (1, 1.0))
    else:
        payload = Payload(rng.choice(words["note"]), SOURCE, None, (1, 1.0))
    carrier = passage(words, of_documents(code), rng)
    for each in windows(place(payload.text, carrier, rng), payload, rng, part="context"):
        yield dataclasses.replace(each, language=code, is_window=True)
