"""Writes docs/packs.md from the policies that are shipped. Usage: packs_page.py [--check].

`--check` writes nothing, and fails when the page is not what the files give.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sidecar.cli.packs import action_word
from sidecar.library import Pack, folder, packs
from sidecar.policy.schema.rules import RuleSpec

PAGE = Path(__file__).parent.parent / "docs" / "packs.md"

HEAD = """\
# Packs: policies to begin with

A pack is a policy for a common job, with its tests, that comes with Tidegate and is found by its name:

```sh
tidegate policy packs                            # all of them, a line each
tidegate policy packs hipaa                      # one: its rules, and what it does not do
tidegate proxy --upstream http://localhost:11434 --policy hipaa
tidegate policy packs hipaa --copy policies/     # make it yours
```

Streams take one by its name, or by the label `tidegate.dev/policy` with its name. A pack is a place to begin: copy it,
give it a name of your own, put your words into it, and try it on your own texts in `shadow` before you enforce it. None
makes anybody compliant with anything; each says what it does not do. What they touch of harmless texts, and what share
their rules find of what they are for, is [measured](../benchmarks/results/packs.md) on small public samples. Their
texts are not yours; measure on yours.

This page is made from the files by `make gen`.
"""


def main() -> int:
    """Write the page, or say whether it is written."""
    written = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != written:
        print("docs/packs.md is not what the files give: run scripts/packs_page.py", file=sys.stderr)
        return 1
    return 0


def page() -> str:
    """The page: a table of all, and a section for each."""
    found = packs().values()
    rows = (f"| [`{each.name}`](#{each.name}) | {each.title} |" for each in found)
    table = "\n".join(["| pack | |", "|---|---|", *rows])
    return "\n".join([HEAD, table, *(line for each in found for line in section(each))]) + "\n"


def section(each: Pack) -> Iterator[str]:
    """The lines of a pack's section."""
    file = each.file.relative_to(folder())
    yield from ("", f"## {each.name}", "", each.title, "")
    if each.limits:
        yield from (each.limits, "")
    yield from (f"[`{file}`](../policies/{file}):", "", "| rule | looks by | does | |", "|---|---|---|---|")
    yield from (_row(rule) for rule in each.spec.rules)


def _row(rule: RuleSpec) -> str:
    shadow = "" if rule.enforcement == "enforce" else f" ({rule.enforcement})"
    why = " ".join(rule.description.split())
    return f"| `{rule.id}` | `{rule.detect.detector}` | {action_word(rule)}{shadow} | {why} |"


if __name__ == "__main__":
    sys.exit(main())
