"""A small agent: it asks the model, makes the calls that come back, and goes on until the model has said something."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import openai
from mcp import ClientSession

_MOST_TURNS = 6


@dataclass(slots=True)
class Run:
    """What an agent did: the calls that it made, with what came of them, and what it said at the end."""

    tools: list[str] = field(default_factory=list)
    """Those that the server offers, as the agent sees them."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Each with its result, as text."""
    said: str = ""
    finish: str = ""
    heard: tuple[bytes, ...] = ()
    """Over HTTP: what answered the requests of MCP; and the same of a run without Tidegate, if there was one."""
    heard_unguarded: tuple[bytes, ...] = ()


async def act(client: openai.AsyncOpenAI, session: ClientSession, task: str, name: str) -> Run:
    """Do a task with the tools of one server."""
    run = Run()
    offered = (await session.list_tools()).tools
    run.tools = [tool.name for tool in offered]
    tools: list[Any] = [
        {"type": "function", "function": {"name": each.name, "description": each.description or "", "parameters": {}}}
        for each in offered
    ]
    messages: list[Any] = [{"role": "user", "content": task}]
    for _ in range(_MOST_TURNS):
        answer = await client.chat.completions.create(
            model="script", messages=messages, tools=tools, extra_headers={"x-tidegate-session": name}
        )
        choice = answer.choices[0]
        run.said, run.finish = choice.message.content or "", choice.finish_reason
        if not choice.message.tool_calls:
            return run
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in choice.message.tool_calls:
            result = await _made(session, call)
            run.calls.append(result)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result[1]})
    return run


async def _made(session: ClientSession, call: Any) -> tuple[str, str]:
    result: Any = await session.call_tool(call.function.name, json.loads(call.function.arguments))
    return call.function.name, "".join(getattr(each, "text", "") for each in result.content)
