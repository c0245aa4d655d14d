"""Where the foreign programs are: a failure in CI when they are not, a skip on a desk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.conformance.door import ROOT

NODE: Final = ROOT / "tests" / "conformance" / "node"


def program(name: str, missing: Callable[[str], None]) -> Path:
    """`h2spec` or `gopeer`: in the folder that TIDEGATE_CONFORMANCE_TOOLS names, in ../shared/tools, or on the path."""
    folders = (os.environ.get("TIDEGATE_CONFORMANCE_TOOLS"), ROOT.parent / "shared" / "tools")
    found = next((Path(each) / name for each in folders if each and (Path(each) / name).is_file()), shutil.which(name))
    if found is None:
        missing(f"{name} (its folder in TIDEGATE_CONFORMANCE_TOOLS)")
    assert found is not None
    return Path(found)


def node(missing: Callable[[str], None]) -> Path:
    """Node, with the clients that `make conformance-clients` installs."""
    found = shutil.which("node")
    if found is None or not (NODE / "node_modules").is_dir():
        missing("Node with its gRPC clients (make conformance-clients)")
    assert found is not None
    return Path(found)
