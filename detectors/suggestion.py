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
    "card": "credit_card",
    "city": "location",
    "company": "organization",
    "country": "location",
    "credential": "generic_secret",
    "date": "date_time",
    "drug": "drugs",
    "firstname": "person",
    "full_name": "person",
    "health": "medical",
    "hate": "identity_attack",
    "hate_speech": "identity_attack",
    "iban": "iban_code",
    "ip": "ip_address",
    "jailbreak": "injection",
    "lastname": "person",
    "mobile": "phone_number",
    "name": "person",
    "names": "person",
    "nationality": "nrp",
    "nsfw": "sexual_explicit",
    "org": "organization",
    "passport": "us_passport",
    "password": "generic_secret",
    "profanity": "obscene",
    "prompt_injection": "injection",
    "regex": "patterns",
    "keywords": "patterns",
    "religion": "nrp",
    "sexual": "sexual_explicit",
    "social_security_number": "us_ssn",
    "ssn": "us_ssn",
    "street": "address",
    "telephone": "phone_number",
    "topics": "topic",
    "toxic": "toxicity",
    "website": "url",
}
"""What other tools, and people, call some labels, detectors and topics."""

_CUTOFF = 0.6


def closest(word: str, known: Iterable[str]) -> str | None:
    """The name that is probably meant by `word`, of those that are known; None where none is near."""
    by_form = {_plain(name): name for name in known}
    asked = _plain(word)
    if asked in by_form:
        return by_form[asked]
    if (otherwise := _CALLED_OTHERWISE.get(asked)) in by_form:
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
