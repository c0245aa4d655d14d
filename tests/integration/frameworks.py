"""Asks through a framework's own client; run with the frameworks' environment, as it knows nothing of this project.

    python frameworks.py FRAMEWORK URL...

For each URL and each message on standard input (a JSON list) it prints a line of JSON for the whole answer and one for
the streamed one: the text, the reason why it ended, and the error that was raised, by its type.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

Said = tuple[str, str]
"""The text and the finish reason."""
Ask = Callable[[str, str, bool], Awaitable[Said]]


def langchain() -> Ask:
    from langchain_openai import ChatOpenAI

    async def ask(url: str, text: str, is_streamed: bool) -> Said:
        model = ChatOpenAI(base_url=f"{url}/v1", api_key="unused", model="m", max_retries=0)
        if not is_streamed:
            message = await model.ainvoke(text)
            return str(message.content), message.response_metadata["finish_reason"]
        chunks = [chunk async for chunk in model.astream(text)]
        ends = [chunk.response_metadata.get("finish_reason") for chunk in chunks]
        return "".join(str(chunk.content) for chunk in chunks), next(end for end in ends if end)

    return ask


def llamaindex() -> Ask:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    async def ask(url: str, text: str, is_streamed: bool) -> Said:
        model = OpenAILike(api_base=f"{url}/v1", api_key="unused", model="m", is_chat_model=True, max_retries=0)
        asked = [ChatMessage(role="user", content=text)]
        if not is_streamed:
            response = await model.achat(asked)
            return response.message.content or "", response.raw.choices[0].finish_reason
        chunks = [chunk async for chunk in await model.astream_chat(asked)]
        ends = [choice.finish_reason for chunk in chunks for choice in chunk.raw.choices]
        return "".join(chunk.delta or "" for chunk in chunks), next(end for end in ends if end)

    return ask


def semantic_kernel() -> Ask:
    from openai import AsyncOpenAI
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
    from semantic_kernel.contents import ChatHistory

    async def ask(url: str, text: str, is_streamed: bool) -> Said:
        client = AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
        service = OpenAIChatCompletion(ai_model_id="m", async_client=client)
        history, settings = ChatHistory(), OpenAIChatPromptExecutionSettings()
        history.add_user_message(text)
        if not is_streamed:
            message = await service.get_chat_message_content(history, settings)
            return str(message), str(message.finish_reason.value)
        chunks = [chunk async for chunk in service.get_streaming_chat_message_content(history, settings)]
        ends = [chunk.finish_reason.value for chunk in chunks if chunk.finish_reason]
        return "".join(map(str, chunks)), ends[-1]

    return ask


FRAMEWORKS: dict[str, Callable[[], Ask]] = {
    "langchain": langchain,
    "llamaindex": llamaindex,
    "semantic-kernel": semantic_kernel,
}


async def main(framework: str, urls: list[str], texts: list[str]) -> None:
    ask = FRAMEWORKS[framework]()
    for url in urls:
        for text in texts:
            for is_streamed in (False, True):
                said, ended, error = "", "", ""
                try:
                    said, ended = await ask(url, text, is_streamed)
                except Exception as raised:  # noqa: BLE001 - which it is, is what the test asks
                    kind = f"{type(raised).__module__.partition('.')[0]}.{type(raised).__name__}"
                    error = f"{kind}: {raised} {raised.__cause__ or ''}"
                sys.stdout.write(json.dumps([said, ended, error]) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:], json.load(sys.stdin)))
