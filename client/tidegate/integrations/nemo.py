"""Actions for rails of NeMo Guardrails, version 0.24: for its input and its output.

    register(rails, client)

    define flow tidegate input
      $checked = execute tidegate_check_input
      if not $checked["allowed"]
        bot refuse to respond
        stop
      $user_message = $checked["text"]

and the same with `tidegate_check_output` and `$bot_message`. The package is not imported here: an action is a function,
and `register_action` of the rails takes it.
"""

from __future__ import annotations

from typing import Any, Protocol, Unpack

from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question
from tidegate.types import StreamOptions


class Rails(Protocol):
    """Rails, as far as they take actions."""

    def register_action(self, action: Any, name: str | None = None) -> Any:
        """Take an action."""
        ...


def register(rails: Rails, client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> None:
    """Give rails both actions; each answers with `allowed`, `text` (as it may go on), `message` and `rule`."""
    asker = Asker(client, **options)

    async def check_input(context: dict[str, Any]) -> dict[str, Any]:
        return await asker.arun(_judged(Question(context.get("user_message") or "", "user")))

    async def check_output(context: dict[str, Any]) -> dict[str, Any]:
        return await asker.arun(_judged(Question(context.get("bot_message") or "")))

    rails.register_action(check_input, "tidegate_check_input")
    rails.register_action(check_output, "tidegate_check_output")


def _judged(question: Question) -> Plan[dict[str, Any]]:
    result = yield question
    verdict = result.verdict
    return {
        "allowed": verdict is None,
        "text": result.text,
        "message": "" if verdict is None else verdict.message,
        "rule": "" if verdict is None else verdict.rule,
    }
