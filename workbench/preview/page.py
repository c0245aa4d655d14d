"""What a preview found, as one page of HTML that stands by itself: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from workbench.preview.confusion import share_of
from workbench.preview.report import changes_by, in_order, judgements, ordered, replayed, rules_of
from workbench.preview.tally import Example, Tally

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --good: #2e7d32; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; }
th, td { border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code, .text { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.bar { background: #5b8def; height: .6rem; border-radius: .3rem; min-width: 1px; }
.past { color: var(--bad); font-weight: 600; } .kept { color: var(--good); font-weight: 600; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; margin: .6rem 0; }
article p { margin: .15rem 0; } .muted { opacity: .7; } .scroll { overflow-x: auto; }
"""


def page(tally: Tally, past: Sequence[str], *, title: str) -> str:
    """The page."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{replayed(tally)}; <strong>{_share(tally.changed, tally)}</strong> change.</p>",
        *(f'<p class="past">{escape(each)}</p>' for each in past),
        *([] if past else ['<p class="kept">No limit is passed.</p>']),
        *(f'<p class="past">{escape(each)}</p>' for each in _warnings(tally)),
        _section("What changes", _changes(tally)),
        _section("By rule", _table(("rule", "old", "new", "gained", "lost"), rules_of(tally))),
        _section("By part", _by("part", tally.parts)),
        _section("By tenant", _by("tenant", tally.tenants)),
        _section("Beside what analysts said", _judged(tally)),
        _section("Examples", "".join(_examples(tally))),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title)}</title>'
    head += f"<style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _warnings(tally: Tally) -> Iterable[str]:
    if tally.without_text:
        yield f"{tally.without_text:,} events hold no text and were passed over."
    for version, number in (("old", tally.unguarded_old), ("new", tally.unguarded_new)):
        if number:
            yield f"No policy of the {version} version takes {number:,} requests and answers."
    for name, number in sorted(tally.failures.items()):
        yield f"A detector failed in {number:,} requests and answers: {name}."


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _changes(tally: Tally) -> str:
    rows = []
    for change, number in ordered(tally):
        share = share_of(number, tally.streams)
        bar = f'<div class="bar" style="width:{100 * number / tally.changed:.1f}%"></div>'
        rows.append(
            f'<tr><td>{escape(change)}</td><td class="n">{number:,}</td><td class="n">{share}</td><td>{bar}</td></tr>'
        )
    head = '<tr><th>change</th><th class="n">streams</th><th class="n">share (95 % interval)</th><th></th></tr>'
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Nothing.</p>"


def _by(what: str, counts: Mapping[str, Mapping[str, int]]) -> str:
    header, rows = changes_by(counts)
    return _table((what, *header), rows)


def _table(header: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th{' class=n' if place else ''}>{escape(name)}</th>" for place, name in enumerate(header))
    body = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f'<td class="n">{number:,}</td>' for number in numbers) + "</tr>"
        for name, numbers in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _judged(tally: Tally) -> str:
    rows = judgements(tally)
    if not rows:
        return ""
    head = "<tr><th>rule</th><th>precision, old</th><th>new</th><th>recall, old</th><th>new</th></tr>"
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{old.precision}</td><td>{new.precision}</td>"
        f"<td>{old.recall}</td><td>{new.recall}</td></tr>"
        for name, old, new in rows
    )
    told = (
        f"The new version alone judges {tally.corrected:,} conversations as analysts did; the old one {tally.spoilt:,}."
    )
    return f"<table>{head}{body}</table><p>{told}</p>"


def _examples(tally: Tally) -> Iterable[str]:
    for change, examples in in_order(tally.examples):
        yield f"<h3>{escape(change)}</h3>"
        yield from map(_example, examples)


def _example(example: Example) -> str:
    about = ", ".join(filter(None, (example.id, example.tenant, f"{example.direction} of {example.part}")))
    found = "".join(f'<p class="muted">{escape(each)}</p>' for each in example.found)
    outputs = ""
    if example.old_output != example.new_output:
        outputs = "".join(
            f'<p>{version} lets out: <span class="text">{escape(output)}</span></p>'
            for version, output in (("old", example.old_output), ("new", example.new_output))
        )
    return (
        f"<article><p><code>{escape(example.place)}</code> <span class=muted>{escape(about)}</span></p>"
        f"<p>{escape(example.old)} → <strong>{escape(example.new)}</strong></p>{found}"
        f'<p class="text">{escape(example.text)}</p>{outputs}</article>'
    )


def _share(number: int, tally: Tally) -> str:
    return f"{number:,} ({100 * number / tally.streams:.3g} %)" if tally.streams else "0"
