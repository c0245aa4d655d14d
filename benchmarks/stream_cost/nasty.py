"""Texts that cost a scanner of numbers and addresses most, or make it hold most: tables, texts without blanks."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping

CHARS = 100_000


def texts() -> Mapping[str, str]:
    """By name, each of about `CHARS` characters; none holds personal data on purpose."""
    source = random.Random(1)
    number = source.randrange
    encoded = base64.b64encode(source.randbytes(CHARS)).decode()
    made = {
        "table of ids": "\n".join(" ".join(str(number(10**8, 10**10)) for _ in range(6)) for _ in range(1_700)),
        "table of four digits": "\n".join(" ".join(f"{number(10**4):04}" for _ in range(12)) for _ in range(1_700)),
        "phone lists": "\n".join(f"phone {number(10**9, 10**10)} call {number(10**8)}" for _ in range(4_000)),
        "decimals": "\n".join(" ".join(f"{source.uniform(-3, 3):.4f}" for _ in range(8)) for _ in range(1_800)),
        "CSV": "\n".join(",".join(str(number(10**6)) for _ in range(8)) for _ in range(1_900)),
        "log": "\n".join(
            f"2024-01-{number(10, 28)} 12:{number(10, 60)}:33 INFO [{number(10**5)}] 10.0.{number(255)}.{number(255)}"
            f" GET /a/{number(10**9)} 200 {number(10**6)}"
            for _ in range(1_400)
        ),
        "base64": encoded,
        "hexadecimal": source.randbytes(CHARS // 2).hex(),
        "one long address": "https://example.com/" + encoded.replace("+", "?x=%20&y=").lower(),
        "digits": "3." + "".join(str(number(10)) for _ in range(CHARS)),
        "dashes": "-" * CHARS,
    }
    return {name: text[:CHARS] for name, text in made.items()}
