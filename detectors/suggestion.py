"""What somebody may have meant by a word that nothing is called: one answer for labels, topics, detectors, keys, names.

A word is near a name when their letters are nearly the same (`blok`, `block`), when all its words are among those of
the name (`EMAIL`, `EMAIL_ADDRESS`; `creditCard`, `CREDIT_CARD`), or when other tools call the same thing so (`NAME`,
which is `PERSON` here).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_CALLED_OTHERWISE: Mapping[str, str] = {
    "assistant": "model",
    "card": "credit_card",
    "city": "location",
    "company": "organization",
    "completion": "output",
    "country": "location",
    "credential": "generic_secret",
    "date": "date_time",
    "deny": "block",
    "document": "context",
    "dry_run": "shadow",
    "error": "high",
    "firstname": "person",
    "full_name": "person",
    "hate": "identity_attack",
    "hate_speech": "identity_attack",
    "health": "medical",
    "iban": "iban_code",
    "ip": "ip_address",
    "jailbreak": "injection",
    "keywords": "patterns",
    "lastname": "person",
    "log": "annotate",
    "mask": "redact",
    "mobile": "phone_number",
    "monitor": "shadow",
    "name": "person id",
    "names": "person",
    "nationality": "nrp",
    "nsfw": "sexual_explicit",
    "org": "organization",
    "passport": "us_passport",
    "password": "generic_secret",
    "profanity": "obscene",
    "prompt": "input",
    "prompt_injection": "injection",
    "regex": "patterns",
    "reject": "block",
    "religion": "nrp",
    "request": "input",
    "response": "output",
    "sexual": "sexual_explicit",
    "social_security_number": "us_ssn",
    "ssn": "us_ssn",
    "street": "address",
    "telephone": "phone_number",
    "text": "output",
    "topics": "topic",
    "toxic": "toxicity",
    "warn": "annotate",
    "warning": "medium",
    "website": "url",
}
"""What other tools, and people, call some labels, topics and words of policies; the first that is known is meant."""

_CUTOFF = 0.6


def closest(word: str, known: Iterable[str]) -> str | None:
    """The name that is probably meant by `word`, of those that are known; None where none is near."""
    by_form = {_plain(name): name for name in known}
    asked = _plain(word)
    if asked in by_form:
        return by_form[asked]
    for otherwise in _CALLED_OTHERWISE.get(asked, "").split():
        if otherwise in by_form:
            return by_form[otherwise]
    # The nearest letters, and only then a name that holds the word: `injecton` means `injection`.
    near = get_close_matches(asked, by_form, n=1, cutoff=_CUTOFF)
    if near:
        return by_form[near[0]]
    words = set(asked.split("_"))
    holding = [form for form in by_form if words <= set(form.split("_")) or _joined(asked) == _joined(form)]
    return by_form[min(holding, key=lambda form: (len(form), form))] if holding else None


def _plain(name: str) -> str:
    """A name in small letters, its words joined by `_`."""
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()


def _joined(form: str) -> str:
    return form.replace("_", "")
