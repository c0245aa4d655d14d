"""Frameworks with Tidegate inside, each with its released package and a scripted model: a line of JSON for one of them.

python -m tests.client.integrations NAME
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from tidegate.testing import Guard, block, redact

CARD, MASKED, BAD, FINE = "My card is 4111.", "My card is [CARD].", "This is forbidden.", "A fine day."
SAID = "Let us not."


def guard() -> Guard:
    return Guard(redact("4111", "[CARD]", label="CREDIT_CARD"), block("forbidden", SAID))


# --- LangChain --------------------------------------------------------------------------------------------------------


def langchain() -> dict[str, Any]:
    from langchain.agents import create_agent
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool

    from tidegate.integrations.langchain import TidegateMiddleware

    class Model(GenericFakeChatModel):  # type: ignore[misc]  # LangChain is not there where types are checked
        def bind_tools(self, tools: Any, **_more: Any) -> Any:
            return self

    ran = []

    @tool  # type: ignore[untyped-decorator]
    def fetch(page: str) -> str:
        """Fetch a page."""
        ran.append(page)
        return page

    def call(page: str) -> Any:
        return AIMessage("", tool_calls=[{"name": "fetch", "args": {"page": page}, "id": "call-1"}])

    def run(asked: str, *answers: Any, is_async: bool) -> list[str]:
        own = guard()
        client = own.async_client() if is_async else own.client()
        model = Model(messages=iter([each if isinstance(each, AIMessage) else AIMessage(each) for each in answers]))
        agent = create_agent(model, [fetch], middleware=[TidegateMiddleware(client)])
        said = {"messages": [{"role": "user", "content": asked}]}
        state = asyncio.run(agent.ainvoke(said)) if is_async else agent.invoke(said)
        return [each.text for each in state["messages"]]

    def all_of(*, is_async: bool) -> dict[str, Any]:
        ran.clear()
        told: dict[str, Any] = {
            "fine": run(FINE, FINE, is_async=is_async),
            "prompt blocked": run(BAD, FINE, is_async=is_async),
            "prompt redacted": run(CARD, FINE, is_async=is_async),
            "answer blocked": run(FINE, BAD, is_async=is_async),
            "answer redacted": run(FINE, CARD, is_async=is_async),
            "call blocked": run(FINE, call(BAD), is_async=is_async),
            "call changed": run(FINE, call(CARD), is_async=is_async),
            "call fine": run(FINE, call(FINE), FINE, is_async=is_async),
        }
        return {**told, "ran": [*ran]}

    return {"sync": all_of(is_async=False), "async": all_of(is_async=True), "result": _result()}


def _result() -> list[str]:
    """A tool's result that is stopped: what the run then holds."""
    from langchain.agents import create_agent
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool

    from tidegate.integrations.langchain import TidegateMiddleware

    class Model(GenericFakeChatModel):  # type: ignore[misc]  # LangChain is not there where types are checked
        def bind_tools(self, tools: Any, **_more: Any) -> Any:
            return self

    @tool  # type: ignore[untyped-decorator]
    def read() -> str:
        """Read."""
        return BAD

    call = AIMessage("", tool_calls=[{"name": "read", "args": {}, "id": "call-1"}])
    model = Model(messages=iter([call, AIMessage(FINE)]))
    agent = create_agent(model, [read], middleware=[TidegateMiddleware(guard().client())])
    return [each.text for each in agent.invoke({"messages": [{"role": "user", "content": FINE}]})["messages"]]


# --- OpenAI Agents SDK ------------------------------------------------------------------------------------------------


def openai_agents() -> dict[str, Any]:
    from agents import (
        Agent,
        InputGuardrailTripwireTriggered,
        Model,
        ModelResponse,
        OutputGuardrailTripwireTriggered,
        RunConfig,
        Runner,
        Usage,
    )
    from openai.types.responses import ResponseOutputMessage, ResponseOutputText

    from tidegate.integrations.openai_agents import input_guardrail, output_guardrail

    class Scripted(Model):  # type: ignore[misc]  # the SDK is not there where types are checked
        def __init__(self, answer: str) -> None:
            self.answer = answer
            self.calls = 0

        async def get_response(self, *_given: Any, **_more: Any) -> Any:
            self.calls += 1
            part = ResponseOutputText(text=self.answer, type="output_text", annotations=[])
            message = ResponseOutputMessage(
                id="m", content=[part], role="assistant", status="completed", type="message"
            )
            return ModelResponse(output=[message], usage=Usage(), response_id=None)

        def stream_response(self, *_given: Any, **_more: Any) -> Any:
            raise NotImplementedError

    async def run(asked: Any, answer: str) -> list[Any]:
        model = Scripted(answer)
        client = guard().async_client()
        agent = Agent(
            "one",
            model=model,
            input_guardrails=[input_guardrail(client)],
            output_guardrails=[output_guardrail(client)],
        )
        try:
            result = await Runner.run(agent, asked, run_config=RunConfig(tracing_disabled=True))
        except InputGuardrailTripwireTriggered as tripped:
            return ["input", tripped.guardrail_result.output.output_info["reason"], model.calls]
        except OutputGuardrailTripwireTriggered as tripped:
            return ["output", tripped.guardrail_result.output.output_info["reason"], model.calls]
        return ["fine", result.final_output, model.calls]

    async def all_of() -> dict[str, Any]:
        items = [{"role": "user", "content": [{"type": "input_text", "text": BAD}]}]
        results = [
            {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": BAD},
        ]
        return {
            "fine": await run(FINE, FINE),
            "prompt blocked": await run(BAD, FINE),
            "prompt changed": await run(CARD, FINE),
            "items blocked": await run(items, FINE),
            "result blocked": await run(results, FINE),
            "answer blocked": await run(FINE, BAD),
            "answer changed": await run(FINE, CARD),
        }

    return asyncio.run(all_of())


# --- Guardrails AI and NeMo Guardrails --------------------------------------------------------------------------------


def guardrails_ai() -> dict[str, Any]:
    from guardrails import Guard as Rails

    from tidegate.integrations.guardrails_ai import TidegateValidator

    def run(text: str, on_fail: str) -> Any:
        rails = Rails().use(TidegateValidator(guard().client(), on_fail=on_fail))
        try:
            result = rails.validate(text)
        except Exception as error:  # noqa: BLE001 - which it is, is what the test asks
            return [type(error).__name__, SAID in str(error)]
        return [result.validation_passed, result.validated_output]

    return {
        "fine": run(FINE, "exception"),
        "changed": run(CARD, "exception"),
        "blocked": run(BAD, "exception"),
        "fixed": [run(CARD, "fix"), run(BAD, "fix")],
    }


_COLANG = """
define bot refuse to respond
  "No."

define flow tidegate input
  $checked = execute tidegate_check_input
  if not $checked["allowed"]
    bot refuse to respond
    stop
  $user_message = $checked["text"]
"""


def nemo() -> dict[str, Any]:
    from nemoguardrails import LLMRails, RailsConfig
    from nemoguardrails.rails.llm.options import RailType

    from tidegate.integrations.nemo import register

    config = RailsConfig.from_content(_COLANG, "models: []\nrails:\n  input:\n    flows: [tidegate input]\n")
    rails = LLMRails(config)
    register(rails, guard().async_client())

    def run(text: str) -> list[str]:
        result = rails.check([{"role": "user", "content": text}], rail_types=[RailType.INPUT])
        return [str(result.status.value), result.content]

    return {"fine": run(FINE), "changed": run(CARD), "blocked": run(BAD)}


RUNS: dict[str, Callable[[], dict[str, Any]]] = {
    "langchain": langchain,
    "openai-agents": openai_agents,
    "guardrails-ai": guardrails_ai,
    "nemo": nemo,
}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]]()))  # noqa: T201 - what the test reads
