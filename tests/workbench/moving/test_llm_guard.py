"""LLM Guard's own scanners, as released, and a service with the policy that comes of them: both decide alike.

Where they do not, docs/moving.md says so. Scanners with a model of a hub cannot run here: BanCode, BanCompetitors,
BanTopics, Bias, Code, FactualConsistency, Gibberish, Language, LanguageSame, MaliciousURLs, NoRefusal, PromptInjection,
Relevance, Toxicity, and the model for names in Anonymize and Sensitive; nor can Sentiment, with NLTK's list of words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from click.testing import CliRunner

from sidecar.cli.policy import policy
from sidecar.policy.plan import Plan
from tests.servers import serving
from tests.workbench.moving.asking import LLM_GUARD, ROOT, imported, said_by
from tests.workbench.moving.scanners import ASKED, AT_WILL, Asked
from tidegate import AsyncClient, CheckResult

pytestmark = [pytest.mark.llm_guard, pytest.mark.slow]
ENCODINGS = ".venv-clients/lib/python*/site-packages/llama_index/core/_static/tiktoken_cache"
"""Where the encoding is that TokenLimit counts with, which tiktoken else downloads."""


@pytest.fixture(scope="module")
def told(missing: Callable[[str], None]) -> dict[str, Any]:
    """By what was asked: of each text, what went on and whether it was valid."""
    if not LLM_GUARD.exists():
        missing("LLM Guard's environment (make llm-guard)")
    encodings = next(ROOT.glob(ENCODINGS), None)
    if encodings is None:
        missing("the encoding of tokens that comes with the client frameworks (make clients)")
    return said_by(LLM_GUARD, "llm-guard", TIKTOKEN_CACHE_DIR=str(encodings))


def policy_of(folder: Path, asked: Asked) -> Plan:
    key = "output_scanners" if asked.is_answer else "input_scanners"
    entry = {"type": asked.scanner, "params": dict(asked.params)}
    return imported(folder, "llm-guard", "s.yml", yaml.safe_dump({key: [entry]}))[0]


async def checked(plan: Plan, asked: Asked) -> list[CheckResult]:
    """What a service makes of the texts."""
    async with serving(plan) as server, AsyncClient(server.address) as client:
        direction: Literal["output", "input"] = "output" if asked.is_answer else "input"
        return [await client.check(text, direction=direction) for text in asked.texts]


@pytest.mark.parametrize("asked", ASKED, ids=lambda each: each.name)
async def test_a_scanners_texts_are_decided_alike(asked: Asked, told: dict[str, Any], tmp_path: Path) -> None:
    theirs = dict(zip(asked.texts, told[asked.name], strict=True))
    ours = dict(zip(asked.texts, await checked(policy_of(tmp_path, asked), asked), strict=True))

    otherwise = {
        text for text, (went_on, is_valid) in theirs.items() if not is_alike(ours[text], text, went_on, is_valid)
    }
    assert otherwise == set(asked.otherwise)


def is_alike(result: CheckResult, text: str, went_on: str, is_valid: bool) -> bool:
    """Whether it is valid in both, and if it goes on, whether it does so with the same things put in their places."""
    if (result.text == text and not result.is_blocked) != is_valid:
        return False
    return result.is_blocked or is_valid or alike(result.text) == alike(went_on)


def alike(text: str) -> str:
    """A text with what stands for a value in the same form: `[REDACTED_UUID_1]`, `<UUID>` and `‹uuid›` are one."""
    return re.sub(r"\[REDACTED_\w+\]|<[A-Z_]+>|‹[^›]+›", "‹›", text)


def test_where_they_decide_otherwise_the_page_says_why() -> None:
    page = " ".join((ROOT / "docs/moving.md").read_text(encoding="utf-8").split())
    reasons = {why for asked in ASKED for why in asked.otherwise.values()}
    assert [why for why in sorted(reasons) if why not in page] == []


def test_json_that_is_asked_for_by_nothing_is_no_rule(told: dict[str, Any], tmp_path: Path) -> None:
    """Every text is valid to it, so a rule would stop each answer that is put in words."""
    assert all(is_valid for _, is_valid in told[AT_WILL.name])
    source = tmp_path / "s.yml"
    source.write_text("output_scanners: [{type: JSON}]", encoding="utf-8")
    result = CliRunner().invoke(policy, ["import", "llm-guard", str(source)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not carried over: JSON: without `required_elements` an answer passes that has no JSON" in result.stderr
