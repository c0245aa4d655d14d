"""Places and peoples that say none: the sort of a thing (`Danish pastry`) or its style (`Paris-style café`).

Only closed pairs are told: a name of the list directly before one of its things. Whatever else follows a place leaves
it one: `Turkey exports`, `China trade deal`, `Boston pizza`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_THINGS: Mapping[str, str] = {
    "turkey": "bacon baster breast burger carcass chili club curry dinner drumstick feather giblet gravy ham jerky leg "
    "meat meatball meatloaf patty pie roast salad sandwich sausage slice soup stew stuffing sub taco thigh trot "
    "vulture wing wrap",
    "china": "bowl cabinet closet clay cup cupboard dinnerware dish doll figurine hutch mug plate platter pot saucer "
    "set shop teacup teapot vase",
    "brazil": "nut",
    "brussels": "sprout griffon",
    "boston": "terrier lettuce fern",
    "panama": "hat",
    "lima": "bean",
    "guinea": "pig fowl hen",
    "india": "ink rubber",
    "manila": "envelope folder",
    "london": "broil",
    "vienna": "sausage",
    "bermuda": "short shorts onion",
    "buffalo": "wing sauce chicken",
    "bologna": "sandwich",
    "oxford": "comma shirt shoe",
    "yorkshire": "pudding terrier",
    "shetland": "pony",
    "labrador": "retriever puppy",
    "cheddar": "cheese",
    "morocco": "leather",
    "java": "code developer class program script",
    "american": "cheese bulldog",
    "brazilian": "wax",
    "chinese": "checker cabbage",
    "danish": "pastry pastrie",
    "dutch": "oven",
    "english": "muffin breakfast bulldog",
    "french": "fry frie toast press door bulldog horn bread onion",
    "german": "shepherd",
    "greek": "salad yogurt yoghurt",
    "irish": "stew setter coffee",
    "persian": "cat rug carpet",
    "russian": "roulette doll",
    "spanish": "flu omelette",
    "swedish": "meatball",
    "swiss": "cheese chard roll",
    "turkish": "delight coffee bath",
    "welsh": "rarebit corgi",
}
"""By name, each thing in the singular."""
_MOST_CHARS = 40
"""Of a place and what follows."""


def _pairs() -> str:
    plural = "(?:e?s)?"
    return "|".join(f"{place}[ -](?:{'|'.join(things.split())}){plural}" for place, things in _THINGS.items())


_PAIR = re.compile(rf"(?:{_pairs()})(?![\w-])", re.IGNORECASE)
_STYLE = re.compile(r"[ ]?[-\u2010\u2011](?:style|styled|like|esque|themed|inspired)(?!\w)", re.IGNORECASE)


def is_of_thing(text: str, start: int, end: int) -> bool:
    """Whether what was taken for a place says the sort or the style of a thing."""
    if _STYLE.match(text, end):
        return True
    pair = _PAIR.match(text, start, start + _MOST_CHARS)
    return pair is not None and pair.end() >= end and not _is_name(text, start, pair.end())


def _is_name(text: str, start: int, end: int) -> bool:
    """Whether the thing is written with a capital among words in small letters: `China Club`, `Boston Globe`."""
    thing = re.split(r"[ -]", text[start:end])[-1]
    return thing.istitle() and not text[start:end].isupper()
