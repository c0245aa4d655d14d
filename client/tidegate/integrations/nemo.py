"""Actions for rails of NeMo Guardrails, version 0.24: for all five kinds of them.

    register(rails, client)

    define subflow tidegate input
      $checked = execute tidegate_check_input
      if not $checked["allowed"]
        bot refuse to respond
        stop
      $user_message = $checked["text"]

and the same with

- `tidegate_check_output` and `$bot_message` (`rails.output`),
- `tidegate_check_retrieval` and `$relevant_chunks` (`rails.retrieval`); a text that is stopped is the message instead,
- `tidegate_check_tool_calls` (`rails.tool_output`): all calls of a turn, by their arguments,
- `tidegate_check_tool_result` (`rails.tool_input`): one tool's result, in `$tool_message`.

Calls and results of tools leave NeMo's rails as they came, or not at all, so what a policy would change there is not
allowed. The package is not imported here: an action is a function, and `register_action` of the rails takes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, Unpack

from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question, why
from tidegate.types import StreamOptions

Judged = dict[str, Any]
"""What a flow is told: whether it is `allowed`, its `text` as it may go on, and the `message` and `rule` of a stop."""


class Rails(Protocol):
    """Rails, as far as they take actions."""

    def register_action(self, action: Any, name: str | None = None) -> Any:
        """Take an action."""
        ...


def register(rails: Rails, client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> None:
    """Give rails all actions; each answers with `allowed`, `text` (as it may go on), `message` and `rule`."""
    asker = Asker(client, **options)

    async def check_input(context: dict[str, Any]) -> Judged:
        return await asker.arun(_judged(Question(context.get("user_message") or "", "user")))

    async def check_output(context: dict[str, Any]) -> Judged:
        return await asker.arun(_judged(Question(context.get("bot_message") or "")))

    async def check_retrieval(context: dict[str, Any]) -> Judged:
        return await asker.arun(_judged(Question(context.get("relevant_chunks") or "", "context")))

    async def check_tool_calls(context: dict[str, Any]) -> Judged:
        return await asker.arun(_unchanged(*map(_call, context.get("tool_calls") or ())))

    async def check_tool_result(context: dict[str, Any]) -> Judged:
        return await asker.arun(_unchanged(Question(_as_text(context.get("tool_message") or ""), "tool_result")))

    rails.register_action(check_input, "tidegate_check_input")
    rails.register_action(check_output, "tidegate_check_output")
    rails.register_action(check_retrieval, "tidegate_check_retrieval")
    rails.register_action(check_tool_calls, "tidegate_check_tool_calls")
    rails.register_action(check_tool_result, "tidegate_check_tool_result")


def _judged(question: Question) -> Plan[Judged]:
    result = yield question
    verdict = result.verdict
    if verdict is None:
        return _told(result.text)
    text = verdict.message if question.part == "context" else result.text
    return _told(text, allowed=False, message=verdict.message, rule=verdict.rule)


def _unchanged(*questions: Question) -> Plan[Judged]:
    """Texts of which each is allowed as it is, or none: the first that is not is told."""
    for question in questions:
        result = yield question
        if result.verdict is not None or result.text != question.text:
            rule = "" if result.verdict is None else result.verdict.rule
            return _told("", allowed=False, message=why(result), rule=rule)
    return _told(questions[0].text if len(questions) == 1 else "")


def _told(text: str, *, allowed: bool = True, message: str = "", rule: str = "") -> Judged:
    return {"allowed": allowed, "text": text, "message": message, "rule": rule}


def _call(call: Any) -> Question:
    """A call's arguments, in OpenAI's form (`function.arguments`) or LangChain's (`args`)."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if isinstance(function, Mapping):
        arguments = function.get("arguments")
    else:
        arguments = call.get("args", call.get("arguments")) if isinstance(call, Mapping) else call
    return Question(_as_text(arguments if arguments is not None else ""), is_call=True)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
