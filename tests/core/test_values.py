"""What values are called: each word is spelt once, and is the name of its value."""

from __future__ import annotations

from typing import get_args

from sidecar.values import Action, ActionName, Severity, SeverityName


def test_an_actions_word_is_its_name_both_ways() -> None:
    assert [each.word for each in Action] == [each.name.lower() for each in Action] == [*get_args(ActionName)]
    assert [Action.of(each.word) for each in Action] == [*Action]


def test_a_severitys_word_is_its_name_both_ways() -> None:
    assert [each.word for each in Severity] == [each.name.lower() for each in Severity] == [*get_args(SeverityName)]
    assert [Severity.of(each.word) for each in Severity] == [*Severity]
