"""Writes the bill of materials of the service, in CycloneDX. Usage: sbom.py REQUIREMENTS > sbom.cdx.json .

It lists what of the locked requirements is installed where it runs, each package with its licence as an SPDX
expression. Packages state it in three ways, of which tools understand the first: a `License-Expression`; free words, as
protobuf has them; a classifier. A package whose words are not known here is an error: look them up and add them below.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path
from typing import Any

WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MPL-2.0": "MPL-2.0",
    "MPL-2.0 AND MIT": "MPL-2.0 AND MIT",
    "PSF-2.0": "PSF-2.0",
}
"""What packages say -> SPDX. Those that say "BSD" were looked up: all have three clauses."""


def main() -> int:
    """Print the bill."""
    print(json.dumps(bill(Path(sys.argv[1]).read_text(encoding="utf-8")), indent=2))
    return 0


def bill(requirements: str) -> dict[str, Any]:
    """What the service is made of."""
    service = _component("tidegate-sidecar", "application", "Apache-2.0")
    parts = [_component(name, "library", licence_of(name)) for name in installed(requirements)]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": service}, "components": parts}


def installed(requirements: str) -> Iterator[str]:
    """The locked packages that are there: some are for other platforms."""
    for name in re.findall(r"^([a-z0-9][a-z0-9._-]*)==", requirements, flags=re.MULTILINE):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        yield name


def licence_of(name: str) -> str:
    """A package's licence as an SPDX expression."""
    told: Any = metadata(name)
    if expression := told.get("License-Expression"):
        return str(expression)
    words = [told.get("License") or "", *(each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or ())]
    for word in words:
        if word in WORDS:
            return WORDS[word]
    raise SystemExit(f"error: the licence of {name} is not known from {words[0]!r}: add it to scripts/sbom.py")


def _component(name: str, kind: str, licence: str) -> dict[str, Any]:
    found = version(name)
    return {
        "type": kind,
        "name": name,
        "version": found,
        "purl": f"pkg:pypi/{name}@{found}",
        "licenses": [{"expression": licence}],
    }


if __name__ == "__main__":
    sys.exit(main())
