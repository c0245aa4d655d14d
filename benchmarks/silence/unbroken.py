"""Texts without blanks, and rows of one mark: what a guard may not hold to their end."""

from __future__ import annotations

import base64
import json
import random

_RNG = random.Random(8)
_BYTES = bytes(_RNG.randrange(256) for _ in range(600))
_WORDS = "/".join("-".join(_RNG.choices("some words of a page's title".split(), k=3)) for _ in range(36))

UNBROKEN = {
    "base64": base64.b64encode(_BYTES).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(_BYTES).decode(),
    "hex": _BYTES.hex(),
    "a data image": f"![plot](data:image/png;base64,{base64.b64encode(_BYTES).decode()})",
    "digits": "3." + "".join(_RNG.choices("0123456789", k=800)),
    "letters": "".join(_RNG.choices("abcdefghijklmnopqrstuvwxyz", k=800)),
    "a name with underscores": "_".join(_RNG.choices(["get", "customer", "order"], k=140)),
    "a path": "/" + "/".join(_RNG.choices(["usr", "lib", "python3.11", "x86_64"], k=120)),
    "JSON": json.dumps([{"id": n, "value": _RNG.random(), "at": 1700000000 + n} for n in range(20)]).replace(" ", ""),
    "an address of a page": f"https://www.example.com/{_WORDS}?id=42",
    "Chinese": "今天天气很好我们去公园散步吧" * 57,
    "emoji": "👍🏽🎉" * 270,
    **{f"a row of `{mark}`": mark * 800 for mark in "-=_*.#~:"},
}
