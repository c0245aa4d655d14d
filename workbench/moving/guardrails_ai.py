"""Guardrails AI: a RAIL document, a guard as JSON, or the server's `config.py`; validators by their ids in the hub.

Forms, of version 0.11: `guardrails/schema/rail_schema.py` (elements with `validators="id: argument; id"` and
`on-fail-ID="action"`), `Guard.to_dict()` (`id`, `name`, `validators` with `id`, `on`, `onFail`, `kwargs`;
`output_schema`), and `guardrails/cli/create.py` (`Guard().use(Validator(...))`). A program is parsed and never run:
what is not written out in it, such as a variable, is noted.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from detectors.suggestion import closest
from sidecar.cli.ending import Failure
from workbench.moving import ours
from workbench.moving.draft import ANSWER, PROMPT, Draft, Rule, listed, redacted, shown
from workbench.moving.ours import Theirs
from workbench.moving.reading import Element, Read, read_json, read_text, read_xml

_HUB = "hub://"
_PROMPTS = frozenset(("messages", "msg_history", "prompt", "instructions"))
_REDACTED = redacted("[REDACTED]")
_NOT_PLAIN = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)
"""What `ast.literal_eval` raises of a stranger's text."""
_NO_REASK = "the model is not asked again here: the answer is stopped"


@dataclass(frozen=True, slots=True)
class Used:
    """A validator as a guard uses it: arguments by name, or by their order where only that is known."""

    place: str
    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    args: Sequence[Any] = ()
    on: str = "output"
    on_fail: str = "noop"


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator of theirs: its class in the hub, its parameters in order, and what is made of it."""

    name: str
    params: tuple[str, ...]
    make: Callable[[Theirs, Mapping[str, Any]], Rule | None]
    is_form: bool = False
    """Whether it is about a value's form as a whole, so that it says nothing of an answer that holds the value."""
    can_redact: bool = False


def drafted(file: Path) -> Draft:
    """The rules of a file. Raises `Failure`."""
    draft = Draft()
    if file.is_dir():
        raise Failure(f"{file} is a folder: name the .rail, the guard's JSON or the server's config.py in it")
    if file.suffix == ".py":
        used = [*_of_program(file, draft)]
    elif file.suffix in (".rail", ".xml"):
        used = [*_of_rail(read_xml(file), str(file), draft)]
    else:
        used = [*_of_json(read_json(file), draft)]
    for each in used:
        add(draft, each)
    return draft


def add(draft: Draft, used: Used, *, named: str = "") -> None:
    """Add what there is for a validator; `named` is what it is called where it is used."""
    own_id = (
        used.id.removeprefix(_HUB).lower().replace("-", "_")
        if "/" not in used.id
        else used.id.removeprefix(_HUB).lower()
    )
    validator = VALIDATORS.get(own_id) or _BY_SHORT_NAME.get(own_id)
    reads = PROMPT if used.on.split(".")[0] in _PROMPTS else ANSWER
    theirs = Theirs(
        draft, used.place, named or used.id.removeprefix(_HUB), reads, id=own_id.rpartition("/")[2].replace("_", "-")
    )
    if validator is None:
        near = closest(own_id, VALIDATORS)
        hint = f"Did you mean `{near}`?" if near else "Write what it checks as a rule, or keep it in the application"
        theirs.lose("no such validator is known here", hint)
        return
    params = dict(zip(validator.params, used.args, strict=False)) | dict(used.kwargs)
    for key in params:
        if key not in (*validator.params, *_EVERYWHERE):
            near = closest(key, validator.params)
            theirs.lose(
                "the validator has no such parameter", f"Did you mean `{near}`?" if near else "", f"`{shown(key)}`"
            )
    if used.on not in ("output", "$", "") and reads is ANSWER and validator.is_form:
        theirs.lose(
            "it is about one field of an answer",
            "state it in the answer's JSON schema: `format` with `json`",
            f"on `{shown(used.on)}`",
        )
        return
    before = len(draft.rules)
    used = replace(used, on_fail=theirs.one_of({"on_fail": used.on_fail or "noop"}, "on_fail", _ON_FAIL))
    validator.make(replace(theirs, action=_action(used.on_fail, validator)), params)
    for rule in draft.rules[before:]:
        _say_of_use(theirs, rule, used, reads is ANSWER)


_ON_FAIL = ("exception", "noop", "fix", "fix_reask", "filter", "reask", "refrain", "custom")
_EVERYWHERE = ("on_fail", "use_local", "validation_endpoint", "disable_classifier", "disable_llm", "device")


def _say_of_use(theirs: Theirs, rule: Rule, used: Used, is_answer: bool) -> None:
    """Note what of a validator's place and of what follows from it is otherwise."""
    if used.on not in ("output", "$", "") and is_answer:
        theirs.change(rule, "it reads the whole answer, not one field", what=f"on `{shown(used.on)}`")
    if used.on_fail in ("reask", "fix_reask"):
        theirs.change(
            rule, _NO_REASK, "ask again in the application where it is told of a block", f"on_fail {used.on_fail}"
        )
    elif used.on_fail == "custom":
        theirs.change(rule, "a function of yours is not run here: a remark is made", "", "on_fail custom", is_lost=True)


def _action(on_fail: str, validator: Validator) -> Any:
    if on_fail in ("noop", "custom"):
        return "annotate"
    return _REDACTED if on_fail in ("fix", "fix_reask", "filter") and validator.can_redact else "block"


# --- a guard as JSON -------------------------------------------------------------------------------------------------

_GUARD = ("id", "name", "description", "validators", "output_schema", "outputSchema", "history", "i_guard")


def _of_json(read: Read, draft: Draft) -> Iterator[Used]:
    value = read.value
    if isinstance(value, dict) and isinstance(value.get("guards"), list):
        for number, guard in enumerate(value["guards"]):
            yield from _of_guard(Read(f"{read.file}: guards[{number}]", guard), draft)
        return
    yield from _of_guard(read, draft)


def _of_guard(read: Read, draft: Draft) -> Iterator[Used]:
    guard = read.mapping()
    if "validators" not in guard:
        near = closest("validators", guard)
        hint = f" (it has `{shown(near)}`)" if near else ""
        read.wrong(f"there are no `validators`{hint}: a guard is written by json.dumps(guard.to_dict())")
    for key in guard:
        if key not in _GUARD:
            near = closest(key, _GUARD)
            draft.lose(
                read.at(key),
                f"the key `{shown(key)}`",
                "a guard has no such key",
                f"Did you mean `{near}`?" if near else "",
            )
    for number, entry in enumerate(read.list("validators")):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            read.wrong("a validator has an `id`", "validators", number)
        yield Used(
            read.at("validators", number),
            entry["id"],
            read.mapping("validators", number, "kwargs"),
            read.list("validators", number, "args"),
            str(entry.get("on") or "output"),
            str(entry.get("onFail") or entry.get("on_fail") or "noop"),
        )
    schema = guard.get("output_schema") or guard.get("outputSchema")
    if isinstance(schema, dict) and schema.get("type") in ("object", "array"):
        ours.document(Theirs(draft, read.at("output_schema"), "output_schema", ANSWER), schema)


# --- RAIL ------------------------------------------------------------------------------------------------------------

_TYPES = {
    "string": "string",
    "integer": "integer",
    "float": "number",
    "bool": "boolean",
    "object": "object",
    "list": "array",
}
_OTHER_TYPES = ("date", "time", "date-time", "percentage", "enum", "choice", "case")
"""Those that are strings in an answer, or objects of one of several shapes."""
_OF_APPLICATION = "what a model is told is the application's to say"


def _of_rail(root: Element, file: str, draft: Draft) -> Iterator[Used]:
    if root.tag != "rail":
        raise Failure(f"{file}:{root.line}: the document's element is to be `rail`, and is `{shown(root.tag)}`")
    output = root.named("output")
    if output is None:
        raise Failure(f"{file}:{root.line}: a RAIL document has an `output`")
    for child in root.children:
        if child.tag == "messages":
            yield from _validators(child, file, "messages", draft)
        if child.tag != "output":
            known = ("messages", "reask_messages", "prompt", "instructions", "script", "output")
            near = None if child.tag in known else closest(child.tag, known)
            draft.lose(
                f"{file}:{child.line}",
                f"<{shown(child.tag)}>",
                _OF_APPLICATION,
                f"Did you mean `{near}`?" if near else "",
            )
    yield from _walked(output, file, "$", draft)
    kind = output.attributes.get("type", "object")
    _say_of_type(kind, f"{file}:{output.line}", "`type` of the output", draft)
    if kind in ("object", "list"):
        ours.document(Theirs(draft, f"{file}:{output.line}", "output", ANSWER), _schema(output, kind))


def _walked(element: Element, file: str, on: str, draft: Draft) -> Iterator[Used]:
    yield from _validators(element, file, on, draft)
    for child in element.children:
        _say_of_type(child.tag, f"{file}:{child.line}", f"<{shown(child.tag)}>", draft)
        name = child.attributes.get("name", "*")
        yield from _walked(child, file, f"{on}.{name}", draft)


def _say_of_type(kind: str, place: str, what: str, draft: Draft) -> None:
    if kind not in (*_TYPES, *_OTHER_TYPES):
        near = closest(kind, (*_TYPES, *_OTHER_TYPES))
        hint = f"Did you mean `{near}`?" if near else ""
        draft.lose(place, what, f"a RAIL document has no type `{shown(kind)}`: it is read as a string", hint)


def _validators(element: Element, file: str, on: str, draft: Draft) -> Iterator[Used]:
    place = f"{file}:{element.line}: <{shown(element.tag)}>"
    for spec in _split(element.attributes.get("validators", ""), ";"):
        name, arguments = _parted(spec)
        on_fail = element.attributes.get(f"on-fail-{name.removeprefix(_HUB).replace('/', '_')}", "noop")
        try:
            args = [*map(_argument, _split(arguments, " "))]
        except _NOT_PLAIN:
            draft.lose(place, shown(spec), "its arguments are no plain values")
            continue
        yield Used(place, name, args=args, on=on, on_fail=on_fail)


def _parted(spec: str) -> tuple[str, str]:
    """A validator's id and its arguments; an id of the hub has a colon of its own."""
    hub = _HUB if spec.startswith(_HUB) else ""
    name, _, arguments = spec.removeprefix(hub).partition(":")
    return hub + name.strip(), arguments.strip()


def _split(text: str, at: str) -> list[str]:
    """What stands between separators that are in no braces and no quotes."""
    found, depth, quote, last = [], 0, "", 0
    for number, each in enumerate(text):
        if quote:
            quote = "" if each == quote else quote
        elif each in "'\"":
            quote = each
        elif each in "{}":
            depth += 1 if each == "{" else -1
        elif each == at and depth <= 0:
            found.append(text[last:number])
            last = number + 1
    return [each.strip() for each in (*found, text[last:]) if each.strip()]


def _argument(token: str) -> Any:
    """An argument: in braces a plain value of Python's; numbers and words as they are. Raises `ValueError`."""
    if token.startswith("{") and token.endswith("}"):
        return ast.literal_eval(token[1:-1].strip())
    return int(token) if re.fullmatch(r"-?\d{1,15}", token) else token


def _schema(element: Element, kind: str) -> dict[str, Any]:
    """What an element says of an answer's shape, as JSON Schema."""
    schema: dict[str, Any] = {"type": _TYPES.get(kind, "string")}
    if kind == "list" and element.children:
        schema["items"] = _schema(element.children[0], element.children[0].tag)
    if kind == "object":
        named = [(each.attributes["name"], each) for each in element.children if each.attributes.get("name")]
        if named:
            schema["properties"] = {name: _schema(each, each.tag) for name, each in named}
            schema["required"] = [name for name, each in named if each.attributes.get("required", "true") == "true"]
    if kind == "enum" and element.attributes.get("values"):
        schema["enum"] = [each.strip() for each in element.attributes["values"].split(",")]
    return schema


# --- the server's program --------------------------------------------------------------------------------------------


def _of_program(file: Path, draft: Draft) -> Iterator[Used]:
    try:
        tree = ast.parse(read_text(file), str(file))
    except SyntaxError as error:
        raise Failure(f"{file}:{error.lineno}: this is no Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise Failure(f"{file}: this cannot be read as Python") from None
    classes = {each.name.lower(): id for id, each in VALIDATORS.items()}
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("guardrails.hub")
        for alias in node.names
    }
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in ("use", "use_many"):
            for argument in node.args:
                found += 1
                yield from _of_argument(argument, node, file, draft, {**imported}, classes)
        elif isinstance(node, ast.Call) and _called(node) == "from_dict" and node.args:
            found += 1
            yield from _of_literal(node, file, draft)
        elif isinstance(node, ast.Call) and str(_called(node)).startswith("for_"):
            found += 1
            draft.lose(
                f"{file}:{node.lineno}",
                f"Guard.{_called(node)}",
                "it is made when the program runs",
                "import the .rail, or json.dumps(guard.to_dict())",
            )
    if not found:
        raise Failure(f"{file}: no guard is made here by `use`: import json.dumps(guard.to_dict()) instead")


def _called(node: ast.Call) -> str | None:
    return node.func.attr if isinstance(node.func, ast.Attribute) else None


def _of_literal(node: ast.Call, file: Path, draft: Draft) -> Iterator[Used]:
    try:
        guard = json.loads(json.dumps(ast.literal_eval(node.args[0])))
    except _NOT_PLAIN:
        why = "it is made when the program runs"
        draft.lose(f"{file}:{node.lineno}", "Guard.from_dict", why, "import the JSON that it is made of")
        return
    yield from _of_guard(Read(f"{file}:{node.lineno}", guard), draft)


def _of_argument(
    argument: ast.expr,
    call: ast.Call,
    file: Path,
    draft: Draft,
    imported: Mapping[str, str],
    classes: Mapping[str, str],
) -> Iterator[Used]:
    """A validator that is handed to `use`: `Name(...)`, or `Name, argument=...`."""
    place = f"{file}:{argument.lineno}"
    made = argument if isinstance(argument, ast.Call) else None
    name = made.func if made is not None else argument
    word = name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else ""
    id = classes.get(imported.get(word, word).lower())
    if not word or (id is None and word not in imported):
        draft.lose(
            place,
            _source(argument),
            "it is made when the program runs",
            "import json.dumps(guard.to_dict())",
        )
        return
    if id is None:
        draft.lose(place, shown(word), "no such validator is known here", "Write what it checks as a rule")
        return
    given = call if made is None else made
    named = [(each.arg, each.value) for each in given.keywords if each.arg not in (None, "on", "on_fail")]
    kwargs = {str(key): value for key, value in _plain(named, word, place, draft)}
    args = [value for _, value in _plain([("", each) for each in made.args] if made else [], word, place, draft)]
    yield Used(
        place,
        id,
        kwargs,
        args,
        _word(call, "on") or "output",
        _word(made, "on_fail") or _word(call, "on_fail") or "noop",
    )


def _source(node: ast.expr) -> str:
    """What a program says there; an expression that nests too deep to be written again is named alone."""
    try:
        return shown(ast.unparse(node))
    except RecursionError:
        return "an expression"


def _plain(
    values: Sequence[tuple[str | None, ast.expr]], word: str, place: str, draft: Draft
) -> Iterator[tuple[str | None, Any]]:
    """The values that are written out; those that are not are noted, and None by their order."""
    for name, value in values:
        try:
            yield name, ast.literal_eval(value)
        except _NOT_PLAIN:
            what = f"{word}, `{name or _source(value)}`"
            draft.lose(place, what, "its value is made when the program runs", "write it into the rule")
            if not name:
                yield name, None


def _word(call: ast.Call | None, name: str) -> str:
    """What a call says of `on_fail` or `on`: a text, or a member such as OnFailAction.FIX."""
    for each in call.keywords if call is not None else ():
        if each.arg == name:
            value = each.value
            if isinstance(value, ast.Attribute):
                return value.attr.lower()
            return str(value.value or "") if isinstance(value, ast.Constant) else _source(value)
    return ""


# --- validators ------------------------------------------------------------------------------------------------------


def _listed(params: Mapping[str, Any], key: str) -> list[Any]:
    return listed(params.get(key))


_PII = "EMAIL_ADDRESS PHONE_NUMBER DOMAIN_NAME IP_ADDRESS DATE_TIME LOCATION PERSON URL".split()
_SPI = (
    "CREDIT_CARD CRYPTO IBAN_CODE NRP MEDICAL_LICENSE US_BANK_NUMBER US_DRIVER_LICENSE US_ITIN US_PASSPORT US_SSN"
).split()
"""What its DetectPII means by `pii` and `spi`."""


def _personal(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    value = params.get("pii_entities", params.get("entities", "pii"))
    entities = {"pii": _PII, "spi": _SPI}.get(value, [value]) if isinstance(value, str) else listed(value)
    action = {"redact": {"with": "label"}} if isinstance(theirs.action, dict) else theirs.action
    rule = ours.personal_data(theirs, entities, action=action)
    if rule is not None:
        names = ("threshold", "get_entity_threshold", "presidio_score_threshold", "model_name")
        ours.scores(theirs, rule, params, names)
    return rule


def _secrets(theirs: Theirs, _params: Mapping[str, Any]) -> Rule:
    action = {"redact": {"with": "label"}} if isinstance(theirs.action, dict) else theirs.action
    return ours.secrets(theirs, action=action)


def _toxic(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.toxic(theirs, params, ("threshold", "validation_method", "results", "model_name"))


def _obscene(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.toxic(theirs, params, ("threshold", "validation_method"), ("obscene", "sexual_explicit"))


def _attacks(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.attacks(theirs, params, ("threshold", "pinecone_index", "llm_callable"))


def _competitors(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    rule = ours.words(theirs, "COMPETITOR", _listed(params, "competitors"), is_cased=False, is_whole=True)
    if rule is not None:
        theirs.change(rule, "the names are found as they are written, by no model: also where they mean something else")
    return rule


def _banned(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    rule = ours.words(theirs, "BANNED", _listed(params, "banned_words"), is_cased=False, is_whole=False)
    if rule is not None:
        theirs.change(
            rule,
            "words are found as they are written or look, not by how little they differ",
            "",
            "`max_l_dist`",
        )
    return rule


def _regex(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    """It holds where the text matches: what does not, fails."""
    regex = params.get("regex")
    if problem := ours.refused(regex):
        theirs.lose(problem, "write it as `patterns` takes it (docs/policies.md)", f"the pattern {shown(regex)}")
        return None
    is_whole = theirs.one_of(params, "match_type", ("fullmatch", "search")) == "fullmatch"
    return ours.required(theirs, rf"\A(?:{regex})\Z" if is_whole else str(regex))


def _holds(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    words = _listed(params, "substring") or _listed(params, "phrase")
    if not words:
        theirs.lose("it names no text")
        return None
    return theirs.rule({"detector": "format", "required": {"REQUIRED": words}}, ["Nothing of it is here."])


def _length(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    least, most = (_number(params.get(key)) for key in ("min", "max"))
    if least is None and most is None:
        theirs.lose("it states no bounds")
        return None
    bounds = {key: value for key, value in (("min", least), ("max", most)) if value is not None}
    return theirs.rule({"detector": "format", "chars": bounds}, ["x" * (most + 1)] if most and most < 2000 else [])


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _reading_time(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    minutes = params.get("reading_time")
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 0 < minutes < 10_000:
        theirs.lose("`reading_time` is no number of minutes")
        return None
    rule = ours.at_most(theirs, "words", max(1, int(minutes * 200)))
    if rule is not None:
        theirs.change(rule, "a minute is counted as 200 words")
    return rule


def _json(theirs: Theirs, _params: Mapping[str, Any]) -> Rule:
    return ours.document(theirs)


def _language(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    return ours.languages(theirs, _listed(params, "expected_language_iso") or ["en"], params, ("threshold",))


def _on_topic(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    names = ("llm_callable", "classifier_api_endpoint", "zero_shot_threshold", "llm_threshold", "model_threshold")
    if banned := _listed(params, "invalid_topics"):
        ours.topics(theirs, banned, "deny", params, names)
    wanted = _listed(params, "valid_topics")
    if not wanted:
        if not banned:
            theirs.lose("it lists no topics")
        return None
    known = ours.taxonomy()
    if any(str(each).lower().replace(" ", "_") not in known for each in wanted):
        remedy = "give each of them examples: `allow: [{name: ..., examples: [...]}]` (docs/policies.md)"
        theirs.lose(
            "one of the topics has no name here, and what is about it would be stopped", remedy, "`valid_topics`"
        )
        return None
    return ours.topics(theirs, wanted, "allow", params, names)


def _no_topics(theirs: Theirs, params: Mapping[str, Any]) -> Rule | None:
    return ours.topics(theirs, _listed(params, "sensitive_topics"), "deny", params, ("threshold",))


def _borne_out(theirs: Theirs, params: Mapping[str, Any]) -> Rule:
    return ours.borne_out(theirs, params, ("threshold", "validation_method", "llm_callable", "top_k", "embed_function"))


def _no_links(theirs: Theirs, _params: Mapping[str, Any]) -> Rule:
    return theirs.rule({"detector": "links"}, ["See https://www.example.com/a for it."])


def _lost(why: str, instead: str = "") -> Callable[[Theirs, Mapping[str, Any]], None]:
    def make(theirs: Theirs, _params: Mapping[str, Any]) -> None:
        theirs.lose(why, instead)

    return make


_OF_VALUES = _lost("the form of a value is not judged here", "keep it in the application, or state it in a JSON schema")
_OF_JUDGE = _lost(
    "a language model is asked what it thinks of the text", "a judge may be asked about what rules find (docs/judge.md)"
)
_OF_CODE = _lost("code is not parsed here", "say in `tools` what a tool may be handed")
_OF_TEXTS = _lost(
    "the texts are not compared here", "`grounding` compares an answer with documents (docs/grounding.md)"
)
_ANY = ("threshold", "validation_method", "llm_callable", "model_name")
VALIDATORS: Mapping[str, Validator] = {
    "guardrails/ban_list": Validator("BanList", ("banned_words", "max_l_dist"), _banned, can_redact=True),
    "guardrails/bias_check": Validator(
        "BiasCheck", _ANY, _lost("nothing here judges bias by a model of its own", "`toxicity` has `identity_attack`")
    ),
    "guardrails/bug_free_python": Validator("BugFreePython", (), _OF_CODE),
    "guardrails/bug_free_sql": Validator("BugFreeSQL", ("conn", "schema_file"), _OF_CODE),
    "guardrails/competitor_check": Validator("CompetitorCheck", ("competitors",), _competitors, can_redact=True),
    "guardrails/contains_string": Validator("ContainsString", ("substring",), _holds, is_form=True),
    "guardrails/correct_language": Validator("CorrectLanguage", ("expected_language_iso", "threshold"), _language),
    "scb-10x/correct_language": Validator("CorrectLanguage", ("expected_language_iso", "threshold"), _language),
    "guardrails/detect_jailbreak": Validator("DetectJailbreak", ("threshold", "device"), _attacks),
    "guardrails/detect_pii": Validator("DetectPII", ("pii_entities",), _personal, can_redact=True),
    "guardrails/detect_prompt_injection": Validator(
        "DetectPromptInjection", ("pinecone_index", "llm_callable"), _attacks
    ),
    "guardrails/endpoint_is_reachable": Validator(
        "EndpointIsReachable",
        (),
        _lost("nothing is asked for on the network while a text streams", "allow hosts: `links`"),
    ),
    "guardrails/ends_with": Validator("EndsWith", ("end",), _OF_VALUES),
    "guardrails/exclude_sql_predicates": Validator("ExcludeSqlPredicates", ("predicates",), _OF_CODE),
    "guardrails/gibberish_text": Validator(
        "GibberishText", _ANY, _lost("nothing here judges whether a text has a sense", "bound its length with `format`")
    ),
    "guardrails/guardrails_pii": Validator(
        "GuardrailsPII",
        ("entities", "model_name", "get_entity_threshold", "presidio_score_threshold"),
        _personal,
        can_redact=True,
    ),
    "guardrails/has_url": Validator("HasUrl", (), _no_links),
    "guardrails/llamaguard_7b": Validator("LlamaGuard7B", ("policies",), _toxic),
    "guardrails/llm_critic": Validator("LLMCritic", ("metrics", *_ANY), _OF_JUDGE),
    "guardrails/lowercase": Validator("LowerCase", (), _OF_VALUES),
    "guardrails/nsfw_text": Validator("NSFWText", _ANY, _obscene),
    "guardrails/one_line": Validator("OneLine", (), _OF_VALUES),
    "guardrails/policy_check": Validator("PolicyCheck", ("policies", *_ANY), _OF_JUDGE),
    "guardrails/profanity_free": Validator("ProfanityFree", (), _toxic),
    "guardrails/provenance_embeddings": Validator("ProvenanceEmbeddings", _ANY, _borne_out),
    "guardrails/provenance_llm": Validator("ProvenanceLLM", (*_ANY, "top_k", "max_tokens"), _borne_out),
    "guardrails/qa_relevance_llm_eval": Validator("QARelevanceLLMEval", _ANY, _OF_JUDGE),
    "guardrails/quotes_price": Validator(
        "QuotesPrice", _ANY, _lost("nothing here tells a price", "find them with `patterns`")
    ),
    "guardrails/reading_time": Validator("ReadingTime", ("reading_time",), _reading_time, is_form=True),
    "guardrails/redundant_sentences": Validator("RedundantSentences", _ANY, _OF_TEXTS),
    "guardrails/regex_match": Validator("RegexMatch", ("regex", "match_type"), _regex, is_form=True),
    "guardrails/response_evaluator": Validator("ResponseEvaluator", _ANY, _OF_JUDGE),
    "guardrails/saliency_check": Validator("SaliencyCheck", ("docs_dir", *_ANY), _OF_JUDGE),
    "guardrails/secrets_present": Validator("SecretsPresent", (), _secrets, can_redact=True),
    "guardrails/sensitive_topics": Validator("SensitiveTopic", ("sensitive_topics", *_ANY), _no_topics),
    "guardrails/shieldgemma_2b": Validator("ShieldGemma2B", ("policies", "score_threshold"), _toxic),
    "guardrails/similar_to_document": Validator("SimilarToDocument", ("document", *_ANY), _OF_TEXTS),
    "guardrails/similar_to_list": Validator("SimilarToList", ("standard_deviations", *_ANY), _OF_TEXTS),
    "guardrails/toxic_language": Validator("ToxicLanguage", ("threshold", "validation_method"), _toxic),
    "guardrails/two_words": Validator("TwoWords", (), _OF_VALUES),
    "guardrails/unusual_prompt": Validator("UnusualPrompt", _ANY, _attacks),
    "guardrails/uppercase": Validator("UpperCase", (), _OF_VALUES),
    "guardrails/valid_choices": Validator("ValidChoices", ("choices",), _OF_VALUES),
    "guardrails/valid_json": Validator("ValidJson", (), _json, is_form=True),
    "guardrails/valid_length": Validator("ValidLength", ("min", "max"), _length, is_form=True),
    "guardrails/valid_range": Validator("ValidRange", ("min", "max"), _OF_VALUES),
    "guardrails/valid_sql": Validator("ValidSQL", ("conn",), _OF_CODE),
    "guardrails/valid_url": Validator("ValidURL", (), _OF_VALUES),
    "guardrails/web_sanitization": Validator(
        "WebSanitization", (), _lost("markup is not cleaned here", "`links` finds addresses and schemes that lead out")
    ),
    "guardrails/wiki_provenance": Validator("WikiProvenance", ("topic_name", *_ANY), _borne_out),
    "bespokelabs/bespoke_minicheck": Validator("BespokeMiniCheck", _ANY, _borne_out),
    "cartesia/financial_tone": Validator(
        "FinancialTone", ("financial_tone", *_ANY), _lost("nothing here judges a tone")
    ),
    "cartesia/mentions_drugs": Validator(
        "MentionsDrugs", (), _lost("drugs have no list here", "list them as `keywords` of `patterns`")
    ),
    "tryolabs/restricttotopic": Validator(
        "RestrictToTopic",
        (
            "valid_topics",
            "invalid_topics",
            "llm_callable",
            "disable_classifier",
            "disable_llm",
            "classifier_api_endpoint",
            "zero_shot_threshold",
            "llm_threshold",
            "model_threshold",
        ),
        _on_topic,
    ),
}
_BY_SHORT_NAME = {id.rpartition("/")[2]: validator for id, validator in VALIDATORS.items()}
"""RAIL documents of older versions leave the owner out, and NeMo's configurations do."""
