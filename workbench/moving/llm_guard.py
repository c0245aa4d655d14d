"""LLM Guard: the `scanners.yml` of its API server, by the scanners of version 0.3.16.

Form: llm_guard_api/config/scanners.yml and llm_guard_api/app/config.py of protectai/llm-guard: lists `input_scanners`
and `output_scanners`, each entry a `type` with `params`; `${NAME:default}` stands for a variable of the environment,
which is not read here: its default is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detectors.suggestion import closest
from workbench.moving import ours
from workbench.moving.draft import ANSWER, PROMPT, Draft, Reads, Rule, listed, redacted, shown
from workbench.moving.ours import Theirs
from workbench.moving.reading import Read, read_yaml

_TOP = ("app", "auth", "cache", "input_scanners", "metrics", "output_scanners", "rate_limit", "tracing")
_MODEL = ("model", "use_onnx", "model_path", "model_batch_size", "model_max_length", "model_onnx_file_name")
_SCORED = ("threshold", "match_type", *_MODEL)
_VARIABLE = re.compile(r"\$\{([^}^{]+)\}")
_ENTITIES = (
    "CREDIT_CARD CRYPTO EMAIL_ADDRESS IBAN_CODE IP_ADDRESS PERSON PHONE_NUMBER US_SSN US_BANK_NUMBER UUID".split()
)
"""What its Anonymize and Sensitive look for unless told otherwise (anonymize.py, DEFAULT_ENTITY_TYPES)."""
_REDACTED = redacted("[REDACTED]")
_REDACTS = "its scanner calls such a text invalid, and gives back one that is redacted; here the redacted one goes on"
_BLOCK = "write `action: block` to stop it"


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner of theirs: the parameters that it has, and what is made of it."""

    params: tuple[str, ...]
    make: Callable[[Theirs, Mapping[str, Any]], object]


def drafted(file: Path) -> Draft:
    """The rules of a file. Raises `Failure`."""
    read = read_yaml(file)
    draft = Draft()
    top = read.mapping()
    for key in top:
        if key not in _TOP:
            near = closest(key, _TOP)
            draft.lose(read.at(key), f"the key `{shown(key)}`", "LLM Guard has no such key", _meant(near))
    if not {"input_scanners", "output_scanners"} & top.keys():
        read.wrong("there are neither `input_scanners` nor `output_scanners`: is it the API server's scanners.yml?")
    restores = any(_type_of(each) == "Deanonymize" for each in read.list("output_scanners"))
    for key, reads, scanners in (("input_scanners", PROMPT, _INPUT), ("output_scanners", ANSWER, _OUTPUT)):
        for number in range(len(read.list(key))):
            _add(draft, read, (key, number), reads, scanners, restores=restores)
    return draft


def _type_of(entry: Any) -> Any:
    return entry.get("type") if isinstance(entry, dict) else None


def _add(
    draft: Draft, read: Read, place: tuple[str, int], reads: Reads, scanners: Mapping[str, Scanner], *, restores: bool
) -> None:
    entry, name = read.mapping(*place), _type_of(read.mapping(*place))
    if not isinstance(name, str):
        read.wrong("a scanner has a `type`", *place)
    theirs = Theirs(draft, read.at(*place), name, reads)
    for key in entry:
        if key not in ("type", "params"):
            theirs.lose(
                "a scanner has no such key", _meant(closest(key, ("type", "params"))), f"the key `{shown(key)}`"
            )
    scanner = scanners.get(name)
    if scanner is None:
        theirs.lose("LLM Guard 0.3.16 has no such scanner here", _meant(closest(name, scanners)))
        return
    params = {key: _plain(theirs, key, value) for key, value in read.mapping(*place, "params").items()}
    for key in params:
        if key not in scanner.params and key not in _MODEL:
            theirs.lose("the scanner has no such parameter", _meant(closest(key, scanner.params)), f"`{shown(key)}`")
    scanner.make(theirs, {**params, "_restores": restores})


def _plain(theirs: Theirs, key: str, value: Any) -> Any:
    """A value, with the defaults of variables in their place."""
    if isinstance(value, list):
        return [_plain(theirs, key, each) for each in value]
    if not isinstance(value, str) or not _VARIABLE.search(value):
        return value
    why = "variables of the environment are not read here"
    theirs.lose(why, "its default is taken; put in what you run with", f"`{shown(key)}: {shown(value)}`")
    return _VARIABLE.sub(lambda found: found[1].partition(":")[2], value)


def _meant(near: str | None) -> str:
    return f"Did you mean `{near}`?" if near else ""


def _listed(theirs: Theirs, params: Mapping[str, Any], key: str) -> list[Any]:
    """The list that a scanner must have; empty, and noted, where it has none."""
    value = params.get(key)
    if isinstance(value, list) and value:
        return value
    theirs.lose(f"`{key}` is to be a list, and not empty")
    return []


# --- what each is here -----------------------------------------------------------------------------------------------


def _substrings(theirs: Theirs, params: Mapping[str, Any]) -> None:
    terms = _listed(theirs, params, "substrings")
    if not terms:
        return
    is_redacted = bool(params.get("redact"))
    own = Theirs(theirs.draft, theirs.place, theirs.name, theirs.reads, _REDACTED if is_redacted else "block")
    how: Mapping[str, bool] = {
        "is_cased": bool(params.get("case_sensitive")),
        "is_whole": theirs.one_of(params, "match_type", ("str", "word")) == "word",
    }
    if params.get("contains_all") and len(terms) > 1:
        _all_substrings(own, terms, how, is_redacted=is_redacted)
        return
    rule = ours.words(own, "BANNED", terms, **how)
    if rule is not None and is_redacted:
        own.change(rule, _REDACTS, _BLOCK)


def _all_substrings(theirs: Theirs, terms: list[Any], how: Mapping[str, bool], *, is_redacted: bool) -> None:
    if is_redacted:
        why = "the first of the words may have left when the last one comes, so all of them cannot be replaced"
        theirs.lose(why, "leave `redact` out: the text is stopped where the last of them stands")
    elif not all(isinstance(each, str) and each.strip() for each in terms):
        theirs.lose("one of the words is no text")
    else:
        rule = ours.all_words(theirs, "BANNED", terms, **how)
        theirs.change(rule, "the text is stopped where the last of the words stands")


def _regex(theirs: Theirs, params: Mapping[str, Any]) -> None:
    patterns = _listed(theirs, params, "patterns")
    if not patterns:
        return
    match_type = theirs.one_of(params, "match_type", ("all", "search", "fullmatch"))
    if not params.get("is_blocked", True):
        sound = [_scoped(each) for each in patterns if not _lost_regex(theirs, each)]
        joined = "|".join(f"(?:{each})" for each in sound)
        if joined:
            ours.required(theirs, rf"\A(?:{joined})\Z" if match_type == "fullmatch" else joined)
        return
    if match_type == "fullmatch":
        patterns = [rf"\A(?:{_scoped(each)})\Z" if isinstance(each, str) else each for each in patterns]
    is_redacted = params.get("redact", True)
    own = Theirs(theirs.draft, theirs.place, theirs.name, theirs.reads, _REDACTED if is_redacted else "block")
    rule = ours.regexes(own, patterns)
    if rule is not None and is_redacted:
        own.change(rule, _REDACTS, _BLOCK)
        if len(patterns) > 1 or match_type == "search":
            own.change(rule, "its scanner replaces what the first pattern that matches finds; here all matches go")


def _scoped(regex: str) -> str:
    """With the flags that it begins with for itself alone, so that it may stand within another."""
    return re.sub(r"\A\(\?([aimsux]+)\)(.*)\Z", r"(?\1:\2)", regex, flags=re.DOTALL)


def _lost_regex(theirs: Theirs, regex: Any) -> bool:
    problem = ours.refused(regex)
    if problem:
        theirs.lose(problem, "write it as `patterns` takes it (docs/policies.md)", f"the pattern {shown(regex)}")
    return bool(problem)


def _personal(theirs: Theirs, params: Mapping[str, Any]) -> None:
    entities = listed(params.get("entity_types")) or _ENTITIES
    own = _own_forms(theirs, params, entities)
    is_redacted = theirs.reads is PROMPT or bool(params.get("redact"))
    replaced = _stand_in(params) if theirs.reads is PROMPT else {"redact": {"with": "label"}}
    before = len(theirs.draft.rules)
    action = replaced if is_redacted else "block"
    if known := [each for each in entities if str(each).upper() not in own]:
        ours.personal_data(theirs, known, action=action)
    for name, regexes in own.items():
        ours.regexes(replace(theirs, action=action, id=f"own-{name.lower()}"), regexes, label=name)
    if hidden := listed(params.get("hidden_names")):
        ours.words(
            replace(theirs, action=replaced, id="hidden-names"), "HIDDEN_NAME", hidden, is_cased=False, is_whole=True
        )
    theirs.one_of(params, "language", ("en", "zh"))
    for key in ("preamble", "use_faker", "language"):
        if params.get(key) and (key, params[key]) != ("language", "en"):
            theirs.lose(_OF_PERSONAL[key], what=f"`{key}`")
    for rule in theirs.draft.rules[before : before + 1]:
        _say_of_personal(theirs, rule, params, is_redacted=is_redacted)


def _own_forms(theirs: Theirs, params: Mapping[str, Any], entities: list[Any]) -> dict[str, list[Any]]:
    """The regular expressions of `regex_patterns` by the entity that they find; those of no entity find nothing."""
    wanted = {str(each).upper() for each in entities}
    found: dict[str, list[Any]] = {}
    for number, each in enumerate(listed(params.get("regex_patterns"))):
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str) and name.upper() in wanted and (regexes := listed(each.get("expressions"))):
            found[name.upper()] = regexes
        else:
            theirs.lose("it has no expressions, or `entity_types` do not name it", what=f"`regex_patterns[{number}]`")
    return found


def _say_of_personal(theirs: Theirs, rule: Rule, params: Mapping[str, Any], *, is_redacted: bool) -> None:
    if is_redacted:
        theirs.change(rule, _REDACTS, _BLOCK)
    if allowed := listed(params.get("allowed_names")):
        remedy = "write them under `except:`, each with its reason and owner"
        theirs.change(
            rule,
            "an exception needs somebody who answers for it",
            remedy,
            f"{len(allowed)} `allowed_names`",
            is_lost=True,
        )
    ours.scores(theirs, rule, params, ("threshold", "recognizer_conf", *_MODEL))


_OF_PERSONAL = {
    "preamble": "nothing is put before a prompt here; a rule with `action: advise` tells the model something",
    "use_faker": "made-up values are not drawn; `stand_in` has values of the same kind that come back",
    "language": "names are read in English text; forms are the same in all languages",
}


def _stand_in(params: Mapping[str, Any]) -> dict[str, Any]:
    """Words in place of personal data; those that come back, where a scanner of answers puts them back."""
    if not params.get("_restores"):
        return {"redact": {"with": "label"}}
    return {"redact": {"with": "stand_in", "restore": ["content", "tool_arguments"]}}


def _deanonymize(theirs: Theirs, params: Mapping[str, Any]) -> None:
    theirs.one_of(params, "matching_strategy", ("exact", "case_insensitive", "fuzzy", "combined_exact_fuzzy"))
    anonymized = [each for each in theirs.draft.rules if each.source.startswith("Anonymize")]
    if not anonymized:
        theirs.lose("no scanner of prompts replaces anything", "add Anonymize, or leave it out")
    for rule in anonymized:
        theirs.change(
            rule, "stand-ins come back in answers by themselves (`restore`); no vault and no matching strategy"
        )


_OF_NAMES = (
    "a value that has no form of its own is found behind a name such as `key` or `token`, not behind a service's alone"
)
_OF_EXAMPLES = "keys that documentation has as examples, such as AWS's that end in EXAMPLE, are no secrets here"


def _secrets(theirs: Theirs, params: Mapping[str, Any]) -> None:
    mode = theirs.one_of(params, "redact_mode", ("all", "partial", "hash"))
    partly = {"redact": {"with": "mask", "keep_first": 2, "keep_last": 2}}
    rule = ours.secrets(theirs, action=partly if mode == "partial" else redacted("******"))
    theirs.change(rule, _REDACTS, _BLOCK)
    theirs.change(rule, _OF_EXAMPLES)
    theirs.change(rule, _OF_NAMES, "write such a form as `patterns`")
    if mode == "hash":
        theirs.change(
            rule,
            "a hash needs the key `keys.redaction`",
            "with one, write `{redact: {with: hash}}`",
            "`redact_mode: hash`",
            is_lost=True,
        )


def _invisible(theirs: Theirs, _params: Mapping[str, Any]) -> None:
    rule = ours.invisible(theirs)
    theirs.change(rule, _REDACTS, _BLOCK)
    theirs.change(rule, "soft hyphens in words, and joiners where emoji or a script need them, are no violation here")


def _competitors(theirs: Theirs, params: Mapping[str, Any]) -> None:
    names = _listed(theirs, params, "competitors")
    is_redacted = params.get("redact", True)
    own = Theirs(theirs.draft, theirs.place, theirs.name, theirs.reads, _REDACTED if is_redacted else "block")
    rule = ours.words(own, "COMPETITOR", names, is_cased=False, is_whole=True) if names else None
    if rule is not None:
        own.change(rule, "the names are found as they are written, by no model: also where they mean something else")
        if is_redacted:
            own.change(rule, _REDACTS, _BLOCK)


def _topics(theirs: Theirs, params: Mapping[str, Any]) -> None:
    ours.topics(theirs, _listed(theirs, params, "topics"), "deny", params, _SCORED)


def _language(theirs: Theirs, params: Mapping[str, Any]) -> None:
    wanted = _listed(theirs, params, "valid_languages")
    if wanted:
        ours.languages(theirs, wanted, params, _SCORED)


def _tokens(theirs: Theirs, params: Mapping[str, Any]) -> None:
    ours.tokens(theirs, params.get("limit", 4096))


_WORDS_PER_MINUTE = 200
"""As its ReadingTime counts."""


def _reading_time(theirs: Theirs, params: Mapping[str, Any]) -> None:
    minutes = params.get("max_time")
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 0 < minutes < 10_000:
        theirs.lose("`max_time` is no number of minutes")
        return
    rule = ours.at_most(theirs, "words", max(1, int(minutes * _WORDS_PER_MINUTE)))
    if rule is not None and params.get("truncate"):
        theirs.change(rule, "the answer is stopped at the first word that is too much; what came before it stays")


_OF_JSON = "the whole answer is to be one JSON document here: no words around it, and nothing is repaired"


def _json(theirs: Theirs, params: Mapping[str, Any]) -> None:
    wanted = params.get("required_elements", 0)
    if not isinstance(wanted, int) or wanted < 1:
        why = "without `required_elements` an answer passes that has no JSON, and broken JSON is repaired"
        theirs.lose(why, "where answers are to be JSON, write `detect: {detector: format, json: {}}`")
        return
    rule = ours.document(theirs)
    theirs.change(rule, _OF_JSON, "where an answer need not be JSON, leave the rule out")
    if wanted != 1:
        told = f"`required_elements: {shown(wanted)}`"
        theirs.change(rule, "documents are not counted", "state a schema", told, is_lost=True)


def _attacks(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.attacks(theirs, params, _SCORED)


def _toxic(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.toxic(theirs, params, _SCORED)


def _lost(why: str, instead: str = "") -> Scanner:
    """A scanner for which there is nothing here."""

    def make(theirs: Theirs, _params: Mapping[str, Any]) -> None:
        theirs.lose(why, instead)

    every = ("threshold", "match_type", "languages", "is_blocked", "lexicon", "minimum_score", "success_status_codes")
    return Scanner((*every, "timeout", *_MODEL), make)


_CODE = _lost(
    "no detector here tells code from text", "say in `tools` what a tool may be handed, or find fences by `patterns`"
)
_SENTIMENT = _lost("nothing here judges a mood", "`toxicity` finds insults, threats and hate")
_GIBBERISH = _lost("nothing here judges whether a text has a sense", "bound its length with `format`")
_SUBSTRING_PARAMS = ("substrings", "match_type", "case_sensitive", "redact", "contains_all")
_BOTH: Mapping[str, Scanner] = {
    "BanCode": _CODE,
    "BanCompetitors": Scanner(("competitors", "threshold", "redact"), _competitors),
    "BanSubstrings": Scanner(_SUBSTRING_PARAMS, _substrings),
    "BanTopics": Scanner(("topics", "threshold"), _topics),
    "Code": _CODE,
    "Gibberish": _GIBBERISH,
    "Language": Scanner(("valid_languages", "threshold", "match_type"), _language),
    "Regex": Scanner(("patterns", "is_blocked", "match_type", "redact"), _regex),
    "Sentiment": _SENTIMENT,
    "Toxicity": Scanner(("threshold", "match_type"), _toxic),
}
_PERSONAL_PARAMS = ("entity_types", "regex_patterns", "recognizer_conf", "threshold")
_INPUT: Mapping[str, Scanner] = {
    **_BOTH,
    "Anonymize": Scanner(
        (*_PERSONAL_PARAMS, "hidden_names", "allowed_names", "preamble", "use_faker", "language"), _personal
    ),
    "InvisibleText": Scanner((), _invisible),
    "PromptInjection": Scanner(("threshold", "match_type"), _attacks),
    "Secrets": Scanner(("redact_mode",), _secrets),
    "TokenLimit": Scanner(("limit", "encoding_name", "model_name"), _tokens),
}
_RESTS = "`grounding` compares an answer with documents that are sent as its context (docs/grounding.md)"
_OUTPUT: Mapping[str, Scanner] = {
    **_BOTH,
    "Bias": _lost("nothing here judges bias by a model of its own", "`toxicity` has `identity_attack`"),
    "Deanonymize": Scanner(("matching_strategy",), _deanonymize),
    "FactualConsistency": _lost("an answer is not compared with its prompt here", _RESTS),
    "JSON": Scanner(("required_elements", "repair"), _json),
    "LanguageSame": _lost("the languages of prompt and answer are not compared", "list languages: Language"),
    "MaliciousURLs": _lost("no model here judges addresses", "allow hosts: the detector `links`"),
    "NoRefusal": _lost("refusals are no violation here", "find their phrases with `patterns`, and annotate"),
    "NoRefusalLight": _lost("refusals are no violation here", "find their phrases with `patterns`, and annotate"),
    "ReadingTime": Scanner(("max_time", "truncate"), _reading_time),
    "Relevance": _lost("an answer is not compared with its prompt here", _RESTS),
    "Sensitive": Scanner((*_PERSONAL_PARAMS, "redact"), _personal),
    "URLReachability": _lost("nothing is asked for on the network while a text streams", "allow hosts: `links`"),
}
SCANNERS = {"input_scanners": _INPUT, "output_scanners": _OUTPUT}
"""All of version 0.3.16."""
