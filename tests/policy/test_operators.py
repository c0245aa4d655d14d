"""Redaction operators: exact stand-ins, and what holds for any text."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy import operators
from sidecar.policy.operators import ByName, Form, InWords, RedactionKeys
from sidecar.wording.names import name_of
from tidegate.reveal import RevealError, pseudonym_key, reveal, reveal_all

SECRET = b"a secret of the tests, 32 bytes or more"
KEYS = RedactionKeys.derive(SECRET)
KEY = pseudonym_key(SECRET)

texts = st.text(max_size=60)
labels = st.sampled_from(["EMAIL_ADDRESS", "CREDIT_CARD", "name.of-something"])
WORDS, NAMES, PSEUDONYM_NAMES = InWords(name_of), ByName(), ByName("[]")
forms = st.sampled_from([WORDS, PSEUDONYM_NAMES])


@pytest.mark.parametrize(
    ("text", "options", "masked"),
    [
        pytest.param("4111 1111 1111 1111", {"keep_last": 4}, "•••• •••• •••• 1111", id="separators stay"),
        pytest.param("4111-1111-1111-1111", {"keep_first": 4, "keep_last": 2}, "4111-••••-••••-••11", id="both ends"),
        pytest.param("bob@example.com", {}, "•••@•••••••.•••", id="nothing kept"),
        pytest.param("bob@example.com", {"char": "#", "keep_first": 1}, "b##@#######.###", id="another character"),
        pytest.param("1234", {"keep_last": 4}, "••••", id="no more than would be kept: all masked"),
        pytest.param("12345", {"keep_last": 4}, "•2345", id="one more than is kept"),
        pytest.param("e\u0301te\u0301", {}, "•••••", id="marks belong to their letters"),
        pytest.param("हिन्दी", {}, "••••••", id="vowel signs are part of the word"),
        pytest.param("☎️ 12", {}, "☎• ••", id="a symbol stays, its variation selector is a mark"),
        pytest.param("sk_live_~9_a1b2", {"keep_last": 3}, "••••••••••••1b2", id="what is a delimiter in Markdown"),
        pytest.param("a_b_1234_5678_", {"keep_last": 8}, "••••1234_5678_", id="but not between those that are kept"),
        pytest.param("", {"keep_last": 4}, "", id="nothing to mask"),
    ],
)
def test_mask(text: str, options: dict[str, object], masked: str) -> None:
    assert operators.mask(**options)(text, "CREDIT_CARD", "s") == masked  # type: ignore[arg-type] # a table's options


@given(text=texts, first=st.integers(0, 5), last=st.integers(0, 5))
def test_mask_keeps_length_and_separators_and_hides_all_but_the_ends(text: str, first: int, last: int) -> None:
    masked = operators.mask(char="\u2022", keep_first=first, keep_last=last)(text, "L", "s")
    kept = [new == old for old, new in zip(text, masked, strict=True) if is_letter(old)]
    assert all(new == old or old in "*_~" for old, new in zip(text, masked, strict=True) if not is_letter(old))
    assert sum(kept) == (first + last if len(kept) > first + last else 0)


def is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def test_label_and_remove() -> None:
    assert operators.label(WORDS)("4111 1111 1111 1111", "CREDIT_CARD", "s") == "‹card-number›"
    assert operators.label(NAMES)("4111 1111 1111 1111", "CREDIT_CARD", "s") == "<CREDIT_CARD>"
    assert operators.remove()("4111 1111 1111 1111", "CREDIT_CARD", "s") == ""


def test_hash_is_a_truncated_hmac_of_label_and_value() -> None:
    rewrite = operators.keyed_hash(KEYS, NAMES, length=12)
    block = KEYS.hash_key.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"CREDIT_CARD\x004111").digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()
    assert rewrite("4111", "CREDIT_CARD", "any") == f"<CREDIT_CARD#{outer[:12]}>"
    assert operators.keyed_hash(KEYS, WORDS, length=12)("4111", "CREDIT_CARD", "any") == f"‹card-number-{outer[:12]}›"


@given(text=texts, other=texts, label=labels, form=forms)
def test_hash_depends_on_value_label_and_key_only(text: str, other: str, label: str, form: Form) -> None:
    rewrite = operators.keyed_hash(KEYS, form)
    assert rewrite(text, label, "one") == rewrite(text, label, "two")
    assert (rewrite(text, label, "") == rewrite(other, label, "")) == (text == other)
    assert rewrite(text, label, "") != operators.keyed_hash(RedactionKeys.derive(b"x" * 32), form)(text, label, "")


@given(text=texts, label=labels, session=texts, form=forms)
def test_a_pseudonym_opens_with_the_key_in_its_session(text: str, label: str, session: str, form: Form) -> None:
    token = operators.pseudonym(KEYS, form)(text, label, session)
    assert reveal(token, KEY, session) == text
    assert reveal_all(f"a {token}, b", KEY, session) == f"a {text}, b"


@given(text=texts, other=texts, label=labels, session=texts, elsewhere=texts, form=forms)
def test_a_pseudonym_is_the_same_for_one_value_in_one_session_only(
    text: str, other: str, label: str, session: str, elsewhere: str, form: Form
) -> None:
    rewrite = operators.pseudonym(KEYS, form)
    assert (rewrite(text, label, session) == rewrite(other, label, session)) == (text == other)
    assert (rewrite(text, label, session) == rewrite(text, label, elsewhere)) == (session == elsewhere)


@pytest.mark.parametrize(
    ("session", "key"),
    [
        pytest.param("another", KEY, id="another session"),
        pytest.param("chat", pseudonym_key(b"another secret"), id="another key"),
    ],
)
@pytest.mark.parametrize("form", [WORDS, PSEUDONYM_NAMES])
def test_a_pseudonym_does_not_open_otherwise(session: str, key: bytes, form: Form) -> None:
    token = operators.pseudonym(KEYS, form)("bob@example.com", "EMAIL_ADDRESS", "chat")
    with pytest.raises(RevealError, match="another key, in another session, or was changed"):
        reveal(token, key, session)


@pytest.mark.parametrize(("form", "one", "other"), [(WORDS, "a", "b"), (PSEUDONYM_NAMES, "A", "B")])
def test_a_changed_pseudonym_does_not_open(form: Form, one: str, other: str) -> None:
    token = operators.pseudonym(KEYS, form)("bob@example.com", "EMAIL_ADDRESS", "chat")
    for place in range(len(token)):
        changed = token[:place] + (one if token[place] != one else other) + token[place + 1 :]
        with pytest.raises(RevealError):
            reveal(changed, KEY, "chat")


def test_what_is_no_pseudonym_is_told_so() -> None:
    with pytest.raises(RevealError, match="no pseudonym"):
        reveal("<EMAIL_ADDRESS>", KEY, "chat")


def test_reveal_all_opens_those_of_the_session_and_leaves_the_rest() -> None:
    rewrite = operators.pseudonym(KEYS, WORDS)
    mine, theirs = rewrite("bob@example.com", "EMAIL_ADDRESS", "chat"), rewrite("eve", "PERSON", "other")
    assert reveal_all(f"to {mine}, cc {theirs} [a#b]", KEY, "chat") == f"to bob@example.com, cc {theirs} [a#b]"


def test_a_short_secret_is_refused_and_keys_do_not_print() -> None:
    with pytest.raises(ValueError, match="has 31 bytes; it needs at least 32"):
        RedactionKeys.derive(b"x" * 31)
    assert KEYS.hash_key.hex() not in repr(KEYS)
    assert str(KEYS.hash_key) not in repr(KEYS)
