"""Writes docs/policy-codes.md from the table of codes. Usage: codes_page.py [--check] .

`--check` writes nothing, and fails when the page is not what the table gives.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sidecar.policy.codes import ABOUT, Code, level_of

PAGE = Path(__file__).parent.parent / "docs" / "policy-codes.md"

HEAD = """\
# What `tidegate policy lint` says

Every error and warning has a code that never changes its meaning. An error stops a policy from being loaded, a warning
only with `--strict`. `tidegate policy lint --explain CODE` prints the same. Examples show what differs from a policy
that is right. This page is made from the table in `sidecar/policy/codes.py` by `make gen`.
"""


def main() -> int:
    """Write the page, or say whether it is written."""
    written = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != written:
        print("docs/policy-codes.md is not what the table of codes gives: run scripts/codes_page.py", file=sys.stderr)
        return 1
    return 0


def page() -> str:
    """The page: a table of all codes, and a section for each."""
    rows = (f"| [`{code}`](#{code.lower()}) | {level_of(code)} | {ABOUT[code].title} |" for code in Code)
    table = "\n".join(["| code | | |", "|---|---|---|", *rows])
    return "\n".join([HEAD, table, *(line for code in Code for line in section(code))]) + "\n"


def section(code: Code) -> Iterator[str]:
    """The lines of a code's section."""
    about = ABOUT[code]
    yield from ("", f"## {code}", "", f"**{about.title[0].upper()}{about.title[1:]}.** {about.why}", "")
    if about.example:
        yield from ("```yaml", about.example.rstrip("\n"), "```", "")
    yield f"What to do: {about.remedy}"


if __name__ == "__main__":
    sys.exit(main())
