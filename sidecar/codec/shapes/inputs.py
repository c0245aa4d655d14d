"""APIs that take text and give numbers: embeddings, rerankings, moderations. Answers are read like any other text."""

from __future__ import annotations

from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.places import COUNTS, OPAQUE, PICTURE, Node, Reader, Scope, node, opaque, text
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import openai
from sidecar.codec.shapes.generic import SHAPE as GENERIC


def _numbered(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """One of several inputs, numbered."""
    return scope.named(path, choice=path[-1] if isinstance(path[-1], int) else 0)


_INPUT = text(each=Node(channel=text().channel, enter=_numbered, fields={"type": OPAQUE, "image_url": PICTURE}))

_REQUEST = node(
    {
        **opaque("model encoding_format input_type embedding_types truncate keep_alive task dimensions"),
        **dict.fromkeys(("input", "inputs", "texts", "query", "documents", "prompt", "text"), _INPUT),
    }
)

_VECTORS = opaque("embedding embeddings values")
_ANSWER = node(
    {
        **opaque("id object model created response_type created_at"),
        **_VECTORS,
        "data": node(each=node({**opaque("object index"), **_VECTORS})),
        "results": node(),
        "usage": COUNTS,
        "meta": COUNTS,
    }
)

SHAPE = Shape(
    name="inputs",
    title="embeddings, rerankings and moderations",
    provider="openai",
    operation="embeddings",
    paths=(r"/embeddings$", r"/(embed|rerank|moderations|classify|tokenize)$", r"/api/(embed|embeddings)$"),
    fits=lambda document: isinstance(document, dict),
    request=_REQUEST,
    response=_ANSWER,
    event=_ANSWER,
    voice=GENERIC.voice,
    stopped=GENERIC.stopped,
    refusal=openai.refusal,
    failure=openai.failure,
    too_long=openai.too_long,
    usage=openai.usage,
)
