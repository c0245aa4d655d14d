"""What a rule that judges calls of tools can do, and what it must read for that."""

from __future__ import annotations

from detectors.base import Reads
from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.document import Place
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.stream import StreamSpec
from sidecar.values import Action, Channel, Part, ToolCalls

_CAN = frozenset({Action.ALLOW, Action.ANNOTATE, Action.BLOCK})


def check_judged_calls(
    refusals: Refusals, place: Place, rule: RuleSpec, action: Action, reads: Reads, stream: StreamSpec
) -> None:
    """Refuse a rule about calls that reads something else, writes into them, or blocks what has left by then."""
    name = rule.detect.detector
    if reads.parts != {Part.MODEL} or reads.channels != {Channel.TOOL_ARGUMENTS}:
        message = f"`{name}` judges what a model hands to tools, and nothing else"
        remedy = "leave out `detect.parts` and `detect.channels`"
        refusals.refuse((*place, "detect"), Code.JUDGES_CALLS_ALONE, message, remedy)
    if action not in _CAN:
        message = f"a call is in order or it is not: `{action.word}` has no text to act on"
        refusals.refuse((*place, "action"), Code.CALL_IS_NO_TEXT, message, "use `block` or `annotate`")
    if action is Action.BLOCK and stream.tool_calls is ToolCalls.STREAM:
        message = "calls stream, so an agent has what it is to run before the call is judged"
        remedy = "remove `stream.tool_calls`, or say `whole`"
        refusals.refuse((*place, "action"), Code.CALL_HAS_LEFT, message, remedy)
