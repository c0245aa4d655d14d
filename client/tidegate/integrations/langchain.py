"""Middleware for LangChain's agents: what goes to the model, what it says, and the calls that it makes.

    agent = create_agent(model, tools, middleware=[TidegateMiddleware(client, policy="support-bot")])

Before each call of the model the messages that are new are judged: a user's that is stopped ends the run with the
policy's message, a tool's result that is stopped gives way to it, and the run goes on. After it, what the model said:
an answer that is stopped gives way to the message and ends the run; so does one with a call whose arguments a policy
stops or would change, since a tool is handed what was meant, or nothing. Streams of a model's tokens pass before they
are judged: guard those with `client.stream`. Needs langchain 1.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, Unpack

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question, why
from tidegate.types import CheckResult, Part, StreamOptions, Verdict

Update = dict[str, Any] | None
_NO_MESSAGE = "This was stopped by a policy."


class TidegateMiddleware(AgentMiddleware):  # type: ignore[misc]  # LangChain is not there where types are checked
    """Judges with a client; a `Client` serves agents of either kind, an `AsyncClient` those that are awaited."""

    def __init__(self, client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> None:
        """`options` are said of each text. Raises `TypeError` for a `direction`."""
        super().__init__()
        self._asker = Asker(client, **options)

    @hook_config(can_jump_to=["end"])  # type: ignore[untyped-decorator]
    def before_model(self, state: Any, runtime: Any) -> Update:
        """Judge what is new. Raises `TidegateError`."""
        return self._asker.run(_before(state["messages"]))

    @hook_config(can_jump_to=["end"])  # type: ignore[untyped-decorator]
    async def abefore_model(self, state: Any, runtime: Any) -> Update:
        """Judge what is new. Raises `TidegateError`."""
        return await self._asker.arun(_before(state["messages"]))

    @hook_config(can_jump_to=["end"])  # type: ignore[untyped-decorator]
    def after_model(self, state: Any, runtime: Any) -> Update:
        """Judge what the model said. Raises `TidegateError`."""
        return self._asker.run(_after(state["messages"][-1]))

    @hook_config(can_jump_to=["end"])  # type: ignore[untyped-decorator]
    async def aafter_model(self, state: Any, runtime: Any) -> Update:
        """Judge what the model said. Raises `TidegateError`."""
        return await self._asker.arun(_after(state["messages"][-1]))


def _before(messages: list[AnyMessage]) -> Plan[Update]:
    changed = []
    for message in _new(messages):
        part: Part = "user" if isinstance(message, HumanMessage) else "tool_result"
        content, verdict = yield from _judged(message.content, part)
        if verdict is not None and part == "user":
            return {"messages": [AIMessage(verdict.message or _NO_MESSAGE)], "jump_to": "end"}
        if verdict is not None:
            content = verdict.message or _NO_MESSAGE
        if content != message.content:
            changed.append(message.model_copy(update={"content": content}))
    return {"messages": changed} if changed else None


def _after(message: AnyMessage) -> Plan[Update]:
    if not isinstance(message, AIMessage):
        return None
    content, verdict = yield from _judged(message.content, "model")
    if verdict is not None:
        return _ended(message, verdict.message or _NO_MESSAGE)
    for call in message.tool_calls:
        arguments = json.dumps(call["args"], ensure_ascii=False)
        result = yield Question(arguments, is_call=True)
        if result.is_blocked or result.text != arguments:
            return _ended(message, why(result))
    return None if content == message.content else {"messages": [message.model_copy(update={"content": content})]}


def _ended(message: AIMessage, said: str) -> Update:
    """An answer in place of the one that was stopped; by its id it takes that one's place, and it calls nothing."""
    return {"messages": [AIMessage(said, id=message.id)], "jump_to": "end"}


def _new(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The user's and the tools' messages behind the model's last."""
    last = max((place for place, each in enumerate(messages) if isinstance(each, AIMessage)), default=-1)
    return [each for each in messages[last + 1 :] if isinstance(each, HumanMessage | ToolMessage)]


def _judged(content: Any, part: Part) -> Generator[Question, CheckResult, tuple[Any, Verdict | None]]:
    """A message's content as it may go on, or what stopped it. Blocks that hold no text are none of a guard's."""
    if isinstance(content, str):
        result = yield Question(content, part)
        return result.text, result.verdict
    blocks = []
    for block in content:
        text = block if isinstance(block, str) else block.get("text")
        if not isinstance(text, str):
            blocks.append(block)
            continue
        result = yield Question(text, part)
        if result.verdict is not None:
            return content, result.verdict
        blocks.append(result.text if isinstance(block, str) else {**block, "text": result.text})
    return blocks, None
