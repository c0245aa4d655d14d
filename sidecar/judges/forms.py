"""How guard models are asked, and what their answers mean. Pure.

The forms are those of the models' own cards. None of an answer's words goes further: a category that a form does not
know is left out, as it may quote what was judged.

* Llama Guard 3 and 4: `safe`, or `unsafe` and a line of categories, S1 to S14
  (llama.com/docs/model-cards-and-prompt-formats/llama-guard-3).
* Granite Guardian: `Yes` or `No` for one risk (3.0 to 3.2), or `<score> yes </score>` (3.3), or `{"score": "yes"}`
  (huggingface.co/ibm-granite/granite-guardian-3.3-8b).
* Qwen3Guard-Gen: `Safety: Safe`, `Unsafe` or `Controversial`, and `Categories: ...`
  (huggingface.co/Qwen/Qwen3Guard-Gen-4B).
* A prompt of one's own: the first word is safe or unsafe, yes (unsafe) or no; categories may follow, between commas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MOST_TOKENS = 128
"""Of an answer: a verdict is a few words."""
TEXT = "{text}"
"""Where in a prompt of one's own the text stands."""


class Unreadable(Exception):  # noqa: N818 - it is what it says
    """An answer that is no verdict."""


class Said(msgspec.Struct, frozen=True):
    """A judge's verdict. `is_unsafe` is None where it cannot decide. `labels` say why it is unsafe, sorted."""

    is_unsafe: bool | None
    labels: tuple[str, ...] = ()


class Form(msgspec.Struct, frozen=True):
    """How a kind of model is asked and read; `labels` are what its categories are called, by category."""

    labels: Mapping[str, str]
    read: Callable[[str], tuple[bool | None, list[str]]]
    extra: Mapping[str, Any] = {}
    prompt: str = ""
    """Empty: the model's own chat template asks."""

    def body(self, model: str, text: str, *, is_answer: bool) -> dict[str, Any]:
        """The request's body. `is_answer`: a model said the text; else somebody says it to one."""
        asked = [{"role": "user", "content": text}]
        if self.prompt:
            asked = [{"role": "user", "content": self.prompt.replace(TEXT, text)}]
        elif is_answer:
            asked = [{"role": "user", "content": ""}, {"role": "assistant", "content": text}]
        return {"model": model, "messages": asked, "temperature": 0, "max_tokens": MOST_TOKENS, **self.extra}

    def verdict(self, answer: str) -> Said:
        """What an answer means. Raises `Unreadable`."""
        is_unsafe, categories = self.read(answer)
        named = {self.labels[each] for each in categories if each in self.labels} if is_unsafe else set()
        return Said(is_unsafe, tuple(sorted(named)))


LLAMA_GUARD: Mapping[str, str] = {
    "S1": "violent_crimes",
    "S2": "non_violent_crimes",
    "S3": "sex_related_crimes",
    "S4": "child_sexual_exploitation",
    "S5": "defamation",
    "S6": "specialized_advice",
    "S7": "privacy",
    "S8": "intellectual_property",
    "S9": "indiscriminate_weapons",
    "S10": "hate",
    "S11": "suicide_and_self_harm",
    "S12": "sexual_content",
    "S13": "elections",
    "S14": "code_interpreter_abuse",
}
QWEN3GUARD: Mapping[str, str] = {
    "Violent": "violent",
    "Non-violent Illegal Acts": "non_violent_illegal_acts",
    "Sexual Content or Sexual Acts": "sexual_content",
    "PII": "pii",
    "Suicide & Self-Harm": "suicide_and_self_harm",
    "Unethical Acts": "unethical_acts",
    "Politically Sensitive Topics": "politically_sensitive_topics",
    "Copyright Violation": "copyright_violation",
    "Jailbreak": "jailbreak",
}
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_SCORE = re.compile(r"<score>\s*(yes|no)\s*</score>|\"score\"\s*:\s*\"(yes|no)\"|\A\W*(yes|no)\b", re.IGNORECASE)
_SAFETY = re.compile(r"^\s*safety:\s*(safe|unsafe|controversial)\s*$", re.IGNORECASE | re.MULTILINE)
_CATEGORIES = re.compile(r"^\s*categories:(.*)$", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"\A\W*(safe|unsafe|yes|no)\b(.*)", re.IGNORECASE | re.DOTALL)


def form_of(name: str, labels: Mapping[str, str], *, risk: str = "harm", prompt: str = "") -> Form:
    """The form of a name of the settings; `labels` are names of one's own for categories."""
    match name:
        case "llama-guard":
            return Form({**LLAMA_GUARD, **labels}, _worded)
        case "qwen3guard":
            return Form({**QWEN3GUARD, **labels}, _qwen3guard)
        case "granite-guardian":
            asked = {"chat_template_kwargs": {"guardian_config": {"risk_name": risk, "criteria_id": risk}}}
            return Form({risk: risk, **labels}, lambda answer: _granite_guardian(answer, risk), asked)
        case _:
            return Form(dict(labels), _worded, prompt=prompt)


def _worded(answer: str) -> tuple[bool | None, list[str]]:
    found = _WORD.match(answer)
    if found is None:
        raise Unreadable
    return found[1].lower() in ("unsafe", "yes"), _listed(found[2].replace("\n", ","))


def _granite_guardian(answer: str, risk: str) -> tuple[bool | None, list[str]]:
    found = _SCORE.search(_THOUGHT.sub("", answer).strip())
    if found is None:
        raise Unreadable
    return (found[1] or found[2] or found[3]).lower() == "yes", [risk]


def _qwen3guard(answer: str) -> tuple[bool | None, list[str]]:
    safety, categories = _SAFETY.search(answer), _CATEGORIES.search(answer)
    if safety is None:
        raise Unreadable
    word = safety[1].lower()
    return None if word == "controversial" else word == "unsafe", _listed(categories[1] if categories else "")


def _listed(words: str) -> list[str]:
    return [each.strip() for each in words.split(",")]
