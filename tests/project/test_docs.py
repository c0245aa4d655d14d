"""The documentation: links lead somewhere, and stated defaults are the settings' own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar.config import Limits

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:|about:|#|NNNN)([^)#\s]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_limits_of_the_wire_api_are_the_defaults() -> None:
    rows = re.findall(r"^\| `(max_\w+)` \| ([\d,]+) \|", (ROOT / "docs/wire-api.md").read_text(), flags=re.MULTILINE)
    documented = {name: int(value.replace(",", "")) for name, value in rows}

    assert documented == {name: value for name, value in Limits().model_dump().items() if name.startswith("max_")}
