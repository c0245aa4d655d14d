"""NeMo Guardrails: a configuration's `config.yml`, or its folder with `.co` files; rails of version 0.24.

Forms: nemoguardrails/rails/llm/config.py (`rails.input.flows` and the like) and the `rail.py` and `rail_config.py` of
each rail in nemoguardrails/library (names of flows, keys of `rails.config`). Of Colang only the names of flows and what
a bot says are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from detectors.suggestion import closest
from sidecar.cli.ending import Failure
from workbench.moving import guardrails_ai, ours
from workbench.moving.draft import ANSWER, CALLS, PROMPT, RESULTS, RETRIEVED, Draft, Note, Reads, blocked, listed, shown
from workbench.moving.ours import Theirs
from workbench.moving.reading import Read, read_text, read_yaml

_MOST_FILES = 500
_APPLICATION = frozenset(
    "models instructions sample_conversation prompts docs actions_server_url prompting_mode import_paths config_path"
    " imported_paths lowest_temperature enable_multi_step_generation colang_version custom_data knowledge_base core"
    " streaming enable_rails_exceptions passthrough event_source_uid tracing metrics raw_llm_call_action".split()
)
"""Keys of a configuration that are about the application, and guard nothing."""
_OURS = frozenset(("rails", "user_messages", "bot_messages", "flows", "sensitive_data_detection"))
_RAILS = ("config", "input", "output", "retrieval", "dialog", "actions", "tool_output", "tool_input")
_DIRECTIONS: Mapping[str, Reads] = {
    "input": PROMPT,
    "output": ANSWER,
    "retrieval": RETRIEVED,
    "tool_input": RESULTS,
    "tool_output": CALLS,
}
"""Their rails: `tool_input` are results of tools, `tool_output` the model's calls of them."""
_FLOW = re.compile(r"^(?:define\s+(?:parallel\s+|extension\s+)*)?(?:sub)?flow\s+(?P<name>[^\n\"(]+)", re.MULTILINE)
_SAYS = re.compile(r"^define\s+bot\s+refuse\s+to\s+respond[^\S\n]*\n\s*\"(?P<text>[^\"\n]{1,1000})\"", re.MULTILINE)
_REFUSAL = "I'm sorry, I can't respond to that."
_PARAMETER = re.compile(r"\$(\w+)\s*=\s*[\"']?([^\"'$]+)")


@dataclass(slots=True)
class Configuration:
    """What was read: the YAML with `rails`, names of flows in Colang with their places, and what a bot refuses with."""

    read: Read
    flows: dict[str, str] = field(default_factory=dict)
    refusal: str = _REFUSAL

    def of_rail(self, key: str, *more: str) -> dict[str, Any]:
        """What `rails.config` says of a rail. Raises `Failure`."""
        place: tuple[str, ...] = ("rails",)
        self.read.mapping("rails")
        for step in ("config", key, *more):
            if step not in self.read.mapping(*place):
                return {}
            place = (*place, step)
        return self.read.mapping(*place)

    def place_of(self, key: str) -> str:
        """Where `rails.config` says something of a rail."""
        return self.read.at("rails", "config", key)


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that is used: what stands in its name behind a `$`."""

    theirs: Theirs
    config: Configuration
    direction: str
    params: Mapping[str, str]


Make = Callable[[Flow], object]


def drafted(file: Path) -> Draft:
    """The rules of a configuration. Raises `Failure`."""
    draft = Draft()
    config = _configuration(file, draft)
    top = config.read.mapping()
    for key in top:
        if key not in _APPLICATION and key not in _OURS:
            _unknown(draft, config.read, (key,), (*_APPLICATION, *_OURS))
    rails = config.read.mapping("rails")
    for key in rails:
        if key not in _RAILS:
            _unknown(draft, config.read, ("rails", key), _RAILS)
    used = {name for direction in _DIRECTIONS if direction in rails for name in _add(draft, config, direction)}
    _rest(draft, config, used)
    return draft


def _unknown(draft: Draft, read: Read, place: tuple[str, ...], known: Iterator[str] | tuple[str, ...]) -> None:
    near = closest(place[-1], known)
    hint = f"Did you mean `{near}`?" if near else ""
    draft.lose(read.at(*place), f"the key `{shown(place[-1])}`", "NeMo Guardrails has no such key", hint)


# --- files -----------------------------------------------------------------------------------------------------------


def _configuration(file: Path, draft: Draft) -> Configuration:
    folder = file if file.is_dir() else None
    if folder is None:
        config = Configuration(read_yaml(file))
        folder = file.parent
    else:
        config = Configuration(_only(folder, draft))
    for each in _files(folder, ".co"):
        _read_colang(each, config)
    return config


def _only(folder: Path, draft: Draft) -> Read:
    """The file of a folder that has `rails`; the others' keys are the application's."""
    found = [read_yaml(each) for ending in (".yml", ".yaml") for each in _files(folder, ending)]
    with_rails = [each for each in found if isinstance(each.value, dict) and "rails" in each.value]
    if not with_rails:
        raise Failure(
            f"{folder}: no *.yml or *.yaml here has `rails`: name the folder of a configuration, or its config.yml"
        )
    for each in with_rails[1:]:
        draft.lose(
            each.file, "rails", f"they stand in {with_rails[0].file}, too, and one file is read", "import it by itself"
        )
    return with_rails[0]


def _files(folder: Path, ending: str) -> list[Path]:
    """The files of that ending below a folder, without links and what lies in `kb`. Raises `Failure`."""
    found: list[Path] = []
    seen = 0
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for each in sorted(here.iterdir()):
            seen += 1
            if seen > 20 * _MOST_FILES or len(found) > _MOST_FILES:
                raise Failure(f"{folder} holds too many files for a configuration: name its config.yml")
            if each.is_symlink() or each.name.startswith("."):
                continue
            if each.is_dir() and not (here == folder and each.name == "kb"):
                waiting.append(each)
            elif each.is_file() and each.suffix == ending:
                found.append(each)
    return found


def _read_colang(file: Path, config: Configuration) -> None:
    text = read_text(file)
    line, counted_to = 1, 0
    for found in _FLOW.finditer(text):
        line += text.count("\n", counted_to, found.start())
        counted_to = found.start()
        config.flows.setdefault(name_of(found["name"]), f"{file}:{line}")
    if says := _SAYS.search(text):
        config.refusal = says["text"]


def name_of(flow: str) -> str:
    """A flow's name, without what it is given."""
    return " ".join(re.split(r"[$(]", flow, maxsplit=1)[0].split())


# --- flows -----------------------------------------------------------------------------------------------------------


def _add(draft: Draft, config: Configuration, direction: str) -> Iterator[str]:
    """Add what there is for each flow of some rails; the names of all."""
    for key in config.read.mapping("rails", direction):
        if key == "streaming":
            where = config.read.at("rails", direction, key)
            why = "text is held until it is judged, and no chunk or overlap is set"
            draft.notes.append(
                Note(where, "`streaming`", why, "`stream: {mode: optimistic}` lets it go first", is_lost=False)
            )
        elif key not in ("flows", "parallel", "speculative_generation"):
            _unknown(
                draft,
                config.read,
                ("rails", direction, key),
                ("flows", "parallel", "streaming", "speculative_generation"),
            )
    if "flows" not in config.read.mapping("rails", direction):
        return
    for number, flow in enumerate(config.read.list("rails", direction, "flows")):
        if not isinstance(flow, str):
            config.read.wrong("a flow is its name", "rails", direction, "flows", number)
        name = name_of(flow)
        place = config.read.at("rails", direction, "flows", number)
        theirs = Theirs(draft, place, name, _DIRECTIONS[direction], blocked(config.refusal), id=_id_of(name))
        yield name
        if name in config.flows:
            why = f"it is a flow of yours ({config.flows[name]}), and Colang is not carried over"
            theirs.lose(why, "write what it checks as a rule, or ask Tidegate from it (tidegate.integrations.nemo)")
        elif name in FLOWS:
            FLOWS[name](Flow(theirs, config, direction, dict(_PARAMETER.findall(flow))))
        else:
            near = closest(name, FLOWS)
            theirs.lose(
                "NeMo Guardrails 0.24 has no such flow, and no .co file here does",
                f"Did you mean `{near}`?" if near else "",
            )


def _id_of(name: str) -> str:
    """A short id: the direction stands before it already."""
    return re.sub(r" (on|check)? ?(input|output|retrieval)$", "", name).replace(" ", "-")[:40]


def _rest(draft: Draft, config: Configuration, used: set[str]) -> None:
    """What is no rail: flows of a dialogue, and settings of rails that no flow uses."""
    own = [name for name in config.flows if name not in used]
    if own:
        why = "what a bot talks about, and how, is the application's: Colang is not carried over"
        names = ", ".join(sorted(own)[:5])
        draft.lose(
            config.flows[own[0]],
            f"{len(own)} flows of a dialogue ({shown(names)})",
            why,
            "keep NeMo for dialogues beside Tidegate",
        )
    rails = config.read.mapping("rails")
    settings = config.read.mapping("rails", "config") if "config" in rails else {}
    for key in settings:
        if key not in SETTINGS:
            _unknown(draft, config.read, ("rails", "config", key), tuple(SETTINGS))
        elif not any(flow in used for flow in SETTINGS[key]):
            draft.lose(
                config.place_of(key),
                f"`rails.config.{key}`",
                "no flow of these rails uses it",
                "name its flow, or leave it out",
            )


# --- what each is here -----------------------------------------------------------------------------------------------


def _personal(key: str, *, masks: bool) -> Make:
    def make(flow: Flow) -> None:
        settings = flow.config.of_rail(key, flow.direction)
        entities = settings.get("entities")
        if not isinstance(entities, list) or not entities:
            flow.theirs.lose(
                f"`rails.config.{key}.{flow.direction}.entities` lists nothing, so it does nothing there, too"
            )
            return
        own = _recognizers(flow, key, entities)
        action = {"redact": {"with": "label"}} if masks else flow.theirs.action
        known = [each for each in entities if str(each) not in own]
        rule = ours.personal_data(flow.theirs, known, action=action) if known else None
        if rule is not None:
            ours.scores(flow.theirs, rule, settings, ("score_threshold", "threshold"))
        for name, (patterns, words) in own.items():
            theirs = replace(
                flow.theirs, action=action, id=f"{flow.theirs.id}-{_label(name).lower().replace('_', '-')}"[:60]
            )
            if words:
                ours.words(theirs, _label(name), words, is_cased=False, is_whole=True)
            if patterns:
                ours.regexes(theirs, patterns, label=_label(name))
            if not words and not patterns:
                theirs.lose("its recognizer has neither patterns nor a list of words", "", f"the entity {shown(name)}")

    return make


def _label(entity: str) -> str:
    """An entity's name as a label may be."""
    return re.sub(r"[^A-Z0-9_]+", "_", entity.upper())[:40] or "PATTERN"


def _recognizers(flow: Flow, key: str, entities: list[Any]) -> dict[str, tuple[list[Any], list[Any]]]:
    """The recognizers of their own that find one of the entities: patterns and words, by entity."""
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    recognizers = flow.config.of_rail(key).get("recognizers") or []
    for each in recognizers if isinstance(recognizers, list) else []:
        entity = each.get("supported_entity") if isinstance(each, dict) else None
        if isinstance(entity, str) and entity in entities:
            patterns = [one.get("regex") for one in listed(each.get("patterns")) if isinstance(one, dict)]
            words = listed(each.get("deny_list"))
            found[str(entity)] = patterns, words
            if each.get("context"):
                flow.theirs.lose(
                    "words around a finding do not raise a score here",
                    "write them into the pattern",
                    f"`context` of {shown(entity)}",
                )
    return found


def _regex(flow: Flow) -> None:
    settings = flow.config.of_rail("regex_detection", flow.direction)
    patterns = settings.get("patterns")
    if not isinstance(patterns, list) or not patterns:
        flow.theirs.lose(f"`rails.config.regex_detection.{flow.direction}.patterns` lists nothing")
        return
    if settings.get("case_insensitive"):
        patterns = [f"(?i){each}" if isinstance(each, str) else each for each in patterns]
    rule = ours.regexes(flow.theirs, patterns)
    if rule is not None and flow.direction == "retrieval":
        flow.theirs.change(rule, "the passage that matches is withheld, not all that was retrieved")


def _attacks(flow: Flow) -> None:
    settings = flow.config.of_rail("jailbreak_detection")
    names = ("length_per_perplexity_threshold", "prefix_suffix_perplexity_threshold", "server_endpoint", "nim_base_url")
    rule = ours.attacks(flow.theirs, settings, names)
    flow.theirs.change(rule, "the embedded model judges; no server is asked")


def _unsafe(flow: Flow) -> None:
    rule = ours.toxic(flow.theirs, {}, ())
    model = flow.params.get("model", "").strip()
    why = "its model has categories of its own; here insults, threats, hate, sex, self-harm and violence are"
    remedy = "what is left may be asked of that model, as a judge (docs/judge.md)"
    flow.theirs.change(rule, why, remedy, f"model {shown(model)}" if model else "")


def _borne_out(flow: Flow) -> None:
    ours.borne_out(flow.theirs, flow.config.of_rail("fact_checking"), ("parameters", "fallback_to_self_check"))


def _bloat(flow: Flow) -> None:
    settings = flow.config.of_rail("context_bloat_detection")
    most = settings.get("max_chars", 5000)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        flow.theirs.lose("`max_chars` is no number of characters")
        return
    action = flow.theirs.one_of(settings, "action", ("reject", "truncate", "warn"))
    theirs = replace(flow.theirs, action="annotate") if action == "warn" else flow.theirs
    rule = ours.at_most(theirs, "chars", most)
    if rule is not None and action == "truncate":
        theirs.change(rule, "a text that is too long is stopped, and not cut", what="`action: truncate`")
    if rule is not None:
        theirs.change(
            rule,
            "the size is bounded alone: entropy, repetition and runs are not measured",
            "",
            "its other bounds",
            is_lost=True,
        )


def _validated(flow: Flow) -> None:
    """A validator of Guardrails AI, by the name that the flow has for it."""
    name = flow.params.get("validator", "").strip()
    entries = flow.config.of_rail("guardrails_ai").get("validators")
    found = (
        [each for each in entries if isinstance(each, dict) and each.get("name") == name]
        if isinstance(entries, list)
        else []
    )
    if not name or not found:
        flow.theirs.lose(
            "`rails.config.guardrails_ai.validators` has none of that name", "", f"validator {shown(name)}"
        )
        return
    parameters = found[0].get("parameters") or {}
    if not isinstance(parameters, dict):
        flow.theirs.lose("its `parameters` are no mapping", "", f"validator {shown(name)}")
        return
    on = "messages" if flow.direction == "input" else "output"
    used = guardrails_ai.Used(flow.theirs.place, name, parameters, on=on, on_fail="exception")
    guardrails_ai.add(flow.theirs.draft, used, named=f"{flow.theirs.name} {name}")


def _lost(why: str, instead: str = "") -> Make:
    def make(flow: Flow) -> None:
        flow.theirs.lose(why, instead)

    return make


def _asks(whom: str) -> Make:
    return _lost(f"it asks {whom}", "keep its flow in NeMo beside Tidegate, or write what it checks as rules")


_OF_JUDGE = _lost(
    "it asks a language model by a prompt of yours",
    "rules may ask a judge about what they find (docs/judge.md); `injection` and `toxicity` judge without one",
)
_INJECTION = _lost(
    "rules of YARA for SQL, templates, code and markup are not run here",
    "say in `tools` what a tool may be handed, and in `links` where addresses may lead",
)
_BOTH = ("input", "output")
FLOWS: Mapping[str, Make] = {
    **{
        f"detect sensitive data on {each}": _personal("sensitive_data_detection", masks=False)
        for each in (*_BOTH, "retrieval")
    },
    **{
        f"mask sensitive data on {each}": _personal("sensitive_data_detection", masks=True)
        for each in (*_BOTH, "retrieval")
    },
    **{f"detect pii on {each}": _personal("privateai", masks=False) for each in (*_BOTH, "retrieval")},
    **{f"mask pii on {each}": _personal("privateai", masks=True) for each in (*_BOTH, "retrieval")},
    **{f"gliner detect pii on {each}": _personal("gliner", masks=False) for each in (*_BOTH, "retrieval")},
    **{f"gliner mask pii on {each}": _personal("gliner", masks=True) for each in (*_BOTH, "retrieval")},
    **{f"polygraf detect pii on {each}": _personal("polygraf", masks=False) for each in (*_BOTH, "retrieval")},
    **{f"polygraf mask pii on {each}": _personal("polygraf", masks=True) for each in (*_BOTH, "retrieval")},
    **{f"regex check {each}": _regex for each in (*_BOTH, "retrieval")},
    **{f"context bloat detection on {each}": _bloat for each in ("input", "retrieval")},
    "jailbreak detection heuristics": _attacks,
    "jailbreak detection model": _attacks,
    **{f"content safety check {each}": _unsafe for each in _BOTH},
    **{f"llama guard check {each}": _unsafe for each in _BOTH},
    **{f"guardrailsai check {each}": _validated for each in _BOTH},
    "self check facts": _borne_out,
    "alignscore check facts": _borne_out,
    "patronus lynx check output hallucination": _borne_out,
    "fiddler bot faithfulness": _borne_out,
    "autoalign groundedness output": _borne_out,
    "autoalign factcheck output": _borne_out,
    **{f"self check {each}": _OF_JUDGE for each in _BOTH},
    "self check hallucination": _lost(
        "it asks the model again and compares", "`grounding` compares an answer with documents"
    ),
    "hallucination warning": _lost(
        "it asks the model again and compares", "`grounding` compares an answer with documents"
    ),
    "injection detection": _INJECTION,
    "tool call validation": _lost("calls are not held against the request's list of tools", "allow them: `tools`"),
    "tool result validation": _lost(
        "a result is not matched with its call", "judge what it says: `parts: [tool_result]`"
    ),
    "topic safety check input": _lost(
        "its model is told topics by a prompt", "list them: the detector `topic` (docs/policies.md)"
    ),
    **{
        f"hf classifier check {each}": _lost(
            "it runs a classifier of yours", "take it over: `tidegate models add` (docs/models.md)"
        )
        for each in (*_BOTH, "retrieval")
    },
    **{f"activefence moderation on {each}": _asks("ActiveFence") for each in (*_BOTH, "input detailed")},
    "ai defense inspect prompt": _asks("Cisco AI Defense"),
    "ai defense inspect response": _asks("Cisco AI Defense"),
    **{f"autoalign check {each}": _asks("AutoAlign") for each in _BOTH},
    "clavata check for": _asks("Clavata"),
    **{f"clavata check {each}": _asks("Clavata") for each in _BOTH},
    "cleanlab trustworthiness": _asks("Cleanlab"),
    **{f"crowdstrike aidr guard {each}": _asks("CrowdStrike AIDR") for each in _BOTH},
    **{f"f5 guardrails scan {each}": _asks("F5") for each in _BOTH},
    "fiddler user safety": _asks("Fiddler"),
    "fiddler bot safety": _asks("Fiddler"),
    "gcpnlp moderation": _asks("Google Cloud"),
    "gcpnlp moderation detailed": _asks("Google Cloud"),
    **{f"pangea ai guard {each}": _asks("Pangea") for each in _BOTH},
    "patronus api check output": _asks("Patronus"),
    **{f"policyai moderation on {each}": _asks("PolicyAI") for each in _BOTH},
    "protect prompt": _asks("Prompt Security"),
    "protect response": _asks("Prompt Security"),
    **{f"trend ai guard {each}": _asks("Trend Micro") for each in _BOTH},
}
"""The flows of the library, by what they are here."""


def _named(*beginnings: str) -> tuple[str, ...]:
    return tuple(name for name in FLOWS if name.startswith(beginnings))


SETTINGS: Mapping[str, tuple[str, ...]] = {
    "ai_defense": _named("ai defense"),
    "autoalign": _named("autoalign"),
    "clavata": _named("clavata"),
    "content_safety": _named("content safety"),
    "context_bloat_detection": _named("context bloat"),
    "crowdstrike_aidr": _named("crowdstrike"),
    "f5": _named("f5 guardrails"),
    "fact_checking": _named("self check facts", "alignscore"),
    "fiddler": _named("fiddler"),
    "gliner": _named("gliner"),
    "guardrails_ai": _named("guardrailsai"),
    "hf_classifier": _named("hf classifier"),
    "injection_detection": _named("injection detection"),
    "jailbreak_detection": _named("jailbreak"),
    "pangea": _named("pangea"),
    "patronus": _named("patronus"),
    "polygraf": _named("polygraf"),
    "privateai": _named("detect pii", "mask pii"),
    "regex_detection": _named("regex check"),
    "sensitive_data_detection": _named("detect sensitive data", "mask sensitive data"),
    "trend_micro": _named("trend ai"),
}
"""The keys of `rails.config`, and whose flows read them."""
