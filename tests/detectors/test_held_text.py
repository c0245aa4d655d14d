"""What is held is what may still become a match: never a run because nothing ends it. The findings stay the same."""

from __future__ import annotations

import base64
import json
import random
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.base import PatternScanner, reads_calls
from detectors.pii.best import undominated
from detectors.pii.links import LOOK_AHEAD, link_scanner
from sidecar.policy.store import PolicyStore
from tests.detectors.scans import every_cut, held, scan

POLICIES = Path(__file__).parents[2] / "policies"
MOST_HELD = 66
"""An address of mail or a label of a host's name, and what may follow it."""
_ABOUT_ADDRESSES = frozenset({"URL", "LINK", "DATA_LINK"})
_IMAGES = frozenset({"a data image", "a data image in HTML"})


def _scanners() -> dict[str, PatternScanner]:
    """The pattern scanners of the shipped policies; of packs without `patterns`, which state how far they reach."""
    store, packs = PolicyStore((POLICIES,)), {path.stem for path in (POLICIES / "packs").glob("*.yaml")}
    store.load()
    own = {
        id(each.detector): each.detector
        for name, plan in store.plans.items()
        for each in plan.scanners
        if name not in packs or each.detector.name != "patterns"
    }
    return {f"{each.name} {number}": each for number, each in enumerate(own.values())}


SCANNERS = _scanners()
_RNG = random.Random(8)
_BYTES = bytes(_RNG.randrange(256) for _ in range(600))
_PATHS = "/".join("-".join(_RNG.choices("some words of a page's title".split(), k=3)) for _ in range(30))
UNBROKEN = {
    "base64": base64.b64encode(_BYTES).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(_BYTES).decode(),
    "zeros in base64": base64.b64encode(bytes(600)).decode(),
    "hex": _BYTES.hex(),
    "hex in capitals": _BYTES.hex().upper(),
    "a data image": f"![plot](data:image/png;base64,{base64.b64encode(_BYTES).decode()})",
    "a data image in HTML": f'<img src="data:image/png;base64,{base64.b64encode(_BYTES).decode()}">',
    "digits": "3." + "".join(_RNG.choices("0123456789", k=800)),
    "bits": "".join(_RNG.choices("01", k=800)),
    "letters": "".join(_RNG.choices("abcdefghijklmnopqrstuvwxyz", k=800)),
    "bases": "".join(_RNG.choices("ACGT", k=800)),
    "one name": "".join(_RNG.choices(["get", "Customer", "Order", "ById"], k=160)),
    "a name with underscores": "_".join(_RNG.choices(["get", "customer", "order"], k=160)),
    "a name with hyphens": "-".join(_RNG.choices(["get", "customer", "order"], k=160)),
    "a path": "/" + "/".join(_RNG.choices(["usr", "lib", "python3.11", "x86_64"], k=160)),
    "JSON": json.dumps([{"id": n, "value": _RNG.random(), "at": 1700000000 + n} for n in range(30)]).replace(" ", ""),
    "numbers": ",".join(str(_RNG.randrange(10**6)) for _ in range(120)),
    "a table's rule": "|" + "|".join([":---:"] * 120) + "|",
    "Chinese": "今天天气很好我们去公园散步吧" * 50,
    "Thai": "สวัสดีครับผมชื่อ" * 50,
    "emoji": "👍🏽🎉" * 200,
    "a path of SVG": "M" + "L".join(f"{_RNG.random() * 100:.2f},{_RNG.random() * 100:.2f}" for _ in range(80)),
}
ADDRESSES = {
    "an address": f"https://www.example.com/{_PATHS}?id=42",
    "a link": f"[a](https://www.example.com/{_PATHS})",
}


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("kind", UNBROKEN)
def test_text_without_blanks_is_not_held_to_its_end(name: str, kind: str) -> None:
    scanner = SCANNERS[name]
    is_address = kind in _IMAGES and scanner.name == "links"  # one that carries data is judged when it is over
    assert _most_held(scanner, UNBROKEN[kind]) <= (scanner.look_ahead if is_address else MOST_HELD)


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("kind", ADDRESSES)
def test_an_address_is_held_only_where_a_rule_is_about_addresses(name: str, kind: str) -> None:
    scanner = SCANNERS[name]
    if not _ABOUT_ADDRESSES & scanner.labels:
        assert _most_held(scanner, ADDRESSES[kind]) <= MOST_HELD


@pytest.mark.parametrize("name", SCANNERS)
@pytest.mark.parametrize("mark", "-=_*.#~+|/\\<>()[]{}:;,!?'\"`^%$&@ \t\n─—…•█。")
def test_a_row_of_marks_is_not_held(name: str, mark: str) -> None:
    """But for those that stand at the beginning of a match: five hyphens of a private key, three marks of a token."""
    most = {"-": 5, ".": 3, "_": 3, "~": 3}.get(mark, 1) if "SECRET" in "".join(SCANNERS[name].labels) else 0
    most = max(most, 1 if mark in ";%" and "CARD_TRACK" in SCANNERS[name].labels else 0)
    most = max(most, 1 if mark in "=]" and SCANNERS[name].name == "links" else 0)
    most = max(most, 1 if reads_calls(SCANNERS[name]) else 0)  # calls leave when they are judged
    assert len(held(SCANNERS[name], mark * 200)) <= most


def _most_held(scanner: PatternScanner, text: str) -> int:
    run, most = scanner.start(), 0
    for end in range(1, len(text) + 1):
        offset = max(0, run.cleared - scanner.look_behind)
        run.advance(text[offset:end], offset, is_final=False)
        most = max(most, end - run.cleared)
    return most


# ---------------------------------------------------------------- addresses: as in the whole text, wherever it is cut

_PIECES = (
    *(
        "https://",
        "http://",
        "HTTPS://",
        "h",
        "ht",
        "://",
        "www.",
        "example",
        "foo",
        "sub.",
        "xn--a",
        "x",
        "1",
        "é",
        "漢",
    ),
    *(".com", ".co.uk", ".org/", ".md", ".So", "/", "/a/b", "?q=1", ":8080", "#x", "a@b.com", "@", ".", "..", ",", ";"),
    *(", ", " ", "\n", "(", ")", "[", "]", "\\", "`", "\u201d", "-", "_", "%", "+", "&", "'", "~", "*"),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=30).map("".join), st.lists(st.integers(1, 12)))
@example("?q=1.org/_':8080%1é漢.md", [8, 1, 3])
@example("x.com?q=1/a/bxn--a.'a@b.com", [1] * 30)
@example("a.com.foo'x@b.com", [1] * 20)
def test_addresses_are_those_of_the_whole_text(text: str, sizes: list[int]) -> None:
    scanner = link_scanner()
    whole = undominated(scanner.findings_between(text, 0, len(text)))
    assert scan(scanner, text) == whole
    assert scan(scanner, text, (end for end in accumulate(sizes) if end < len(text))) == whole
    for ends in every_cut(text):
        assert scan(scanner, text, ends) == whole


@pytest.mark.parametrize("rest", ("a?b.co/", "a?b.md/", "?a.co/x", "/b,c;d", "%41", "'~", "x.y-", "漢a.co/"))
def test_long_addresses_and_what_looks_like_some_cost_no_more_than_their_length(rest: str) -> None:
    """Each piece ends where the text says, and nothing is looked at without end."""
    scanner = link_scanner()
    text = f"see https://example.com/{rest * 400} and example.org."
    whole = scan(scanner, text)
    assert whole[-1].end == len(text) - 1
    for ends in ([*range(40, len(text), 37)], [700, 701, 1500]):
        assert scan(scanner, text, ends) == whole
    assert _most_held(scanner, text[: 2 * LOOK_AHEAD]) <= LOOK_AHEAD
