"""Says which locked packages nothing imports: unused.py LOCK .

A package may ask for others that what is used of it never imports. `UNUSED` says which, and why; what only they bring
is unused too. `scripts/lock.sh` leaves them out of `requirements/lean.txt`, which the image is installed from; a test
serves without them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

UNUSED: Mapping[str, frozenset[str]] = {
    # Its recognizers alone are loaded (`detectors/pii/presidio.py`), not its engine, which is made of spaCy.
    "presidio-analyzer": frozenset({"preshed", "pyyaml", "spacy"}),
    # It fetches by name what this project has as files.
    "tokenizers": frozenset({"huggingface-hub"}),
}
"""Package -> what it asks for, and is not imported."""

Brought = Mapping[str, frozenset[str]]
"""Package -> who asked for it."""


def main() -> int:
    """Print the names, one a line."""
    print("\n".join(sorted(unused(brought_by(Path(sys.argv[1]).read_text(encoding="utf-8"))))))
    return 0


def brought_by(lock: str) -> Brought:
    """What uv notes under each package of a lock."""
    packages = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    return {re.split("[=\\[]", package, maxsplit=1)[0]: frozenset(_askers(package)) for package in packages}


def unused(brought: Brought) -> set[str]:
    """The packages that only unused requirements bring."""
    used: set[str] = set()
    while more := {name for name, askers in brought.items() if name not in used and _is_used(name, askers, used)}:
        used |= more
    return set(brought) - used


def _is_used(name: str, askers: Iterable[str], used: set[str]) -> bool:
    return any(
        asker.startswith("tidegate") or (asker in used and name not in UNUSED.get(asker, ())) for asker in askers
    )


def _askers(package: str) -> Iterable[str]:
    notes = re.findall(r"^    # +(?:via )?([\w.-]+)", package, flags=re.MULTILINE)
    return (note for note in notes if note != "via")


if __name__ == "__main__":
    sys.exit(main())
