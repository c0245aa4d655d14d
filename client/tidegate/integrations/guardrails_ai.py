"""A validator for Guardrails AI.

    guard = Guard().use(TidegateValidator(client, on_fail="fix"))

What a policy stops or changes fails: the error says why, and the fix is the policy's message, or the changed text (so
`on_fail="fix"` takes it). A text is the model's, or with `part="user"` the user's. Needs guardrails-ai
(validator_base.py, 0.11).
"""

from __future__ import annotations

from typing import Any, Unpack

from guardrails.validator_base import FailResult, PassResult, Validator, register_validator

from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question, why
from tidegate.types import Part, StreamOptions


@register_validator(name="tidegate/guard", data_type="string")
class TidegateValidator(Validator):  # type: ignore[misc]  # Guardrails AI is not there where types are checked
    """Judges a text with a client."""

    def __init__(
        self, client: Client, *, part: Part = "model", on_fail: Any = None, **options: Unpack[StreamOptions]
    ) -> None:
        super().__init__(on_fail=on_fail)
        self._part: Part = part
        self._asker = Asker(client, **options)

    def validate(self, value: Any, metadata: Any) -> Any:
        """Raises `TidegateError`."""
        return self._asker.run(_judged(Question(str(value), self._part)))


def _judged(question: Question) -> Plan[Any]:
    result = yield question
    if result.verdict is not None:
        return FailResult(error_message=why(result), fix_value=result.verdict.message)
    if result.text != question.text:
        return FailResult(error_message=why(result), fix_value=result.text)
    return PassResult()
