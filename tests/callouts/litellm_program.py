"""Runs in the environment of LiteLLM's proxy: its own guardrail class asks a call-out, once for each line of JSON.

A line: `url`, `token`, `what` (`request`, `response` or `stream`) and `body`, a chat request or answer, or the pieces
of one, by choice. What is told of it: what LiteLLM would send on, or `stopped`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.llms.openai.chat.guardrail_translation.handler import OpenAIChatCompletionsHandler
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api.generic_guardrail_api import GenericGuardrailAPI
from litellm.proxy.guardrails.guardrail_hooks.unified_guardrail.unified_guardrail import UnifiedLLMGuardrails
from litellm.types.utils import Delta, ModelResponse, ModelResponseStream, StreamingChoices

_CALLER = {
    "user_api_key_hash": "a1b2c3d4e5f6a7b8",
    "user_api_key_alias": "shop",
    "user_api_key_team_id": "retail",
}


def _guardrail(asked: dict[str, Any]) -> GenericGuardrailAPI:
    return GenericGuardrailAPI(
        api_base=asked["url"],
        headers={"Authorization": f"Bearer {asked['token']}"},
        guardrail_name="tidegate",
        event_hook=["pre_call", "post_call"],
        default_on=True,
        streaming_transform_mode="incremental_diff",
        streaming_sampling_rate=1,
    )


def _logging() -> Logging:
    return Logging(
        model="m",
        messages=[],
        stream=False,
        call_type="acompletion",
        start_time=None,
        litellm_call_id="call-1",
        litellm_trace_id="trace-1",
        function_id="",
    )


async def _request(asked: dict[str, Any]) -> Any:
    data = {**asked["body"], "metadata": dict(_CALLER)}
    told = await OpenAIChatCompletionsHandler().process_input_messages(data, _guardrail(asked), _logging())
    return {name: told[name] for name in asked["body"]}


async def _response(asked: dict[str, Any]) -> Any:
    told = await OpenAIChatCompletionsHandler().process_output_response(
        ModelResponse(**asked["body"]), _guardrail(asked), _logging(), request_data={"litellm_metadata": dict(_CALLER)}
    )
    return {"choices": [each.message.model_dump(include={"content"}) for each in told.choices]}


async def _pieces(pieces: Sequence[Sequence[Any]]) -> AsyncIterator[ModelResponseStream]:
    for choice, piece in pieces:
        yield ModelResponseStream(model="m", choices=[StreamingChoices(index=choice, delta=Delta(content=piece))])
    choices = sorted({choice for choice, _ in pieces})
    yield ModelResponseStream(
        model="m", choices=[StreamingChoices(index=each, delta=Delta(), finish_reason="stop") for each in choices]
    )


async def _stream(asked: dict[str, Any]) -> Any:
    told: dict[int, list[str]] = {}
    stream = UnifiedLLMGuardrails().async_post_call_streaming_iterator_hook(
        user_api_key_dict=UserAPIKeyAuth(request_route="/v1/chat/completions"),
        response=_pieces(asked["body"]),
        request_data={"model": "m", "litellm_logging_obj": _logging(), "metadata": dict(_CALLER)},
        guardrail_to_apply=_guardrail(asked),
    )
    stopped = ""
    try:
        async for chunk in stream:
            if not isinstance(chunk, ModelResponseStream):
                stopped = str(chunk)
                continue
            for choice in chunk.choices:
                told.setdefault(choice.index, []).append(choice.delta.content or "")
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked about
        stopped = str(error)
    return {"pieces": [told[index] for index in sorted(told)], "stopped": stopped}


_ASKED = {"request": _request, "response": _response, "stream": _stream}


async def _main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = await _ASKED[asked["what"]](asked)
        except Exception as error:  # noqa: BLE001 - what it raises is what is asked about
            told = {"stopped": str(error)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
