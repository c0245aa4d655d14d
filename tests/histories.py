"""What agents send: the whole of a session with each request, as each API has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Step: TypeAlias = tuple[str, str, str]
"""What the model says, the command that it runs, and what comes of it."""

SYSTEM = "You are a coding agent. Run commands to do what you are asked to."
TASK = "Make the tests pass."


def history(shape: str, steps: Sequence[Step], *, system: str = SYSTEM) -> dict[str, Any]:
    """A request with all steps so far, as a shape of this name has it. The list to which steps are added comes last."""
    return _MAKERS[shape](system, steps)


def _call(command: str) -> str:
    return json.dumps({"command": ["bash", "-lc", command]})


def _chat(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}, {"role": "user", "content": TASK}]
    for number, (said, command, result) in enumerate(steps):
        function = {"name": "shell", "arguments": _call(command)}
        calls = [{"id": f"call_{number}", "type": "function", "function": function}]
        messages.append({"role": "assistant", "content": said, "tool_calls": calls})
        messages.append({"role": "tool", "tool_call_id": f"call_{number}", "content": result})
    return {"model": "m", "stream": True, "messages": messages}


def _cohere(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    document = _chat(system, steps)
    for message in document["messages"]:
        if message["role"] == "assistant":
            message["tool_plan"] = message.pop("content")
    return document


def _responses(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TASK}]}
    ]
    for number, (said, command, result) in enumerate(steps):
        spoken = [{"type": "output_text", "text": said}]
        items.append({"type": "message", "role": "assistant", "content": spoken})
        call = {"call_id": f"call_{number}"}
        items.append({"type": "function_call", **call, "name": "shell", "arguments": _call(command)})
        items.append({"type": "function_call_output", **call, "output": result})
    return {"model": "m", "stream": True, "instructions": system, "input": items}


def _anthropic(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": TASK}]
    for number, (said, command, result) in enumerate(steps):
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": "shell", "input": json.loads(_call(command))}
        done = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": [{"type": "text", "text": result}]}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": said}, use]})
        messages.append({"role": "user", "content": [done]})
    return {"model": "m", "max_tokens": 1024, "stream": True, "system": system, "messages": messages}


def _gemini(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": TASK}]}]
    for said, command, result in steps:
        call = {"functionCall": {"name": "shell", "args": json.loads(_call(command))}}
        done = {"functionResponse": {"name": "shell", "response": {"output": result}}}
        contents.append({"role": "model", "parts": [{"text": said}, call]})
        contents.append({"role": "user", "parts": [done]})
    return {"systemInstruction": {"parts": [{"text": system}]}, "contents": contents}


def _converse(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"text": TASK}]}]
    for number, (said, command, result) in enumerate(steps):
        use = {"toolUseId": f"tooluse_{number}", "name": "shell", "input": json.loads(_call(command))}
        done = {"toolUseId": f"tooluse_{number}", "content": [{"text": result}]}
        messages.append({"role": "assistant", "content": [{"text": said}, {"toolUse": use}]})
        messages.append({"role": "user", "content": [{"toolResult": done}]})
    return {"system": [{"text": system}], "messages": messages}


def _ollama(system: str, steps: Sequence[Step]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}, {"role": "user", "content": TASK}]
    for said, command, result in steps:
        calls = [{"function": {"name": "shell", "arguments": json.loads(_call(command))}}]
        messages.append({"role": "assistant", "content": said, "tool_calls": calls})
        messages.append({"role": "tool", "tool_name": "shell", "content": result})
    return {"model": "m", "messages": messages}


_MAKERS: Mapping[str, Callable[[str, Sequence[Step]], dict[str, Any]]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic-messages": _anthropic,
    "bedrock-anthropic": _anthropic,
    "bedrock-converse": _converse,
    "cohere-chat": _cohere,
    "gemini": _gemini,
    "generic": _chat,
    "ollama": _ollama,
}

SHAPES = tuple(_MAKERS)
"""The names of the shapes whose requests hold histories."""
