"""Own rows of topics: words of law stand in every kind of news, and legal text is what remains law."""

from __future__ import annotations

import random
import re

import pytest

from training.encoder.labels import TOPICS
from training.encoder.synthetic.court_news import COUNTS, NEWS, court_news_rows

ROWS = court_news_rows(random.Random(1))
LAW = re.compile(
    r"\b(sue[sd]?|suits?|court|judge|patents?|antitrust|ruled|trial|jury|appeal|charges|jailed|sentenced)\b",
    re.IGNORECASE,
)


def test_topics_are_those_of_the_model() -> None:
    assert set(NEWS) == set(COUNTS) == {row.topic for row in ROWS} <= set(TOPICS)


@pytest.mark.parametrize("topic", sorted(set(NEWS) - {"legal"}))
def test_news_of_each_topic_has_words_of_law_and_also_none(topic: str) -> None:
    texts = [row.text for row in ROWS if row.topic == topic]
    with_law = sum(LAW.search(text) is not None for text in texts)
    assert len(texts) / 8 < with_law < len(texts)


def test_no_text_has_two_topics_or_an_open_slot() -> None:
    topics = {row.text.lower(): row.topic for row in ROWS}
    assert all(topics[row.text.lower()] == row.topic for row in ROWS)
    assert not any(set("[]{}|") & set(row.text) for row in ROWS)
