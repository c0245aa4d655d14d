"""Several workers' pages as one."""

from __future__ import annotations

from sidecar.console.state import agreed, merged


def state(*, blocked: int, time: str, failing: bool = False, note: str = "") -> dict[str, object]:
    return {
        "about": {"version": "1"},
        "scale": {"window_seconds": 600},
        "recent": {"ended": {"blocked": blocked}, "held": [blocked, 0], "rules": {"p/r": {"block": blocked}}},
        "streams": {"open": 2},
        "queue": {"depth": 1},
        "outbox": {"waiting": 3, "failing": failing, "note": note, "last_published": None},
        "latest": [{"time": time}],
    }


def test_numbers_are_added_and_the_rest_is_the_first_ones() -> None:
    one, other = state(blocked=1, time="2"), state(blocked=4, time="3")
    other["recent"] = {"ended": {"blocked": 4, "failed": 1}, "held": [4, 2], "rules": {"p/q": {"block": 4}}}
    joined = merged([one, other])
    assert joined["recent"] == {
        "ended": {"blocked": 5, "failed": 1},
        "held": [5, 2],
        "rules": {"p/r": {"block": 1}, "p/q": {"block": 4}},
    }
    assert joined["scale"] == {"window_seconds": 600}
    assert (joined["streams"], joined["queue"]) == ({"open": 4}, {"depth": 2})


def test_the_latest_of_all_come_first() -> None:
    joined = merged([state(blocked=0, time="2"), state(blocked=0, time="3"), state(blocked=0, time="1")])
    assert [seen["time"] for seen in joined["latest"]] == ["3", "2", "1"]


def test_what_is_wrong_with_one_is_wrong() -> None:
    joined = merged([state(blocked=0, time="1"), state(blocked=0, time="1", failing=True, note="Kafka is away")])
    assert (joined["outbox"]["failing"], joined["outbox"]["note"]) == (True, "Kafka is away")


def test_one_worker_is_itself() -> None:
    assert merged([state(blocked=1, time="1")]) == state(blocked=1, time="1")


def test_workers_that_have_other_policies_in_force_are_named() -> None:
    one = {"loaded": [{"name": "a", "digest": "1", "since": 1.0}], "canaries": []}
    same = {"loaded": [{"name": "a", "digest": "1", "since": 2.0}], "canaries": []}
    other = {"loaded": [{"name": "a", "digest": "2", "since": 1.0}], "canaries": []}
    assert agreed([one, same, other]) == one | {"workers": 3, "differing": [2], "canaries": []}


def test_a_canary_in_several_workers_is_told_as_one() -> None:
    def one(streams: int, block: float, stopped: str = "") -> dict[str, object]:
        canary = {"rule": "r", "streams": streams, "rates": {"block": block}, "stopped": stopped}
        return {"loaded": [], "canaries": [canary]}

    (told,) = agreed([one(10, 0.1), one(30, 0.5, "the block rate is 0.5")])["canaries"]
    assert told == {"rule": "r", "streams": 40, "rates": {"block": 0.4}, "stopped": "the block rate is 0.5"}
    (none,) = agreed([one(0, 0.0), one(0, 0.0)])["canaries"]
    assert none["rates"] == {"block": 0.0}
