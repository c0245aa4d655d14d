"""Bursts of more than the models can read, on the real service: what they read is of those that finish, and nobody
innocent is accused.

How many finish depends on the machine, and on what else runs there. So what finished is counted against what the models
read meanwhile, in tokens: that holds on a busy machine, and in the first burst as well as in later ones.
"""

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
stream: {max_hold_ms: 2000, on_timeout: fail_closed}
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
"""More than two cores can look at within the policy's time."""
SENTENCES_EACH = 36
UNDER_WAY = 2
"""Streams that the models may be at when time is out: one for each core that they run on."""


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
    return "".join(
        f"{number}.{place} {SENTENCES[(number + place) % len(SENTENCES)]}" for place in range(SENTENCES_EACH)
    )


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


async def burst(client: tidegate.AsyncClient, first: int, count: int = STREAMS) -> Counter[str]:
    """So many streams at once."""
    return Counter(await asyncio.gather(*(outcome(client, first + number) for number in range(count))))


async def test_of_bursts_the_models_read_what_finishes_and_nobody_is_accused(sidecar: Sidecar, tmp_path: Path) -> None:
    fared: Counter[str] = Counter()
    async with tidegate.AsyncClient(sidecar.address) as client:
        assert await burst(client, 0, 1) == {"finished": 1}
        each = await tokens_read(sidecar)
        sidecar.stop()
        await sidecar.start()
        before = await tokens_read(sidecar)
        for number in range(3):
            seen = await burst(client, STREAMS * (number + 1))
            after = await tokens_read(sidecar)
            read = (after - before) / each
            assert seen["accused"] == 0
            assert seen["finished"] > 0, "while models read, somebody finishes"
            assert seen["finished"] + UNDER_WAY >= 0.8 * read, (number, seen, read)
            fared += seen
            before = after
        assert await burst(client, 10_000, 2) == {"finished": 2}, "when the burst is over, others are welcome"
    assert fared.total() == 3 * STREAMS
    sidecar.stop()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    kinds = Counter(event["data"]["kind"] for event in events)
    assert kinds["violation"] == 0
    assert kinds["decision"] >= fared["finished"] + 3
    assert len({event["id"] for event in events}) == len(events)


async def tokens_read(sidecar: Sidecar) -> float:
    """What the models have read so far, in tokens."""
    shown = await asyncio.to_thread(sidecar.metrics)
    return sum(value for name, value in shown.items() if name.startswith("tidegate_scheduler_batch_tokens_sum"))
