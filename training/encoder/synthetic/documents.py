"""Attacks placed in documents, with the place known: windows cut around the payload, and the same places left clean."""

from __future__ import annotations

import random
import re

from training.encoder.rows import Example

WRAPPERS = (
    "{}",
    "{}",
    "{}",
    "{}",
    "\n{}\n",
    "\n\n{}\n\n",
    "<!-- {} -->",
    '<p style="display:none">{}</p>',
    "# {}",
    "// {}",
    "/* {} */",
    "> {}",
    "[{}]",
    "({})",
    "* {}",
    '"note": "{}",',
    "<span hidden>{}</span>",
    "TODO: {}",
    "Comment: {}",
    "P.S. {}",
    "-- {}",
    "**{}**",
    "{{{{ {} }}}}",
    "[//]: # ({})",
    'alt="{}"',
    "Review: {}",
)
SPACE = re.compile(r"\s+")


def hidden_attacks(injection: list[Example], rng: random.Random, *, count: int) -> list[Example]:
    """`count` pairs: a passage of a clean document with a short attack in it, and one with an ordinary sentence in it."""
    documents = [e.text for e in injection if _is_clean_document(e)]
    payloads = [e.text for e in injection if _is_payload(e)]
    harmless = [
        e.text for e in injection if e.injection == (0.0, 1.0) and e.kind != "document" and 15 < len(e.text) < 220
    ]
    pairs = []
    for _ in range(count):
        wrapper = rng.choice(WRAPPERS)
        for texts, label in ((payloads, 1), (harmless, 0)):
            inserted = wrapper.format(SPACE.sub(" ", rng.choice(texts)).strip())
            text = placed(inserted, passage(rng.choice(documents), rng), rng)
            pairs.append(
                Example(
                    text=text,
                    source="own:hidden-attacks",
                    kind="indirect" if label else "document",
                    injection=(label, 1.0),
                )
            )
    return pairs


def _is_clean_document(example: Example) -> bool:
    return example.injection == (0.0, 1.0) and example.kind == "document" and "benign-note" not in example.source


def _is_payload(example: Example) -> bool:
    direct = example.injection == (1.0, 1.0) and example.kind == "direct" and 25 < len(example.text) < 260
    return (direct and not example.source.startswith("HackaT104")) or (
        direct
        and bool(re.search(r"instruction|ignore|previous|system|prompt|forget|disregard|reveal", example.text, re.I))
    )


def passage(document: str, rng: random.Random, *, size: int = 220) -> str:
    """A piece of a document of about `size` characters, beginning at a word."""
    if len(document) <= size:
        return document
    at = rng.randrange(len(document) - size)
    at = document.find(" ", at) + 1
    return document[at : at + size].rsplit(" ", 1)[0]


def placed(inserted: str, text: str, rng: random.Random) -> str:
    """`inserted` put at a sentence end, line end or word boundary of `text`."""
    places = [match.end() for match in re.finditer(r"[.!?]\s|\n", text)] or [m.end() for m in re.finditer(r"\s", text)]
    at = rng.choice([0, len(text), *places, *places])
    return f"{text[:at].rstrip(' ')} {inserted} {text[at:].lstrip(' ')}".strip()
