"""Pins of definitions: what counts as a change, and what a file keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.errors import ConfigError
from sidecar.mcp import pins
from sidecar.mcp.pins import Pinned, Pins, digest_of

TOOL = {"name": "add", "description": "Adds.", "inputSchema": {"a": 1, "b": [1, 2]}}
CHANGED = {**TOOL, "description": "Adds and mails."}


def test_a_digest_minds_neither_order_nor_spacing() -> None:
    again = {"inputSchema": {"b": [1, 2], "a": 1}, "description": "Adds.", "name": "add"}
    assert digest_of(again) == digest_of(TOOL)


@pytest.mark.parametrize("path", [("description",), ("inputSchema", "a")])
def test_a_digest_minds_every_value(path: tuple[str, ...]) -> None:
    changed = (
        {**TOOL, "description": "x"} if path == ("description",) else {**TOOL, "inputSchema": {"a": 2, "b": [1, 2]}}
    )
    assert digest_of(changed) != digest_of(TOOL)


def test_a_file_keeps_what_was_first_seen(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "pins.json"
    assert Pins("one", file).pin([TOOL]) == Pinned()
    assert Pins("one", file).pin([CHANGED]).changed == {"add"}
    assert Pins("one", file).pin([TOOL]) == Pinned()


def test_changes_are_accepted_for_good(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    Pins("one", file).pin([TOOL])
    accepting = Pins("one", file, accepts_changes=True)
    assert accepting.pin([CHANGED]) == Pinned()
    assert accepting.pin([TOOL]).changed == {"add"}
    assert Pins("one", file).pin([CHANGED]) == Pinned()


def test_two_of_one_name_in_a_list_are_a_change() -> None:
    assert Pins("one").pin([TOOL, CHANGED]).changed == {"add"}


def test_what_has_no_name_is_passed_over() -> None:
    assert Pins("one").pin([{"description": "x"}, 1, {"name": 2}]) == Pinned()


@pytest.mark.parametrize("content", [b"{", b'{"version":2,"servers":{}}', b'{"servers":[]}'])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pins.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="remove it"):
        Pins("one", file).check()


def test_a_tool_of_another_server_is_told_but_none_of_a_group_that_it_belongs_to(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    Pins("a", file).pin([TOOL])
    assert Pins("b", file).pin([TOOL]).shadowed == {"add": "a"}
    assert Pins("a+c", file).pin([TOOL]).shadowed == {"add": "b"}
    assert Pins("a+b", file).pin([TOOL]) == Pinned()


def test_tenants_share_no_pins(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    Pins("a", file).pin([TOOL])
    assert Pins("a", file, tenant="acme").pin([CHANGED]) == Pinned()
    assert Pins("b", file, tenant="acme").pin([CHANGED]).shadowed == {"add": "a"}
    assert Pins("a", file, tenant="acme").pin([TOOL]).changed == {"add"}
    assert Pins("a", file, tenant="other").pin([TOOL]) == Pinned()
    assert Pins("a", file).pin([TOOL]) == Pinned()


@pytest.mark.parametrize("is_kept", [False, True])
def test_no_more_tools_than_may_be_are_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool) -> None:
    monkeypatch.setattr(pins, "MOST_PINS", 3)
    file = tmp_path / "pins.json" if is_kept else None
    own = Pins("one", file)
    tools = [{**TOOL, "name": f"t{number}"} for number in range(5)]
    assert own.pin(tools) == Pinned(unpinned=frozenset({"t3", "t4"}))
    assert own.pin(tools[:3]) == Pinned()
    assert own.pin([{**tools[0], "description": "x"}]).changed == {"t0"}
    if is_kept:
        again = Pins("one", file)
        assert again.pin([tools[4], tools[0]]) == Pinned(unpinned=frozenset({"t4"}))
        assert Pins("one", file, accepts_changes=True).pin([{**tools[0], "description": "x"}]) == Pinned()
        assert Pins("two", file).pin([tools[4]]) == Pinned()


def test_a_name_that_is_too_long_is_not_pinned(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    name = "x" * 257
    assert Pins("one", file).pin([{**TOOL, "name": name}]).unpinned == {name}
    assert name not in file.read_text()
