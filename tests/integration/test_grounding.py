"""Grounding through a real server and the client: context in the start and added later, evidence, summary, event."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidecar.config import Limits
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from tests.servers import serving
from tidegate import AsyncClient, Client, InvalidRequest, Passage, Release, Summary

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "policies" / "grounded-answers.yaml"
BRIDGE = "The harbour bridge was opened in 1932. Its arch is 503 metres long."
SHOP = "Parcels of up to 20 kg are delivered within three working days. Returns are free for 30 days."
TRUE = "The bridge was opened in 1932."
INVENTED = " It was designed by a Scottish engineer called Ann Miller."


@pytest.fixture(scope="module")
def plan() -> Plan:
    ((_, plan),) = compile_file(POLICY).policies
    return plan


async def test_each_sentence_comes_with_its_evidence(plan: Plan) -> None:
    text = f"Hello! {TRUE}{INVENTED} Let me know if you need more."
    async with serving(plan) as server, AsyncClient(server.address) as client:
        stream = client.stream(
            list(text), context={"bridge": BRIDGE}, prompt="When was the bridge opened?", tenant="acme"
        )
        shown = [each async for each in stream]
        (decision,) = server.decisions

    released = [each for each in shown if isinstance(each, Release)]
    assert (
        "".join(each.text for each in released) == f"Hello! {TRUE} [not in the documents] Let me know if you need more."
    )
    ((remark,),) = [each.annotations for each in released if each.annotations]
    assert (remark.rule, remark.label) == ("evidence", "supported")
    assert text[remark.span.start : remark.span.end] == TRUE
    assert remark.grounding is not None
    assert remark.grounding.passage == "bridge"
    assert remark.grounding.evidence is not None
    assert BRIDGE[remark.grounding.evidence.start : remark.grounding.evidence.end].startswith("The harbour bridge")
    summary = shown[-1]
    assert isinstance(summary, Summary)
    grounding = summary.grounding
    assert grounding is not None
    assert (grounding.supported, grounding.unsupported, grounding.neutral, grounding.unchecked) == (1, 1, 2, 0)
    assert (grounding.faithfulness, grounding.context_use, grounding.passages) == (0.5, 1.0, 1)
    assert grounding.context_relevance == 1.0
    assert decision.grounding is not None
    assert (decision.grounding.supported, decision.grounding.faithfulness) == (1, 0.5)


async def test_an_event_says_what_was_not_borne_out_and_shows_no_text(plan: Plan) -> None:
    async with serving(plan) as server, AsyncClient(server.address) as client:
        async for _ in client.stream([TRUE.replace("1932", "1952")], context=[BRIDGE]):
            pass
        events = server.violations

    assert [event.policy.rule for event in events] == ["evidence", "unsupported"]
    grounding = events[1].grounding
    assert grounding is not None
    assert (grounding.passage, grounding.failed) == ("1", ("number",))
    assert grounding.unsupported is not None
    assert (grounding.unsupported.start, grounding.unsupported.end) == (25, 29)
    assert "1952" not in repr(events)


async def test_context_that_comes_later_counts_from_then_on(plan: Plan) -> None:
    async def chunks() -> AsyncIterator[str | Passage]:
        yield "Returns are free for 30 days. "
        yield "Returns are free for 30 days."
        yield Passage(SHOP, id="shop")
        yield " Returns are free for 30 days."

    async with serving(plan) as server, AsyncClient(server.address) as client:
        shown = [each async for each in client.stream(chunks(), on_block="yield")]

    remarks = [each for release in shown if isinstance(release, Release) for each in release.annotations]
    assert [(each.label, each.span.start) for each in remarks] == [("supported", 30), ("supported", 60)]
    summary = shown[-1]
    assert isinstance(summary, Summary)
    assert summary.grounding is not None
    assert dict(summary.grounding.unchecked_reasons) == {"no context": 1}
    assert "grounding: no context" in summary.coverage[0].reasons


async def test_too_much_context_is_refused_with_its_field_and_limit(plan: Plan) -> None:
    async with serving(plan, limits=Limits(max_context_passages=2)) as server:
        address = server.address

        def ask() -> None:
            with Client(address) as client:
                list(client.stream([Passage(SHOP), Passage(BRIDGE), Passage("more"), "Hello."], context=["one"]))

        with pytest.raises(InvalidRequest, match="context: has 3 passages; at most 2 are allowed") as caught:
            await asyncio.to_thread(ask)
    assert caught.value.field == "context"


async def test_streams_of_a_tenant_share_their_documents(plan: Plan) -> None:
    async with serving(plan) as server, AsyncClient(server.address) as client:
        for tenant in ("acme", "acme", "globex"):
            async for _ in client.stream([TRUE], context=[BRIDGE, SHOP], tenant=tenant):
                pass
        assert len(server.engine.documents) == 4


async def test_the_example_of_the_documentation_works(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "grounding.md").read_text(encoding="utf-8")
    code, printed = re.findall(r"^```(?:python)?\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)[:2]
    async with serving(plan) as server:
        # In a thread, as the program that it is: the server needs this one's event loop.
        await asyncio.to_thread(exec, code.replace("127.0.0.1:50051", server.address), {"__name__": "__main__"})

    assert _parted(capsys.readouterr().out) == _parted(printed)


def _parted(text: str) -> tuple[str, list[str]]:
    """The text, and the remarks by their passages: where they stand depends on what was released together."""
    remark = r" <(\w+) 0\.\d\d>"
    return re.sub(remark, "", text), re.findall(remark, text)
