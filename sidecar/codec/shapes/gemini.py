"""Google's Gemini API: `generateContent` and its stream, https://ai.google.dev/api/generate-content; on Vertex, too.

A stream is server-sent events (`alt=sse`), or a list of answers that comes as one document. Each brings parts that are
pieces of a candidate's text or of its thoughts; a function call comes whole. Names are written `likeThis` or
`like_this`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sidecar.codec.advice import Placed, bare_block, in_field, in_parts
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    BASE64,
    COUNTS,
    FINAL,
    OPAQUE,
    Found,
    Key,
    Kind,
    Node,
    Reader,
    Scope,
    arguments,
    definitions,
    node,
    text,
)
from sidecar.codec.shape import (
    AnswerOptions,
    NewFrame,
    Opening,
    Shape,
    Unanswered,
    at,
    choice_scope,
    encode,
    items,
    part_of,
    same_place,
    spoken,
    tells,
)
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told, total_of
from sidecar.values import Channel, Lane, Part

FILTERED = "SAFETY"
"""The finish reason for an answer that a policy stopped."""

_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


def _spelt(fields: Mapping[str, Node]) -> dict[str, Node]:
    """The fields in both spellings."""
    return {**fields, **{_CAPITAL.sub("_", name).lower(): each for name, each in fields.items()}}


def _opaque(names: str) -> dict[str, Node]:
    return dict.fromkeys(names.split(), OPAQUE)


# -- parts ------------------------------------------------------------------------------------------------------------


def _is_said(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A piece of text goes on where the one before it in the same answer ended."""
    return scope.named(path, *scope.key, "text")


def _part_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A part: what holds no text stands for itself alone, but for a call that goes on: it says no name again."""
    if isinstance(value, dict) and "text" in value:
        return scope
    call = at(value, "functionCall") or at(value, "function_call")
    number = reader.fresh() if call is None else reader.begun(scope.choice, is_new=bool(at(call, "name")))
    return scope.named(path, *scope.key, number)


def _argument_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A piece of an argument: it goes on where the piece before it, of the same path in the call, ended."""
    told = at(value, "jsonPath") or at(value, "json_path")
    return scope.named(path, *scope.at(path[:-2]), f"args:{told}")


def _argument_text(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    return scope.named(path, *scope.key)


def _argument_path(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """Every piece says its path again, so each is read alone."""
    return scope.named(path, *scope.key[:-1], reader.fresh())


_PLAIN_PATH = re.compile(r"\$(\.[A-Za-z_]{1,40}|\[\d{1,3}\])*")
_ODD_PATH = text(Channel.TOOL_ARGUMENTS, enter=_argument_path, is_whole=True)


def _path_node(value: Any) -> Node:
    """Names of arguments as a schema has them are no text; a model may make up others."""
    return OPAQUE if isinstance(value, str) and _PLAIN_PATH.fullmatch(value) else _ODD_PATH


def _part(value: Any) -> Node:
    return _THOUGHT if isinstance(value, dict) and value.get("thought") is True else _SAID


_INLINE = node(_spelt({"data": BASE64, "mimeType": OPAQUE, "displayName": text()}), part=Part.CONTEXT)
_FILE = node(_spelt({**_opaque("mimeType fileUri"), "displayName": text()}), part=Part.CONTEXT)


def _parts(channel: Channel) -> Node:
    piece = {
        "jsonPath": Node(select=_path_node),
        "stringValue": text(Channel.TOOL_ARGUMENTS, enter=_argument_text),
        "numberValue": arguments(enter=_argument_text),
    }
    call = _spelt(
        {
            "name": text(Channel.TOOL_ARGUMENTS, is_whole=True),
            "args": arguments(),
            "partialArgs": node(each=node(_spelt(piece), enter=_argument_scope)),
            "id": OPAQUE,
        }
    )
    result = {"name": text(), "response": Node(Kind.JSON, channel=Channel.CONTENT), "id": OPAQUE}
    fields = {
        "text": text(channel, enter=_is_said),
        **_opaque("thought thoughtSignature videoMetadata mediaResolution"),
        "inlineData": _INLINE,
        "fileData": _FILE,
        "functionCall": node(call, channel=Channel.TOOL_ARGUMENTS, enter=same_place),
        "functionResponse": node(result, part=Part.TOOL_RESULT),
        "executableCode": node({"language": OPAQUE, "code": text()}),
        "codeExecutionResult": node({"outcome": OPAQUE, "output": text(part=Part.TOOL_RESULT)}),
    }
    return node(_spelt(fields), enter=_part_scope)


_SAID, _THOUGHT = _parts(Channel.CONTENT), _parts(Channel.REASONING)
_CONTENT = node({"role": OPAQUE, "parts": node(each=Node(select=_part))})

# -- answers ----------------------------------------------------------------------------------------------------------


def _content_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    return scope.named(path, "content")


_CANDIDATE = node(
    _spelt(
        {
            "content": msgspec.structs.replace(_CONTENT, enter=_content_scope),
            "finishReason": FINAL,
            "finishMessage": text(Channel.OTHER),
            "groundingMetadata": node(emptied="null"),
            "citationMetadata": node(emptied="null"),
            "logprobsResult": Node(Kind.ECHO, emptied="null"),
            **_opaque("index safetyRatings tokenCount avgLogprobs"),
        }
    ),
    enter=choice_scope,
)

_ONE = node(
    _spelt(
        {
            "candidates": node(each=_CANDIDATE),
            "usageMetadata": COUNTS,
            "promptFeedback": node(_spelt(_opaque("blockReason safetyRatings"))),
            "modelStatus": node(_spelt(_opaque("modelStage retirementTime"))),
            **_opaque("modelVersion responseId createTime totalTokens"),
        }
    )
)


def _answer(value: Any) -> Node:
    """One answer, or the list of a stream that came as one document."""
    return node(each=_ONE) if isinstance(value, list) else _ONE


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    over: set[int] = set()
    lanes: list[Lane] = []
    for place, candidate in items(document, "candidates"):
        choice = reader.choice(candidate.get("index"), place)
        if candidate.get("finishReason") or candidate.get("finish_reason"):
            over.add(choice)
        for _, part in items(candidate.get("content"), "parts"):
            lanes += _told_over(reader, choice, part.get("functionCall") or part.get("function_call"))
    return Ends(lanes=tuple(lanes), choices=frozenset(over)) if over or lanes else None


def _told_over(reader: Reader, choice: int, call: Any) -> Iterator[Lane]:
    """The arguments of a call in pieces that do not go on."""
    for key in ("partialArgs", "partial_args"):
        for _, piece in items(call, key):
            if not _goes_on(piece):
                told = piece.get("jsonPath") or piece.get("json_path")
                yield from reader.at(("content", reader.begun(choice, is_new=False), f"args:{told}"), choice)


def _goes_on(piece: Mapping[str, Any]) -> bool:
    return bool(piece.get("willContinue") or piece.get("will_continue"))


# -- requests ---------------------------------------------------------------------------------------------------------


def _turn(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A turn of the conversation, numbered."""
    number = path[-1] if isinstance(path[-1], int) else 0
    role = value.get("role") if isinstance(value, dict) else None
    return msgspec.structs.replace(scope.named(path, "contents", choice=number), part=part_of(role))


_SYSTEM = node(_CONTENT.fields, part=Part.SYSTEM, channel=Channel.CONTENT)
_SCHEMA = Node(Kind.JSON, channel=Channel.CONTENT, part=Part.SYSTEM)

_REQUEST_FIELDS: dict[str, Node] = {
    "contents": text(each=node(_CONTENT.fields, enter=_turn), fields=_CONTENT.fields),
    "content": _CONTENT,
    "systemInstruction": _SYSTEM,
    "tools": definitions(),
    "generationConfig": node(
        _spelt(
            {
                "responseSchema": _SCHEMA,
                "responseJsonSchema": _SCHEMA,
                **_opaque(
                    "responseMimeType responseModalities mediaResolution speechConfig imageConfig thinkingConfig"
                ),
            }
        )
    ),
    **_opaque("model toolConfig safetySettings cachedContent serviceTier taskType"),
}
_INNER = node(_spelt(_REQUEST_FIELDS))
_REQUEST = node(
    _spelt({**_REQUEST_FIELDS, "generateContentRequest": _INNER, "requests": node(each=_INNER)}),
)


def _fits(document: Any) -> bool:
    known = ("contents", "content", "requests", "generateContentRequest", "generate_content_request")
    return isinstance(document, dict) and any(isinstance(document.get(key), str | list | dict) for key in known)


def _wants_json(document: Any) -> bool:
    for key in ("generationConfig", "generation_config"):
        asked = document.get(key) if isinstance(document, dict) else None
        if isinstance(asked, dict):
            return "application/json" in (asked.get("responseMimeType"), asked.get("response_mime_type"))
    return False


def _choices(document: Any) -> int:
    asked = document.get("generationConfig") if isinstance(document, dict) else None
    number = asked.get("candidateCount") if isinstance(asked, dict) else None
    return number if type(number) is int else 1


# -- how it stops -----------------------------------------------------------------------------------------------------


class _Voice:
    """Says the message as the last piece of text."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._known: dict[str, Any] = {}

    def heard(self, document: Any, name: str) -> None:
        """Keep what names the answer, and what was counted last."""
        if isinstance(document, dict):
            names = ("modelVersion", "responseId", "usageMetadata")
            self._known |= {key: document[key] for key in names if key in document}

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """The message, with the finish reason `SAFETY`."""
        return [NewFrame(encode({"candidates": [_candidate_of(lane.choice, [], message)], **self._known}))]

    def close(self) -> list[NewFrame]:
        """Nothing: the finish reason was the end."""
        return []


def _candidate_of(index: int, parts: list[dict[str, Any]], message: str) -> dict[str, Any]:
    said = [*parts, {"text": message}] if message else parts
    return {"content": {"parts": said, "role": "model"}, "finishReason": FILTERED, "index": index}


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The parts before the place but for calls, which would be run, and one with the message.

    Of a list of answers, the last one says it.
    """
    if not isinstance(document, list):
        return dict(_stopped_one(document, (), choice, message, unspoken))
    changes: dict[Path, Any] = {}
    for place, answer in enumerate(document):
        is_last = place == len(document) - 1
        changes |= dict(_stopped_one(answer, (place,), choice, message if is_last else "", unspoken))
    return changes


def _stopped_one(
    document: Any, before: Path, choice: int, message: str, unspoken: frozenset[Path]
) -> Iterator[tuple[Path, Any]]:
    for place, found in items(document, "candidates"):
        if tells(found, place, choice):
            path = (*before, "candidates", place)
            said = found.get("content")
            parts = said.get("parts") if isinstance(said, dict) else None
            left = spoken(parts, (*path, "content", "parts"), unspoken)
            yield path, _candidate_of(choice, [each for each in left if not _CALLS & each.keys()], message)


_CALLS = frozenset({"functionCall", "function_call"})


def _opening(unanswered: Unanswered) -> Opening | None:
    """A candidate that said nothing. A stream is one of events only if the query says so."""
    path, _, query = unanswered.target.partition("?")
    if not path.endswith((":generateContent", ":streamGenerateContent")):
        return None
    answer = {
        "candidates": [
            {"index": place, "content": {"parts": [], "role": "model"}} for place in range(unanswered.choices)
        ],
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0},
        "modelVersion": path.rpartition("/models/")[2].partition(":")[0],
        "responseId": unanswered.number,
    }
    if not path.endswith("streamGenerateContent"):
        return Opening(Format.JSON, answer)
    if "alt=sse" not in query.split("&"):
        return Opening(Format.JSON, [answer])
    return Opening(Format.SSE, frames=(NewFrame(encode(answer)),))


def _error(status: int, message: str) -> bytes:
    return encode({"error": {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL")}})


def _too_long(message: str) -> tuple[int, bytes]:
    said = f"The input token count exceeds the maximum number of tokens allowed: {message}."
    return 400, _error(400, said)


def _advised(document: Any, note: str) -> Placed | None:
    """Behind the system's instructions; beside a cache, which holds them, behind what is asked."""
    if at(document, "cachedContent") or at(document, "cached_content"):
        contents = at(document, "contents")
        last = len(contents) - 1 if isinstance(contents, list) else 0
        return in_parts(document, ("contents", last, "parts"), note) if last >= 0 else None
    for key in ("systemInstruction", "system_instruction"):
        if at(document, key) is not None:
            return in_parts(document, (key, "parts"), note)
    return in_field(document, "systemInstruction", note, beside="contents", absent={"parts": [bare_block(note)]})


def _usage(document: Any) -> Usage | None:
    """What an answer or a frame counts, so far: thoughts, and what tools gave the model to read, are counted apart."""
    parts = [_counted(each) for each in (document if isinstance(document, list) else [document])]
    return next((each for each in reversed(parts) if each is not None), None)


def _counted(document: Any) -> Usage | None:
    counted = at(document, "usageMetadata") or at(document, "usage_metadata")

    def count(camel: str, snake: str) -> int | None:
        found = count_of(counted, camel)
        return count_of(counted, snake) if found is None else found

    before = count("promptTokenCount", "prompt_token_count")
    after = count("candidatesTokenCount", "candidates_token_count")
    return told(
        input_tokens=total_of(before, count("toolUsePromptTokenCount", "tool_use_prompt_token_count")),
        output_tokens=total_of(after, count("thoughtsTokenCount", "thoughts_token_count")),
        cached_tokens=count("cachedContentTokenCount", "cached_content_token_count"),
    )


SHAPE = Shape(
    name="gemini",
    title="Gemini, on AI Studio and Vertex",
    provider="gcp.gen_ai",
    operation="generate_content",
    paths=(r"/models/[^/]+:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$",),
    fits=_fits,
    request=_REQUEST,
    advised=_advised,
    response=Node(select=_answer),
    event=_ONE,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    refusal=lambda message, _: (400, _error(400, message)),
    failure=_error,
    too_long=_too_long,
    choices=_choices,
    wants_json=_wants_json,
    is_reopened=True,
    is_chat=True,
)
