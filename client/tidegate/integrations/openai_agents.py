"""Guardrails for the OpenAI Agents SDK: before an agent begins, and on what it answers.

    agent = Agent("support", input_guardrails=[input_guardrail(client)], output_guardrails=[output_guardrail(client)])

A guardrail trips its wire, and changes nothing: it trips also where a policy would have changed a text. `output_info`
then says why, without the text. The input's is run before the agent, not beside it. Needs openai-agents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Unpack

from agents import GuardrailFunctionOutput, InputGuardrail, OutputGuardrail

from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question, why
from tidegate.types import Part, StreamOptions

_PARTS: dict[str, Part] = {"user": "user", "system": "system", "developer": "system", "assistant": "model"}


def input_guardrail(client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> Any:
    """Judges what an agent is given: the user's words, a history, results of tools."""
    asker = Asker(client, **options)

    async def judge(_context: Any, _agent: Any, given: Any) -> Any:
        return await asker.arun(_judged([*_questions(given)]))

    return InputGuardrail(judge, name="tidegate", run_in_parallel=False)


def output_guardrail(client: Client | AsyncClient, **options: Unpack[StreamOptions]) -> Any:
    """Judges an agent's final answer; one that is no text, as its `str`."""
    asker = Asker(client, **options)

    async def judge(_context: Any, _agent: Any, answer: Any) -> Any:
        return await asker.arun(_judged([Question(str(answer))]))

    return OutputGuardrail(judge, name="tidegate")


def _judged(questions: list[Question]) -> Plan[Any]:
    for each in questions:
        result = yield each
        if result.is_blocked or result.text != each.text:
            verdict = result.verdict
            rule = verdict.rule if verdict is not None else next((one.rule for one in result.redactions), "")
            return GuardrailFunctionOutput({"rule": rule, "reason": why(result)}, tripwire_triggered=True)
    return GuardrailFunctionOutput(None, tripwire_triggered=False)


def _questions(given: Any) -> Iterator[Question]:
    """The texts of an input, a string or items as the Responses API has them."""
    if isinstance(given, str):
        yield Question(given, "user")
        return
    for item in given:
        if "output" in item:
            yield from _texts(item["output"], "tool_result")
        elif "content" in item:
            yield from _texts(item["content"], _PARTS.get(item.get("role", ""), "user"))


def _texts(content: Any, part: Part) -> Iterator[Question]:
    if isinstance(content, str):
        yield Question(content, part)
        return
    for each in content if isinstance(content, list) else ():
        if isinstance(text := each.get("text"), str):
            yield Question(text, part)
