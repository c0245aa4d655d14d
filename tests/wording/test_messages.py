"""What people are told by default."""

from __future__ import annotations

import pytest

from sidecar.values import Direction
from sidecar.wording.languages import Language
from sidecar.wording.messages import changed, stopped, unchecked


@pytest.mark.parametrize("language", Language)
def test_every_text_has_the_reference_to_quote_and_none_is_another(language: Language) -> None:
    texts = [*(stopped(direction, language, "01J9") for direction in Direction), unchecked(language, "01J9")]
    assert all("01J9" in text and "{" not in text for text in texts)
    assert len(set(texts)) == 3


def test_a_notice_is_told_in_each_language_and_is_one_paragraph() -> None:
    texts = [changed(language) for language in Language]
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and "\n" not in text for text in texts)
