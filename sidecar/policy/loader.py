"""Reads policy files: YAML 1.2 -> checked models, with the place of every key.

1. A file's documents are read as plain values with the place of each (`document`).
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
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.codes import Code
from sidecar.policy.document import Document, Place, Source, read_documents
from sidecar.policy.explain import explain
from sidecar.policy.language import json_schema, keys_at
from sidecar.policy.schema.cases import CaseSpec
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.match import MatchSpec
from sidecar.policy.schema.policy import Metadata, PolicySpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.stream import StreamSpec

_DEVICES = Path("/dev")
"""Where a shell puts what it hands over as a file: that is read even if it is a pipe."""
MAX_FILE_BYTES = 1_048_576

_Spec = TypeVar("_Spec", bound=BaseModel)


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
    drafts = [_draft(document) for document in read_documents(text, file)]
    remedy = "begin with `apiVersion: tidegate.dev/v1`"
    nothing = Source(file).error((), Code.NO_POLICY, "the file holds no policy", remedy)
    return drafts or [_failed(nothing)]


def explain_all(
    error: ValidationError, source: Source, place: Place, document: Any, language: Mapping[str, Any]
) -> list[PolicyError]:
    """Every complaint of a validation of the value at `place` of `document`, whose JSON Schema is `language`."""
    return [_explained(each, source, place, document, language) for each in error.errors(include_url=False)]


# --- files -----------------------------------------------------------------------------------------------------------


def _below(directory: Path) -> list[Path]:
    found = [path for pattern in ("*.yaml", "*.yml") for path in directory.rglob(pattern)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(directory).parts))


def read_file(path: Path) -> bytes:
    """What a file holds, as far as a policy file may be long. Raises `OSError`."""
    if path.is_fifo() and _DEVICES not in path.parents:
        raise OSError(errno.ENOTSUP, "it is a pipe, which may have no end")
    with path.open("rb") as file:
        return file.read(4 * MAX_FILE_BYTES + 1)


# --- validation ------------------------------------------------------------------------------------------------------


def _draft(document: Document) -> Draft:
    source, value = document.source, document.value
    if value is None:
        return Draft(source, tuple(document.errors))
    refused = {error.path for error in document.errors}
    try:
        spec = PolicySpec.model_validate_json(json.dumps(value))
        wrong: list[ErrorDetails] = []
    except ValidationError as error:
        spec, wrong = None, error.errors(include_url=False)
    errors = [_explained(each, source, (), value, _language()) for each in wrong]
    errors = [*document.errors, *(error for error in errors if error.path not in refused)]
    errors.sort(key=lambda error: (error.line, error.column))
    if spec is not None and not errors:
        return Draft.of(LoadedPolicy(source, spec, value))
    places = {_real_place((), each, value): each["type"] for each in wrong}
    return _draft_of_parts(source, value, errors, places)


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
