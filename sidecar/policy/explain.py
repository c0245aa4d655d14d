"""Says in plain words what a policy has wrong and what to do: one message and one remedy per validation error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from detectors.suggestion import closest
from sidecar.policy.codes import Code
from sidecar.policy.schema.base import LANGUAGE_PATTERN, NAME_PATTERN

Explanation = tuple[str, str]
"""What is wrong, and what to do about it. Neither ends with a full stop."""

_SHOWN_CHARS = 40
_LISTED = 12


def suggest(word: str, known: Iterable[str]) -> str:
    """What to write in place of an unknown word: the closest known one, else all of them."""
    names = list(dict.fromkeys(known))
    if (meant := closest(word, names)) is not None:
        return f"did you mean `{meant}`?"
    if not names:
        return "remove it"
    if len(names) == 1:
        return f"only `{names[0]}` belongs here"
    listed = ", ".join(f"`{name}`" for name in names[:_LISTED])
    return f"use one of {listed}" + (f" or {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def show(value: Any) -> str:
    """A value as the author wrote it, more or less: short, quoted, never a whole mapping or list."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    text = str(value).replace("\n", " ")
    return f"`{text[:_SHOWN_CHARS]}...`" if len(text) > _SHOWN_CHARS else f"`{text}`"


def explain(error: ErrorDetails, key: str, keys: Mapping[str, str]) -> tuple[Code, str, str]:
    """The code and explanation of an error of pydantic's about `key`, whose mapping may have `keys` (with what for)."""
    return (_code_of(error), *_explained(error, key, keys))


def _explained(error: ErrorDetails, key: str, keys: Mapping[str, str]) -> Explanation:
    context: Mapping[str, Any] = error.get("ctx", {})
    if "remedy" in context:
        return error["msg"], context["remedy"]
    explainer = _EXPLAINERS.get(error["type"])
    if explainer is not None:
        return explainer(error["input"], context, key, keys)
    return split(_plain(error["msg"].removeprefix("Value error, ")))


def split(message: str, otherwise: str = "correct the detector's parameters") -> Explanation:
    """A detector's own message: what is wrong; what to do about it, where it says so behind a semicolon."""
    what, _, remedy = message.partition("; ")
    return what, remedy or otherwise


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


def _first_sentence(description: str) -> str:
    return description.split(". ")[0].rstrip(".")


def _words(expected: Any) -> list[str]:
    return re.findall(r"'([^']*)'", str(expected))


def _unknown_key(_value: Any, _context: Mapping[str, Any], key: str, keys: Mapping[str, str]) -> Explanation:
    if key in {"advise", "block", "redact", "withhold"}:
        return (
            "an action is one of `redact`, `withhold` and `block`, not several",
            "keep one, or write two rules: the stronger action wins",
        )
    return f"unknown key `{key}`", suggest(key, (name for name in keys if name != key))


def _missing(_value: Any, _context: Mapping[str, Any], key: str, keys: Mapping[str, str]) -> Explanation:
    about = _first_sentence(keys.get(key, ""))
    return f"`{key}` is missing", f"add `{key}: ...`" + (f" ({_plain(about)})" if about else "")


def _not_one_of(value: Any, context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    if (key, value) == ("action", "advise"):
        return "`advise` needs what the model is told", "write `action: {advise: {note: ...}}`"
    words = _words(context.get("expected") or context.get("expected_tags"))
    word = value.get("with", value) if isinstance(value, dict) else value
    if key == "by":  # nothing else says that labels go, and a label is what an unknown word mostly is
        name = "NAME" if word == "label" else word
        remedy = (
            f"use `{{label: {name}}}` for a label of that name, or one of {', '.join(f'`{each}`' for each in words)}"
        )
        return f"{show(word)} is not a value of `{key}`", remedy
    if len(words) == 1:
        return f"{show(word)} is not what `{key}` may be", f"write `{words[0]}`"
    return f"{show(word)} is not a value of `{key}`", suggest(str(word), words)


def _no_operator(_value: Any, _context: Mapping[str, Any], _key: str, _keys: Mapping[str, str]) -> Explanation:
    return "`with` is missing", "add `with: label`, `mask`, `hash`, `pseudonym`, `text`, `remove` or `stand_in`"


def _not_text(value: Any, _context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    if isinstance(value, dict | list):
        return f"{show(value)} stands where text belongs", "write text"
    if key in _TIMES:
        return f"{show(value)} is no time", f"write its unit: `{value}s`, `{value}m`, `{value}h` or `{value}d`"
    return f"{show(value)} is not text", f'put it in quotes: "{show(value)[1:-1]}"'


def _not_a(kind: str, example: str) -> Callable[[Any, Mapping[str, Any], str, Mapping[str, str]], Explanation]:
    def explainer(value: Any, _context: Mapping[str, Any], _key: str, _keys: Mapping[str, str]) -> Explanation:
        verb = "stands where" if isinstance(value, dict | list) else "is not"
        tail = f"{kind} belongs" if isinstance(value, dict | list) else kind
        return f"{show(value)} {verb} {tail}", example

    return explainer


_WRITTEN_NUMBER = re.compile(r"(\d+)(?:[.,](\d+))?\s*(%)?")


def _no_number(value: Any, context: Mapping[str, Any], key: str, keys: Mapping[str, str]) -> Explanation:
    """Of a number in words, as `80%` and `0,8` are, what it is in figures."""
    what, remedy = _not_a("a number", "write a number, without quotes")(value, context, key, keys)
    written = _WRITTEN_NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if written is not None:
        number = float(f"{written[1]}.{written[2] or 0}")
        remedy = f"write {number / 100 if written[3] else number:g}, without quotes"
    return what, remedy


def _not_settings(value: Any, context: Mapping[str, Any], key: str, keys: Mapping[str, str]) -> Explanation:
    what, remedy = _not_a("a mapping", "write `key: value` pairs")(value, context, key, keys)
    if key in _MAIN_KEYS and isinstance(value, str if key != "canary" else int | float):
        remedy = f"write `{{{_MAIN_KEYS[key]}: {show(value)[1:-1]}}}`"
    return what, remedy


def _out_of_bounds(value: Any, context: Mapping[str, Any], _key: str, _keys: Mapping[str, str]) -> Explanation:
    if "ge" in context or "gt" in context:
        return f"{show(value)} is too small", f"write {context.get('ge', context.get('gt')):g} or more"
    return f"{show(value)} is too large", f"write {context.get('le', context.get('lt')):g} or less"


def _bad_pattern(value: Any, context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    what = (
        f"{show(value)} cannot be a key here"
        if value == key
        else f"{show(value)} cannot be {'an' if key[:1] in 'aeio' else 'a'} `{key}`"
    )
    if context["pattern"] == NAME_PATTERN:
        return what, "use 1 to 64 letters, digits, `.`, `_` or `-`, beginning and ending with a letter or digit"
    if context["pattern"] == LANGUAGE_PATTERN:
        return what, "write a language as `en`, `de` or `pt-BR`, or `default`"
    return what, f"write something of this form: `{context['pattern']}`"


def _too_few(_value: Any, context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    least = context.get("min_length", 1)
    return (
        f"`{key}` is empty" if least == 1 else f"`{key}` is too short",
        "give it an entry" if least == 1 else f"give it at least {least} entries",
    )


def _empty_text(_value: Any, context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    return f"`{key}` is too short", f"write at least {context.get('min_length', 1)} character(s)"


def _too_long(_value: Any, context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    return f"`{key}` is too long", f"keep it to {context.get('max_length')}"


def _form(_value: Any, _context: Mapping[str, Any], key: str, _keys: Mapping[str, str]) -> Explanation:
    return f"{show(_value)} is not a form of `{key}`", _FORMS[key]


def _action(value: Any, _context: Mapping[str, Any], _key: str, _keys: Mapping[str, str]) -> Explanation:
    if isinstance(value, dict) and len(value) == 1:
        (word,) = value
        if word in {"allow", "annotate"}:
            return f"`{word}` takes no settings", f"write `action: {word}`"
        return f"unknown action `{word}`", suggest(str(word), ("redact", "advise", "withhold", "block"))
    return f"{show(value)} is not an action", _FORMS["action"]


_TIMES = frozenset({"for", "half_life", "within"})
_MAIN_KEYS = {"redact": "with", "block": "message", "withhold": "message", "advise": "note", "canary": "percent"}
"""What is most likely meant where a word stands in place of settings."""
_LANGUAGES = "write a text, or one for each language: `{en: ..., pt-BR: ..., default: ...}`"
_FORMS = {
    "severity": "write `info`, `low`, `medium`, `high`, `critical`, or these by least score: `{0.5: low, 0.9: high}`",
    "value": "write a text, a list of texts, or `{list: NAME}`",
    "message": _LANGUAGES,
    "text": _LANGUAGES,
    "labels": "write a list, `[LABEL, ...]`, or least scores, `{LABEL: 0.6, ...}`",
    "blocked": "write true, false, or the id of the rule that blocks",
    "notice": "write `paragraph`, `annotation`, or `{as: paragraph, text: ...}`",
    "chunkings": "write `all`, `whole`, `chars`, `cuts`, `pairs`, `random`, or a list of them",
    "enforcement": "write `enforce`, `shadow` or `{canary: {percent: 10}}`",
    "by": "write `session`, `tenant`, `stream`, or `{label: NAME}`",
    "action": "write `allow`, `annotate`, `redact`, `withhold`, `block`, `{redact: {with: mask}}`,"
    " `{advise: {note: ...}}`, `{withhold: {message: ...}}` or `{block: {message: ...}}`",
}

_EXPLAINERS: dict[str, Callable[[Any, Mapping[str, Any], str, Mapping[str, str]], Explanation]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "enum": _not_one_of,
    "literal_error": _not_one_of,
    "union_tag_invalid": _not_one_of,
    "union_tag_not_found": _no_operator,
    "string_type": _not_text,
    "int_type": _not_a("a whole number", "write a whole number, without quotes"),
    "int_from_float": _not_a("a whole number", "write a whole number"),
    "float_type": _no_number,
    "finite_number": _not_a("a finite number", "write a number"),
    "bool_type": _not_a("true or false", "write true or false, without quotes"),
    "list_type": _not_a("a list", "write `[...]`, or one `- ...` a line"),
    "tuple_type": _not_a("a list", "write `[...]`, or one `- ...` a line"),
    "set_type": _not_a("a list", "write `[...]`, or one `- ...` a line"),
    "frozen_set_type": _not_a("a list", "write `[...]`, or one `- ...` a line"),
    "dict_type": _not_a("a mapping", "write `key: value` pairs"),
    "model_type": _not_settings,
    "model_attributes_type": _not_settings,
    "greater_than": _out_of_bounds,
    "greater_than_equal": _out_of_bounds,
    "less_than": _out_of_bounds,
    "less_than_equal": _out_of_bounds,
    "string_pattern_mismatch": _bad_pattern,
    "string_too_short": _empty_text,
    "string_too_long": _too_long,
    "too_short": _too_few,
    "too_long": _too_long,
    "labels_form": _form,
    "blocked_form": _form,
    "chunkings_form": _form,
    "notice_form": _form,
    "severity_form": _form,
    "value_form": _form,
    "wording_form": _form,
    "enforcement_form": _form,
    "by_form": _form,
    "action_form": _action,
}

_CODES: Mapping[str, Code] = {
    "action_form": Code.UNKNOWN_ACTION,
    "empty_expect": Code.CANNOT_FAIL,
    "enum": Code.UNKNOWN_WORD,
    "extra_forbidden": Code.UNKNOWN_KEY,
    "greater_than": Code.OUT_OF_BOUNDS,
    "greater_than_equal": Code.OUT_OF_BOUNDS,
    "invisible_char": Code.WRONG_FORM,
    "less_than": Code.OUT_OF_BOUNDS,
    "less_than_equal": Code.OUT_OF_BOUNDS,
    "literal_error": Code.UNKNOWN_WORD,
    "missing": Code.MISSING_KEY,
    "one_text": Code.NOT_ONE_TEXT,
    "string_pattern_mismatch": Code.WRONG_FORM,
    "string_too_long": Code.TOO_LONG,
    "string_too_short": Code.TOO_SHORT,
    "too_long": Code.TOO_LONG,
    "too_short": Code.TOO_SHORT,
    "union_tag_invalid": Code.UNKNOWN_WORD,
    "union_tag_not_found": Code.MISSING_KEY,
    "value_error": Code.REFUSED_PARAMETERS,
    "words": Code.WRONG_FORM,
}


def _code_of(error: ErrorDetails) -> Code:
    """The code by the kind of the error: what states its remedy is about keys together, all else about a value."""
    kind = error["type"]
    if kind not in _CODES and kind.endswith("_form"):
        return Code.WRONG_FORM
    return _CODES.get(kind, Code.CONTRADICTION if "remedy" in error.get("ctx", {}) else Code.WRONG_KIND)
