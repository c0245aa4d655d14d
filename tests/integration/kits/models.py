"""The clients of model providers: one answer each, whole or streamed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.integration.kits.told import PARAMETERS, Ask, Joined, Kit, Told, plain

_FUNCTION = {"name": "pay", "description": "Pays.", "parameters": PARAMETERS}
_TOOLS: Any = [{"type": "function", "function": _FUNCTION}]


def _messages(ask: Ask) -> Any:
    return [{"role": "user", "content": ask.text}]


# --- chat completions -------------------------------------------------------------------------------------------------


def _of_chat(objects: Iterable[Any]) -> Told:
    """What chunks or a whole completion say."""
    told, calls = Told(), Joined()
    for each in objects:
        told.objects.append(plain(each))
        for choice in each.choices:
            said = getattr(choice, "delta", None) or choice.message
            thoughts = getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None)
            told.say(text=said.content, reasoning=thoughts)
            told.ended = choice.finish_reason or told.ended
            for place, call in enumerate(said.tool_calls or ()):
                place = getattr(call, "index", None) or place
                calls.add(place, name=call.function.name, arguments=call.function.arguments)
    told.calls = calls.all()
    return told


def openai_chat(ask: Ask) -> Told:
    import openai

    with openai.OpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
        asked = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
        if not ask.is_streamed:
            return _of_chat([client.chat.completions.create(**asked)])
        return _of_chat(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))


def openai_chat_helper(ask: Ask) -> Told:
    """The helper that puts the chunks together, and its events."""
    import openai

    with openai.OpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
        asked: Any = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
        with client.chat.completions.stream(**asked) as events:
            seen = list(events)
            told = _of_chat(each.chunk for each in seen if each.type == "chunk")
            told.objects = [plain(each) for each in seen]
            try:
                told.objects.append(plain(events.get_final_completion()))
            except openai.ContentFilterFinishReasonError as error:
                told.error = f"openai.{type(error).__name__}"
    return told


def groq(ask: Ask) -> Told:
    import groq

    with groq.Groq(base_url=ask.url, api_key="unused") as client:
        asked: Any = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
        if not ask.is_streamed:
            return _of_chat([client.chat.completions.create(**asked)])
        return _of_chat(client.chat.completions.create(**asked, stream=True))


# --- Mistral ----------------------------------------------------------------------------------------------------------


def mistral(ask: Ask) -> Told:
    from mistralai.client import Mistral

    with Mistral(api_key="unused", server_url=f"{ask.url}/mistral") as client:
        asked: Any = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
        if not ask.is_streamed:
            return _of_mistral([client.chat.complete(**asked)])
        with client.chat.stream(**asked) as events:
            return _of_mistral(event.data for event in events)


def _of_mistral(objects: Iterable[Any]) -> Told:
    told, calls = Told(), Joined()
    for each in objects:
        told.objects.append(plain(each))
        for choice in each.choices:
            said = getattr(choice, "delta", None) or choice.message
            told.ended = str(choice.finish_reason) if choice.finish_reason else told.ended
            for part in _mistral_parts(plain(said).get("content")):
                if part["type"] == "thinking":
                    told.say(reasoning="".join(inner["text"] for inner in part["thinking"]))
                else:
                    told.say(text=part["text"])
            for place, call in enumerate(said.tool_calls or ()):
                calls.add(call.index or place, name=call.function.name, arguments=call.function.arguments)
    told.calls = calls.all()
    return told


def _mistral_parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


# --- Responses --------------------------------------------------------------------------------------------------------


def _of_response(response: Any, told: Told) -> Told:
    told.text, told.ended = response.output_text, response.status
    if response.incomplete_details:
        told.ended = response.incomplete_details.reason
    for item in response.output:
        if item.type == "reasoning":
            told.say(reasoning="".join(part.text for part in item.summary))
        elif item.type == "function_call":
            told.calls.append([item.name, json.loads(item.arguments)])
    return told


_RESPONSE_TOOLS: Any = [{"type": "function", **_FUNCTION, "strict": False}]


def openai_responses(ask: Ask) -> Told:
    """The text of a stream is that of its deltas."""
    import openai

    with openai.OpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
        asked: Any = {"model": "m", "input": ask.text, "tools": _RESPONSE_TOOLS}
        if not ask.is_streamed:
            response = client.responses.create(**asked)
            return _of_response(response, Told(objects=[plain(response)]))
        return _of_events(client.responses.create(**asked, stream=True))


def openai_responses_helper(ask: Ask) -> Told:
    """The helpers: `parse`, and the one that puts the events together."""
    import openai

    with openai.OpenAI(base_url=f"{ask.url}/v1", api_key="unused") as client:
        asked: Any = {"model": "m", "input": ask.text, "tools": _RESPONSE_TOOLS}
        if not ask.is_streamed:
            response = client.responses.parse(**asked)
            return _of_response(response, Told(objects=[plain(response)]))
        with client.responses.stream(**asked) as events:
            told = _of_events(events)
            final = _of_response(events.get_final_response(), Told())
    assert (final.text, final.calls) == (told.text, told.calls)
    return told


def _of_events(events: Iterable[Any]) -> Told:
    told, said, last = Told(), "", None
    for event in events:
        told.objects.append(plain(event))
        said += event.delta if event.type == "response.output_text.delta" else ""
        last = getattr(event, "response", last)
    _of_response(last, told)
    assert told.text == said
    return told


# --- Anthropic --------------------------------------------------------------------------------------------------------

_ANTHROPIC_TOOLS: Any = [{"name": "pay", "description": "Pays.", "input_schema": PARAMETERS}]


def _anthropic_asked(ask: Ask) -> Any:
    return {"model": "m", "max_tokens": 99, "messages": _messages(ask), "tools": _ANTHROPIC_TOOLS}


def _of_message(message: Any, told: Told) -> Told:
    told.ended = message["stop_reason"]
    for block in message["content"]:
        told.say(text=block.get("text"), reasoning=block.get("thinking"))
        if block["type"] == "tool_use":
            told.calls.append([block["name"], block["input"]])
    return told


def anthropic(ask: Ask) -> Told:
    import anthropic

    with anthropic.Anthropic(base_url=ask.url, api_key="unused") as client:
        if not ask.is_streamed:
            message = plain(client.messages.create(**_anthropic_asked(ask)))
            return _of_message(message, Told(objects=[message]))
        return _of_blocks(plain(each) for each in client.messages.create(**_anthropic_asked(ask), stream=True))


def anthropic_helper(ask: Ask) -> Told:
    """The helper that puts the events together."""
    import anthropic

    with (
        anthropic.Anthropic(base_url=ask.url, api_key="unused") as client,
        client.messages.stream(**_anthropic_asked(ask)) as events,
    ):
        seen = [plain(each) for each in events]
        message = plain(events.get_final_message())
        return _of_message(message, Told(objects=[*seen, message]))


def _of_blocks(events: Iterable[dict[str, Any]]) -> Told:
    """What raw events say."""
    told, calls = Told(), Joined()
    for event in events:
        told.objects.append(event)
        delta, index = event.get("delta") or {}, event.get("index")
        told.say(text=delta.get("text"), reasoning=delta.get("thinking"))
        told.ended = delta.get("stop_reason") or told.ended
        if (block := event.get("content_block")) and block["type"] == "tool_use":
            calls.add(index, name=block["name"])
        if "partial_json" in delta:
            calls.add(index, arguments=delta["partial_json"])
    told.calls = calls.all()
    return told


# --- Gemini -----------------------------------------------------------------------------------------------------------


def gemini_client(ask: Ask) -> Any:
    from google import genai

    return genai.Client(api_key="unused", http_options={"base_url": ask.url})


def gemini(ask: Ask) -> Told:
    client: Any = gemini_client(ask)
    tools = [{"function_declarations": [{**_FUNCTION, "parameters": None, "parameters_json_schema": PARAMETERS}]}]
    asked: Any = {"model": "m", "contents": ask.text, "config": {"tools": tools}}
    if not ask.is_streamed:
        return of_gemini([client.models.generate_content(**asked)])
    return of_gemini(client.models.generate_content_stream(**asked))


def of_gemini(objects: Iterable[Any]) -> Told:
    told = Told()
    for each in objects:
        told.objects.append(each.model_dump(mode="json", exclude={"sdk_http_response"}))
        candidate = each.candidates[0]
        told.ended = candidate.finish_reason.name if candidate.finish_reason else told.ended
        for part in candidate.content.parts or ():
            told.say(**{"reasoning" if part.thought else "text": part.text})
            if part.function_call:
                told.calls.append([part.function_call.name, part.function_call.args])
    return told


# --- Bedrock ----------------------------------------------------------------------------------------------------------


def _bedrock(ask: Ask) -> Any:
    import boto3

    named = {"region_name": "us-east-1", "aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
    return boto3.client("bedrock-runtime", endpoint_url=ask.url, **named)


def bedrock_converse(ask: Ask) -> Told:
    tool = {"toolSpec": {"name": "pay", "description": "Pays.", "inputSchema": {"json": PARAMETERS}}}
    asked = {
        "modelId": "amazon.nova-lite-v1:0",
        "messages": [{"role": "user", "content": [{"text": ask.text}]}],
        "toolConfig": {"tools": [tool]},
    }
    if ask.is_streamed:
        return _of_converse_events(_bedrock(ask).converse_stream(**asked)["stream"])
    answer = _bedrock(ask).converse(**asked)
    answer.pop("ResponseMetadata")
    told = Told(objects=[plain(answer)], ended=answer["stopReason"])
    for block in answer["output"]["message"]["content"]:
        told.say(text=block.get("text"))
        if thought := block.get("reasoningContent"):
            told.say(reasoning=thought["reasoningText"]["text"])
        if use := block.get("toolUse"):
            told.calls.append([use["name"], use["input"]])
    return told


def _of_converse_events(events: Iterable[Any]) -> Told:
    told, calls = Told(), Joined()
    for event in events:
        told.objects.append(plain(event))
        (kind, said), = event.items()
        index, delta = said.get("contentBlockIndex"), said.get("delta", {})
        told.say(text=delta.get("text"), reasoning=delta.get("reasoningContent", {}).get("text"))
        told.ended = said.get("stopReason", told.ended)
        if kind == "contentBlockStart":
            calls.add(index, name=said["start"]["toolUse"]["name"])
        if "toolUse" in delta:
            calls.add(index, arguments=delta["toolUse"]["input"])
    told.calls = calls.all()
    return told


def bedrock_invoke(ask: Ask) -> Told:
    """A model's own body and its own events: Anthropic's."""
    asked = {k: v for k, v in _anthropic_asked(ask).items() if k != "model"}
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", **asked})
    named = {"modelId": "anthropic.claude-3-haiku-20240307-v1:0", "body": body}
    if not ask.is_streamed:
        message = json.loads(_bedrock(ask).invoke_model(**named)["body"].read())
        return _of_message(message, Told(objects=[message]))
    events = _bedrock(ask).invoke_model_with_response_stream(**named)["body"]
    return _of_blocks(json.loads(event["chunk"]["bytes"]) for event in events)


# --- Cohere -----------------------------------------------------------------------------------------------------------


def cohere(ask: Ask) -> Told:
    import cohere

    client = cohere.ClientV2(api_key="unused", base_url=ask.url)
    asked: Any = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
    if ask.is_streamed:
        return _of_cohere_events(client.chat_stream(**asked))
    answer: Any = client.chat(**asked)
    told = Told(objects=[plain(answer)], ended=str(answer.finish_reason))
    for part in answer.message.content or ():
        told.say(text=getattr(part, "text", None), reasoning=getattr(part, "thinking", None))
    for call in answer.message.tool_calls or ():
        told.calls.append([call.function.name, json.loads(call.function.arguments)])
    return told


def _of_cohere_events(events: Iterable[Any]) -> Told:
    told, calls = Told(), Joined()
    for event in events:
        told.objects.append(plain(event))
        said = getattr(getattr(event, "delta", None), "message", None)
        if event.type == "content-delta":
            told.say(text=said.content.text, reasoning=said.content.thinking)
        elif event.type == "tool-call-start":
            calls.add(event.index, name=said.tool_calls.function.name)
        elif event.type == "tool-call-delta":
            calls.add(event.index, arguments=said.tool_calls.function.arguments)
        elif event.type == "message-end":
            told.ended = str(event.delta.finish_reason)
    told.calls = calls.all()
    return told


# --- Ollama -----------------------------------------------------------------------------------------------------------


def ollama(ask: Ask) -> Told:
    import ollama

    asked: Any = {"model": "m", "messages": _messages(ask), "tools": _TOOLS}
    answer: Any = ollama.Client(host=ask.url).chat(**asked, stream=ask.is_streamed)
    told = Told()
    for each in answer if ask.is_streamed else [answer]:
        told.objects.append(plain(each))
        told.say(text=each.message.content, reasoning=each.message.thinking)
        told.ended = each.done_reason or told.ended
        for call in each.message.tool_calls or ():
            told.calls.append([call.function.name, dict(call.function.arguments)])
    return told


KITS: dict[str, Kit] = {
    "openai-chat": openai_chat,
    "openai-chat-helper": openai_chat_helper,
    "openai-responses": openai_responses,
    "openai-responses-helper": openai_responses_helper,
    "anthropic": anthropic,
    "anthropic-helper": anthropic_helper,
    "google-genai": gemini,
    "boto3-converse": bedrock_converse,
    "boto3-invoke": bedrock_invoke,
    "cohere": cohere,
    "mistralai": mistral,
    "groq": groq,
    "ollama": ollama,
}
