"""The detector `grounding` on the shipped model: which findings there are, citations, batches. No exact scores."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from detectors.base import NEUTRAL, UNCHECKED, UNSUPPORTED, AnswerBar, BatchItem, DetectorError, PairChecker, Reading
from detectors.context import Context, context_of
from detectors.grounding.combiner import PairAnswer
from detectors.grounding.detector import MISCITED, UNCITED, GroundingChecker, GroundingParams
from detectors.grounding.model import Pair, PairModel, load_pair_model
from detectors.models.encoded import model_folder
from detectors.types import Finding

BRIDGE = "The harbour bridge was opened in 1932. It carries eight lanes of traffic and its arch is 503 metres long."
SHOP = "Parcels of up to 20 kg are delivered within three working days. Returns are free for 30 days."
CONTEXT = context_of([BRIDGE, ("shop", SHOP)])
TRUE = "The bridge was opened in 1932."


@cache
def checker() -> GroundingChecker:
    return GroundingChecker.build(GroundingParams())


def detect(text: str, context: Context | None = CONTEXT, begin: int = 0) -> list[Finding]:
    return checker().detect([BatchItem(text, begin, context=context)])[0]


def found(text: str, context: Context | None = CONTEXT) -> dict[str, float]:
    return {each.label: each.score for each in detect(text, context)}


def test_it_is_a_pair_checker_and_one_for_all_rules() -> None:
    assert isinstance(checker(), PairChecker)
    assert GroundingChecker.build(GroundingParams(min_support=0.2, consecutive=3)) is checker()


def test_a_sentence_that_the_context_states_is_supported_and_an_invented_one_is_not() -> None:
    assert found(TRUE)[UNSUPPORTED] < 0.3
    assert found("Anna Miller of Scotland paid 70 million euros.")[UNSUPPORTED] > 0.7


def test_the_finding_says_where_it_stands_and_what_is_wrong() -> None:
    finding = detect("Hello. The bridge was opened in 1952.", begin=6)[0]
    assert (finding.start, finding.end, finding.reason) == (
        7,
        37,
        "compared with the passages that fit best; exact checks failed: number",
    )
    grounding = finding.grounding
    assert grounding is not None
    assert (grounding.passage, grounding.failed, grounding.is_cut) == ("1", ("number",), False)
    assert BRIDGE[grounding.start : grounding.end] == "The harbour bridge was opened in 1932."
    assert (grounding.unsupported_start, grounding.unsupported_end) == (32, 36)
    assert finding.score == pytest.approx(1 - grounding.support)


@pytest.mark.parametrize(
    ("text", "label", "is_high"),
    (
        (f"{TRUE[:-1]} [1].", MISCITED, False),
        (f"{TRUE[:-1]} [shop].", MISCITED, True),
        (f"{TRUE[:-1]} [1, shop].", MISCITED, False),
        (f"{TRUE[:-1]} [9].", MISCITED, True),
        (TRUE, UNCITED, True),
        (f"{TRUE[:-1]} [sic].", UNCITED, True),
    ),
)
def test_a_citation_must_name_a_passage_that_supports_the_sentence(text: str, label: str, is_high: bool) -> None:
    labels = found(text)
    assert label in labels
    assert (labels[label] > 0.6) == is_high
    assert {MISCITED, UNCITED} - {label} - labels.keys()


def test_a_sentence_without_a_claim_is_neutral_and_one_without_a_context_unchecked() -> None:
    assert found("Let me know if you need more.") == {NEUTRAL: 0.0}
    for nothing in (None, Context(), context_of(["  \n"])):
        assert detect(TRUE, nothing) == [Finding(0, len(TRUE), UNCHECKED, 1.0, "no context")]
    assert detect("   ") == []


def test_what_is_too_long_for_the_model_is_told() -> None:
    claim = "The bridge " + "was opened by 17 people with 23 long names " * 12 + "in 1932."
    finding = detect(claim)[0]
    assert finding.grounding is not None
    assert finding.grounding.is_cut


def test_findings_do_not_depend_on_their_batch() -> None:
    texts = [TRUE, "Hi!", f"{TRUE[:-1]} [shop].", "Returns cost 5 euros.", "x" * 300, "漢字です。", "A \ud800 b c."]
    items = [BatchItem(text, 0, context=CONTEXT) for text in texts]
    alone = [checker().detect([item])[0] for item in items]
    assert checker().detect(items) == alone
    assert checker().detect(items[::-1])[::-1] == alone
    assert all({each.label for each in own} <= checker().labels for own in alone)


def test_more_passages_do_not_change_what_is_found_much() -> None:
    others = [f"Shop {number} sells {number} kinds of bread. It closes on Mondays." for number in range(50)]
    assert found(TRUE, context_of([*others, BRIDGE]))[UNSUPPORTED] < 0.4


@pytest.mark.parametrize(
    ("params", "labels"),
    (
        ({"min_support": 0.3}, {UNSUPPORTED: 0.7, MISCITED: 0.7}),
        ({"min_support": 0.3, "require_citation": True}, {UNSUPPORTED: 0.7, MISCITED: 0.7, UNCITED: 1.0}),
        ({"min_support": 0.3, "require_context": True}, {UNSUPPORTED: 0.7, MISCITED: 0.7, UNCHECKED: 1.0}),
    ),
)
def test_a_rules_keys_say_which_labels_fail_a_sentence(params: dict[str, object], labels: dict[str, float]) -> None:
    assert GroundingChecker.labels_of(GroundingParams.model_validate(params)) == labels


def test_without_a_least_support_the_cards_is_taken() -> None:
    stated = GroundingChecker.labels_of(GroundingParams())
    assert stated[UNSUPPORTED] == 1 - checker().recommended["balanced"]


def test_how_a_rule_reads_sentences_is_in_its_parameters() -> None:
    params = GroundingParams(consecutive=2, ratio=0.5, ratio_after=4, evidence=True)
    assert params.reading() == Reading(2, 0.5, 4, evidence=True)


def test_an_answers_bar_is_lower_the_more_sentences_it_has() -> None:
    bars = [GroundingParams(answer_sentences=count).reading().answer for count in (1, 2, 5, 20)]
    least = [bar.least(1 - checker().recommended["balanced"], 1) for bar in bars if bar is not None]
    assert len(least) == len(bars)
    assert least == sorted(set(least))
    assert least[0] == pytest.approx(1 - checker().recommended["balanced"])


@given(
    steps=st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=9),
    threshold=st.floats(0, 1),
    sentences=st.integers(1, 40),
)
def test_answers_of_the_stated_length_are_flagged_as_often_as_a_sentence(
    steps: list[tuple[float, float]], threshold: float, sentences: int
) -> None:
    scores, shares = (list(accumulate((0.0, *column))) for column in zip(*steps, strict=True))
    reached = tuple((score / scores[-1], 1 - share / shares[-1]) for score, share in zip(scores, shares, strict=True))

    def share(score: float) -> float:
        return float(np.interp(score, [each[0] for each in reached], [each[1] for each in reached]))

    bar = AnswerBar(sentences, reached)
    least = [bar.least(threshold, number) for number in range(1, sentences + 1)]
    assert threshold <= least[0] <= 1
    assert math.prod(1 - share(each) for each in least) == pytest.approx(1 - share(threshold), abs=1e-6)
    assert bar.least(threshold, sentences + 1) >= least[-1]
    assert bar.least(1.0, sentences) == 1, "what always scores 1, such as a citation that is missing, still counts"


class Counting(PairModel):
    """The shipped pair model, with what it was asked and what it read."""

    def __init__(self, folder: Path | None = None) -> None:
        self.__dict__.update(load_pair_model(folder or model_folder("tidegate-grounding")).__dict__)
        self.asked: list[int] = []
        self.pairs: list[Pair] = []
        self.rows = 0

    def answers(self, pairs: Sequence[Pair]) -> list[PairAnswer]:
        self.asked.append(len(pairs))
        self.pairs += pairs
        return super().answers(pairs)

    def _read(self, inputs: Sequence[Any]) -> list[Any]:
        self.rows += len(inputs)
        return super()._read(inputs)


FILLER = [f"Shop {number} sells {number} kinds of bread. It closes on Mondays, and opens late." for number in range(9)]


@pytest.mark.parametrize(
    ("text", "asked"),
    (
        ("The harbour bridge was opened in 1932.", [0, 0]),
        ("Anna Miller of Scotland paid 70 million euros.", [1, 0]),
        ("Parcels arrive within three days, and the bridge has lanes.", [1, 1]),
        (f"The bridge was opened in 1932, {'and it is said to be long, ' * 5} and parcels take three days.", [3, 0]),
    ),
)
def test_only_what_is_unclear_is_read_twice_and_a_copy_not_at_all(text: str, asked: list[int]) -> None:
    model = Counting()
    GroundingChecker(model).detect([BatchItem(text, 0, context=context_of([BRIDGE, ("shop", SHOP)]))])
    assert model.asked == asked


def test_a_passage_that_is_cited_is_not_read_again() -> None:
    model = Counting()
    cited = f"{TRUE[:-1]} [1]."
    GroundingChecker(model).detect([BatchItem(cited, 0, context=context_of([BRIDGE, ("shop", SHOP)]))])
    assert (model.asked[0], model.rows) == (2, 1)


def test_in_a_long_context_the_model_begins_with_few_sentences() -> None:
    model = Counting()
    GroundingChecker(model).support(TRUE, context_of([*FILLER, BRIDGE]))
    first = model.pairs[0].evidence
    assert "The harbour bridge was opened in 1932." in first.text
    assert first.is_gathered


def test_a_copy_is_supported_as_well_as_the_model_says_of_such() -> None:
    copy = BRIDGE.split(". ")[0] + "."
    assert found(copy)[UNSUPPORTED] < 0.1
    finding = detect(copy)[0]
    assert finding.grounding is not None
    assert (finding.grounding.passage, finding.grounding.failed, finding.grounding.is_cut) == ("1", (), False)
    assert found(copy.replace("1932", "1952"))[UNSUPPORTED] > 0.5


def own_model(folder: Path, stated: str, instead: str) -> GroundingChecker:
    shutil.copytree(model_folder("tidegate-grounding"), folder)
    card = (folder / "model.yaml").read_text(encoding="utf-8")
    assert stated in card
    (folder / "model.yaml").write_text(card.replace(stated, instead), encoding="utf-8")
    return GroundingChecker(load_pair_model(folder))


def model_without(folder: Path, parameter: str) -> Path:
    """The shipped model with a card that says nothing of one parameter."""
    shutil.copytree(model_folder("tidegate-grounding"), folder)
    yaml = YAML(typ="safe", pure=True)
    card = yaml.load(folder / "model.yaml")
    del card["parameters"][parameter]
    yaml.dump(card, folder / "model.yaml")
    return folder


def test_a_model_whose_card_does_not_say_what_to_leave_out_reads_all(tmp_path: Path) -> None:
    model = Counting(model_without(tmp_path / "own", "reading"))
    GroundingChecker(model).detect([BatchItem("The harbour bridge was opened in 1932.", 0, context=CONTEXT)])
    assert model.asked[0] >= 1


def test_a_card_that_says_it_wrongly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="its card's `reading` is not like"):
        own_model(tmp_path / "own", "long_words: 25", "long_words: few")


@pytest.mark.parametrize("other", ({"consecutive": 2}, {"ratio": 0.5}, {"evidence": True}))
def test_an_answer_is_judged_in_one_way(other: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="in two ways; give each a rule of its own"):
        GroundingParams.model_validate({"answer_sentences": 5} | other)


def test_a_model_whose_card_tells_no_spread_is_refused_for_answers(tmp_path: Path) -> None:
    folder = model_without(tmp_path / "own", "supported_below")
    with pytest.raises(DetectorError, match=r"how its supports are spread \(`supported_below`\)") as raised:
        GroundingChecker.labels_of(GroundingParams(model=str(folder), answer_sentences=5))
    assert raised.value.path == ("answer_sentences",)
    assert GroundingParams(model=str(folder), answer_sentences=5).reading().answer is None
    assert GroundingChecker.labels_of(GroundingParams(model=str(folder)))[UNSUPPORTED] < 1


@pytest.mark.parametrize(("model", "words"), (("no-such", "no model named"), ("tidegate-encoder", "not pairs")))
def test_a_model_that_reads_no_pairs_is_refused(model: str, words: str) -> None:
    with pytest.raises(DetectorError, match=words):
        GroundingChecker.build(GroundingParams(model=model))
