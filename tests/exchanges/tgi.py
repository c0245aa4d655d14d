"""Text Generation Inference."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.tgi import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]


def _token(number: int, text: str, whole: str | None = None, *, special: bool = False, **more: Any) -> dict[str, Any]:
    token = {"id": 100 + number, "text": text, "logprob": -0.1, "special": special}
    return {"index": number, "token": token, "generated_text": whole, "details": None, **more}


_DETAILS = {
    "finish_reason": "eos_token",
    "generated_tokens": 2,
    "seed": None,
    "prefill": [],
    "tokens": [
        {"id": 1, "text": "A glacier", "logprob": -0.1, "special": False},
        {"id": 2, "text": " is ice.", "logprob": -0.2, "special": False},
    ],
}

REQUESTS: dict[str, Any] = {
    "plain": {"inputs": "What is a glacier?"},
    "parameters": {"inputs": "Why is the sky blue?", "parameters": {"max_new_tokens": 9, "stop": ["END"]}},
    "stream": {"inputs": "Hello", "stream": True},
    "adapter": {
        "inputs": "Hello",
        "parameters": {"adapter_id": "support", "grammar": {"type": "regex", "value": "a+"}},
    },
}
ANSWERS: dict[str, Any] = {
    "plain": {"generated_text": "A glacier is ice."},
    "list": [{"generated_text": "A glacier is ice."}],
    "details": {"generated_text": "A glacier is ice.", "details": _DETAILS},
    "best_of": {
        "generated_text": "Ice.",
        "details": {"finish_reason": "length", "tokens": [], "best_of_sequences": [{"generated_text": "Snow."}]},
    },
}
STREAMS: dict[str, list[Any]] = {
    "plain": [_token(1, "A glacier"), _token(2, " is ice."), _token(3, "</s>", "A glacier is ice.", special=True)],
    "last_token_is_text": [_token(1, "A glacier"), _token(2, " is ice.", "A glacier is ice.")],
    "details": [
        _token(1, "A glacier", top_tokens=[{"id": 7, "text": "The glacier", "logprob": -1.0, "special": False}]),
        {**_token(2, " is ice.", "A glacier is ice."), "details": {"finish_reason": "length", "generated_tokens": 2}},
    ],
    "one": [_token(1, "Yes.", "Yes.")],
}
