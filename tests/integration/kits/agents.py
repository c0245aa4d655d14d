"""Agents: frameworks and kits that run a tool whenever the model calls it, and ask the model again with its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.kits.models import gemini_client, of_gemini
from tests.integration.kits.told import Ask, Kit, Told


def _pay(told: Told) -> Callable[[str, int], str]:
    def pay(card: str, sum: int) -> str:  # noqa: A001 - that is what the model calls it
        """Pays a sum with a card.

        Args:
            card: the card
            sum: the sum
        """
        told.ran.append({"card": card, "sum": sum})
        return "paid"

    return pay


# --- LangChain --------------------------------------------------------------------------------------------------------


def _langchain(model: Callable[[Ask], Any]) -> Kit:
    async def run(ask: Ask) -> Told:
        from langchain.agents import create_agent
        from langchain_core.messages import AIMessage, AIMessageChunk

        told = Told()
        agent: Any = create_agent(model(ask), tools=[_pay(told)])
        asked = {"messages": [{"role": "user", "content": ask.text}]}
        if ask.is_streamed:
            async for chunk, _ in agent.astream(asked, stream_mode="messages"):
                told.say(text=chunk.text if isinstance(chunk, AIMessageChunk) else "")
            return told
        for message in (await agent.ainvoke(asked))["messages"]:
            told.say(text=message.text if isinstance(message, AIMessage) else "")
        return told

    return run


def _langchain_openai(**more: Any) -> Callable[[Ask], Any]:
    def model(ask: Ask) -> Any:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(base_url=f"{ask.url}/v1", api_key="unused", model="m", **more)  # type: ignore[call-arg,arg-type,unused-ignore]

    return model


def _langchain_anthropic(ask: Ask) -> Any:
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(base_url=ask.url, api_key="unused", model="claude-sonnet-4-5", max_tokens=99)


# --- OpenAI Agents ----------------------------------------------------------------------------------------------------


def _openai_agents(kind: str) -> Kit:
    async def run(ask: Ask) -> Told:
        import agents
        import openai

        agents.set_tracing_disabled(True)
        told = Told()
        async with openai.AsyncOpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
            agent = agents.Agent(
                name="payer", model=getattr(agents, kind)("m", client), tools=[agents.function_tool(_pay(told))]
            )
            if not ask.is_streamed:
                result: Any = await agents.Runner.run(agent, ask.text)
            else:
                result = agents.Runner.run_streamed(agent, ask.text)
                async for _ in result.stream_events():
                    pass
        told.text = result.final_output
        return told

    return run


# --- Anthropic --------------------------------------------------------------------------------------------------------


def anthropic_runner(ask: Ask) -> Told:
    import anthropic

    told = Told()
    with anthropic.Anthropic(base_url=ask.url, api_key="unused") as client:
        runner: Any = client.beta.messages.tool_runner(
            model="m", max_tokens=99, messages=[{"role": "user", "content": ask.text}],
            tools=[anthropic.beta_tool(_pay(told))], stream=ask.is_streamed,
        )  # fmt: skip
        for each in runner:
            message = each.get_final_message() if ask.is_streamed else each
            told.say(text="".join(block.text for block in message.content if block.type == "text"))
            told.ended = message.stop_reason
    return told


# --- Gemini -----------------------------------------------------------------------------------------------------------


def gemini_calling(ask: Ask) -> Told:
    """The kit runs functions by itself."""
    ran = Told()
    client: Any = gemini_client(ask)
    asked: Any = {"model": "m", "contents": ask.text, "config": {"tools": [_pay(ran)]}}
    if ask.is_streamed:
        told = of_gemini(client.models.generate_content_stream(**asked))
    else:
        told = of_gemini([client.models.generate_content(**asked)])
    told.ran = ran.ran
    return told


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


async def llamaindex(ask: Ask) -> Told:
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai_like import OpenAILike

    told = Told()
    model = OpenAILike(
        api_base=f"{ask.url}/v1", api_key="unused", model="m", is_chat_model=True, is_function_calling_model=True
    )
    agent = FunctionAgent(tools=[_pay(told)], llm=model, streaming=ask.is_streamed)
    told.text = str(await agent.run(ask.text))
    return told


# --- Semantic Kernel --------------------------------------------------------------------------------------------------


async def semantic_kernel(ask: Ask) -> Told:
    import openai
    from semantic_kernel import Kernel
    from semantic_kernel.connectors.ai import FunctionChoiceBehavior
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
    from semantic_kernel.contents import ChatHistory
    from semantic_kernel.functions import kernel_function

    told, history = Told(), ChatHistory()
    kernel = Kernel()
    kernel.add_function("till", kernel_function(_pay(told), name="pay"))
    history.add_user_message(ask.text)
    settings = OpenAIChatPromptExecutionSettings(function_choice_behavior=FunctionChoiceBehavior.Auto())
    async with openai.AsyncOpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
        service = OpenAIChatCompletion(ai_model_id="m", async_client=client)
        if not ask.is_streamed:
            told.text = str(await service.get_chat_message_content(history, settings, kernel=kernel))
            return told
        async for chunk in service.get_streaming_chat_message_content(history, settings, kernel=kernel):
            told.say(text=str(chunk))
    return told


AGENTS: dict[str, Kit] = {
    "langchain": _langchain(_langchain_openai()),
    "langchain-responses": _langchain(_langchain_openai(use_responses_api=True)),
    "langchain-anthropic": _langchain(_langchain_anthropic),
    "openai-agents-chat": _openai_agents("OpenAIChatCompletionsModel"),
    "openai-agents-responses": _openai_agents("OpenAIResponsesModel"),
    "anthropic-tool-runner": anthropic_runner,
    "google-genai-calling": gemini_calling,
    "llamaindex": llamaindex,
    "semantic-kernel": semantic_kernel,
}
