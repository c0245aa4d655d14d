"""A session of each framework: made from its model's URL and its tools, then given one task after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.agents.frameworks.tools import Tool

Session = Callable[[str], Awaitable[str]]
"""A task -> the agent's answer. The next task finds the history."""
MAX_STEPS = 4
"""How often smolagents asks for one task."""
_SYSTEM = "You write and correct programs with the tools that you have."


def openai_agents(url: str, tools: Sequence[Tool]) -> Session:
    from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    model = OpenAIResponsesModel("m", AsyncOpenAI(base_url=url, api_key="sk-0"))
    agent = Agent(name="coder", instructions=_SYSTEM, tools=[function_tool(each) for each in tools], model=model)
    history: list[object] = []

    async def say(task: str) -> str:
        result = await Runner.run(agent, [*history, {"role": "user", "content": task}])
        history[:] = result.to_input_list()
        return str(result.final_output)

    return say


def langgraph(url: str, tools: Sequence[Tool]) -> Session:
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    agent = create_react_agent(ChatOpenAI(model="m", base_url=url, api_key="sk-0"), list(tools), prompt=_SYSTEM)
    history: list[Any] = []

    async def say(task: str) -> str:
        result = await agent.ainvoke({"messages": [*history, ("user", task)]})
        history[:] = result["messages"]
        return str(history[-1].content)

    return say


def pydantic_ai(url: str, tools: Sequence[Tool]) -> Session:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=url, api_key="sk-0")
    agent = Agent(OpenAIChatModel("m", provider=provider), instructions=_SYSTEM, tools=list(tools))
    history: list[object] = []

    async def say(task: str) -> str:
        result = await agent.run(task, message_history=history)
        history[:] = result.all_messages()
        return str(result.output)

    return say


def smolagents(url: str, tools: Sequence[Tool]) -> Session:
    """Its agent is done when it calls `final_answer`."""
    import asyncio

    from smolagents import OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel("m", api_base=url, api_key="sk-0")
    agent = ToolCallingAgent(tools=[tool(each) for each in tools], model=model, verbosity_level=0, max_steps=MAX_STEPS)
    tasks: list[str] = []

    async def say(task: str) -> str:
        tasks.append(task)
        return str(await asyncio.to_thread(agent.run, task, reset=len(tasks) == 1))

    return say


def crewai(url: str, tools: Sequence[Tool]) -> Session:
    """A crew of one. What an earlier task said is the next one's context."""
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    agent = Agent(
        role="coder", goal=_SYSTEM, backstory="You have done this for years.",
        llm=LLM(model="openai/gpt-4o", base_url=url, api_key="sk-0"),
        tools=[tool(each.__name__)(each) for each in tools],
    )  # fmt: skip
    tasks: list[object] = []

    async def say(text: str) -> str:
        task = Task(description=text, expected_output="a word when it is done", agent=agent, context=tasks[-1:])
        tasks.append(task)
        return str((await Crew(agents=[agent], tasks=[task]).kickoff_async()).raw)

    return say


SESSIONS: dict[str, Callable[[str, Sequence[Tool]], Session]] = {
    "openai-agents": openai_agents,
    "langgraph": langgraph,
    "pydantic-ai": pydantic_ai,
    "smolagents": smolagents,
    "crewai": crewai,
}
