"""Tidegate's scanners inside LLM Guard's own `scan_prompt` and `scan_output`: what comes of each text, as JSON.

python -m tests.client.llm_guard_scans ADDRESS, in the environment that has LLM Guard, with a service at the address.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import tidegate
from tests.client.integrations import BAD, CARD, FINE
from tidegate.integrations.llm_guard import InputScanner, OutputScanner

NOBODY = "127.0.0.1:1"


def scans(address: str) -> dict[str, Any]:
    """By what is shown: the text that goes on, and whether it is valid to each scanner."""
    from llm_guard import scan_output, scan_prompt
    from llm_guard.input_scanners import BanSubstrings, Regex
    from llm_guard.output_scanners import BanSubstrings as BanInAnswers
    from llm_guard.util import configure_logger

    configure_logger("CRITICAL")
    logging.disable(logging.CRITICAL)
    with tidegate.Client(address) as client:
        into, out = InputScanner(client), OutputScanner(client)
        return {
            "prompts": [scan_prompt([into], text) for text in (FINE, CARD, BAD)],
            "answers": [scan_output([out], FINE, text) for text in (FINE, CARD, BAD)],
            "then theirs": scan_prompt([into, BanSubstrings(["[CARD]"])], CARD),
            "theirs before": scan_prompt([Regex([r"4\d+"]), into], CARD),
            "goes on": scan_prompt([into, BanSubstrings(["nothing"])], BAD),
            "fails fast": scan_prompt([into, BanSubstrings(["nothing"])], BAD, fail_fast=True),
            "answer fails fast": scan_output([out, BanInAnswers(["nothing"])], FINE, BAD, fail_fast=True),
            "two": scan_prompt([into, _second(client)], BAD),
            "nobody": {how: _unavailable(how, scan_prompt) for how in ("raise", "pass", "block")},
        }


def _second(client: tidegate.Client) -> InputScanner:
    """LLM Guard keeps what a scanner says under the name of its class: another policy has another one."""

    class Second(InputScanner):
        pass

    return Second(client)


def _unavailable(how: Any, scan_prompt: Any) -> Any:
    with tidegate.Client(NOBODY, max_retries=0, on_unavailable=how) as client:
        try:
            return scan_prompt([InputScanner(client)], FINE)
        except tidegate.TidegateError as error:
            return type(error).__name__


if __name__ == "__main__":
    print(json.dumps(scans(sys.argv[1])))  # noqa: T201 - what the test reads
