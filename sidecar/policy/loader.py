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
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
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
from sidecar.policy.codes import Code
from sidecar.policy.explain import explain
from sidecar.policy.language import json_schema, keys_at
from sidecar.policy.schema.cases import CaseSpec
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.match import MatchSpec
from sidecar.policy.schema.policy import Metadata, PolicySpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.stream import StreamSpec

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys and list positions from its top."""

_DEVICES = Path("/dev")
"""Where a shell puts what it hands over as a file: that is read even if it is a pipe."""
MAX_FILE_BYTES = 1_048_576
MAX_NODES = 50_000
MAX_DEPTH = 40
_MOST_NOT_YAML = 20
"""After so many documents that are not YAML the rest of a file is not read."""
_DOCUMENT = re.compile(r"---(\s|$)")

_Spec = TypeVar("_Spec", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document's keys and values stand. Lines and columns count from 1."""

    file: str
    values: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    keys: Mapping[Place, tuple[int, int]] = field(default_factory=dict)

    def error(self, place: Place, code: Code, message: str, remedy: str = "", *, at_key: bool = False) -> PolicyError:
        """A `PolicyError` about `place`: its value, or its key; what does not exist is told where it should be."""
        line, column = self.position(place, at_key=at_key)
        return PolicyError(
            message,
            file=self.file,
            line=line,
            column=column,
            path=format_place(place),
            remedy=_sentence(remedy),
            code=code,
        )

    def position(self, place: Place, *, at_key: bool = False) -> tuple[int, int]:
        """The line and column of what stands at `place`, or nearest above it."""
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
    """A document as far as it could be read: its errors, and those of its parts that are right by themselves.

    So one mistake hides no other: `rules` and `tests` are the right ones, by number, whatever is wrong with others, and
    `detects` what the wrong ones look for. Of all of them keys that nobody knows are left out.
    """

    source: Source
    errors: tuple[PolicyError, ...]
    document: Any = None
    spec: PolicySpec | None = None
    metadata: Metadata | None = None
    match: MatchSpec | None = None
    stream: StreamSpec | None = None
    rules: Mapping[int, RuleSpec] = field(default_factory=dict)
    detects: Mapping[int, Detect] = field(default_factory=dict)
    tests: Mapping[int, CaseSpec] = field(default_factory=dict)

    @classmethod
    def of(cls, loaded: LoadedPolicy) -> Draft:
        """The draft of a policy whose words are right."""
        spec = loaded.spec
        return cls(
            loaded.source,
            (),
            loaded.document,
            spec,
            spec.metadata,
            spec.match,
            spec.stream,
            rules=dict(enumerate(spec.rules)),
            tests=dict(enumerate(spec.tests)),
        )

    @property
    def name(self) -> str:
        """The policy's name, as far as it is written."""
        metadata = self.document.get("metadata") if isinstance(self.document, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def ids(self) -> Mapping[int, str]:
        """The ids of all rules, right or wrong, by number."""
        written = ((number, rule.get("id")) for number, rule in _items(self.document, "rules"))
        return {number: each for number, each in written if isinstance(each, str)}

    @property
    def has_all_rules(self) -> bool:
        """Whether all rules are right by themselves."""
        return len(self.rules) == len(list(_items(self.document, "rules")))


def policy_files(paths: Iterable[str | Path]) -> list[Path]:
    """The policy files among `paths`: files as given, and all `*.yaml` and `*.yml` below directories, sorted.

    Names that begin with a dot are passed over. Raises `PolicyError` for a path that does not exist.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            files.update(dict.fromkeys(_below(path)))
        elif path.exists():
            files[path] = None
        else:
            raise PolicyError(
                "there is no such file or directory", file=path, remedy="Check the path.", code=Code.UNREADABLE_FILE
            )
    return list(files)


def load_file(path: str | Path) -> list[LoadedPolicy]:
    """Read the policies of a file, in its order. Raises `PolicyErrors` with everything that is wrong in it."""
    return _finish(read_drafts(path))


def load_text(text: str, *, file: str = "<text>") -> list[LoadedPolicy]:
    """Read the policies of a text. `file` is its name in errors. Raises `PolicyErrors`."""
    return _finish(parse_drafts(text, file=file))


def read_drafts(path: str | Path) -> list[Draft]:
    """Read a file's documents as far as possible; what is wrong stands in the drafts."""
    file = str(path)
    try:
        data = read_file(Path(path))
        text = data.decode("utf-8-sig")
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return [_failed(Source(file).error((), Code.UNREADABLE_FILE, message, "check its path and permissions"))]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        source = Source(file, {(): (line, 1)})
        return [_failed(source.error((), Code.NOT_TEXT, "this is not UTF-8 text", "save the file as UTF-8"))]
    return parse_drafts(text, file=file)


def parse_drafts(text: str, *, file: str) -> list[Draft]:
    """Read a text's documents as far as possible; what is wrong stands in the drafts."""
    if len(text) > MAX_FILE_BYTES:
        return [_failed(Source(file).error((), Code.TOO_LARGE, "the file is larger than 1 MiB", "split it"))]
    nodes = _compose(text, file)
    drafts = [_failed(node) if isinstance(node, PolicyError) else _draft(node, file) for node in nodes]
    remedy = "begin with `apiVersion: tidegate.dev/v1`"
    nothing = Source(file).error((), Code.NO_POLICY, "the file holds no policy", remedy)
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
    """The documents' nodes, empty ones left out. A document that is not YAML is an error; those behind it are read."""
    lines = text.splitlines(keepends=True)
    begin = 0
    for _ in range(_MOST_NOT_YAML):
        failed = yield from _compose_from(lines, begin, file)
        if failed is None:
            return
        begins = (number for number in range(max(failed, begin + 1), len(lines)) if _DOCUMENT.match(lines[number]))
        begin = next(begins, len(lines))
        if begin == len(lines):
            return


def _compose_from(lines: Sequence[str], begin: int, file: str) -> Generator[Node | PolicyError, None, int | None]:
    """The documents from a line on; what stops the parser comes last, as an error, whose line is returned."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML 1.2 lets an anchor be used again
    try:
        for node in yaml.compose_all("\n" * begin + "".join(lines[begin:])):
            if not _is_empty(node):
                yield node
    except MaxDepthExceededError as error:
        line, column = _position(error.problem_mark)
        source = Source(file, {(): (line, column)})
        yield source.error((), Code.TOO_LARGE, "the file is nested too deeply", f"keep it to {MAX_DEPTH} levels")
        return line - 1
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source = Source(file, {(): _position(mark)} if mark else {})
        what = "; ".join(part for part in (error.context, error.problem) if part)
        remedy = "check indentation (spaces, no tabs), quotes and brackets near here"
        yield source.error((), Code.NOT_YAML, f"this is not YAML: {what}", remedy)
        return mark.line if mark else len(lines)
    except YAMLError as error:
        message = f"this is not YAML: {str(error).splitlines()[0]}"
        yield Source(file).error((), Code.NOT_YAML, message, "remove what is not text")
        return len(lines)
    return None


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
                place,
                Code.TOO_LARGE,
                "the document is too large or refers to itself",
                f"keep it to {MAX_DEPTH} levels",
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
                message = f"`{key}` is written twice, first on line {first}"
                self._refuse(inner, Code.REPEATED_KEY, message, "keep one of the two", at_key=True)
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
            message = "merge keys (`<<`) are not part of the language"
            self._refuse(place, Code.FOREIGN_YAML, message, "write the keys out")
        elif isinstance(node, ScalarNode):
            message = f"the key `{node.value}` is not text"
            self._refuse(place, Code.FOREIGN_YAML, message, f'put it in quotes: "{node.value}"')
        else:
            remedy = "put quotes around a value that begins with `{` or `[`"
            self._refuse(place, Code.FOREIGN_YAML, "a key must be text", remedy)
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
            self._refuse(place, Code.NO_VALUE, message, "give it one, or remove it", at_key=True)
        else:
            message = f"the tag `{node.tag}` is not part of the language"
            self._refuse(place, Code.FOREIGN_YAML, message, "write the value without a tag")
        return None

    def _text(self, node: ScalarNode, place: Place) -> str | None:
        try:
            node.value.encode()
        except UnicodeEncodeError:
            message = "this text holds half of a surrogate pair"
            self._refuse(place, Code.NOT_TEXT, message, 'write the character itself, or "\\U0001F600"')
            return None
        return str(node.value)

    def _number(self, node: ScalarNode, place: Place) -> Any:
        try:
            return self._constructor.construct_object(node)
        except (ValueError, KeyError, OverflowError):
            message = f"`{node.value}` is not what its tag says"
            self._refuse(place, Code.FOREIGN_YAML, message, "write the value without a tag")
            return None

    def _refuse(self, place: Place, code: Code, message: str, remedy: str, *, at_key: bool = False) -> None:
        self.errors.append(self.source.error(place, code, message, remedy, at_key=at_key))


def _position(mark: StringMark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


# --- validation ------------------------------------------------------------------------------------------------------


def _draft(node: Node, file: str) -> Draft:
    builder = _Builder(file)
    document = builder.build(node)
    source, refused = builder.source, {error.path for error in builder.errors}
    try:
        spec = PolicySpec.model_validate_json(json.dumps(document))
        wrong: list[ErrorDetails] = []
    except ValidationError as error:
        spec, wrong = None, error.errors(include_url=False)
    errors = [_explained(each, source, (), document, _language()) for each in wrong]
    errors = builder.errors + [error for error in errors if error.path not in refused]
    errors.sort(key=lambda error: (error.line, error.column))
    if spec is not None and not errors:
        return Draft.of(LoadedPolicy(source, spec, document))
    places = {_real_place((), each, document): each["type"] for each in wrong}
    return _draft_of_parts(source, document, errors, places)


def _draft_of_parts(source: Source, document: Any, errors: Sequence[PolicyError], wrong: Mapping[Place, str]) -> Draft:
    """The draft of a document that is not right. `wrong` has the place of each complaint, and its kind."""
    known = _without(document, [place for place, kind in wrong.items() if kind == "extra_forbidden"])
    right = _without(document, [place for place in wrong if place[:1] == ("rules",) and place[2:3] == ("detect",)])
    read = {number: _part(RuleSpec, rule) for number, rule in _items(known, "rules")}
    looks = {number: _part(Detect, rule.get("detect")) for number, rule in _items(right, "rules")}
    tests = {number: _part(CaseSpec, test) for number, test in _items(known, "tests")}
    top = known if isinstance(known, dict) else {}
    return Draft(
        source,
        tuple(errors),
        document,
        metadata=_part(Metadata, top.get("metadata")),
        match=_part(MatchSpec, top.get("match", {})),
        stream=_part(StreamSpec, top.get("stream", {})),
        rules={number: rule for number, rule in read.items() if rule is not None},
        detects={number: look for number, look in looks.items() if look is not None and read[number] is None},
        tests={number: test for number, test in tests.items() if test is not None},
    )


def _items(document: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of a list of the document, by number."""
    items = document.get(key) if isinstance(document, dict) else None
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield number, item


def _part(model: type[_Spec], value: Any) -> _Spec | None:
    """A part of a document, if it is right by itself."""
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError:
        return None


def _without(document: Any, places: Iterable[Place]) -> Any:
    """The same document without what stands at `places`: of a list that holds one, all of it."""
    by_step: dict[str | int, list[Place]] = {}
    for place in places:
        by_step.setdefault(place[0], []).append(place[1:])
    if isinstance(document, list):
        return [_without(item, by_step.get(number, ())) for number, item in enumerate(document)]
    if not isinstance(document, dict):
        return document
    kept = {key: value for key, value in document.items() if not _is_gone(value, by_step.get(key, ()))}
    return {key: _without(value, by_step.get(key, ())) for key, value in kept.items()}


def _is_gone(value: Any, places: Iterable[Place]) -> bool:
    """Whether one of the places is the value itself, or an entry of the list that it is."""
    return any(not place or (len(place) == 1 and isinstance(value, list)) for place in places)


def _explained(
    error: ErrorDetails, source: Source, base: Place, document: Any, language: Mapping[str, Any]
) -> PolicyError:
    place = _real_place(base, error, document)
    key = next((step for step in reversed(place) if isinstance(step, str)), "the document")
    code, message, remedy = explain(error, key, keys_at(language, place[:-1], document))
    return source.error(place, code, message, remedy, at_key=error["type"] == "extra_forbidden")


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
    return Draft(Source(error.file), (error,))


def _finish(drafts: Sequence[Draft]) -> list[LoadedPolicy]:
    errors = [error for draft in drafts for error in draft.errors]
    if errors:
        raise PolicyErrors(errors)
    return [LoadedPolicy(draft.source, draft.spec, draft.document) for draft in drafts if draft.spec is not None]
