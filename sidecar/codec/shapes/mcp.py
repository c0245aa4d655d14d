"""The shape of the Model Context Protocol: JSON-RPC messages between a client (an agent) and a server (its tools).

A message is read by what it holds, so that no answer has to be matched to its request. What the client sends is the
model's (calls, what was sampled) or the user's (arguments of prompts, what was elicited); what the server sends is a
tool's result, or the definition of something that it offers. What is named nowhere is text, and of a method that nobody
knows all is read, names included. Source: https://modelcontextprotocol.io/specification, revisions 2024-11-05 to
2025-11-25.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.codec.places import BASE64, OPAQUE, Kind, Node, arguments, definitions, node, text
from sidecar.codec.shapes import generic
from sidecar.values import Channel, Part

LISTS = ("tools", "prompts", "resources", "resourceTemplates")
"""What a result can list definitions under."""

READ = "resources/read"
"""A request that policies see as a call of this name, with its parameters as arguments."""

_TOKEN_CHARS = 256


def is_token(value: Any) -> bool:
    """Whether a value can be an id, a token or a cursor: what is too long for one is text."""
    return not isinstance(value, dict | list) and len(str(value)) <= _TOKEN_CHARS


def _token_node(value: Any) -> Node:
    return OPAQUE if is_token(value) else _ANY


def _word_node(value: Any) -> Node:
    """A role, a type, a level is a word; what has more of them, or is none at all, is text."""
    is_word = is_token(value) and len(str(value).split()) <= 1
    return OPAQUE if is_word else _ANY


_ANY = Node(Kind.JSON)
_TOKEN = Node(select=_token_node)
_WORD = Node(select=_word_node)


def _words(names: str) -> dict[str, Node]:
    """Fields that hold a word, by their names."""
    return dict.fromkeys(names.split(), _WORD)


_META = node({"progressToken": _TOKEN})
_HEAD: Mapping[str, Node] = {"jsonrpc": OPAQUE, "id": _TOKEN}

_RESOURCE = node({"uri": text(), "text": text(), "blob": BASE64, **_words("mimeType")})
_PLAIN = node(
    {
        "text": text(),
        "data": BASE64,
        "resource": _RESOURCE,
        **_words("type mimeType"),
    }
)


def _content_node(value: Any) -> Node:
    """Content: a block, or a list of them."""
    return node(each=_BLOCK) if isinstance(value, list) else _BLOCK


_CONTENT = Node(select=_content_node)
_CALL = node({"id": _TOKEN, "name": text(Channel.TOOL_ARGUMENTS, is_whole=True), "input": arguments(), "type": _WORD})
_CALLED = node(
    {
        "toolUseId": _TOKEN,
        "content": _CONTENT,
        "structuredContent": Node(Kind.JSON, channel=Channel.CONTENT),
        "type": _WORD,
    },
    part=Part.TOOL_RESULT,
)


def _block_node(value: Any) -> Node:
    """A block, by its type: a model's call of a tool, what came of one, or any other."""
    kind = value.get("type") if isinstance(value, dict) else None
    return _CALL if kind == "tool_use" else _CALLED if kind == "tool_result" else _PLAIN


_BLOCK = Node(select=_block_node)
_MESSAGES = node(each=node({"content": _CONTENT, **_words("role")}))

_SAID_BY_CLIENT: Mapping[str, Node] = {
    "tools/call": node(
        {"name": text(Channel.TOOL_ARGUMENTS), "arguments": arguments(), "_meta": _META}, part=Part.MODEL
    ),
    READ: arguments(part=Part.MODEL, tool=READ),
    "prompts/get": node({"name": text(), "arguments": Node(Kind.JSON, channel=Channel.CONTENT)}, part=Part.USER),
    "completion/complete": node({"argument": Node(Kind.JSON, channel=Channel.CONTENT)}, part=Part.USER),
    "notifications/cancelled": node({"requestId": _TOKEN}, part=Part.MODEL),
    "notifications/progress": node({"progressToken": _TOKEN}, part=Part.MODEL),
    **dict.fromkeys(
        "tools/list prompts/list resources/list resources/templates/list".split(),
        node({"cursor": _TOKEN, "_meta": _META}, part=Part.MODEL),
    ),
    "initialize": node({"_meta": _META, **_words("protocolVersion")}, part=Part.MODEL),
}
_SAMPLED = node({"content": _CONTENT, **_words("role stopReason model")}, part=Part.MODEL)
_ELICITED = node({"content": Node(Kind.JSON, channel=Channel.CONTENT), **_words("action")}, part=Part.USER)

_OFFERED = {key: definitions() for key in LISTS}
_RESULT = node(
    {
        **_OFFERED,
        "content": _CONTENT,
        "structuredContent": Node(Kind.JSON, channel=Channel.CONTENT),
        "messages": _MESSAGES,
        "contents": node(each=_RESOURCE),
        "instructions": text(part=Part.TOOL_DEFINITION),
        "nextCursor": _TOKEN,
        **_words("protocolVersion"),
    },
    part=Part.TOOL_RESULT,
)
_ASKED_BY_SERVER = node(
    {
        "messages": _MESSAGES,
        "systemPrompt": text(),
        "message": text(),
        "tools": definitions(),
        "data": Node(Kind.JSON, channel=Channel.CONTENT),
        "progressToken": _TOKEN,
        "requestId": _TOKEN,
        "_meta": _META,
        **_words("level"),
    },
    part=Part.TOOL_RESULT,
)
_SAID_BY_SERVER: Mapping[str, Node] = dict.fromkeys(
    (
        "ping sampling/createMessage elicitation/create roots/list notifications/message notifications/progress "
        "notifications/cancelled notifications/resources/updated notifications/resources/list_changed "
        "notifications/tools/list_changed notifications/prompts/list_changed"
    ).split(),
    _ASKED_BY_SERVER,
)


def _message(params: Node, part: Part, *, is_known: bool) -> Node:
    """A request or a notification; the name of a method that nobody knows is text."""
    return node({**_HEAD, "method": OPAQUE if is_known else text(), "params": params}, part=part)


def _from(value: Any, said: Mapping[str, Node], result: Node, part: Part) -> Node:
    if not isinstance(value, dict):
        return Node(Kind.JSON, part=part)
    if "method" not in value:
        return node({**_HEAD, "result": result, "error": Node(Kind.JSON, channel=Channel.CONTENT)}, part=part)
    method = value["method"]
    known = said.get(method) if isinstance(method, str) else None
    return _message(known or Node(Kind.JSON, channel=Channel.CONTENT), part, is_known=known is not None)


def _client_node(value: Any) -> Node:
    """A message of the client's."""
    result = value.get("result") if isinstance(value, dict) else None
    is_elicited = isinstance(result, dict) and "action" in result
    return _from(value, _SAID_BY_CLIENT, _ELICITED if is_elicited else _SAMPLED, Part.MODEL)


def _server_node(value: Any) -> Node:
    """A message of the server's."""
    return _from(value, _SAID_BY_SERVER, _RESULT, Part.TOOL_RESULT)


CLIENT = msgspec.structs.replace(
    generic.SHAPE, name="mcp-client", title="MCP, client", request=Node(select=_client_node)
)
SERVER = msgspec.structs.replace(
    generic.SHAPE, name="mcp-server", title="MCP, server", request=Node(select=_server_node)
)
