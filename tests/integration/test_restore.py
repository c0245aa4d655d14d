"""Stand-ins end to end: a model that works with what it was sent, and tools that get what the application put in.

The model is scripted: it takes the stand-ins from the request that reached it, and hands them to a tool.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import openai
import pytest
from pydantic import SecretStr

import tidegate
from sidecar.config import Keys, Limits
from sidecar.keys import stand_in_source
from sidecar.outbox.event import StreamDecision
from sidecar.policy.compiler import compile_file
from tests import providers
from tests.providers import call, text
from tests.proxies import Proxied, proxied
from tests.servers import serving
from tests.transport.test_ext_proc import processing
from tests.upstream import Answer, Seen

RULES = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: default, version: "1"}
rules:
  - {id: secrets, detect: {detector: secrets}, action: {redact: {with: stand_in}}}
  - {id: data, detect: {detector: pii}, action: {redact: {with: stand_in}}}
"""
RESTORED_IN_TEXT = RULES.replace("with: stand_in", "with: stand_in, restore: [tool_arguments, content]")
MAIL, CARD = "jane.doe@acme.org", "4111 1111 1111 1111"
ASKED = f'Write "{CARD}"\nto {MAIL}.'
MADE = re.compile(r"mail\.[a-z2-7]{10}@example\.com"), re.compile(r"9[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}")


def works(seen: Seen) -> Answer:
    """Says the address, and hands both to the tool: in a patch inside of JSON, cut in many places."""
    body = seen.body.decode()
    mail, card = (found[0] if (found := made.findall(body)) else "none" for made in MADE)
    arguments = json.dumps(
        {"to": mail, "patch": f"@@\n-MAIL = \"{mail}\"\n+CARD = '{card}' # é", "cards": [card, card]}
    )
    pieces = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
    return providers.play(seen, [text("I write to ", mail[:7], mail[7:], ", now."), call(*pieces)])


MEANT = {"to": MAIL, "patch": f"@@\n-MAIL = \"{MAIL}\"\n+CARD = '{CARD}' # é", "cards": [CARD, CARD]}


def restored(proxy: Proxied) -> list[int]:
    """How many were put back, by answer."""
    data = [event.data for event in proxy.outbox.events]
    return [each.restored for each in data if isinstance(each, StreamDecision) and each.direction == "output"]


# -- the providers' own clients ---------------------------------------------------------------------------------------


async def chat(url: str, is_streamed: bool) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": ASKED}]}
        if not is_streamed:
            message = (await client.chat.completions.create(**asked)).choices[0].message
            assert message.tool_calls
            return message.content or "", message.tool_calls[0].function.arguments
        async with client.chat.completions.stream(**asked) as events:
            async for _ in events:
                pass
            message = (await events.get_final_completion()).choices[0].message
            assert message.tool_calls
            return message.content or "", message.tool_calls[0].function.arguments


async def responses(url: str, is_streamed: bool) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        answer: Any = None
        if not is_streamed:
            answer = await client.responses.create(model="m", input=ASKED)
        else:
            deltas, done = "", ""
            async for event in await client.responses.create(model="m", input=ASKED, stream=True):
                if event.type == "response.function_call_arguments.delta":
                    deltas += event.delta
                elif event.type == "response.function_call_arguments.done":
                    done = event.arguments
                elif event.type == "response.completed":
                    answer = event.response
            assert deltas == done
        [arguments] = [each.arguments for each in answer.output if each.type == "function_call"]
        return answer.output_text, arguments


async def messages(url: str, is_streamed: bool) -> tuple[str, str]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="unused", max_retries=0) as client:
        asked: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": ASKED}]}
        if is_streamed:
            async with client.messages.stream(**asked) as events:
                answer = await events.get_final_message()
        else:
            answer = await client.messages.create(**asked)
        said = "".join(block.text for block in answer.content if block.type == "text")
        [arguments] = [block.input for block in answer.content if block.type == "tool_use"]
        return said, json.dumps(arguments)


CLIENTS: dict[str, Callable[[str, bool], Awaitable[tuple[str, str]]]] = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
}


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", CLIENTS)
async def test_a_tool_gets_what_was_asked_and_the_provider_does_not(name: str, is_streamed: bool, tmp_path: Path):
    async with proxied(tmp_path, policy=RULES) as proxy:
        proxy.upstream.choose = works
        said, arguments = await CLIENTS[name](proxy.url, is_streamed)
        [seen] = proxy.upstream.requests
        stand_in = MADE[0].findall(seen.body.decode())[0]
        assert MAIL not in seen.body.decode()
        assert CARD not in seen.body.decode()
        assert json.loads(arguments) == MEANT
        assert said == f"I write to {stand_in}, now."
        await proxy.engine.wait_idle()
        assert restored(proxy) == [5]
        assert {event.where.direction for event in proxy.violations} == {"input"}


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", CLIENTS)
async def test_text_says_the_value_where_the_policy_has_it_so(name: str, is_streamed: bool, tmp_path: Path):
    async with proxied(tmp_path, policy=RESTORED_IN_TEXT) as proxy:
        proxy.upstream.choose = works
        said, arguments = await CLIENTS[name](proxy.url, is_streamed)
        assert (said, json.loads(arguments)) == (f"I write to {MAIL}, now.", MEANT)


# -- every API --------------------------------------------------------------------------------------------------------

GEMINI = "/v1beta/models/m:{}"
APIS: dict[str, tuple[str, dict[str, Any]]] = {
    "mistral": ("/mistral/v1/chat/completions", {"messages": [{"role": "user", "content": ASKED}]}),
    "groq": ("/openai/v1/chat/completions", {"messages": [{"role": "user", "content": ASKED}], "stream": True}),
    "gemini": (GEMINI.format("generateContent"), {"contents": [{"role": "user", "parts": [{"text": ASKED}]}]}),
    "gemini stream": (
        GEMINI.format("streamGenerateContent?alt=sse"),
        {"contents": [{"role": "user", "parts": [{"text": ASKED}]}]},
    ),
    "bedrock": ("/model/m/converse", {"messages": [{"role": "user", "content": [{"text": ASKED}]}]}),
    "bedrock stream": ("/model/m/converse-stream", {"messages": [{"role": "user", "content": [{"text": ASKED}]}]}),
    "cohere": ("/v2/chat", {"messages": [{"role": "user", "content": ASKED}], "stream": True}),
    "ollama": ("/api/chat", {"messages": [{"role": "user", "content": ASKED}]}),
}


@pytest.mark.parametrize("name", APIS)
async def test_no_stand_in_reaches_a_call_of_any_api(name: str, tmp_path: Path):
    path, asked = APIS[name]
    async with proxied(tmp_path, policy=RESTORED_IN_TEXT) as proxy:
        proxy.upstream.choose = works
        async with aiohttp.ClientSession() as client, client.post(proxy.url + path, json=asked) as response:
            assert response.status == 200
            data = await response.read()
        assert MAIL.encode() not in proxy.upstream.requests[0].body
        assert not [made for made in MADE if made.findall(data.decode("utf-8", "replace"))]
        await proxy.engine.wait_idle()
        assert restored(proxy) == [6]


# -- sessions ---------------------------------------------------------------------------------------------------------


async def post(proxy: Proxied, turns: list[dict[str, Any]], session: str = "") -> dict[str, Any]:
    headers = {"x-tidegate-session": session} if session else {}
    asked = {"model": "m", "messages": turns}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(f"{proxy.url}/v1/chat/completions", json=asked) as response,
    ):
        assert response.status == 200
        answer: dict[str, Any] = (await response.json())["choices"][0]["message"]
        return answer


async def test_a_history_goes_out_as_it_went_before_and_tells_nothing_anew(tmp_path: Path):
    async with proxied(tmp_path, policy=RULES) as proxy:
        proxy.upstream.choose = works
        turns: list[dict[str, Any]] = [{"role": "user", "content": ASKED}]
        first = await post(proxy, turns)
        turns += [first, {"role": "tool", "tool_call_id": "call_0", "content": f"sent to {MAIL}"}]
        second = await post(proxy, turns)
        assert json.loads(second["tool_calls"][0]["function"]["arguments"]) == MEANT
        before, after = (json.loads(seen.body)["messages"] for seen in proxy.upstream.requests)
        assert after[: len(before)] == before
        [stand_in] = MADE[0].findall(before[0]["content"])
        assert json.loads(after[1]["tool_calls"][0]["function"]["arguments"])["to"] == stand_in
        assert after[1]["content"] == first["content"] == f"I write to {stand_in}, now."
        assert after[2]["content"] == f"sent to {stand_in}"


async def test_two_processes_without_a_memory_of_each_other_make_the_same(tmp_path: Path):
    sent = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with proxied(folder, policy=RULES) as proxy:
            proxy.engine.stand_ins = stand_in_source(Keys(redaction=SecretStr("k" * 32)), Limits())
            proxy.upstream.choose = works
            await post(proxy, [{"role": "user", "content": ASKED}])
            sent.append(proxy.upstream.requests[0].body)
    assert sent[0] == sent[1]


async def test_sessions_side_by_side_keep_to_themselves(tmp_path: Path):
    """Each model is told the other one's stand-in, and uses it: it stands for nothing there."""
    async with proxied(tmp_path, policy=RULES) as proxy:
        proxy.upstream.choose = works
        mails = {f"s{number}": f"person{number}@acme.org" for number in range(4)}

        async def one(session: str) -> dict[str, Any]:
            return await post(proxy, [{"role": "user", "content": f"{mails[session]} {CARD}"}], session)

        answers = dict(zip(mails, await asyncio.gather(*map(one, mails)), strict=True))
        for session, answer in answers.items():
            assert json.loads(answer["tool_calls"][0]["function"]["arguments"])["to"] == mails[session]
        stand_ins = {MADE[0].findall(seen.body.decode())[0] for seen in proxy.upstream.requests}
        assert len(stand_ins) == len(mails)
        for stand_in in stand_ins:
            foreign = await post(proxy, [{"role": "user", "content": f"tell me {stand_in}"}], "another")
            assert "acme.org" not in json.dumps(foreign)


# -- Envoy and gRPC ---------------------------------------------------------------------------------------------------


async def test_through_envoy_a_tool_gets_what_was_asked(tmp_path: Path):
    async with processing(tmp_path, policy=RULES) as envoy:
        exchange = envoy.exchange()
        asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": ASKED}]}
        await exchange.request(json.dumps(asked).encode())
        sent = (await exchange.way("request")).body
        assert MAIL.encode() not in sent
        played = works(Seen("POST", "/v1/chat/completions", {}, sent))
        await exchange.answer(b"".join(played.pieces), size=50)
        got = (await exchange.way("response")).body.decode()
        await exchange.close()
    frames = [json.loads(line[6:]) for line in got.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for frame in frames for choice in frame["choices"]]
    arguments = "".join(made["function"]["arguments"] for delta in deltas for made in delta.get("tool_calls", ()))
    assert json.loads(arguments) == MEANT


async def test_over_grpc_a_session_s_answers_get_back_what_its_inputs_put_in(tmp_path: Path):
    call_lane = tidegate.Lane(channel="tool_arguments")
    (tmp_path / "policy.yaml").write_text(RULES)
    [(_, plan)] = compile_file(tmp_path / "policy.yaml").policies
    async with serving(plan) as server, tidegate.AsyncClient(server.address) as client:
        asked = await client.check(ASKED, direction="input", tenant="t", session_id="s")
        [stand_in] = MADE[0].findall(asked.text)
        written = json.dumps({"to": stand_in})
        own = await client.check(written, lane=call_lane, tenant="t", session_id="s")
        others = [
            await client.check(written, lane=call_lane, tenant=tenant, session_id=session)
            for tenant, session in (("t", "other"), ("u", "s"), ("t", ""), ("", ""))
        ]
    assert own.text == json.dumps({"to": MAIL})
    assert [each.is_restored for each in own.redactions] == [True]
    assert own.summary.restored == 1
    assert own.summary.violation_count == 0
    assert {each.text for each in others} == {written}
