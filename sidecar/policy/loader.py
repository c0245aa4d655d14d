"""Reads policy files: YAML 1.2 -> checked models, with the place of every key.

1. A file's documents are composed into YAML nodes, which know their line and column; plain values are built from the
   nodes, and the places are kept by path (`rules[2].action`). Repeated keys, empty values, merge keys and tags are
   errors.
2. The values are validated by the models of `schema`. Every complaint becomes a `PolicyError` with file, line,
   column, path, what is wrong and what to do.

Nothing stops at the first error: `read_drafts` reports all of a file's. It promises nothing about what detectors
think of a rule; that is the compiler's part.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.explain import explain
from sidecar.policy.language import json_schema, keys_at
from sidecar.policy.schema.cases import PolicyTestSpec
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.rules import RuleSpec

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys and list positions from its top."""

_DEVICES = Path("/dev")
"""Where a shell puts what it hands over as a file: that is read even if it is a pipe."""
MAX_FILE_BYTES = 1_048_576
MAX_NODES = 50_000
MAX_DEPTH = 40

_Spec = TypeVar("_Spec", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document's keys and values stand. Lines and columns count from 1."""

    file: str
    values: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    keys: Mapping[Place, tuple[int, int]] = field(default_factory=dict)

    def error(self, place: Place, message: str, remedy: str = "", *, at_key: bool = False) -> PolicyError:
        """A `PolicyError` about `place`: its value, or its key; what does not exist is told where it should be."""
        line, column = self._position(place, at_key=at_key)
        path = format_place(place)
        return PolicyError(message, file=self.file, line=line, column=column, path=path, remedy=_sentence(remedy))

    def _position(self, place: Place, *, at_key: bool) -> tuple[int, int]:
        if at_key and place in self.keys:
            return self.keys[place]
        while place and place not in self.values:
            place = place[:-1]
        return self.values.get(place, (1, 1))


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy whose words are right, and where they stand. `document` is what was written, as plain values."""

    source: Source
    spec: PolicySpec
    document: Any


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as far as it could be read: its errors, and those of its rules that are right by themselves."""

    source: Source
    spec: PolicySpec | None
    rules: Mapping[int, RuleSpec]
    errors: tuple[PolicyError, ...]
    document: Any = None


def policy_files(paths: Iterable[str | Path]) -> list[Path]:
    """The policy files among `paths`: files as given, and all `*.yaml` and `*.yml` below directories, sorted.

    Files of tests, and names that begin with a dot, are passed over. Raises `PolicyError` for a path that does not
    exist.
    """
    return [path for path in _files(paths) if not is_test_file(path)]


def files_of_tests(paths: Iterable[str | Path]) -> list[Path]:
    """The files of tests among `paths`: `*_test.yaml` and `*_test.yml`, found as policy files are."""
    return [path for path in _files(paths) if is_test_file(path)]


def is_test_file(path: Path) -> bool:
    """Whether a file has tests for policies beside it, by its name."""
    return path.name.endswith(("_test.yaml", "_test.yml"))


def _files(paths: Iterable[str | Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            files.update(dict.fromkeys(_below(path)))
        elif path.exists():
            files[path] = None
        else:
            raise PolicyError("there is no such file or directory", file=path, remedy="Check the path.")
    return list(files)


def load_file(path: str | Path) -> list[LoadedPolicy]:
    """Read the policies of a file, in its order. Raises `PolicyErrors` with everything that is wrong in it."""
    return _finish(read_drafts(path))


def load_text(text: str, *, file: str = "<text>") -> list[LoadedPolicy]:
    """Read the policies of a text. `file` is its name in errors. Raises `PolicyErrors`."""
    return _finish(parse_drafts(text, file=file))


def read_drafts(path: str | Path) -> list[Draft]:
    """Read a file's documents as far as possible; what is wrong stands in the drafts."""
    text = _read_text(path)
    return [_failed(text)] if isinstance(text, PolicyError) else parse_drafts(text, file=str(path))


def read_tests(
    path: str | Path, language: Mapping[str, Any]
) -> tuple[Source, PolicyTestSpec | None, list[PolicyError]]:
    """Read a file of tests, whose JSON Schema is `language`: where all stands in it, and what is wrong."""
    file, text = str(path), _read_text(path)
    read = [text] if isinstance(text, PolicyError) else [*_compose(text, file)]
    source, errors = Source(file), [each for each in read if isinstance(each, PolicyError)]
    nodes = [each for each in read if not isinstance(each, PolicyError)]
    if not errors and len(nodes) != 1:
        message = f"a file of tests is one document, this one has {len(nodes)}"
        errors = [source.error((), message, "keep one; it may have any number of `tests`")]
    return (source, None, errors) if errors else _checked(PolicyTestSpec, nodes[0], file, language)[:3]


def _read_text(path: str | Path) -> str | PolicyError:
    file = str(path)
    try:
        return read_file(Path(path)).decode("utf-8-sig")
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return Source(file).error((), message, "check its path and permissions")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Source(file, {(): (line, 1)}).error((), "this is not UTF-8 text", "save the file as UTF-8")


def parse_drafts(text: str, *, file: str) -> list[Draft]:
    """Read a text's documents as far as possible; what is wrong stands in the drafts."""
    if len(text) > MAX_FILE_BYTES:
        return [_failed(Source(file).error((), "the file is larger than 1 MiB", "split it"))]
    nodes = _compose(text, file)
    drafts = [_failed(node) if isinstance(node, PolicyError) else _draft(node, file) for node in nodes]
    nothing = Source(file).error((), "the file holds no policy", "begin with `apiVersion: tidegate.dev/v1`")
    return drafts or [_failed(nothing)]


def explain_all(
    error: ValidationError, source: Source, place: Place, document: Any, language: Mapping[str, Any]
) -> list[PolicyError]:
    """Every complaint of a validation of the value at `place` of `document`, whose JSON Schema is `language`."""
    return [_explained(each, source, place, document, language) for each in error.errors(include_url=False)]


def format_place(place: Place) -> str:
    """A place as authors write it: `rules[2].action.redact.with`; odd keys are quoted."""
    parts: list[str] = []
    for step in place:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.replace("_", "a").replace("-", "a").isalnum():
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "".join(parts)


def _sentence(text: str) -> str:
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith(("?", ".")) else ".")


# --- files and YAML --------------------------------------------------------------------------------------------------


def _below(directory: Path) -> list[Path]:
    found = [path for pattern in ("*.yaml", "*.yml") for path in directory.rglob(pattern)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(directory).parts))


def read_file(path: Path) -> bytes:
    """What a file holds, as far as a policy file may be long. Raises `OSError`."""
    if path.is_fifo() and _DEVICES not in path.parents:
        raise OSError(errno.ENOTSUP, "it is a pipe, which may have no end")
    with path.open("rb") as file:
        return file.read(4 * MAX_FILE_BYTES + 1)


def _compose(text: str, file: str) -> Iterator[Node | PolicyError]:
    """The documents' nodes, empty ones left out; what stops the parser comes last, as an error."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML 1.2 lets an anchor be used again
    try:
        for node in yaml.compose_all(text):
            if not _is_empty(node):
                yield node
    except MaxDepthExceededError as error:
        source = Source(file, {(): _position(error.problem_mark)})
        yield source.error((), "the file is nested too deeply", f"keep it to {MAX_DEPTH} levels")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source = Source(file, {(): (mark.line + 1, mark.column + 1)} if mark else {})
        what = "; ".join(part for part in (error.context, error.problem) if part)
        yield source.error(
            (), f"this is not YAML: {what}", "check indentation (spaces, no tabs), quotes and brackets near here"
        )
    except YAMLError as error:
        yield Source(file).error((), f"this is not YAML: {str(error).splitlines()[0]}", "remove what is not text")


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.tag) == "tag:yaml.org,2002:null"


class _Builder:
    """Builds plain values from one document's nodes and remembers where each stands."""

    def __init__(self, file: str) -> None:
        self.values: dict[Place, tuple[int, int]] = {}
        self.keys: dict[Place, tuple[int, int]] = {}
        self.source = Source(file, self.values, self.keys)
        self.errors: list[PolicyError] = []
        self._constructor = YAML(typ="safe", pure=True).constructor

    def build(self, node: Node, place: Place = ()) -> Any:
        """The value of a node; None, and an error noted, when it has none that a policy may hold."""
        self.values[place] = _position(node.start_mark)
        if len(place) > MAX_DEPTH or len(self.values) > MAX_NODES:
            return self._refuse(
                place, "the document is too large or refers to itself", f"keep it to {MAX_DEPTH} levels"
            )
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.build(child, (*place, number)) for number, child in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, place)

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, place)
            if key is None:
                continue
            inner = (*place, key)
            if key in mapping:
                first = self.keys[inner][0]
                self.keys[inner] = _position(key_node.start_mark)
                self._refuse(
                    inner, f"`{key}` is written twice, first on line {first}", "keep one of the two", at_key=True
                )
                continue
            self.keys[inner] = _position(key_node.start_mark)
            mapping[key] = self.build(value_node, inner)
        return mapping

    def _key(self, node: Node, place: Place) -> str | None:
        tag = str(node.tag)
        if isinstance(node, ScalarNode) and tag == "tag:yaml.org,2002:str":
            return self._text(node, place)
        self.values[place] = _position(node.start_mark)
        if tag == "tag:yaml.org,2002:merge":
            self._refuse(place, "merge keys (`<<`) are not part of the language", "write the keys out")
        elif isinstance(node, ScalarNode):
            self._refuse(place, f"the key `{node.value}` is not text", f'put it in quotes: "{node.value}"')
        else:
            self._refuse(place, "a key must be text", "put quotes around a value that begins with `{` or `[`")
        return None

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind in {"str", "timestamp"}:
            return self._text(node, place)
        if kind in {"int", "float", "bool"}:
            return self._number(node, place)
        if kind == "null":
            key = place[-1] if place else 0
            message = f"`{key}` has no value" if isinstance(key, str) else "this entry is empty"
            self._refuse(place, message, "give it one, or remove it", at_key=True)
        else:
            self._refuse(place, f"the tag `{node.tag}` is not part of the language", "write the value without a tag")
        return None

    def _text(self, node: ScalarNode, place: Place) -> str | None:
        try:
            node.value.encode()
        except UnicodeEncodeError:
            self._refuse(
                place, "this text holds half of a surrogate pair", 'write the character itself, or "\\U0001F600"'
            )
            return None
        return str(node.value)

    def _number(self, node: ScalarNode, place: Place) -> Any:
        try:
            return self._constructor.construct_object(node)
        except (ValueError, KeyError, OverflowError):
            self._refuse(place, f"`{node.value}` is not what its tag says", "write the value without a tag")
            return None

    def _refuse(self, place: Place, message: str, remedy: str, *, at_key: bool = False) -> None:
        self.errors.append(self.source.error(place, message, remedy, at_key=at_key))


def _position(mark: StringMark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


# --- validation ------------------------------------------------------------------------------------------------------


def _draft(node: Node, file: str) -> Draft:
    source, spec, errors, document = _checked(PolicySpec, node, file, _language())
    if spec is not None:
        return Draft(source, spec, dict(enumerate(spec.rules)), (), document)
    return Draft(source, None, _right_rules(source, document), tuple(errors), document)


def _checked(
    model: type[_Spec], node: Node, file: str, language: Mapping[str, Any]
) -> tuple[Source, _Spec | None, list[PolicyError], Any]:
    """One document: where all stands in it, its model if nothing is wrong, what is wrong, and its plain values."""
    builder = _Builder(file)
    document = builder.build(node)
    refused = {error.path for error in builder.errors}
    spec, errors = _validate(model, builder.source, (), document, document, language)
    errors = builder.errors + [error for error in errors if error.path not in refused]
    errors.sort(key=lambda error: (error.line, error.column))
    return builder.source, None if errors else spec, errors, document


def _right_rules(source: Source, document: Any) -> dict[int, RuleSpec]:
    """The rules that are right by themselves, by number, of a document that is not."""
    rules = document.get("rules") if isinstance(document, dict) else None
    right = {}
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        spec, _ = _validate(RuleSpec, source, ("rules", number), document, rule, _language())
        if spec is not None:
            right[number] = spec
    return right


def _validate(
    model: type[_Spec], source: Source, place: Place, document: Any, value: Any, language: Mapping[str, Any]
) -> tuple[_Spec | None, list[PolicyError]]:
    try:
        return model.model_validate_json(json.dumps(value)), []
    except ValidationError as error:
        return None, explain_all(error, source, place, document, language)


def _explained(
    error: ErrorDetails, source: Source, base: Place, document: Any, language: Mapping[str, Any]
) -> PolicyError:
    place = _real_place(base, error, document)
    key = next((step for step in reversed(place) if isinstance(step, str)), "the document")
    message, remedy = explain(error, key, keys_at(language, place[:-1], document))
    return source.error(place, message, remedy, at_key=error["type"] == "extra_forbidden")


def _real_place(base: Place, error: ErrorDetails, document: Any) -> Place:
    """The place an error is about: its location without the names of union branches, which the document lacks."""
    value = _value_at(document, base)
    place = base
    steps = [*error["loc"], *filter(None, [error.get("ctx", {}).get("key")])]
    for number, step in enumerate(steps):
        is_missing = number == len(steps) - 1 and error["type"] == "missing"
        if is_missing or _has(value, step):
            place = (*place, step)
            value = None if is_missing else value[step]
    return (*place, "with") if error["type"] in {"union_tag_invalid", "union_tag_not_found"} else place


def _value_at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


@cache
def _language() -> dict[str, Any]:
    """The language without any detector's parameters, for the names and descriptions of keys."""
    return json_schema(())


def _failed(error: PolicyError) -> Draft:
    return Draft(Source(error.file), None, {}, (error,))


def _finish(drafts: Sequence[Draft]) -> list[LoadedPolicy]:
    errors = [error for draft in drafts for error in draft.errors]
    if errors:
        raise PolicyErrors(errors)
    return [LoadedPolicy(draft.source, draft.spec, draft.document) for draft in drafts if draft.spec is not None]
