"""Reads policy files: YAML 1.2 -> checked models, with the place of every key.

1. A file's documents are read as plain values with the place of each (`document`).
2. The values are validated by the models of `schema`. Every complaint becomes a `PolicyError` with file, line,
   column, path, what is wrong and what to do.

Nothing stops at the first error: `read_drafts` reports all of a file's. It promises nothing about what detectors
think of a rule; that is the compiler's part.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from detectors.base import DetectorError
from detectors.models.exemplar_sets import MOST_BYTES, Exemplars, folders, parse
from detectors.suggestion import closest
from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.codes import Code
from sidecar.policy.document import Document, Place, Source, read_documents
from sidecar.policy.exemplars import Find, with_exemplars
from sidecar.policy.explain import explain
from sidecar.policy.language import json_schema, keys_at
from sidecar.policy.lists import Lists, with_lists
from sidecar.policy.schema.cases import CaseSpec, PolicyTestSpec
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.lists import ListSpec
from sidecar.policy.schema.match import MatchSpec
from sidecar.policy.schema.policy import Metadata, PolicySpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.session import SessionSpec
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
    session: SessionSpec | None = None
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
            spec.session,
            rules=dict(enumerate(spec.rules)),
            tests=dict(enumerate(spec.tests)),
        )

    @property
    def name(self) -> str:
        """The policy's name, as far as it is written."""
        return _name_of(self.document)

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

    Files of tests, and names that begin with a dot, are passed over. Raises `PolicyError` for a path that does not
    exist, and for a folder that may not be read.
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
            files.update(dict.fromkeys(_readable_below(path)))
        elif path.exists():
            files[path] = None
        else:
            raise PolicyError(
                "there is no such file or directory", file=path, remedy="Check the path.", code=Code.UNREADABLE_FILE
            )
    return list(files)


def _readable_below(directory: Path) -> list[Path]:
    try:
        return _below(directory)
    except OSError as error:
        raise PolicyError(
            f"the folder cannot be read: {error.strerror}",
            file=error.filename,
            remedy="Check its permissions.",
            code=Code.UNREADABLE_FILE,
        ) from None


def load_file(path: str | Path) -> list[LoadedPolicy]:
    """Read the policies of a file, in its order. Raises `PolicyErrors` with everything that is wrong in it."""
    return _finish(read_drafts(path))


def load_text(text: str, *, file: str = "<text>") -> list[LoadedPolicy]:
    """Read the policies of a text. `file` is its name in errors. Raises `PolicyErrors`."""
    return _finish(parse_drafts(text, file=file))


def read_drafts(path: str | Path) -> list[Draft]:
    """Read a file's documents as far as possible; what is wrong stands in the drafts."""
    text = read_text(path)
    if isinstance(text, PolicyError):
        return [_failed(text)]
    found = cache(lambda name: _exemplars_of(path, name))
    return parse_drafts(text, file=str(path), lists=cache(lambda: _lists_of(path)), exemplars=found)


def read_tests(
    path: str | Path, language: Mapping[str, Any]
) -> tuple[Source, PolicyTestSpec | None, Sequence[PolicyError]]:
    """Read a file of tests, whose JSON Schema is `language`: where all stands in it, and what is wrong."""
    file, text = str(path), read_text(path)
    if isinstance(text, PolicyError):
        return Source(file), None, [text]
    documents = [*read_documents(text, file)]
    if len(documents) != 1:
        source = Source(file)
        message = f"a file of tests is one document, this one has {len(documents)}"
        remedy = "keep one; it may have any number of `tests`"
        return source, None, [source.error((), Code.NOT_ONE_DOCUMENT, message, remedy)]
    return documents[0].source, *_checked(PolicyTestSpec, documents[0], language)


def read_text(path: str | Path) -> str | PolicyError:
    """What a policy file says, or why that cannot be read."""
    file = str(path)
    try:
        return read_file(Path(path)).decode("utf-8-sig")
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return Source(file).error((), Code.UNREADABLE_FILE, message, "check its path and permissions")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        source = Source(file, {(): (line, 1)})
        return source.error((), Code.NOT_TEXT, "this is not UTF-8 text", "save the file as UTF-8")


def _no_exemplars(_name: str) -> None:
    """A text that is no file has none beside it."""


def parse_drafts(
    text: str, *, file: str, lists: Callable[[], Lists] = dict, exemplars: Find = _no_exemplars
) -> list[Draft]:
    """Read a text's documents as far as possible; what is wrong stands in the drafts.

    `lists` and `exemplars` are asked for those that policies name. Documents that are lists themselves have drafts
    where they are wrong.
    """
    if len(text) > MAX_FILE_BYTES:
        return [_failed(Source(file).error((), Code.TOO_LARGE, "the file is larger than 1 MiB", "split it"))]
    documents = [*read_documents(text, file)]
    if documents:
        policies = [
            _draft(with_exemplars(with_lists(each, lists), exemplars)) for each in documents if not _is_list(each)
        ]
        wrong = [(each.source, tuple(_list(each)[1])) for each in documents if _is_list(each)]
        return policies + [Draft(source, errors) for source, errors in wrong if errors]
    remedy = "begin with `apiVersion: tidegate.dev/v1`"
    nothing = Source(file).error((), Code.NO_POLICY, "the file holds no policy", remedy)
    return [_failed(nothing)]


_FILE_SYSTEMS_OWN = "lost+found"
"""On volumes that are mounted, and for root alone."""
LISTS = "lists"
"""The folder beside a policy's file that has its lists."""
EXEMPLARS = "exemplars"
"""And the one that has its exemplars."""
_EXEMPLARS_END = ".jsonl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def files_with(path: Path) -> list[Path]:
    """The file of policies and all that may be read with it: its lists and exemplars."""
    found = (each for folder in _exemplar_folders(path) for each in sorted(folder.glob(f"*{_EXEMPLARS_END}")))
    return [path, *_below(path.parent / LISTS), *found]


def content_of(path: Path) -> str:
    """A hash of what the file of policies, its lists and exemplars hold; empty where that cannot be read."""
    hashed = hashlib.sha256()
    try:
        for each in files_with(path):
            hashed.update(hashlib.sha256(f"{each.name}\n".encode() + read_file(each, _most_of(each))).digest())
    except OSError:
        return ""
    return hashed.hexdigest()


def _most_of(path: Path) -> int:
    return MOST_BYTES if path.suffix == _EXEMPLARS_END else 4 * MAX_FILE_BYTES


def _exemplar_folders(path: Path) -> list[Path]:
    return [path.parent / EXEMPLARS, *folders()]


def _exemplars_of(path: str | Path, name: str) -> Exemplars | DetectorError | None:
    """The exemplars of that name: beside a policy's file, or where stores are copied to."""
    if not _NAME.fullmatch(name):
        return None
    for folder in _exemplar_folders(Path(path)):
        try:
            return parse(read_file(folder / f"{name}{_EXEMPLARS_END}", MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return DetectorError(f"the file cannot be read: {error.strerror}")
        except DetectorError as error:
            return error
    return None


def _lists_of(path: str | Path) -> Lists:
    """The lists in the folder beside a policy's file."""
    found: dict[str, Sequence[str] | None] = {}
    try:
        files = _below(Path(path).parent / LISTS)
    except OSError:
        return found
    for file in files:
        text = read_text(file)
        documents = [] if isinstance(text, PolicyError) else [*read_documents(text, str(file))]
        for document in filter(_is_list, documents):
            spec, _ = _list(document)
            name = spec.metadata.name if spec else _name_of(document.value)
            found[name] = None if name in found or spec is None else spec.values
    return found


def _is_list(document: Document) -> bool:
    return isinstance(document.value, dict) and document.value.get("kind") == "List"


def _list(document: Document) -> tuple[ListSpec | None, Sequence[PolicyError]]:
    return _checked(ListSpec, document, _list_language())


def _name_of(document: Any) -> str:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def explain_all(
    error: ValidationError, source: Source, place: Place, document: Any, language: Mapping[str, Any]
) -> list[PolicyError]:
    """Every complaint of a validation of the value at `place` of `document`, whose JSON Schema is `language`.

    A key that is misspelt is told of once: it is not missing, too.
    """
    found = error.errors(include_url=False)
    places = [_real_place(place, each, document) for each in found]
    misspelt = {
        _meant(at, keys_at(language, at[:-1], document))
        for each, at in zip(found, places, strict=True)
        if each["type"] == "extra_forbidden"
    }
    return [
        _explained(each, source, place, document, language)
        for each, at in zip(found, places, strict=True)
        if each["type"] != "missing" or at not in misspelt
    ]


def _meant(place: Place, keys: Iterable[str]) -> Place:
    """Where the unknown key at `place` should stand, of a mapping that may have `keys`; `place` where none is near."""
    names = [name for name in keys if name != place[-1]]
    key = closest(str(place[-1]), names) or (names[0] if len(names) == 1 else place[-1])
    return (*place[:-1], key)


# --- files -----------------------------------------------------------------------------------------------------------


def _below(directory: Path) -> list[Path]:
    """Raises `OSError` for a folder that may not be read: the policies in it would be missing unnoticed."""
    return sorted(_walked(directory))


def _walked(directory: Path) -> Iterator[Path]:
    try:
        entries = [*directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in entries:
        if path.name.startswith(".") or path.name == _FILE_SYSTEMS_OWN:
            continue
        if path.suffix in {".yaml", ".yml"}:
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _walked(path)


def read_file(path: Path, most: int = 4 * MAX_FILE_BYTES) -> bytes:
    """What a file holds, up to one byte more than `most`. Raises `OSError`."""
    if path.is_fifo() and _DEVICES not in path.parents:
        raise OSError(errno.ENOTSUP, "it is a pipe, which may have no end")
    with path.open("rb") as file:
        return file.read(most + 1)


# --- validation ------------------------------------------------------------------------------------------------------


def _draft(document: Document) -> Draft:
    spec, errors = _checked(PolicySpec, document, _language())
    source, value = document.source, document.value
    if spec is not None:
        return Draft.of(LoadedPolicy(source, spec, value))
    return _draft_of_parts(source, value, errors)


def _draft_of_parts(source: Source, document: Any, errors: Sequence[PolicyError]) -> Draft:
    """The draft of a document that is not right."""
    wrong = _complaints(document)
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
        session=_part(SessionSpec, top.get("session", {})),
        rules={number: rule for number, rule in read.items() if rule is not None},
        detects={number: look for number, look in looks.items() if look is not None and read[number] is None},
        tests={number: test for number, test in tests.items() if test is not None},
    )


def _complaints(document: Any) -> Mapping[Place, str]:
    """The places of what no policy may hold, each with the kind of the complaint."""
    try:
        PolicySpec.model_validate_json(json.dumps(document))
    except ValidationError as error:
        return {_real_place((), each, document): each["type"] for each in error.errors(include_url=False)}
    return {}


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


@cache
def _list_language() -> dict[str, Any]:
    return ListSpec.model_json_schema(by_alias=True)


def _failed(error: PolicyError) -> Draft:
    return Draft(Source(error.file), (error,))


def _finish(drafts: Sequence[Draft]) -> list[LoadedPolicy]:
    errors = [error for draft in drafts for error in draft.errors]
    if errors:
        raise PolicyErrors(errors)
    return [LoadedPolicy(draft.source, draft.spec, draft.document) for draft in drafts if draft.spec is not None]
