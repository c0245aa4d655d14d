"""Bodies opened in their format: the one place that chooses what reads one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from sidecar.codec.body import StreamedAnswer, UnknownShapeError, WholeBody
from sidecar.codec.formats import Format
from sidecar.codec.multipart import WholeMultipart
from sidecar.codec.shape import PLAINLY, AnswerOptions, Shape
from sidecar.codec.text import StreamedText, WholeText
from sidecar.codec.weave import Postscript

Whole: TypeAlias = WholeBody | WholeText | WholeMultipart
Streamed: TypeAlias = StreamedAnswer | StreamedText

_TEXT_KEYS = frozenset({"messages", "prompt", "system", "input", "inputs", "instructions", "content", "text", "role"})
"""Keys that say whose words a text is. Some servers read them in any case, so another spelling is refused."""


def whole(
    shape: Shape,
    data: bytes,
    *,
    is_request: bool,
    form: Format,
    boundary: str = "",
    is_json: bool = False,
    postscript: Postscript | None = None,
    most_texts: int = 0,
) -> Whole:
    """A body that is there as a whole; `is_json`: its content is JSON by request.

    Raises `UnknownShapeError`, and `CallerError` where it has more than `most_texts`, unless that is 0.
    """
    if form is Format.TEXT:
        return WholeText(data, is_request=is_request)
    if form is Format.MULTIPART:
        return WholeMultipart(data, boundary, is_request=is_request)
    if form is not Format.JSON:
        raise UnknownShapeError("it comes in a format that is read only as a stream")
    body = WholeBody(shape, data, is_request=is_request, is_json=is_json, postscript=postscript, most_texts=most_texts)
    if is_request and not (shape.fits(body.document) and not any(_misspelt(body.document))):
        raise UnknownShapeError("the request is not of its shape")
    return body


def streamed(
    shape: Shape,
    form: Format,
    *,
    max_frame_bytes: int,
    max_waiting_bytes: int,
    asked: AnswerOptions = PLAINLY,
    holds_calls: bool = False,
    postscript: Postscript | None = None,
) -> Streamed:
    """An answer that comes piece by piece: see `StreamedAnswer`."""
    if form is Format.TEXT:
        return StreamedText()
    return StreamedAnswer(
        shape,
        form,
        max_frame_bytes=max_frame_bytes,
        max_waiting_bytes=max_waiting_bytes,
        asked=asked,
        holds_calls=holds_calls,
        postscript=postscript,
    )


def _misspelt(document: Any) -> Iterator[bool]:
    for each in (document, *_messages(document)):
        for key in each if isinstance(each, dict) else ():
            yield key not in _TEXT_KEYS and key.casefold() in _TEXT_KEYS


def _messages(document: Any) -> Iterator[Any]:
    for key in ("messages", "input"):
        found = document.get(key) if isinstance(document, dict) else None
        yield from found if isinstance(found, list) else ()
