"""Makes tests of recorded conversations: what comes of them today is what must come of them from now on.

Texts are taken as they were recorded only where that is asked for. Otherwise what the policies, `pii` and `secrets`
find in them gives way to made-up values of the same kind, and an event without a text to such a value alone. A test
says what came of the text that it holds, so it passes; where other rules fire than on the recorded one, it is left out
and counted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from ruamel.yaml import YAML

from sidecar.offline import guard_text, public_stand_ins
from sidecar.policy.cases import Observed, make_case
from sidecar.policy.plan import Plan, StandIn
from sidecar.policy.schema.base import API_VERSION
from sidecar.policy.schema.cases import FileCaseSpec
from sidecar.policy.turns import Call, Passage, Turn
from sidecar.remembered import Memory
from sidecar.trials import guard_among
from sidecar.values import Action, Lane, Part
from sidecar.wording.languages import Language
from sidecar.wording.names import name_of
from workbench.preview.traffic import Conversation, Row, conversation
from workbench.preview.veil import Found, always, apart

_PLAIN = StandIn(restore=frozenset())
_SAMPLES: Mapping[str, str] = {
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB33 BUKB 2020 1555 5555 55",
    "EMAIL_ADDRESS": "jane.doe@example.com",
    "PHONE_NUMBER": "+1 202-555-0143",
    "US_SSN": "536-22-8726",
    "IP_ADDRESS": "8.8.4.4",
    "URL": "https://www.example.com/",
    "PERSON": "Jane Doe",
    "GITHUB_TOKEN": "{{fake:github_token}}",
    "AWS_ACCESS_KEY": "{{fake:aws_access_key_id}}",
    "GOOGLE_API_KEY": "{{fake:google_api_key}}",
    "JWT": "{{fake:jwt}}",
    "NPM_TOKEN": "{{fake:npm_token}}",
    "PRIVATE_KEY": "{{fake:private_key}}",
    "SLACK_TOKEN": "{{fake:slack_token}}",
    "STRIPE_KEY": "{{fake:stripe_secret_key}}",
}
"""Values that are nobody's, which detectors take for what they look like. A stand-in is one that they do not."""
_FACTS = ("labels", "tenant", "model", "route", "prompt_version", "attributes")


class _Violation(msgspec.Struct):
    """What an event tells of what was found: not its text."""

    kind: str = ""
    policy: dict[str, Any] = {}
    detector: dict[str, Any] = {}
    where: dict[str, Any] = {}
    evidence: dict[str, Any] = {}
    ids: dict[str, Any] = {}
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class Recording:
    """Tests in the making. `left_out` counts those that do not show what the recorded text, or the event, showed."""

    def __init__(self, plans: Iterable[Plan], *, policy: str = "", keeps_text: bool = False) -> None:
        """`policy` guards what names none (default: each the one that takes it)."""
        self._policy = policy
        self._memory = Memory()
        self._plans = tuple(map(self._memory.of, plans))
        self._guard = guard_among(self._plans, self._memory)
        self._keeps_text = keeps_text
        self._names: set[str] = set()
        self._book = public_stand_ins()
        self.tests: list[dict[str, Any]] = []
        self.left_out = 0

    def add(self, row: Row) -> None:
        """Make a test of a row. Raises `Unreadable`."""
        said = conversation(row)
        if said is None:
            self._add_event(row)
            return
        said = msgspec.structs.replace(said, policy=said.policy or self._policy)
        turns = said.turns if self._keeps_text else tuple(map(self._redacted, said.turns))
        self._keep(row, said, turns, self._observed(said, said.turns).violations)

    def _add_event(self, row: Row) -> None:
        """Make a test of a violation, of the text of which there is the label and the shape."""
        event = msgspec.json.decode(row.data, type=_Violation)
        if bytes(event.data):
            event = msgspec.json.decode(event.data, type=_Violation)
        label, rule = event.detector.get("label"), event.policy.get("rule")
        if event.kind != "violation" or not label or not rule:
            return
        value = self._sample(str(event.evidence.get("shape") or label), label)
        turns = (Turn(Part(event.where.get("part", Part.MODEL)), f"{name_of(label, Language.EN)}: {value}"),)
        said = Conversation(turns, id=str(event.ids.get("event", "")), policy=str(event.policy.get("name", "")))
        self._keep(row, said, turns, (rule,))

    def _keep(self, row: Row, said: Conversation, turns: Sequence[Turn], violations: Sequence[str]) -> None:
        observed = self._observed(said, turns)
        if set(observed.violations) != set(violations) or observed.failures:
            self.left_out += 1
            return
        test = _test(self._name(row, said), said, turns)
        for number, turn in enumerate(test["turns"]):
            turn["expect"] = _expected(observed.turns[number])
        if not observed.is_strict:
            test["chunkings"] = "whole"  # what leaks depends on the cut
        self.tests.append(test)

    def _observed(self, said: Conversation, turns: Sequence[Turn]) -> Observed:
        test = _test("t", said, turns) | {"expect": {"leaked": 0}}
        case = make_case(FileCaseSpec.model_validate_json(json.dumps(test)))
        return self._guard(case, case.whole)

    def _name(self, row: Row, said: Conversation) -> str:
        name = f"recorded: {said.id or row.number + 1}"[:180]
        if name in self._names:
            name = f"{name} ({row.number + 1})"
        self._names.add(name)
        return name

    # -- what may not be written down -----------------------------------------------------------------------------

    def _redacted(self, turn: Turn) -> Turn:
        return Turn(
            turn.part,
            self._made_up(turn.part, turn.text),
            self._made_up(turn.part, turn.reasoning),
            tuple(Call(each.name, self._made_up_arguments(each.arguments)) for each in turn.calls),
            tuple(Passage(each.id, self._made_up(turn.part, each.text)) for each in turn.passages),
        )

    def _made_up(self, part: Part, text: str) -> str:
        """The text with made-up values of the same kind for what is sensitive in it."""
        pieces, place = [], 0
        for each in apart([*always(text), *self._redactions(part, text)] if text else ()):
            pieces += [text[place : each.start], self._sample(text[each.start : each.end], each.label)]
            place = each.end
        return "".join((*pieces, text[place:]))

    def _sample(self, value: str, label: str) -> str:
        return _SAMPLES.get(label) or self._book.put(value, label, _PLAIN)

    def _redactions(self, part: Part, text: str) -> Iterable[Found]:
        """What any of the policies redacts in a text."""
        for plan in self._plans:
            for each in guard_text(plan, text, lane=Lane(part=part)).decisions:
                if each.decided is Action.REDACT and each.failure is None:
                    yield Found(each.finding.start, each.finding.end, each.finding.label)

    def _made_up_arguments(self, arguments: str) -> str:
        try:
            return json.dumps(self._in_each(json.loads(arguments)), ensure_ascii=False)
        except ValueError:
            return self._made_up(Part.MODEL, arguments)

    def _in_each(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._in_each(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._in_each(each) for each in value]
        return self._made_up(Part.MODEL, value) if isinstance(value, str) else value

    def yaml(self, policies: Sequence[str]) -> str:
        """The file of tests; `policies` are the files that it means, from its folder."""
        document = {"apiVersion": API_VERSION, "kind": "PolicyTest", "policies": [*policies], "tests": self.tests}
        out = io.StringIO()
        yaml = YAML()
        yaml.default_flow_style = False
        yaml.allow_unicode = True
        yaml.width = 110
        yaml.dump(document, out)
        return out.getvalue()


def _test(name: str, said: Conversation, turns: Sequence[Turn]) -> dict[str, Any]:
    stream = {key: value for key in _FACTS if (value := getattr(said.facts, key))}
    test: dict[str, Any] = {"name": name}
    if said.policy:
        test["policy"] = said.policy
    if stream:
        test["stream"] = stream
    if said.session:
        test["session"] = said.session[:128]
    return {**test, "turns": [_turn(turn) for turn in turns]}


def _turn(turn: Turn) -> dict[str, Any]:
    if turn.part is Part.CONTEXT:
        return {"context": [{"id": each.id, "text": each.text} for each in turn.passages] or [turn.text]}
    own: dict[str, Any] = {} if turn.calls and not turn.text else {str(turn.part): turn.text}
    if turn.reasoning:
        own["reasoning"] = turn.reasoning
    if turn.calls:
        own["calls"] = [{"name": each.name, "arguments": _parsed(each.arguments)} for each in turn.calls]
    return own


def _expected(observed: Observed) -> dict[str, Any]:
    """What came, as what must come."""
    expect: dict[str, Any] = {"output": observed.output, "violations": [*observed.violations]}
    if observed.blocked is not None:
        expect["blocked"] = observed.blocked
    if observed.calls:
        expect["calls"] = [{"name": each.name, "arguments": _parsed(each.arguments)} for each in observed.calls]
    return expect


def _parsed(arguments: str) -> Mapping[str, Any]:
    """A call's arguments as tests have them: an object."""
    try:
        value = json.loads(arguments)
    except ValueError:
        value = arguments
    return value if isinstance(value, dict) else {"": value}
