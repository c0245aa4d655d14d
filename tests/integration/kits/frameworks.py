"""The model clients of frameworks: one answer each, whole or streamed."""

from __future__ import annotations

from tests.integration.kits.told import Ask, Kit, Told, plain


async def langchain(ask: Ask) -> Told:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(base_url=f"{ask.url}/v1", api_key="unused", model="m")  # type: ignore[call-arg,arg-type,unused-ignore]
    chunks = [chunk async for chunk in model.astream(ask.text)] if ask.is_streamed else [await model.ainvoke(ask.text)]
    told = Told(objects=[{**plain(each), "id": None} for each in chunks])  # it makes its ids up
    for each in chunks:
        told.say(text=str(each.text))
        told.ended = each.response_metadata.get("finish_reason") or told.ended
    told.calls = [[call["name"], call["args"]] for each in chunks[:1] for call in each.tool_calls if not ask.is_streamed]
    return told


async def llamaindex(ask: Ask) -> Told:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(api_base=f"{ask.url}/v1", api_key="unused", model="m", is_chat_model=True)
    asked = [ChatMessage(role="user", content=ask.text)]
    if not ask.is_streamed:
        response = await model.achat(asked)
        said = response.message.content or ""
        return Told(text=said, ended=response.raw.choices[0].finish_reason, objects=[plain(response)])
    told = Told()
    async for chunk in await model.astream_chat(asked):
        told.objects.append(plain(chunk))
        told.say(text=chunk.delta)
        told.ended = next((choice.finish_reason for choice in chunk.raw.choices if choice.finish_reason), told.ended)
    return told


async def semantic_kernel(ask: Ask) -> Told:
    from openai import AsyncOpenAI
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
    from semantic_kernel.contents import ChatHistory

    client = AsyncOpenAI(base_url=f"{ask.url}/v1", api_key="unused")
    service = OpenAIChatCompletion(ai_model_id="m", async_client=client)
    history, settings = ChatHistory(), OpenAIChatPromptExecutionSettings()
    history.add_user_message(ask.text)
    if not ask.is_streamed:
        message = await service.get_chat_message_content(history, settings)
        return Told(text=str(message), ended=message.finish_reason.value, objects=[plain(message)])
    told = Told()
    async for chunk in service.get_streaming_chat_message_content(history, settings):
        told.objects.append(plain(chunk))
        told.say(text=str(chunk))
        told.ended = chunk.finish_reason.value if chunk.finish_reason else told.ended
    return told


KITS: dict[str, Kit] = {
    "langchain-model": langchain,
    "llamaindex-model": llamaindex,
    "semantic-kernel-model": semantic_kernel,
}
