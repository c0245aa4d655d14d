"""An overload of the real service: a burst is let in as far as it can be looked at, and nobody innocent is accused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import tidegate
from tests.integration.sidecar import Sidecar

pytestmark = [pytest.mark.slow]

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: read, version: "1"}
stream: {max_hold_ms: 1000, on_timeout: fail_closed}
rules:
  - {id: abuse, detect: {detector: toxicity, labels: [threat]}, severity: high, action: block}
"""
SENTENCES = (
    "Bake the bread for forty minutes and let it cool before you cut it. ",
    "The train to the coast leaves from the third platform at a quarter past nine. ",
    "Water the tomatoes in the evening, when the sun no longer reaches the bed. ",
    "The museum is closed on Mondays, but the garden behind it stays open. ",
)
STREAMS = 80
"""Many times what two cores can look at within the policy's second."""


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "read.yaml").write_text(POLICY)
    service = Sidecar(tmp_path, {"events": {"sink": "file", "file": str(tmp_path / "events.jsonl")}})
    await service.start()
    yield service
    service.stop()


def text_of(number: int) -> str:
    """A text of its own for each stream, so that no findings are remembered for another's."""
    return "".join(f"{number}.{place} {SENTENCES[(number + place) % len(SENTENCES)]}" for place in range(12))


def pieces_of(text: str) -> list[str]:
    """A text as a model writes it."""
    return [text[start : start + 40] for start in range(0, len(text), 40)]


async def outcome(client: tidegate.AsyncClient, number: int) -> str:
    """How a stream of innocent text fared; what came of it is a beginning of it, whatever happened."""
    text, came, fared, retry_after = text_of(number), "", "finished", None
    try:
        async for shown in client.stream(pieces_of(text), policy="read", request_id=str(number), on_block="yield"):
            came += shown.text if isinstance(shown, tidegate.Release) else ""
            fared = "accused" if isinstance(shown, tidegate.Verdict) else fared
    except tidegate.Overloaded as error:
        fared, retry_after = "refused", error.retry_after
    assert text.startswith(came)
    assert (came == text) is (fared == "finished")
    assert (retry_after is not None) is (fared == "refused")
    return fared


async def test_of_a_burst_nobody_is_accused_and_every_end_is_recorded(sidecar: Sidecar, tmp_path: Path) -> None:
    async with tidegate.AsyncClient(sidecar.address) as client:
        fared = Counter(await asyncio.gather(*(outcome(client, number) for number in range(STREAMS))))
        again = Counter(await asyncio.gather(*(outcome(client, STREAMS + number) for number in range(2))))
    sidecar.stop()
    assert fared["accused"] == 0
    assert fared["finished"] > 0
    assert again["finished"] == 2, "when the burst is over, others are welcome"
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    kinds = Counter(event["data"]["kind"] for event in events)
    assert kinds["violation"] == 0
    assert kinds["decision"] >= fared["finished"] + 2
    assert len({event["id"] for event in events}) == len(events)
