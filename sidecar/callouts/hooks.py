"""`POST /v1/hooks/AGENT`: the hooks of coding agents, before and after a tool runs, and when a prompt is submitted.

What a hook may answer differs by event. A call is judged as the model's words: one that a policy stops, or would
change, does not run, since a tool is handed what was meant or nothing. A result is judged as a tool's words, string by
string; Claude Code takes a changed one in its place, or one whose texts are empty where a policy stopped it, Codex a
reason instead of it. A prompt that a policy would change
is not submitted: a hook cannot change it.

Forms: code.claude.com/docs/en/hooks (events `UserPromptSubmit`, `PreToolUse`, `PostToolUse`; the same document comes by
an HTTP hook and on a command's standard input), developers.openai.com/codex/hooks; the paths are those of the hooks
server of NeMo Guardrails 0.25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Guarded
from sidecar.codec.catalogue import shape_of
from sidecar.codec.jsontext import WideNumber
from sidecar.values import Channel, Direction, Lane, Part

_MESSAGES = "/v1/messages"
_PROMPT = Lane(0, Channel.CONTENT, Part.USER)
_MCP = "mcp__"


class _Event(msgspec.Struct):
    hook_event_name: Literal["UserPromptSubmit", "PreToolUse", "PostToolUse"]
    session_id: str = ""
    prompt: str = ""
    tool_name: str = ""
    tool_input: Any = field(default_factory=dict)
    tool_response: Any = None
    tool_use_id: str = ""


class Hooks:
    """Hooks of coding agents."""

    name = "hooks"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """A path for each agent whose form is known."""
        return {"/v1/hooks/claude-code": self.claude_code, "/v1/hooks/codex": self.codex}

    async def claude_code(self, asked: Asked) -> Reply:
        """Claude Code, which takes a changed result. Raises `TidegateError`."""
        return Reply(await _judged(asked, takes_results=True))

    async def codex(self, asked: Asked) -> Reply:
        """Codex, which takes a reason in place of a result. Raises `TidegateError`."""
        return Reply(await _judged(asked, takes_results=False))

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """With a word and a sentence. Agents run a call whose HTTP hook failed; `tidegate hook` stops it."""
        return plain_failure(status, reason, message)


async def _judged(asked: Asked, *, takes_results: bool) -> dict[str, Any]:
    event = asked.read(_Event)
    match event.hook_event_name:
        case "UserPromptSubmit":
            return await _prompt(asked, event)
        case "PreToolUse":
            return await _call(asked, event)
        case "PostToolUse":
            return await _result(asked, event, takes_results=takes_results)


async def _prompt(asked: Asked, event: _Event) -> dict[str, Any]:
    guarded = await asked.guard([(_PROMPT, event.prompt)], session_id=event.session_id, direction=Direction.INPUT)
    is_fine = not guarded.is_blocked and guarded.texts == (event.prompt,)
    return {} if is_fine else {"decision": "block", "reason": _reason(guarded, "the prompt")}


async def _call(asked: Asked, event: _Event) -> dict[str, Any]:
    """A tool call, in the shape of an answer: so what reads calls there (names, arguments) reads this one."""
    call = {"type": "tool_use", "id": event.tool_use_id, "name": event.tool_name, "input": event.tool_input}
    document = {"type": "message", "role": "assistant", "content": [call]}
    shape = shape_of(_MESSAGES)
    assert shape is not None
    result = await asked.guard_document(shape, document, session_id=event.session_id, direction=Direction.OUTPUT)
    if not result.guarded.is_blocked and result.document == document:
        return {}
    return {
        "hookSpecificOutput": {
            "hookEventName": event.hook_event_name,
            "permissionDecision": "deny",
            "permissionDecisionReason": _reason(result.guarded, "the call"),
        }
    }


async def _result(asked: Asked, event: _Event, *, takes_results: bool) -> dict[str, Any]:
    texts = [*_texts(event.tool_response)]
    lanes = [(Lane(0, Channel.CONTENT, Part.TOOL_RESULT, number), text) for number, text in enumerate(texts)]
    guarded = await asked.guard(lanes, session_id=event.session_id, direction=Direction.INPUT)
    if not guarded.is_blocked and guarded.texts == tuple(texts):
        return {}
    reason = _reason(guarded, "the result")
    stopped = {"decision": "block", "reason": reason}
    if not takes_results:
        return stopped
    output = _replaced(event.tool_response, iter([""] * len(texts) if guarded.is_blocked else guarded.texts))
    names = ["updatedToolOutput"] + (["updatedMCPToolOutput"] if event.tool_name.startswith(_MCP) else [])
    instead = {"hookEventName": event.hook_event_name, **dict.fromkeys(names, output)}
    return {"hookSpecificOutput": instead} | (stopped if guarded.is_blocked else {})


def _reason(guarded: Guarded, what: str) -> str:
    if guarded.is_blocked:
        return f"{guarded.message} (Tidegate, rule {guarded.blocked_rule})"
    labels = ", ".join(sorted({each.label for each in guarded.found if each.counts}))
    return f"Tidegate: {what} holds what the policy replaces: {labels}"


def _texts(value: Any) -> Iterator[str]:
    """The strings and numbers of a result, and the names of its fields, in order."""
    match value:
        case str():
            yield value
        case bool() | None:
            return
        case int() | float() | WideNumber():
            yield str(value)
        case Mapping():
            for key, each in value.items():
                yield key
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    """The result with other texts, in the same order; a number that stayed is a number, and no name is left out."""
    match value:
        case str():
            return next(texts)
        case bool() | None:
            return value
        case int() | float() | WideNumber():
            new = next(texts)
            return value if new == str(value) else new
        case Mapping():
            return {next(texts) or key: _replaced(each, texts) for key, each in value.items()}
        case list():
            return [_replaced(each, texts) for each in value]
    raise TypeError(type(value))
