"""Scanners as LLM Guard has them: for `scan_prompt` and `scan_output` beside its own, or called by themselves.

    from llm_guard import scan_prompt
    sanitized, valid, risk = scan_prompt([InputScanner(client, policy="support-bot")], prompt)

The package need not be there: its protocols (llm_guard/input_scanners/base.py and output_scanners/base.py, 0.3.16) are
met by shape. A text is valid where nothing stopped it: what a policy replaced is in the sanitized text.

LLM Guard keeps what a scanner says under the name of its class, and of two with one name what the later one says. For
two policies in one list, make a class for the second: `class Legal(InputScanner): ...`.
"""

from __future__ import annotations

from typing import Unpack

from tidegate.client import Client
from tidegate.integrations._asking import Asker, Plan, Question, risk
from tidegate.types import StreamOptions

Scanned = tuple[str, bool, float]
"""The text as it may go on, whether it may, and its risk: the highest score of what was found, 0 to 1, or -1."""


class InputScanner:
    """Scans a prompt, as the user's words."""

    def __init__(self, client: Client, **options: Unpack[StreamOptions]) -> None:
        self._asker = Asker(client, **options)

    def scan(self, prompt: str) -> Scanned:
        """Raises `TidegateError`."""
        return self._asker.run(_scanned(Question(prompt, "user")))


class OutputScanner:
    """Scans an answer, as the model's words."""

    def __init__(self, client: Client, **options: Unpack[StreamOptions]) -> None:
        self._client = client
        self._options = options

    def scan(self, prompt: str, output: str) -> Scanned:
        """What was asked is known where a rule holds an answer against it. Raises `TidegateError`."""
        options: StreamOptions = {**self._options, "prompt": prompt}
        return Asker(self._client, **options).run(_scanned(Question(output)))


def _scanned(question: Question) -> Plan[Scanned]:
    result = yield question
    text = result.verdict.message if result.verdict is not None else result.text
    return text, not result.is_blocked, risk(result)
