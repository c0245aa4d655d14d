"""Words that are no name, whatever a model's tags say of them.

A tag head reads `Write` in "Write a haiku" or `How can I` as the name of a place now and then, and half a number as a
date. What is none in any text is told by closed lists and by the writing alone:

1. articles, pronouns, question words, prepositions and the verbs that go with them, an order's verb where a sentence
   begins, a Latin phrase of officials;
2. a sentence's beginning of many words of which none is written as a name is;
3. a part of a decimal number;
4. products that are spoken to as if they were somebody, or a title alone, where a person was tagged; a tool, language
   or format (`Python`, `JSON`) where an organization was;
5. a length of time (`18 months`), or a date that only those can tell who know when it was written (`last year`);
6. a people where its language is meant (`translate into French`);
7. what a form calls an id by (`Steuernummer`, `Numéro de sécurité sociale`), where a person or a place was tagged, and
   with the id behind it also where an address was;
8. a place or a people that says the sort of a thing (`Turkey sandwich`, `Danish pastry`, `detectors.pii.things`);
9. what one is called by in a chat (`@mike`): it is no name, and no address.

A word with a capital inside a sentence, or all in capitals (`US`, `IT`), is left to the model.
"""

from __future__ import annotations

import re
from functools import cache

from detectors.pii.catalogue import GENERIC, IDS
from detectors.pii.finders import context_of
from detectors.pii.things import is_of_thing

FUNCTION_WORDS = frozenset(
    "a an the this that these those some any all every each no none both either neither other another such same "
    "own i me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us "
    "our ours ourselves they them their theirs themselves one ones who whom whose which what when where why how "
    "whoever whatever and or but nor so yet if then than because while although though unless until since as of "
    "in on at by for with about against between into through during before after above below to from up down out "
    "off over under again is am are was were be been being do does did doing have has had having can could shall "
    "should would might must not only very too also just there here yes ok okay please".split()
)
"""Without `may` and `will`, which are a month and a person's name, too."""
ORDERS = frozenset(
    "add analyse analyze answer build calculate check classify compare compose compute consider convert create debug "
    "define describe design determine develop discuss display draft edit elaborate evaluate explain explore extract "
    "find fix generate get give help identify imagine implement keep let list make open outline paraphrase pretend "
    "print propose provide put rank read recommend remove rephrase return rewrite run send set share show simulate "
    "suggest summarise summarize tell think translate try turn use visualise visualize write".split()
)
"""Verbs that requests begin with, and nobody is called by."""
_PHRASES = frozenset(
    "ad hoc, bona fide, de facto, de jure, et al, et cetera, ex officio, in lieu, inter alia, ipso facto, per se, "
    "mutatis mutandis, prima facie, pro forma, pro rata, sine qua non, vice versa".split(", ")
)
_PRODUCTS = frozenset(
    "aider airtable bixby chatgpt confluence copilot cortana cursor docker fastapi figma firefox github gitlab gmail "
    "grafana jenkins jira kafka kubernetes linkedin notion ollama openai perplexity postgres siri slack spotify "
    "tensorflow trello uvicorn wikipedia windsurf youtube zapier zendesk".split()
)
_TOOLS = frozenset(
    "aider ansible bash bixby chatgpt cortana css csv debian django dockerfile eslint excel fastapi firefox git gmail "
    "graphql html javascript jenkins jira json kafka kubectl kubernetes latex linux markdown matplotlib mysql nginx "
    "nodejs npm numpy ollama pandas photoshop postgres postgresql powerpoint powershell pytest python pytorch siri sql "
    "sqlite tensorflow terraform typescript ubuntu uvicorn webpack xml yaml".split()
)
"""Tools, languages and formats. A firm that has the name of its product (`GitHub`) is none of them."""
_TITLES = frozenset("president minister pm senator governor mayor aunt uncle".split())
"""What is no name alone."""
_UNITS = frozenset(
    f"{unit}{plural}"
    for unit in "second minute hour day week weekend fortnight month quarter season year decade century".split()
    for plural in ("", "s")
)
_NUMBERS = frozenset(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty hundred".split()
)
_VAGUE = frozenset(
    "half couple dozen several few many more some first second third last next past previous recent coming following "
    "early late mid end beginning start middle future present spring summer autumn fall winter morning afternoon "
    "evening night long old time times ago later earlier around nearly almost".split()
)
"""Of which, with units and small words, no date is made that says a day or a year by itself."""
_YEAR = re.compile(r"\d{4}")
_FIELD_BEGINS = re.compile(r"(?:[\w\"*] ?[:=] ?\*{0,2} ?\"?|[|\t] ?)\Z")
_FIELD_ENDS = re.compile(r"\"[ ]?[,}\n]| ?(?:[\n|}]|\t)")
"""Before and behind what is all of a field: in JSON, a table, a form."""
_SMALL = frozenset(
    "de di da del der des die das la le el et und y e d l ist mein meine meiner ihr ihre unsere mijn mitt min".split()
)
"""Small words of other languages between those of a form, and before them."""
_COMPOUND = re.compile(r"(?!haus)\w{3,40}(?:nummern?|kennzeichen|kennung|aktenzeichen)|aktenzeichen|kennzeichen")
"""A word for an id in languages that make one word of it: `Vertragsnummer`, `kundenummer`."""
_CALLS_UPON = re.compile(r"(?<![\w.@-])@\Z")
_LANGUAGES = frozenset(
    "arabic bengali catalan chinese czech danish dutch english finnish french german greek hindi hungarian indonesian "
    "irish italian japanese korean norwegian persian polish portuguese romanian russian spanish swedish thai turkish "
    "ukrainian vietnamese welsh".split()
)
_SPOKEN = re.compile(
    r"\b(?:in|into|to|from|speaks?|speaking|spoken?|learn|learning|language)[ :]+(?:[A-Z]\w+ (?:and|or|to) )?\Z"
)
_NOT_A_PEOPLE = re.compile(r"\s*(?:\Z|[^\w\s-]|(?:and|or|to|from|please|but|as|for|with|version|translation|text)\b)")
"""Before and behind the name of a language: behind a people's stands who or what is of it."""
_SHARED = frozenset("alexa claude".split())
"""Names of persons, too: products where one of `_PRODUCTS` stands near, or where they are called as one calls those."""
_MODELS = frozenset("code desktop haiku instant opus sonnet".split())
"""Behind such a name."""
_NEAR = 80
"""Characters around a name in which other products count, and before it those who call it."""
_CALLED = re.compile(r"\b(?:hey|ok|okay|ask|amazon|anthropic(?:'s)?)[ ,]{1,2}\Z", re.IGNORECASE)

_NAMES = frozenset(("PERSON", "LOCATION", "ORGANIZATION", "NRP"))
PERSON, LOCATION, ORGANIZATION, NRP = "PERSON", "LOCATION", "ORGANIZATION", "NRP"
DATE_TIME, ADDRESS = "DATE_TIME", "ADDRESS"
LEAST_OF_FORM = 7
"""Letters of a context word that is no name: `licence` is none, `John` (Doe), `Burger` and `Kong` may be one."""
SENTENCE = 4
"""Words of a sentence's beginning that are no name together."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_BEGINS = re.compile(r"(?:\A|[.!?:\u2026\n])[ \t\"'\u201c\u2018(*#>-]*\Z")
_GOES_ON = re.compile(r"\s+[^\W\d_A-Z]")
_DECIMAL = re.compile(r"(?<![\d.,:/-])\d+[.,]\d+(?![\d.,:/-]*\d)")
_AROUND = 24
"""Characters before a word in which a sentence begins, and around digits in which their number is read."""


def without_last_words(text: str, start: int, end: int, label: str) -> int:
    """Where a name ends that was said to end at `end`: before the small words behind it (`New Jersey and`)."""
    if label not in _NAMES:
        return end
    words = list(_WORD.finditer(text, start, end))
    while len(words) > 1 and words[-1].group() in FUNCTION_WORDS:
        words.pop()
        end = words[-1].end()
    return end


def is_nothing(text: str, start: int, end: int, label: str) -> bool:
    """Whether what a model tagged with this label is none."""
    words = list(_WORD.finditer(text, start, end))
    if not words or _is_part_of_number(text, start, end):
        return True
    low = [word.group().lower() for word in words]
    if all(each in FUNCTION_WORDS and _is_plain(text, word) for each, word in zip(low, words, strict=True)):
        return True
    if label in (PERSON, LOCATION, ADDRESS) and _is_id_of_form(low):
        return True
    if label == DATE_TIME:
        return _is_vague(low) and not _is_field(text, start, end)
    if label not in _NAMES:
        return False
    return (
        " ".join(low) in _PHRASES
        or (label == NRP and _is_language(text, start, end, low))
        or (label in (PERSON, LOCATION) and is_of_form(low))
        or (label in (LOCATION, NRP) and is_of_thing(text, start, end))
        or (len(low) == 1 and _CALLS_UPON.search(text, max(0, start - 2), start) is not None)
        or (label == PERSON and _is_product(text, start, end, low))
        or (label == ORGANIZATION and len(low) == 1 and low[0] in _TOOLS)
        or (label == PERSON and len(low) == 1 and low[0] in _TITLES)
        or (_begins(text, start) and (_is_order(text, end, low) or _is_sentence(words, low)))
    )


def _is_vague(low: list[str]) -> bool:
    """Whether it is a length of time, or a date that only those can tell who know when it was written."""
    numbers = [word for word in low if word.isdigit() or word in _NUMBERS]
    if any(map(_YEAR.fullmatch, numbers)) or (numbers and _UNITS.isdisjoint(low)):
        return False
    return (_UNITS | _VAGUE | FUNCTION_WORDS).issuperset(word for word in low if word not in numbers)


def _is_field(text: str, start: int, end: int) -> bool:
    """Whether it is all that a field holds, which then is a date: `"ts": "last year"`, `Born: next month`."""
    return bool(_FIELD_BEGINS.search(text, max(0, start - _AROUND), start) and _FIELD_ENDS.match(text, end))


@cache
def form_words() -> frozenset[str]:
    """The words by which forms and recognizers call ids. Takes a second where no recognizer was loaded yet."""
    phrases = (phrase for entry in (*GENERIC, *IDS) for phrase in context_of(entry).phrases)
    return frozenset(word for phrase in phrases for word in phrase.split())


def is_of_form(low: list[str]) -> bool:
    """Whether it is what a form calls an id by: of such words and small ones alone, of which one is long."""
    own = form_words()
    return any(map(_names_id, low)) and all(
        word in own or word in FUNCTION_WORDS or word in _SMALL or _names_id(word) for word in low
    )


def _names_id(word: str) -> bool:
    """Whether a form calls an id by this word, and nobody is called so."""
    return (len(word) >= LEAST_OF_FORM and word in form_words()) or _COMPOUND.fullmatch(word) is not None


def _is_id_of_form(low: list[str]) -> bool:
    """Whether it is what a form calls an id by and the id: `Versicherungsnummer 65 070649 C 103`."""
    rest = [word for word in low if not (_names_id(word) or word in _SMALL)]
    has_digits = any(word[-1].isdigit() for word in rest)
    return (
        _names_id(low[0])
        and has_digits
        and low[0] != "address"
        and all(len(word) < 3 or word.isdigit() for word in rest)
    )


def _is_language(text: str, start: int, end: int, low: list[str]) -> bool:
    """Whether it is the name of a language, by the words on both sides."""
    if len(low) > 1 or low[0] not in _LANGUAGES or _NOT_A_PEOPLE.match(text, end) is None:
        return False
    return _SPOKEN.search(text, max(0, start - _AROUND), start) is not None


def _is_plain(text: str, word: re.Match[str]) -> bool:
    """Whether a word is written as one that is no name: in small letters, or with a capital that begins a sentence."""
    written = word.group()
    return written.islower() or written == "I" or (written.istitle() and _begins(text, word.start()))


def _begins(text: str, start: int) -> bool:
    """Whether a sentence begins here."""
    return _BEGINS.search(text, max(0, start - _AROUND), start) is not None


def _is_order(text: str, end: int, low: list[str]) -> bool:
    """Whether it is the verb of an order, with nothing but small words behind it."""
    if low[0] not in ORDERS or not FUNCTION_WORDS.issuperset(low[1:]):
        return False
    return len(low) > 1 or _GOES_ON.match(text, end) is not None


def _is_sentence(words: list[re.Match[str]], low: list[str]) -> bool:
    """Whether it is a sentence's beginning in which nothing is written as a name is."""
    first, *rest = (word.group() for word in words)
    if len(words) < SENTENCE or any(each[0].isupper() and each != "I" for each in rest):
        return False
    return first[0].isupper() or low[0] in FUNCTION_WORDS or low[0] in ORDERS


def _is_part_of_number(text: str, start: int, end: int) -> bool:
    """Whether it is some of the digits of a decimal, as `21` in `21.5`."""
    if not text[start:end].isdigit():
        return False
    low = max(0, start - _AROUND)
    numbers = _DECIMAL.finditer(text[low : end + _AROUND])
    return any(low + each.start() <= start and end <= low + each.end() for each in numbers)


def _is_product(text: str, start: int, end: int, low: list[str]) -> bool:
    """Whether it is a product's name alone."""
    if len(low) == 2 and low[0] in _SHARED and low[1] in _MODELS:
        return True
    if len(low) != 1 or low[0] not in _PRODUCTS | _SHARED:
        return False
    if low[0] in _PRODUCTS or _CALLED.search(text, max(0, start - _NEAR), start):
        return True
    near = text[max(0, start - _NEAR) : end + _NEAR].lower()
    return not _PRODUCTS.isdisjoint(_WORD.findall(near))
