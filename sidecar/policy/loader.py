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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.document import Document, Place, Source, read_documents
from sidecar.policy.explain import explain
from sidecar.policy.language import json_schema, keys_at
from sidecar.policy.schema.cases import PolicyTestSpec
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.rules import RuleSpec

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
) -> tuple[Source, PolicyTestSpec | None, Sequence[PolicyError]]:
    """Read a file of tests, whose JSON Schema is `language`: where all stands in it, and what is wrong."""
    file, text = str(path), _read_text(path)
    if isinstance(text, PolicyError):
        return Source(file), None, [text]
    documents = [*read_documents(text, file)]
    if len(documents) != 1:
        source = Source(file)
        message = f"a file of tests is one document, this one has {len(documents)}"
        return source, None, [source.error((), message, "keep one; it may have any number of `tests`")]
    return documents[0].source, *_checked(PolicyTestSpec, documents[0], language)


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
    drafts = [_draft(document) for document in read_documents(text, file)]
    nothing = Source(file).error((), "the file holds no policy", "begin with `apiVersion: tidegate.dev/v1`")
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
    spec, errors = _checked(PolicySpec, document, _language())
    source, value = document.source, document.value
    if spec is not None:
        return Draft(source, spec, dict(enumerate(spec.rules)), (), value)
    return Draft(source, None, _right_rules(source, value), tuple(errors), value)


def _checked(
    model: type[_Spec], document: Document, language: Mapping[str, Any]
) -> tuple[_Spec | None, Sequence[PolicyError]]:
    """A document's model if nothing is wrong with it, and what is."""
    if document.value is None:
        return None, document.errors
    refused = {error.path for error in document.errors}
    spec, errors = _validate(model, document.source, (), document.value, document.value, language)
    errors = [*document.errors, *(error for error in errors if error.path not in refused)]
    errors.sort(key=lambda error: (error.line, error.column))
    return None if errors else spec, errors


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
