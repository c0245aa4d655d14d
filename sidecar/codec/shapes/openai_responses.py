"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses and its streaming events.

Every text comes twice or more: as deltas, then whole in the `done` events, and once more in the event that completes
the response. There is one choice; a place is the output item, the part in it, and the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from sidecar.codec.advice import in_field
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    AGAIN,
    BASE64,
    COUNTS,
    DATA,
    FILE,
    LOGPROBS,
    Enter,
    Found,
    Key,
    Kind,
    Node,
    Reader,
    Scope,
    arguments,
    definitions,
    node,
    opaque,
    repeat,
    text,
)
from sidecar.codec.shape import (
    AnswerOptions,
    NewFrame,
    Opening,
    Shape,
    Unanswered,
    at,
    encode,
    items,
    opened,
    part_of,
    same_place,
)
from sidecar.codec.shapes import openai
from sidecar.codec.weave import Ends
from sidecar.usage import Usage, count_of, told
from sidecar.values import Channel, Lane, Part, tokens_of

# -- items ------------------------------------------------------------------------------------------------------------

_NAMES = opaque(
    "id type status role call_id item_id phase created_by encrypted_content approval_request_id container_id"
)
_MEDIA: Mapping[str, Node] = {
    **opaque("file_id detail"),
    **dict.fromkeys(("image_url", "file_url"), DATA),
    **dict.fromkeys(("result", "partial_image_b64", "data"), BASE64),
    "file_data": FILE,
}
_SERVED = ("web_search", "file_search", "code_interpreter", "image_generation")
"""What the provider carries out by itself."""


def _type(value: Any) -> str:
    kind = value.get("type", "") if isinstance(value, dict) else ""
    return kind if isinstance(kind, str) else str(kind)


def _is_call(kind: str) -> bool:
    """Whether a client carries out what has this type, or is asked whether it may be."""
    return "_call" in kind and not kind.removeprefix("response.").startswith(_SERVED) and "_output" not in kind


def _is_thought(kind: str) -> bool:
    return "reasoning" in kind or "summary" in kind


def _items(said: Callable[..., Node], json: Node, rest: Node | None) -> Node:
    """The node of items whose texts are `said` so; what is not named is `rest`."""

    def part(channel: Channel) -> Node:
        fields = {
            **_NAMES,
            **_MEDIA,
            **dict.fromkeys(("text", "refusal", "transcript"), said(channel)),
            "logprobs": LOGPROBS,
            "annotations": node(emptied="[]", rest=rest),
        }
        return node(fields, rest=rest)

    parts = {True: part(Channel.REASONING), False: part(Channel.CONTENT)}
    each = Node(select=lambda value: parts[_is_thought(_type(value))])
    fields = {
        **_NAMES,
        **_MEDIA,
        "content": node(each=each),
        "summary": node(each=each),
        "arguments": json,
        "input": said(Channel.TOOL_ARGUMENTS),
        "name": said(Channel.TOOL_ARGUMENTS, is_whole=True),
        "code": said(Channel.CONTENT),
        **dict.fromkeys(("output", "error"), said(Channel.CONTENT, part=Part.TOOL_RESULT)),
    }
    rest_of_call = Node(rest.kind if rest else Kind.JSON, channel=Channel.TOOL_ARGUMENTS, is_whole=rest is not None)
    part_or_item: dict[bool | None, Node] = {
        True: node(fields, rest=rest_of_call),
        False: node(fields, rest=rest),
        None: each,
    }
    return Node(select=lambda value: part_or_item[None if _is_part(value) else _is_call(_type(value))])


_PART_TYPES = frozenset({"output_text", "refusal", "reasoning_text", "summary_text", "output_audio"})


def _is_part(value: Any) -> bool:
    return _type(value) in _PART_TYPES


_WHOLE = _items(text, arguments(), None)
_AGAIN = _items(repeat, repeat(Channel.TOOL_ARGUMENTS, is_json=True), AGAIN)

# -- responses --------------------------------------------------------------------------------------------------------

_SETTINGS = opaque(
    "id object created_at completed_at status model background service_tier tool_choice reasoning truncation store "
    "temperature top_p max_output_tokens max_tool_calls parallel_tool_calls previous_response_id incomplete_details "
    "prompt_cache_key prompt_cache_retention safety_identifier billing user top_logprobs frequency_penalty "
    "presence_penalty"
)


def _placed(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """An item of a response, by its place."""
    reader.choice(0)
    return scope.named(path, "item", path[-1])


def _response(item: Node, rest: Node | None) -> Node:
    again = Node(Kind.REPEAT, channel=Channel.CONTENT, part=Part.SYSTEM, is_whole=True)
    kind = Kind.REPEAT if rest else Kind.JSON
    fields = {
        **_SETTINGS,
        "output": node(each=msgspec.structs.replace(item, enter=_placed)),
        "output_text": Node(Kind.TWIN, channel=Channel.CONTENT),
        "instructions": again,
        "tools": msgspec.structs.replace(again, kind=kind, part=Part.TOOL_DEFINITION),
        "text": msgspec.structs.replace(again, kind=kind),
        "usage": COUNTS,
    }
    return node(fields, rest=rest)


_ANSWER = _response(_WHOLE, None)
_RESPONSE = _response(_AGAIN, AGAIN)

# -- events -----------------------------------------------------------------------------------------------------------

_DONE_FIELDS: Mapping[str, str] = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "text",
    "response.reasoning_summary_text": "text",
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.mcp_call.arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.code_interpreter_call_code": "code",
    "response.audio.transcript": "transcript",
}
"""By what an event is about, the field of the item or of its part that its deltas make up."""


def _number(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    return value if type(value) is int and value >= 0 else 0


def _indexed(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """An event is about an item, and maybe a part of it."""
    if not isinstance(value, dict):
        return scope
    reader.choice(0)
    return scope.named(path, *_place_of(value, _kind(value, scope.event)))


def _kind(document: Any, name: str) -> str:
    """What an event is: some servers say so in its name alone."""
    return _type(document) or name


def _place_of(document: dict[str, Any], kind: str) -> Key:
    item: Key = ("item", _number(document, "output_index"))
    if "summary" in kind:
        return (*item, "summary", _number(document, "summary_index"))
    if "arguments" in kind or "_call" in kind:
        return item
    return (*item, "content", _number(document, "content_index")) if "content_index" in document else item


def _field(name: str) -> Enter:
    return lambda reader, value, scope, path: scope.named(path, *scope.key, name)


def _of_item(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    return scope.named(path, *scope.key[:2])


def _name_of_item(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    return scope.named(path, *scope.key[:2], "name")


def _event(document: Any, name: str) -> Node:
    """The node of an event, by what it is."""
    about, _, _ = _kind(document, name).rpartition(".")
    return _EVENTS.get(about) or _unknown_event(about)


@lru_cache(maxsize=64)
def _unknown_event(about: str) -> Node:
    return _event_node(about, about, Channel.TOOL_ARGUMENTS if _is_call(about) else Channel.OTHER)


def _event_node(about: str, field: str, channel: Channel) -> Node:
    is_json = field == "arguments"
    delta = Node(Kind.JSON if is_json else Kind.TEXT, channel=channel, enter=_field(field))
    return node(
        {
            **opaque("type sequence_number output_index content_index summary_index item_id obfuscation event_id"),
            **opaque("command_index annotation_index response_id partial_image_index partial_image_b64"),
            "delta": delta,
            field: repeat(channel, enter=_field(field), is_json=is_json),
            "name": repeat(Channel.TOOL_ARGUMENTS, enter=_name_of_item, is_whole=True),
            "logprobs": LOGPROBS,
            "item": msgspec.structs.replace(_AGAIN, enter=_of_item),
            "part": msgspec.structs.replace(_AGAIN, enter=same_place),
            "annotation": node(emptied="{}", rest=AGAIN),
            "response": _RESPONSE,
        },
        rest=AGAIN,
        enter=_indexed,
    )


def _channel(about: str) -> Channel:
    if _is_thought(about):
        return Channel.REASONING
    return Channel.TOOL_ARGUMENTS if _is_call(about) else Channel.CONTENT


_EVENTS: Mapping[str, Node] = {
    about: _event_node(about, field, _channel(about)) for about, field in _DONE_FIELDS.items()
} | {"response.audio": node({**opaque("type sequence_number delta response_id")})}


def _ends(reader: Reader, document: Any, found: Found, name: str) -> Ends | None:
    """A `done` ends its field, part or item; the last event ends all."""
    if not isinstance(document, dict):
        return None
    kind = _kind(document, name)
    if kind in ("response.completed", "response.incomplete", "response.failed"):
        return Ends(choices=frozenset({0}))
    if not kind.endswith(".done"):
        return None
    place = ("item", _number(document, "output_index")) if "output_item" in kind else _place_of(document, kind)
    field = _DONE_FIELDS.get(kind.removesuffix(".done"))
    return Ends(lanes=reader.at((*place, field) if field else place))


# -- requests ---------------------------------------------------------------------------------------------------------


def _input_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """An item of the input: its role, or its type, says whose words it holds."""
    number = path[-1] if isinstance(path[-1], int) else 0
    return msgspec.structs.replace(scope.named(path, "input", choice=number), part=_part(value))


def _part(item: Any) -> Part:
    kind = _type(item)
    if "_output" in kind:
        return Part.TOOL_RESULT
    if isinstance(item, dict) and "role" in item:
        return part_of(item["role"])
    return Part.MODEL if kind and kind != "message" else Part.USER


_INPUT_PART = node({**_NAMES, **_MEDIA, "text": text(), "refusal": text(), "filename": text()}, channel=Channel.CONTENT)
_INPUT_ITEM = node(
    {
        **_NAMES,
        **_MEDIA,
        "content": text(each=_INPUT_PART),
        "summary": node(each=node({**_NAMES, "text": text(Channel.REASONING)})),
        "arguments": arguments(),
        "input": text(Channel.TOOL_ARGUMENTS),
        "name": text(Channel.TOOL_ARGUMENTS),
        "output": text(part=Part.TOOL_RESULT, each=_INPUT_PART),
        "outputs": node(each=node({**_NAMES, "logs": text()}), part=Part.TOOL_RESULT, channel=Channel.CONTENT),
        "results": node(each=node(opaque("file_id score")), part=Part.CONTEXT, channel=Channel.CONTENT),
        **dict.fromkeys(("action", "operation"), node(opaque("type"))),
        "tools": definitions(),
    },
    channel=Channel.CONTENT,
    enter=_input_scope,
)

_REQUEST = node(
    {
        **_SETTINGS,
        **opaque("include stream stream_options"),
        "input": text(each=_INPUT_ITEM),
        "instructions": text(part=Part.SYSTEM, each=_INPUT_PART),
        "tools": definitions(),
        "text": Node(Kind.JSON, channel=Channel.CONTENT, part=Part.SYSTEM),
        "prompt": node({**opaque("id version"), "variables": node(rest=text())}),
    }
)

_WITHOUT_INPUT = ("prompt", "previous_response_id", "conversation")


def _fits(document: Any) -> bool:
    """An input, or what stands for it on the server."""
    if not isinstance(document, dict):
        return False
    return isinstance(document.get("input"), str | list) or any(document.get(key) for key in _WITHOUT_INPUT)


def _wants_json(document: Any) -> bool:
    asked = document.get("text") if isinstance(document, dict) else None
    form = asked.get("format") if isinstance(asked, dict) else None
    return isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")


# -- how it stops -----------------------------------------------------------------------------------------------------


class _Voice:
    """Knows the response as it was let out, and what of it is open."""

    def __init__(self, asked: AnswerOptions) -> None:
        self._asked = asked
        self._chars = 0
        self._response: dict[str, Any] = {"object": "response"}
        self._items: dict[int, dict[str, Any]] = {}
        self._open: set[int] = set()
        self._parts: dict[tuple[int, str, int], tuple[dict[str, Any], list[str]]] = {}
        """Parts that are open, as they began, and what was said in them since."""
        self._sequence = -1

    def heard(self, document: Any, name: str) -> None:
        """Keep what an event says of the response, of an item, of a part."""
        if not isinstance(document, dict):
            return
        self._sequence = max(self._sequence, _number(document, "sequence_number"))
        delta = document.get("delta")
        if type(delta) is str:
            self._chars += len(delta)
            if not self._parts:
                return
        number, kind = _number(document, "output_index"), _kind(document, name)
        if isinstance(document.get("response"), dict):
            self._response = document["response"]
        elif isinstance(document.get("item"), dict):
            self._items[number] = document["item"]
            (self._open.add if kind.endswith(".added") else self._open.discard)(number)
        else:
            self._hear_part(document, number, kind)

    def _hear_part(self, document: dict[str, Any], number: int, kind: str) -> None:
        if not self._parts and "part" not in document:
            return
        place = _place_of(document, kind)
        if len(place) < _PLACE_OF_PART:
            return
        key = (number, str(place[2]), int(place[3]))
        if isinstance(document.get("part"), dict):
            if kind.endswith(".added"):
                self._parts[key] = document["part"], []
            elif self._parts.pop(key, None) is not None and number in self._items:
                _parts_of(self._items[number], key[1]).append(document["part"])
        elif isinstance(document.get("delta"), str) and key in self._parts:
            self._parts[key][1].append(document["delta"])

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """Close what is open, say the message as an item of its own, and complete the response with what was let out.

        It is completed, since programs take an incomplete or failed response for a broken connection and ask again.
        """
        frames = [frame for place in sorted(self._parts) for frame in self._close_part(place)]
        frames += [self._close_item(number) for number in sorted(self._open)]
        if message:
            frames += self._say(max(self._items, default=-1) + 1, message)
        output = [self._items[each] for each in sorted(self._items)]
        usage = self._response.get("usage") or self._estimated(len(message))
        whole = {**self._response, "status": "completed", "output": output, "usage": usage}
        return [*frames, self._frame("response.completed", response=whole)]

    def close(self) -> list[NewFrame]:
        """Nothing: the response was completed."""
        return []

    def _estimated(self, more: int) -> dict[str, Any]:
        """Usage, where the provider has not told it, of what was said and so many characters more."""
        before, after = tokens_of(self._asked.chars), tokens_of(self._chars + more)
        return {
            "input_tokens": before,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": after,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": before + after,
        }

    def _close_part(self, place: tuple[int, str, int]) -> list[NewFrame]:
        number, field, index = place
        begun, more = self._parts.pop(place)
        name = "refusal" if begun.get("type") == "refusal" else "text"
        part = {**begun, name: str(begun.get(name) or "") + "".join(more)}
        item = self._items.setdefault(number, {})
        _parts_of(item, field).append(part)
        where = {"item_id": str(item.get("id", "")), "output_index": number}
        said = {"text": part.get("text", "")}
        if field == "summary":
            where["summary_index"] = index
            names = ("response.reasoning_summary_text.done", "response.reasoning_summary_part.done")
        else:
            where["content_index"] = index
            names = (_DONE_OF.get(str(part.get("type")), "response.output_text.done"), "response.content_part.done")
            said = {"refusal": part["refusal"]} if "refusal" in part else said
            said |= {"logprobs": []} if names[0] == "response.output_text.done" else {}
        return [self._frame(names[0], **where, **said), self._frame(names[1], **where, part=part)]

    def _close_item(self, number: int) -> NewFrame:
        self._open.discard(number)
        self._items[number] = {**self._items[number], "status": "completed"}
        return self._frame("response.output_item.done", output_index=number, item=self._items[number])

    def _say(self, number: int, message: str) -> list[NewFrame]:
        part = {"type": "output_text", "text": message, "annotations": [], "logprobs": []}
        item = {"id": f"msg_stopped_{number}", "type": "message", "role": "assistant"}
        begun, done = (
            {**item, "status": "in_progress", "content": []},
            {**item, "status": "completed", "content": [part]},
        )
        where = {"item_id": item["id"], "output_index": number, "content_index": 0}
        self._items[number] = done
        return [
            self._frame("response.output_item.added", output_index=number, item=begun),
            self._frame("response.content_part.added", **where, part={**part, "text": ""}),
            self._frame("response.output_text.delta", **where, delta=message, logprobs=[]),
            self._frame("response.output_text.done", **where, text=message, logprobs=[]),
            self._frame("response.content_part.done", **where, part=part),
            self._frame("response.output_item.done", output_index=number, item=done),
        ]

    def _frame(self, kind: str, **fields: Any) -> NewFrame:
        self._sequence += 1
        return NewFrame(encode({"type": kind, "sequence_number": self._sequence, **fields}), kind)


def _parts_of(item: dict[str, Any], field: str) -> list[Any]:
    """The list of an item's parts, to add to."""
    found = item.get(field)
    if not isinstance(found, list):
        found = item[field] = []
    return found


_PLACE_OF_PART = 4
_DONE_OF: Mapping[str, str] = {"refusal": "response.refusal.done", "reasoning_text": "response.reasoning_text.done"}


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The items before the place but for calls, which would be run, and one with the message."""
    kept: list[dict[str, Any]] = []
    for place, item in items(document, "output"):
        is_cut = any(path[:2] == ("output", place) for path in unspoken)
        if (not is_cut or _has_text(item)) and not _is_call(_type(item)):
            kept.append(item)
        if is_cut:
            break
    said = {"type": "output_text", "text": message, "annotations": [], "logprobs": []}
    own = {"id": f"msg_stopped_{len(kept)}", "type": "message", "role": "assistant", "status": "completed"}
    output = [*kept, {**own, "content": [said]}] if message else kept
    return {("output",): output, ("status",): "completed", ("output_text",): None}


_OURS = "resp_refused_"
"""How ids of responses begin that no provider knows."""


def _opening(unanswered: Unanswered) -> Opening | None:
    """The response, without an item. Its id is that of the one before it, if there is one: the next goes on there."""
    if not unanswered.path.endswith("/responses"):
        return None
    before = at(unanswered.document, "previous_response_id")
    response: dict[str, Any] = {
        "id": before if isinstance(before, str) and before else _OURS + unanswered.number,
        "object": "response",
        "created_at": unanswered.created,
        "status": "in_progress",
        "model": unanswered.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **dict.fromkeys(("error", "incomplete_details", "instructions", "previous_response_id", "usage")),
        "metadata": {},
    }
    counts = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    frames = (
        NewFrame(encode({"type": kind, "sequence_number": number, "response": response}), kind)
        for number, kind in enumerate(("response.created", "response.in_progress"))
    )
    return opened(unanswered, {**response, "usage": {**counts, **details}}, *frames)


def _mended(document: Any) -> Mapping[Path, Any]:
    """A response that was refused is known to nobody: what goes on behind it begins anew."""
    before = at(document, "previous_response_id")
    is_ours = isinstance(before, str) and before.startswith(_OURS)
    return {("previous_response_id",): None} if is_ours else {}


def _has_text(item: dict[str, Any]) -> bool:
    """Whether something is left to read of a message or of a thought."""
    return any(part.get("text") for key in ("content", "summary") for _, part in items(item, key))


def _usage(document: Any) -> Usage | None:
    """What an answer counts, or in a stream the response that its last event holds."""
    response = at(document, "response") or document
    return told(
        input_tokens=count_of(response, "usage", "input_tokens"),
        output_tokens=count_of(response, "usage", "output_tokens"),
        cached_tokens=count_of(response, "usage", "input_tokens_details", "cached_tokens"),
    )


SHAPE = Shape(
    name="openai-responses",
    title="OpenAI Responses",
    provider="openai",
    paths=(r"/responses(/compact|/input_tokens)?$",),
    fits=_fits,
    request=_REQUEST,
    advised=lambda document, note: in_field(document, "instructions", note, beside="input"),
    response=_ANSWER,
    event=_event_node("", "", Channel.OTHER),
    event_of=_event,
    ends=_ends,
    voice=_Voice,
    usage=_usage,
    stopped=_stopped,
    opening=_opening,
    mended=_mended,
    refusal=openai.refusal,
    failure=openai.failure,
    too_long=openai.too_long,
    wants_json=_wants_json,
    is_chat=True,
)
