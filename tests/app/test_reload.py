"""How a change of the policy files is noticed, read as a whole, and told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from detectors.base import DetectorType
from sidecar import watching
from sidecar.clock import LoopClock
from sidecar.config import Policies
from sidecar.outbox.event import PolicyChange, PolicyStep
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.reload import PolicyReloader
from sidecar.telemetry.metrics import Metrics
from tests.policy.doubles import CATALOG
from tests.policy.test_store import versions, write

NEVER = 86_400
"""Seconds between two looks, where only the kernel can tell."""


class Kept:
    """A store that is kept up to date."""

    def __init__(self, *directories: Path, poll_seconds: float = NEVER, settings: Policies | None = None) -> None:
        self.store = PolicyStore(directories, catalog=CATALOG)
        self.outbox = MemoryOutbox()
        self.metrics = Metrics("0")
        settings = settings or Policies(directories=directories, poll_seconds=poll_seconds)
        self.reloader = PolicyReloader(
            self.store, settings, outbox=self.outbox, clock=LoopClock(), metrics=self.metrics, taken=self._taken
        )

    async def _taken(self, plans: Iterable[Plan]) -> None:
        pass

    @property
    def told(self) -> list[tuple[PolicyStep, str, str, str]]:
        """What was recorded: step, what, the version now and before."""
        changes = [each.data for each in self.outbox.events if isinstance(each.data, PolicyChange)]
        return [
            (
                change.step,
                change.what,
                change.policy.version if change.policy else "",
                change.former.version if change.former else "",
            )
            for change in changes
        ]


@asynccontextmanager
async def kept(*directories: Path, poll_seconds: float = NEVER) -> AsyncIterator[Kept]:
    found = Kept(*directories, poll_seconds=poll_seconds)
    await found.outbox.start()
    await found.reloader.load()
    await found.reloader.start()
    if poll_seconds == NEVER:
        await eventually(lambda: found.reloader.is_told)
    try:
        yield found
    finally:
        await found.reloader.stop()
        await found.outbox.stop()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def save(directory: Path, name: str, *, version: str = "1", text: str = "") -> None:
    """Put a policy in place of what was there, the way an editor does."""
    new = write(directory, name, version=version, file=f".{name}.new")
    if text:
        new.write_text(text)
    new.replace(directory / f"{name}.yaml")


def config_map(mount: Path, version: str, *names: str) -> None:
    """Fill a mounted ConfigMap, or swap what is in it, as the kubelet does."""
    generation = mount / f"..{version}"
    for name in names:
        write(generation, name, version=version)
    link = mount / "..data_tmp"
    link.symlink_to(generation.name)
    link.replace(mount / "..data")
    for name in names:
        if not (mount / f"{name}.yaml").is_symlink():
            (mount / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")


# -- what is seen -----------------------------------------------------------------------------------------------------


async def test_a_config_map_that_is_swapped_is_seen_by_the_kernels_word(tmp_path: Path) -> None:
    config_map(tmp_path, "1", "a", "b")
    async with kept(tmp_path) as own:
        config_map(tmp_path, "2", "a", "b")
        await eventually(lambda: versions(own.store) == {"a": "2", "b": "2"})


async def test_a_file_that_is_renamed_into_place_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "a")
    async with kept(tmp_path) as own:
        save(tmp_path, "a", version="2")
        await eventually(lambda: versions(own.store) == {"a": "2"})


async def test_a_file_that_is_named_itself_is_seen_through_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    async with kept(path) as own:
        write(tmp_path, "a", version="2", file="a.new").replace(path)
        await eventually(lambda: versions(own.store) == {"a": "2"})


async def test_a_folder_that_is_made_later_is_watched_too(tmp_path: Path) -> None:
    write(tmp_path, "a")
    async with kept(tmp_path) as own:
        path = write(tmp_path, "b", file="deep/b.yaml")
        own.reloader.ask()
        await eventually(lambda: versions(own.store) == {"a": "1", "b": "1"})
        await eventually(lambda: own.reloader.is_told)
        write(tmp_path, "b", version="2", file="deep/b.new").replace(path)
        await eventually(lambda: versions(own.store) == {"a": "1", "b": "2"})


async def test_where_the_kernel_says_nothing_files_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoWatches:
        def __init__(self, *_paths: Path, **_options: object) -> None:
            pass

        def __aiter__(self) -> NoWatches:
            return self

        async def __anext__(self) -> object:
            raise OSError("no watches left")

    monkeypatch.setattr(watching, "awatch", NoWatches)
    write(tmp_path, "a")
    async with kept(tmp_path, poll_seconds=0.02) as own:
        save(tmp_path, "a", version="2")
        await eventually(lambda: versions(own.store) == {"a": "2"})
        assert not own.reloader.is_told


async def test_a_folder_that_was_made_anew_is_found_by_looking(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    write(folder, "a")
    async with kept(folder, poll_seconds=0.02) as own:
        os.rename(folder, tmp_path / "gone")
        write(folder, "a", version="2")
        await eventually(lambda: versions(own.store) == {"a": "2"})
        save(folder, "a", version="3")
        await eventually(lambda: versions(own.store) == {"a": "3"})


# -- what is read -----------------------------------------------------------------------------------------------------


class Swapping:
    """A catalogue in whose reading the files are swapped, so many times."""

    def __init__(self, swap: Callable[[int], None], times: int) -> None:
        self._swap = swap
        self._left = times
        self.swaps = 0

    def names(self) -> tuple[str, ...]:
        return CATALOG.names()

    def get(self, name: str) -> type[DetectorType]:
        if self.swaps < self._left:
            self.swaps += 1
            self._swap(self.swaps)
        return CATALOG.get(name)


def test_files_that_are_swapped_while_they_are_read_are_taken_as_one(tmp_path: Path) -> None:
    config_map(tmp_path, "1", "a", "b", "c")
    catalog = Swapping(lambda number: config_map(tmp_path, f"{number + 1}", "a", "b", "c"), times=2)
    store = PolicyStore([tmp_path], catalog=catalog)
    store.load()
    assert catalog.swaps == 2
    assert set(versions(store).values()) == {"3"}


def test_files_that_never_rest_change_nothing_and_are_told(tmp_path: Path) -> None:
    config_map(tmp_path, "1", "a", "b")
    catalog = Swapping(lambda number: config_map(tmp_path, f"x{number}", "a", "b"), times=0)
    store = PolicyStore([tmp_path], catalog=catalog)
    store.load()
    catalog._left = 1000
    config_map(tmp_path, "2", "a", "b")
    assert not store.reload()
    assert set(versions(store).values()) == {"1"}
    assert [error.message for error in store.errors] == ["the files changed each time while they were read"]


# -- what is told -----------------------------------------------------------------------------------------------------


async def test_what_becomes_of_policies_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, "a", version="1.10")
    async with kept(tmp_path) as own:
        assert own.told == [(PolicyStep.LOADED, "a", "1.10", "")]
        save(tmp_path, "a", version="1.9")
        save(tmp_path, "b")
        await eventually(lambda: len(own.told) == 3)
        assert own.told[1:] == [(PolicyStep.ROLLED_BACK, "a", "1.9", "1.10"), (PolicyStep.LOADED, "b", "1", "")]
        (tmp_path / "b.yaml").unlink()
        await eventually(lambda: len(own.told) == 4)
        assert own.told[3:] == [(PolicyStep.REMOVED, "b", "", "1")]
        save(tmp_path, "a", text="rules: [")
        await eventually(lambda: len(own.told) == 5)
        assert own.told[4:] == [(PolicyStep.REFUSED, "a.yaml", "", "")]
        assert [change.step for change in own.reloader.told] == [step for step, *_ in own.told]


async def test_a_layout_that_changes_is_no_news(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    async with kept(tmp_path) as own:
        save(tmp_path, "a", text=path.read_text() + "# a remark\n")
        await eventually(lambda: b"tidegate_policy_reloads_total 1.0" in own.metrics.render())
        assert len(own.told) == 1
