"""Pins of definitions: what counts as a change, and what a file keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

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


@pytest.mark.parametrize(
    "content", [b"{", b'{"version":2,"servers":{}}', b'{"servers":[]}', b'{"servers":{"\xff":{}}}']
)
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


@pytest.mark.parametrize("name", ["x" * 257, "half \ud800"], ids=["long", "no text"])
def test_a_name_that_cannot_be_kept_is_not_pinned(tmp_path: Path, name: str) -> None:
    file = tmp_path / "pins.json"
    assert Pins("one", file).pin([{**TOOL, "name": name}, TOOL]) == Pinned(unpinned=frozenset({name}))
    assert Pins("one", file).pin([CHANGED]).changed == {"add"}
    assert name not in file.read_text()


@pytest.mark.parametrize("tenants", (["a", "b", "c", "d"], [""] * 4))
def test_past_a_bound_those_are_forgotten_that_were_used_least_lately(
    tenants: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "pins.json"
    tools = [{**TOOL, "name": name} for name in ("add", "sub")]

    def changed(number: int) -> frozenset[str]:
        return Pins(f"s{number}", file, tenant=tenants[number]).pin([CHANGED]).changed

    with patch("sidecar.mcp.pins.MOST_KEPT", 6):
        Pins("own", file, tenant="" if tenants[0] else "other").pin(tools)
        for number in (0, 1, 2):
            Pins(f"s{number}", file, tenant=tenants[number]).pin(tools[: 2 if number else 1])
        assert changed(0) == {"add"}
        assert not caplog.records
        Pins("s3", file, tenant=tenants[3]).pin(tools)
        assert "pins of 2 tools are forgotten" in caplog.text
        assert [changed(number) for number in (0, 2, 3)] == [{"add"}] * 3
        assert changed(1) == frozenset()
    assert Pins("own", file, tenant="" if tenants[0] else "other").pin([CHANGED]).changed == {"add"}


def test_servers_without_tools_do_not_fill_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    with patch("sidecar.mcp.pins.MOST_KEPT", 6):
        for number in range(40):
            Pins("s", file, tenant=f"t{number}").pin([{**TOOL, "name": "x" * 257}])
    assert [*json.loads(file.read_text())["tenants"]] == [f"t{number}" for number in range(34, 40)]


def pinned(file: Path, tenant: str, servers: int, tools: int) -> None:
    for server in range(servers):
        Pins(f"s{server}", file, tenant=tenant).pin([{**TOOL, "name": f"t{number}"} for number in range(tools)])


def kept(file: Path) -> dict[str, list[str]]:
    """The servers of each tenant, the last used last."""
    return {tenant: [*servers] for tenant, servers in json.loads(file.read_text())["tenants"].items()}


def test_a_tenant_of_many_pins_pushes_out_its_own(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    with patch("sidecar.mcp.pins.MOST_KEPT", 12), patch("sidecar.mcp.pins.SHARE", 2):
        pinned(file, "small", servers=1, tools=3)
        pinned(file, "greedy", servers=9, tools=2)
        assert kept(file) == {"small": ["s0"], "greedy": ["s5", "s6", "s7", "s8"]}
        pinned(file, "other", servers=1, tools=4)
        assert kept(file) == {"small": ["s0"], "greedy": ["s7", "s8"], "other": ["s0"]}
        assert Pins("s0", file, tenant="small").pin([{**CHANGED, "name": "t1"}]).changed == {"t1"}


def test_tenants_within_their_share_go_last_and_of_them_who_was_there_least_lately(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    with patch("sidecar.mcp.pins.MOST_KEPT", 12), patch("sidecar.mcp.pins.SHARE", 3):
        pinned(file, "small", servers=3, tools=1)
        for number in range(3):
            pinned(file, f"new{number}", servers=2, tools=2)
        assert kept(file) == {
            "small": ["s0", "s1", "s2"],
            "new0": ["s1"],
            "new1": ["s1"],
            "new2": ["s0", "s1"],
        }
        for number in range(3, 7):
            pinned(file, f"new{number}", servers=1, tools=2)
        assert kept(file) == {f"new{number}": ["s1" if number < 3 else "s0"] for number in range(1, 7)}


def test_as_many_go_as_are_too_many(tmp_path: Path) -> None:
    file = tmp_path / "pins.json"
    with patch("sidecar.mcp.pins.MOST_KEPT", 40), patch("sidecar.mcp.pins.SHARE", 10):
        for number in range(30):
            pinned(file, f"t{number}", servers=1, tools=1)
        pinned(file, "last", servers=2, tools=10)
    assert kept(file) == {f"t{number}": ["s0"] for number in range(30)} | {"last": ["s1"]}
    with patch("sidecar.mcp.pins.MOST_KEPT", 20), patch("sidecar.mcp.pins.SHARE", 10):
        pinned(file, "more", servers=1, tools=1)
    assert kept(file) == {f"t{number}": ["s0"] for number in range(21, 30)} | {"last": ["s1"], "more": ["s0"]}


class Counted(dict[str, dict[str, str]]):
    """Servers that know how often someone looked for the first: what is gone before it has to be passed by again."""

    begun = 0

    def __iter__(self) -> Iterator[str]:
        self.begun += 1
        return super().__iter__()


def test_a_tenants_servers_are_gone_through_once_however_many_are_forgotten() -> None:
    servers = Counted({f"s{number}": {"add": "sha256:0"} for number in range(300)})
    assert pins._forget({"": servers}, 200) == 200
    assert servers.begun == 1
    assert [*servers] == [f"s{number}" for number in range(200, 300)]
