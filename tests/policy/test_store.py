"""The store: what is in force, what a wrong file does to it (nothing), and which policy a stream takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sidecar.errors import PolicyErrors, UnknownPolicy
from sidecar.policy.facts import StreamFacts
from sidecar.policy.store import PolicyStore
from sidecar.values import Direction
from tests.policy.doubles import CATALOG


def write(directory: Path, name: str, *, version: str = "1", match: str = "", order: int = 100, file: str = "") -> Path:
    path = directory / (file or f"{name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: {name}, version: "{version}", order: {order}}}
{match}
rules:
  - {{id: names, detect: {{detector: words, words: {{NAME: [Bob]}}}}, action: annotate}}
""",
        encoding="utf-8",
    )
    return path


def store_of(*directories: Path) -> PolicyStore:
    store = PolicyStore(directories, catalog=CATALOG)
    store.load()
    return store


def versions(store: PolicyStore) -> dict[str, str]:
    return {name: plan.version for name, plan in store.plans.items()}


def test_load_reads_all_policies_of_all_directories(tmp_path: Path) -> None:
    write(tmp_path / "one", "a")
    write(tmp_path / "two" / "deep", "b")
    write(tmp_path / "two" / ".hidden", "c")
    assert versions(store_of(tmp_path / "one", tmp_path / "two")) == {"a": "1", "b": "1"}


def test_load_raises_everything_that_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, "a", file="1.yaml").write_text("rules: 1\n")
    write(tmp_path, "b", file="2.yaml").write_text("- 1\n")
    with pytest.raises(PolicyErrors) as caught:
        store_of(tmp_path)
    assert [Path(error.file).name for error in caught.value.errors] == [*["1.yaml"] * 4, "2.yaml"]


def test_load_without_any_policy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors, match="there is no policy file"):
        store_of(tmp_path)


def test_reload_takes_what_is_new_and_drops_what_is_gone(tmp_path: Path) -> None:
    write(tmp_path, "a")
    gone = write(tmp_path, "b")
    store = store_of(tmp_path)
    write(tmp_path, "a", version="2")
    write(tmp_path, "c")
    gone.unlink()
    assert store.reload() is True
    assert versions(store) == {"a": "2", "c": "1"}


def test_a_wrong_file_never_replaces_a_right_one(tmp_path: Path) -> None:
    wrong = write(tmp_path, "a")
    write(tmp_path, "b")
    store = store_of(tmp_path)
    wrong.write_text("rules: [\n", encoding="utf-8")
    write(tmp_path, "b", version="2")
    assert store.reload() is False
    assert versions(store) == {"a": "1", "b": "2"}
    assert [(error.file, error.line) for error in store.errors] == [(str(wrong), 2)]


def test_a_file_that_was_put_right_is_taken_and_its_errors_are_gone(tmp_path: Path) -> None:
    write(tmp_path, "a")
    store = store_of(tmp_path)
    write(tmp_path, "a").write_text("rules: [\n", encoding="utf-8")
    store.reload()
    write(tmp_path, "a", version="2")
    assert (store.reload(), store.errors, versions(store)) == (True, (), {"a": "2"})


def test_a_new_wrong_file_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a")
    store = store_of(tmp_path)
    write(tmp_path, "b").write_text("rules: [\n", encoding="utf-8")
    assert (store.reload(), versions(store)) == (False, {"a": "1"})


def test_a_name_that_two_files_claim_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a")
    store = store_of(tmp_path)
    write(tmp_path, "a", version="2", file="b.yaml")
    write(tmp_path, "c")
    assert (store.reload(), versions(store)) == (False, {"a": "1"})
    assert [error.path for error in store.errors] == ["metadata.name"]
    assert "a.yaml has a policy named `a` already" in store.errors[0].message


def test_a_directory_that_vanished_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "policies", "a")
    store = store_of(tmp_path / "policies")
    path.unlink()
    (tmp_path / "policies").rmdir()
    assert (store.reload(), versions(store)) == (False, {"a": "1"})


def test_a_reload_swaps_the_set_as_one_and_a_plan_in_use_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "a")
    store = store_of(tmp_path)
    plans, plan = store.plans, store.resolve("a", StreamFacts())
    write(tmp_path, "a", version="2")
    store.reload()
    assert (plans["a"].version, plan.version) == ("1", "1")
    assert store.resolve("a", StreamFacts()).version == "2"


def test_a_reload_compiles_only_what_changed(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    store = store_of(tmp_path)
    before = dict(store.plans)
    write(tmp_path, "b", version="2")
    store.reload()
    assert (store.plans["a"] is before["a"], store.plans["b"] is before["b"]) == (True, False)


def test_an_unchanged_policy_keeps_its_digest_whatever_its_layout(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    store = store_of(tmp_path)
    digest = store.plans["a"].digest
    path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    store.reload()
    assert store.plans["a"].digest == digest
    write(tmp_path, "a", version="2")
    store.reload()
    assert store.plans["a"].digest != digest


@pytest.fixture
def store(tmp_path: Path) -> PolicyStore:
    write(tmp_path, "default")
    write(tmp_path, "late", match="match: {directions: [output]}", order=200)
    write(tmp_path, "shop", match="match: {labels: {app: shop}, tenants: [acme, other]}", order=10)
    write(tmp_path, "a-shop", match="match: {labels: {app: shop}}", order=10)
    write(tmp_path, "inputs", match="match: {directions: [input], labels: {app: chat, stage: prod}}", order=10)
    return store_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "direction", "labels", "tenant", "policy"),
    [
        pytest.param("inputs", "output", {}, "", "inputs", id="a name wins over any match"),
        pytest.param(None, "output", {"app": "shop"}, "acme", "a-shop", id="the same order: by name"),
        pytest.param(None, "output", {"app": "chat"}, "", "late", id="a later order, when nothing before it matches"),
        pytest.param("", "input", {"app": "chat", "stage": "prod", "x": "y"}, "", "inputs", id="all labels hold"),
        pytest.param(None, "input", {"app": "chat"}, "", "default", id="one label is missing: default"),
        pytest.param(None, "input", {}, "acme", "default", id="nothing matches: default"),
    ],
)
def test_which_policy_a_stream_takes(
    store: PolicyStore, name: str | None, direction: str, labels: dict[str, str], tenant: str, policy: str
) -> None:
    assert store.resolve(name, StreamFacts(Direction(direction), tenant, labels=labels)).name == policy


def test_an_unknown_policy_is_told_with_what_was_meant(store: PolicyStore) -> None:
    with pytest.raises(UnknownPolicy, match="no policy named 'defaults'; did you mean 'default'"):
        store.resolve("defaults", StreamFacts())


def test_a_stream_that_no_policy_takes_is_told_so(tmp_path: Path) -> None:
    write(tmp_path, "inputs", match="match: {directions: [input]}")
    with pytest.raises(UnknownPolicy, match="no policy takes this stream; name one, or add a policy named `default`"):
        store_of(tmp_path).resolve(None, StreamFacts())


def test_a_pipe_among_the_policies_is_refused_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(PolicyErrors, match="it is a pipe"):
        PolicyStore((tmp_path,), catalog=CATALOG).load()
