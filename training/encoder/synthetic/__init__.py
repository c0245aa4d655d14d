"""Training examples written for this project: templates, minimal pairs, and attacks placed in documents."""

from __future__ import annotations

import random

from training.encoder.rows import Example
from training.encoder.synthetic.court_news import court_news_rows
from training.encoder.synthetic.documents import hidden_attacks
from training.encoder.synthetic.groups import group_rows
from training.encoder.synthetic.hate_functions import hate_function_rows
from training.encoder.synthetic.hate_tongues import hate_tongue_rows
from training.encoder.synthetic.injection_pairs import injection_pairs
from training.encoder.synthetic.languages import foreign_pairs
from training.encoder.synthetic.papers import paper_rows
from training.encoder.synthetic.passages import passage_rows
from training.encoder.synthetic.posts import post_pairs
from training.encoder.synthetic.regions import region_rows
from training.encoder.synthetic.roles import role_pairs
from training.encoder.synthetic.self_harm import self_harm_rows
from training.encoder.synthetic.tongues import tongue_rows
from training.encoder.synthetic.topics import topic_rows
from training.encoder.synthetic.toxicity_pairs import toxicity_pairs
from training.encoder.synthetic.tweets import tweet_rows
from training.encoder.synthetic.wires import wire_rows


def all_examples(injection: list[Example], rng: random.Random) -> list[Example]:
    """Every own example; deterministic for one random state."""
    from training.encoder.synthetic.entities import entity_rows  # it needs Faker, which evaluation has not

    pairs = injection_pairs(rng, attacks=5000, harmless=7000)
    return [
        *pairs,
        *foreign_pairs(rng, each=450),
        *role_pairs(rng, short=2000, long=1200),
        *hidden_attacks([*injection, *pairs], rng, count=6000),
        *toxicity_pairs(rng, positives=700, harmless=6000),
        *group_rows(rng, hate=6000, alone=1500, harmless=6000),
        *tongue_rows(rng, each=250),
        *post_pairs(rng, rude=2500, harmless=6000),
        *topic_rows(rng),
        *entity_rows(rng, news=7000, chat=4000, plain=1500),
        *region_rows(rng, count=8000),
        *newest(rng),
    ]


def newest(rng: random.Random) -> list[Example]:
    """The own examples that the shipped model has not seen: the last stage of training takes them whole (`finish.py`)."""
    from training.encoder.synthetic.everyday import everyday_rows
    from training.encoder.synthetic.kinds import kind_rows  # it needs `composed`, which needs this package
    from training.encoder.synthetic.loaded import loaded_rows
    from training.encoder.synthetic.schemes import scheme_rows
    from training.encoder.synthetic.written.prompts import written_prompts

    return [
        *hate_function_rows(rng, hate=7500, harmless=9000, aside=2500),
        *hate_tongue_rows(rng, each=150),
        *self_harm_rows(rng, harm=1500, harmless=3000, unclear=300),
        *passage_rows(rng, harmless=3000, attacked=1500),
        *court_news_rows(rng),
        *wire_rows(rng, count=7000),
        *paper_rows(rng, each=330),
        *tweet_rows(rng, count=5000),
        *kind_rows(rng, each=150),
        *scheme_rows(rng, english=2400, native=20),
        *loaded_rows(rng, each=1000),
        *everyday_rows(rng, each=90),
        *written_prompts(rng, times=4),
    ]
