"""How guard models are asked and read: the forms of their cards, and answers that are none."""

from __future__ import annotations

import pytest

from sidecar.judges.forms import LLAMA_GUARD, Said, Unreadable, form_of

SAFE, UNSAFE = Said(is_unsafe=False), Said(is_unsafe=True)


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("llama-guard", "safe", SAFE),
        ("llama-guard", "\n\nsafe\n", SAFE),
        ("llama-guard", "\n\nunsafe\nS10", Said(True, ("hate",))),
        ("llama-guard", "unsafe\nS9,S1", Said(True, ("indiscriminate_weapons", "violent_crimes"))),
        ("llama-guard", "unsafe\nS99, as it says", UNSAFE),
        ("granite-guardian", "Yes", Said(True, ("harm",))),
        ("granite-guardian", "No\n<confidence> High </confidence>", SAFE),
        ("granite-guardian", "<think> is it? yes, no </think>\n<score> no </score>", SAFE),
        ("granite-guardian", "<score> yes </score>", Said(True, ("harm",))),
        ("granite-guardian", '{"score": "yes"}', Said(True, ("harm",))),
        ("qwen3guard", "Safety: Safe\nCategories: None", SAFE),
        ("qwen3guard", "Safety: Unsafe\nCategories: Violent, Suicide & Self-Harm\nRefusal: No",
         Said(True, ("suicide_and_self_harm", "violent"))),
        ("qwen3guard", "Safety: Controversial\nCategories: Unethical Acts", Said(None)),
        ("file", "Unsafe: insult", Said(True, ("rude",))),
        ("file", "no", SAFE),
    ],
)  # fmt: skip
def test_an_answer_is_read(name: str, answer: str, said: Said) -> None:
    labels = {"insult": "rude"} if name == "file" else {}
    assert form_of(name, labels, prompt="{text}").verdict(answer.replace(": insult", "\ninsult")) == said


@pytest.mark.parametrize("name", ["llama-guard", "granite-guardian", "qwen3guard", "file"])
@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "safely", "unsafety", "{}", "yesterday"])
def test_what_is_no_verdict_is_not_read_as_one(name: str, answer: str) -> None:
    with pytest.raises(Unreadable):
        form_of(name, {}).verdict(answer)


def test_all_fourteen_hazards_have_a_label() -> None:
    assert [*LLAMA_GUARD] == [f"S{number}" for number in range(1, 15)]
    assert len({*LLAMA_GUARD.values()}) == 14


def test_labels_of_ones_own_replace_the_forms() -> None:
    form = form_of("llama-guard", {"S10": "hateful"})
    assert form.verdict("unsafe\nS10,S2").labels == ("hateful", "non_violent_crimes")


def test_a_text_is_asked_about_as_what_somebody_says() -> None:
    form = form_of("llama-guard", {})
    assert form.body("guard", "a text", is_answer=False)["messages"] == [{"role": "user", "content": "a text"}]
    assert [each["role"] for each in form.body("guard", "a text", is_answer=True)["messages"]] == ["user", "assistant"]
    granite = form_of("granite-guardian", {}, risk="violence").body("guard", "a text", is_answer=False)
    assert granite["chat_template_kwargs"]["guardian_config"]["risk_name"] == "violence"
    own = form_of("file", {}, prompt="Is it rude? {text}").body("guard", "a text", is_answer=True)
    assert own["messages"] == [{"role": "user", "content": "Is it rude? a text"}]
