"""Every kept result can be measured again by the command that its file names."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.again.__main__ import Kept, chosen, kept


def test_every_kept_result_names_a_program_that_is_there():
    assert len(kept()) > 30
    assert [result.name for result in kept() if importlib.util.find_spec(result.words[0]) is None] == []


def test_paths_take_the_places_that_were_hidden_and_a_programs_own_go_before():
    result = Kept("x", ("benchmarks.peers", "--data", "PATH", "--rows", "4", "--llm-guard", "PATH"))
    paths = {"data": "/data", "peers.data": "/own", "llm-guard": "/guard"}
    assert result.filled(paths) == ["benchmarks.peers", "--data", "/own", "--rows", "4", "--llm-guard", "/guard"]


def test_a_path_that_nobody_gave_is_named():
    with pytest.raises(ValueError, match="needs --path data=PATH"):
        Kept("x", ("benchmarks.quality", "--data", "PATH")).filled({})


def test_names_choose_and_what_is_unknown_is_refused():
    results = [Kept(name, ("benchmarks.cost",)) for name in ("a", "b", "c")]
    assert [result.name for result in chosen(results, [], ["b"])] == ["a", "c"]
    assert [result.name for result in chosen(results, ["c", "b"], ["b"])] == ["c"]
    with pytest.raises(ValueError, match="no result is called d; there are a, b, c"):
        chosen(results, ["d"], [])
