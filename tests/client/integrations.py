"""Frameworks with Tidegate inside, each with its released package and a scripted model: a line of JSON for one of them.

python -m tests.client.integrations NAME
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tidegate.testing import Guard, block, redact

CARD, MASKED, BAD, FINE = "My card is 4111.", "My card is [CARD].", "This is forbidden.", "A fine day."
SAID = "Let us not."


def guard() -> Guard:
    return Guard(redact("4111", "[CARD]", label="CREDIT_CARD"), block("forbidden", SAID))


# --- LangChain --------------------------------------------------------------------------------------------------------


class LangchainAgent:
    """An agent of LangChain's with a scripted model, and one tool that tells `fetched`."""

    def __init__(self, fetched: str, *, is_async: bool) -> None:
        from langchain_core.tools import tool

        self.ran: list[str] = []
        self._is_async = is_async

        @tool  # type: ignore[untyped-decorator]
        def fetch(page: str) -> str:
            """Fetch a page."""
            self.ran.append(page)
            return fetched

        self._tool = fetch

    def texts(self, asked: str, *answers: Any) -> list[str]:
        """All messages of a run."""
        from langchain.agents import create_agent

        from tidegate.integrations.langchain import TidegateMiddleware

        own = guard()
        client = own.async_client() if self._is_async else own.client()
        agent = create_agent(_langchain_model(answers), [self._tool], middleware=[TidegateMiddleware(client)])
        said = {"messages": [{"role": "user", "content": asked}]}
        state = asyncio.run(agent.ainvoke(said)) if self._is_async else agent.invoke(said)
        return [each.text for each in state["messages"]]


def _langchain_model(answers: Sequence[Any]) -> Any:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    class Model(GenericFakeChatModel):  # type: ignore[misc]  # LangChain is not there where types are checked
        def bind_tools(self, tools: Any, **_more: Any) -> Any:
            return self

    return Model(messages=iter([AIMessage(each) if isinstance(each, str) else each for each in answers]))


def _langchain_call(page: str) -> Any:
    from langchain_core.messages import AIMessage

    return AIMessage("", tool_calls=[{"name": "fetch", "args": {"page": page}, "id": "call-1"}])


def _langchain_runs(*, is_async: bool) -> dict[str, Any]:
    agent = LangchainAgent(FINE, is_async=is_async)
    return {
        "fine": agent.texts(FINE, FINE),
        "prompt blocked": agent.texts(BAD, FINE),
        "prompt redacted": agent.texts(CARD, FINE),
        "answer blocked": agent.texts(FINE, BAD),
        "answer redacted": agent.texts(FINE, CARD),
        "call blocked": agent.texts(FINE, _langchain_call(BAD)),
        "call changed": agent.texts(FINE, _langchain_call(CARD)),
        "call fine": agent.texts(FINE, _langchain_call(FINE), FINE),
        "ran": agent.ran,
    }


def langchain() -> dict[str, Any]:
    """Both ways of running an agent, and a tool's result that is stopped."""
    result = LangchainAgent(BAD, is_async=False).texts(FINE, _langchain_call(FINE), FINE)
    return {"sync": _langchain_runs(is_async=False), "async": _langchain_runs(is_async=True), "result": result}


# --- OpenAI Agents SDK ------------------------------------------------------------------------------------------------


def _agents_model(answer: str) -> Any:
    from agents import Model, ModelResponse, Usage
    from openai.types.responses import ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):  # type: ignore[misc]  # the SDK is not there where types are checked
        calls = 0

        async def get_response(self, *_given: Any, **_more: Any) -> Any:
            self.calls += 1
            part = ResponseOutputText(text=answer, type="output_text", annotations=[])
            message = ResponseOutputMessage(
                id="m", content=[part], role="assistant", status="completed", type="message"
            )
            return ModelResponse(output=[message], usage=Usage(), response_id=None)

        def stream_response(self, *_given: Any, **_more: Any) -> Any:
            raise NotImplementedError

    return Scripted()


async def _agents_run(asked: Any, answer: str) -> list[Any]:
    """How a run ended, with what, and how often the model was asked."""
    from agents import Agent, InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered, RunConfig, Runner

    from tidegate.integrations.openai_agents import input_guardrail, output_guardrail

    model, client = _agents_model(answer), guard().async_client()
    rails = {"input_guardrails": [input_guardrail(client)], "output_guardrails": [output_guardrail(client)]}
    try:
        result = await Runner.run(
            Agent("one", model=model, **rails), asked, run_config=RunConfig(tracing_disabled=True)
        )
    except InputGuardrailTripwireTriggered as tripped:
        return ["input", tripped.guardrail_result.output.output_info["reason"], model.calls]
    except OutputGuardrailTripwireTriggered as tripped:
        return ["output", tripped.guardrail_result.output.output_info["reason"], model.calls]
    return ["fine", result.final_output, model.calls]


async def _agents_runs() -> dict[str, Any]:
    items = [{"role": "user", "content": [{"type": "input_text", "text": BAD}]}]
    results = [
        {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": BAD},
    ]
    return {
        "fine": await _agents_run(FINE, FINE),
        "prompt blocked": await _agents_run(BAD, FINE),
        "prompt changed": await _agents_run(CARD, FINE),
        "items blocked": await _agents_run(items, FINE),
        "result blocked": await _agents_run(results, FINE),
        "answer blocked": await _agents_run(FINE, BAD),
        "answer changed": await _agents_run(FINE, CARD),
    }


def openai_agents() -> dict[str, Any]:
    """What trips before the model is asked, and what after it."""
    return asyncio.run(_agents_runs())


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

define flow tidegate output
  $checked = execute tidegate_check_output
  if not $checked["allowed"]
    bot refuse to respond
    stop
  $bot_message = $checked["text"]

define subflow tidegate retrieval
  $checked = execute tidegate_check_retrieval
  $relevant_chunks = $checked["text"]

define subflow tidegate calls
  $checked = execute tidegate_check_tool_calls
  if not $checked["allowed"]
    bot refuse to respond
    stop

define subflow tidegate result
  $checked = execute tidegate_check_tool_result
  if not $checked["allowed"]
    bot refuse to respond
    stop

define bot tell chunks
  "{{ relevant_chunks }}"

define subflow tell chunks
  bot tell chunks
  stop
"""
_TOOL_RAILS = """
models: []
passthrough: true
rails:
  tool_output: {flows: [tidegate calls]}
  tool_input: {flows: [tidegate result]}
"""
_RETRIEVAL_RAILS = """
models: []
rails:
  input: {flows: [tell chunks]}
  retrieval: {flows: [tidegate retrieval]}
"""


def _nemo_rails(config: str) -> Any:
    from nemoguardrails import LLMRails, RailsConfig

    from tidegate.integrations.nemo import register

    rails = LLMRails(RailsConfig.from_content(_COLANG, config))
    register(rails, guard().async_client())
    return rails


def _nemo_tools() -> dict[str, Any]:
    """What becomes of calls and of a result: NeMo hands on what it was given, or says what the bot says."""
    rails, user = _nemo_rails(_TOOL_RAILS), {"role": "user", "content": "Hi."}

    def asks(*pages: str) -> dict[str, Any]:
        calls = [
            {
                "id": f"c{page}",
                "type": "function",
                "function": {"name": "fetch", "arguments": json.dumps({"page": page})},
            }
            for page in pages
        ]
        return {"role": "assistant", "content": "", "tool_calls": calls}

    def called(*pages: str) -> Any:
        said = rails.generate(messages=[user, asks(*pages)])
        return [said["content"], len(said.get("tool_calls", ()))]

    def resulted(text: str) -> Any:
        result = {"role": "tool", "name": "fetch", "tool_call_id": "c", "content": text}
        return rails.generate(messages=[user, asks(FINE), result])["content"]

    return {
        "calls": [called(FINE, FINE), called(FINE, CARD), called(FINE, BAD)],
        "results": [resulted(FINE), resulted(CARD), resulted(BAD)],
    }


def _nemo_retrieval() -> list[str]:
    """What a bot reads of retrieved passages."""
    rails = _nemo_rails(_RETRIEVAL_RAILS)

    def read(chunks: str) -> str:
        context = {"role": "context", "content": {"relevant_chunks": chunks}}
        said = rails.generate(messages=[context, {"role": "user", "content": "Hi."}])
        return str(said["content"]).strip()

    return [read(FINE), read(CARD), read(BAD)]


def nemo() -> dict[str, Any]:
    """The rails of prompts and answers, of tools, and of retrieval: to import NeMo takes longer than all of them."""
    return {**_nemo_texts(), **_nemo_tools(), "retrieval": _nemo_retrieval()}


def _nemo_texts() -> dict[str, Any]:
    from nemoguardrails.rails.llm.options import RailType

    config = "models: []\nrails: {input: {flows: [tidegate input]}, output: {flows: [tidegate output]}}\n"
    rails = _nemo_rails(config)

    def run(text: str, *, is_answer: bool) -> list[str]:
        said = [{"role": "user", "content": text}]
        if is_answer:
            said = [{"role": "user", "content": FINE}, {"role": "assistant", "content": text}]
        result = rails.check(said, rail_types=[RailType.OUTPUT if is_answer else RailType.INPUT])
        return [str(result.status.value), result.content]

    def each(*, is_answer: bool) -> dict[str, Any]:
        texts = {"fine": FINE, "changed": CARD, "blocked": BAD}
        return {name: run(text, is_answer=is_answer) for name, text in texts.items()}

    return {"input": each(is_answer=False), "output": each(is_answer=True)}


RUNS: dict[str, Callable[[], dict[str, Any]]] = {
    "langchain": langchain,
    "openai-agents": openai_agents,
    "guardrails-ai": guardrails_ai,
    "nemo": nemo,
}

if __name__ == "__main__":
    print(json.dumps(RUNS[sys.argv[1]]()))  # noqa: T201 - what the test reads
