"""Groups of streams: references, windows, what moves and settles, and that all of it is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.drift import kept
from sidecar.drift.groups import EMBEDDING, Group, GroupKey, Moved, SignalTest, compared
from sidecar.drift.kept import DriftError
from sidecar.drift.samples import MOST_CATEGORIES, MOST_SIGNALS, OTHER, Sample, packed
from sidecar.drift.settings import DriftSettings
from sidecar.outbox.event import Movement
from sidecar.values import Direction

SETTINGS = DriftSettings(reference_streams=200, window_streams=100, vectors=50)
TOPICS = [f"topic-{number}" for number in range(6)]
GOAL_QUERIES = 500


class Queries:
    """Synthetic streams: each topic has a place of its own, with noise."""

    def __init__(self, seed: int = 7) -> None:
        self.rng = np.random.default_rng(seed)
        self._places = self.rng.normal(size=(len(TOPICS), 16))

    def stream(self, *, share_of_new: float = 0.0) -> tuple[dict[str, str], bytes]:
        is_new = self.rng.random() < share_of_new
        topic = len(TOPICS) - 1 if is_new else int(self.rng.integers(len(TOPICS) - 1))
        vector = self._places[topic] + self.rng.normal(size=16)
        return {"topics": TOPICS[topic], "stopped": "no"}, packed((vector / np.linalg.norm(vector)).astype(np.float32))

    def group(self, settings: DriftSettings = SETTINGS) -> Group:
        group = Group()
        for _ in range(settings.reference_streams):
            assert group.add(*self.stream(), settings=settings, rng=self.rng) is None
        return group

    def window(self, group: Group, settings: DriftSettings = SETTINGS, share: float = 0.0) -> Sample:
        streams = (self.stream(share_of_new=share) for _ in range(settings.window_streams))
        *_, window = (group.add(*each, settings=settings, rng=self.rng) for each in streams)
        assert window is not None
        return window


def test_the_first_streams_are_the_reference_and_windows_share_none():
    queries = Queries()
    group = queries.group()
    assert (group.reference.streams, len(group.reference.vectors), group.window.streams) == (200, 50, 0)
    assert group.reference.seen == 200
    window = queries.window(group)
    assert (window.streams, group.windows, group.window.streams, group.last) == (100, 1, 0, window)
    assert group.reference.streams == 200


@pytest.mark.parametrize("offset", [0, 1, 40, 99])
def test_a_new_topic_is_told_within_500_queries_wherever_in_a_window_it_begins(offset: int):
    queries = Queries(offset)
    group, number = queries.group(), 0
    moved: list[Moved] = []
    while not moved and number < offset + GOAL_QUERIES:
        stream = queries.stream(share_of_new=0.5 if number >= offset else 0)
        window = group.add(*stream, settings=SETTINGS, rng=queries.rng)
        number += 1
        if window is not None:
            moved = group.judge([*compared(group.reference, window, chance=1e-4, rng=queries.rng)], quiet_windows=3)
    assert number > offset
    assert {each.movement for each in moved} == {Movement.MOVED}
    assert {each.signal for each in moved} & {"topics", EMBEDDING}


def test_what_changed_most_is_named():
    queries = Queries()
    group = queries.group()
    found = {
        each.signal: each
        for each in compared(group.reference, queries.window(group, share=0.8), chance=1e-2, rng=queries.rng)
    }
    assert found["topics"].differs
    assert found["topics"].changes[0].name == TOPICS[-1]
    assert found["topics"].changes[0].reference == 0.0
    assert found["topics"].changes[0].window > 0.6
    assert found[EMBEDDING].distance > 0.2
    assert not found["stopped"].differs


def test_windows_in_which_nothing_changed_are_seldom_told_of():
    queries, told = Queries(), 0
    for _ in range(20):
        group = queries.group()
        for _ in range(10):
            found = compared(group.reference, queries.window(group), chance=0.02, rng=queries.rng)
            told += any(each.differs for each in found)
    assert told <= 200 * 0.02 + 4 * np.sqrt(200 * 0.02)


def test_a_signal_is_told_once_and_settles_after_quiet_windows():
    group = Group()
    moved, same = (SignalTest(signal="topics", distance=1.0, differs=each) for each in (True, False))
    told = [group.judge([each], quiet_windows=2) for each in (same, moved, moved, same, moved, same, same, same, moved)]
    assert [[each.movement.value for each in window] for window in told] == [
        [], ["moved"], [], [], [], [], ["settled"], [], ["moved"],
    ]  # fmt: skip


def test_a_signal_that_few_streams_show_is_not_tested():
    reference, window = (Sample(streams=100, counts={"faithfulness": {"1.0": number}}) for number in (100, 29))
    assert [*compared(reference, window, chance=0.5, rng=np.random.default_rng(1))] == []


def test_a_pinned_reference_stays():
    queries = Queries()
    group, other = queries.group(), Queries(8).group()
    queries.window(group, share=1.0)
    group.quiet = {"topics": 0}
    group.pin(other.reference)
    assert (group.is_pinned, group.quiet, group.window.streams) == (True, {}, 0)
    queries.window(group)
    assert group.reference == other.reference


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_embeddings_are_a_random_sample_of_bounded_size(streams: int, seed: int):
    rng, sample = np.random.default_rng(seed), Sample()
    for number in range(streams):
        sample.add({}, packed(np.full(4, number, dtype=np.float32)), room=20, rng=rng)
    kept_numbers = sample.embeddings[:, 0]
    assert len({*kept_numbers.tolist()}) == len(sample.vectors) == min(streams, 20)
    assert sample.seen == streams


def test_another_models_embeddings_take_the_place_of_the_former():
    rng, sample = np.random.default_rng(1), Sample()
    sample.add({}, packed(np.zeros(4, dtype=np.float32)), room=20, rng=rng)
    sample.add({}, packed(np.ones(8, dtype=np.float32)), room=20, rng=rng)
    assert sample.embeddings.shape == (1, 8)


def test_signals_and_categories_are_bounded():
    rng, sample = np.random.default_rng(1), Sample()
    for number in range(100):
        sample.add({f"scores.{number}": "0.1", "topics": str(number)}, None, room=1, rng=rng)
    assert len(sample.counts) == MOST_SIGNALS
    assert len(sample.counts["topics"]) <= MOST_CATEGORIES + 1
    assert sample.counts["topics"][OTHER] == 100 - MOST_CATEGORIES


def test_what_is_kept_is_read_again(tmp_path):
    queries = Queries()
    group = queries.group()
    queries.window(group, share=1.0)
    groups = {GroupKey("shop", "acme", "7", Direction.INPUT): group, GroupKey("", "", "", Direction.OUTPUT): Group()}
    path = tmp_path / "samples.json"
    kept.write(path, kept.written(groups.items()))
    assert kept.read(path) == groups
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["samples.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "no file of drift samples"),
        (b'{"what":"\xff"}', "no file of drift samples"),
        (b'{"what":"tidegate.drift","groups":[],"version":9}', "version 9"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path, content: bytes, said: str):
    path = tmp_path / "samples.json"
    path.write_bytes(content)
    with pytest.raises(DriftError, match=said):
        kept.read(path)
    with pytest.raises(DriftError, match="cannot read"):
        kept.read(tmp_path / "none.json")
