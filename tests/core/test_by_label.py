"""One rule replaces its labels each in its own way, and says why it blocks in the reader's language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.stream import Stream
from sidecar.offline import guard_text
from sidecar.policy.plan import Plan, Replacement, StandIn
from sidecar.values import Action, Blocked, Channel, Direction, Lane
from tests.fakes import WordScanner, label_of, plan, rule, stars
from tests.streams import all_cuts

CARD, MAIL = WordScanner(r"\b\d{4}\b", label="CARD"), WordScanner(r"\b[a-z]+@[a-z]+\b", label="MAIL")


def made(*, by_label: dict[str, Replacement], stand_in: StandIn | None = None) -> Plan:
    own = replace(
        rule(Action.REDACT, thresholds={"CARD": 0.5, "MAIL": 0.5}, rewrite=stars), by_label=by_label, stand_in=stand_in
    )
    return replace(plan((CARD, [own]), (MAIL, [own])), rules=(own,))


def test_each_label_is_replaced_in_its_way_wherever_the_text_is_cut() -> None:
    ours = made(by_label={"MAIL": Replacement(label_of)})
    for pieces in all_cuts("1234 for bob@here, or 5678."):
        assert guard_text(ours, pieces).text() == "**** for <MAIL>, or ****."


def test_a_label_with_a_way_of_its_own_has_no_stand_in() -> None:
    ours = made(by_label={"MAIL": Replacement(label_of)}, stand_in=StandIn(frozenset({Channel.CONTENT})))
    said = guard_text(ours, "1234 for bob@here", direction=Direction.INPUT).text()
    assert said.endswith(" for <MAIL>")
    assert "1234" not in said
    assert "****" not in said


def test_what_is_put_back_by_label_fits_into_no_markup() -> None:
    """A pseudonym stands alone; words that stand in for a link's target take all of it."""
    link = "[b](mailto:bob@here)"
    assert guard_text(made(by_label={"MAIL": Replacement(label_of, is_reversible=True)}), link).text() == (
        "[b](mailto:<MAIL>)"
    )
    assert "mailto" not in guard_text(made(by_label={"MAIL": Replacement(label_of)}), link).text()


@pytest.mark.parametrize(
    ("languages", "message"), [((), "no"), (("de-at", "fr"), "nein"), (("ja",), "sorry"), (("fr",), "sorry")]
)
def test_a_block_is_said_in_the_readers_language(languages: tuple[str, ...], message: str) -> None:
    own = replace(rule(Action.BLOCK, message="no"), translations={"de": "nein", "default": "sorry"})
    for pieces in all_cuts("well bad"):
        stream = Stream(plan((WordScanner("bad"), [own])), languages=languages)
        for piece in pieces:
            stream.feed(Lane(), piece)
        stream.close()
        outputs = list(iter(stream.next_output, None))
        assert [each.message for each in outputs if isinstance(each, Blocked)] == [message]
