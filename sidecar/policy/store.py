"""The policies in force: loaded from directories, replaced as one, looked up by name or by what a stream is.

`load` and `reload` read all files and swap the whole set in one assignment: a stream that starts meanwhile sees the old
set or the new one, never half of each, and a running stream keeps its plan. A wrong file never replaces a right one: on
`reload` its last good policies stay in force, its errors are in `errors`, and the other files are taken as they are
now. Files that change while they are read are read once more, so that no set is half of one state and half of another.

When a file is read again, and who is told of errors, is the caller's business. Not thread-safe: one owner loads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from detectors import registry
from detectors.suggestion import closest
from sidecar.errors import PolicyError, PolicyErrors, UnknownPolicy
from sidecar.policy.codes import Code
from sidecar.policy.compile.detection import Catalog
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.facts import StreamFacts
from sidecar.policy.judging import JudgeFacts
from sidecar.policy.loader import content_of, files_with, policy_files
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.plan import Plan, in_order, taker
from sidecar.policy.rollouts import errors_together, in_force
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.values import EVIDENCE_LEVELS, EvidenceLevel

State = frozenset[tuple[Path, int, int, int]]
"""What tells one state of the policy files from another without reading them."""

_TRIES = 5
"""How often files are read that change meanwhile."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One set of policies: by file, by name, and in the order in which streams are matched."""

    files: Mapping[Path, CompiledFile] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    tried: Mapping[str, Plan] = field(default_factory=dict)
    matching: tuple[Plan, ...] = ()


class PolicyStore:
    """The policies of some files and directories."""

    def __init__(
        self,
        directories: Sequence[str | Path],
        keys: RedactionKeys | None = None,
        *,
        catalog: Catalog = registry,
        keeps: Collection[EvidenceLevel] = EVIDENCE_LEVELS,
        judges: Mapping[str, JudgeFacts] | None = None,
    ) -> None:
        self._paths = tuple(Path(directory) for directory in directories)
        self._keys = keys
        self._catalog = catalog
        self._keeps = keeps
        self._judges = judges
        self._current = _Snapshot()
        self._errors: tuple[PolicyError, ...] = ()

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The policies in force, by name."""
        return self._current.plans

    @property
    def matching(self) -> tuple[Plan, ...]:
        """The policies in force, in the order in which a stream that names none is offered to them."""
        return self._current.matching

    @property
    def tried(self) -> Mapping[str, Plan]:
        """The versions that are tried on a part of the streams of those, by name."""
        return self._current.tried

    @property
    def sources(self) -> Mapping[str, str]:
        """The file of each policy in force, by its digest."""
        files = self._current.files.values()
        return {plan.digest: loaded.source.file for compiled in files for loaded, plan in compiled.policies}

    @property
    def errors(self) -> tuple[PolicyError, ...]:
        """What was wrong with the files when they were last read; empty when they were taken as they are."""
        return self._errors

    def load(self) -> None:
        """Read all files for the first time. Raises `PolicyErrors` when anything is wrong, or there is no policy."""
        snapshot, errors = self._read()
        self._errors = errors
        if errors:
            raise PolicyErrors(errors)
        self._current = snapshot

    def reload(self) -> bool:
        """Read all files again and swap; whether they were all right. What is wrong is in `errors`."""
        snapshot, self._errors = self._read()
        self._current = snapshot
        return not self._errors

    def move(self, directories: Sequence[str | Path]) -> bool:
        """Read the files of other directories in place of these, all or nothing; whether they were all right.

        If not, what is wrong is in `errors`, and the policies of before stay in force.
        """
        other = PolicyStore(directories, self._keys, catalog=self._catalog, keeps=self._keeps, judges=self._judges)
        snapshot, self._errors = other._read()
        if self._errors:
            return False
        self._paths, self._current = other._paths, snapshot
        return True

    def resolve(self, name: str | None, facts: StreamFacts) -> Plan:
        """The policy of that name; without one, the first by order whose `match` accepts the stream, else `default`.

        Raises `UnknownPolicy`.
        """
        current = self._current
        if name:
            plan = current.plans.get(name)
            if plan is None:
                raise UnknownPolicy(name, remedy=_closest(name, current.plans))
            return plan
        if (plan := taker(current.matching, facts)) is not None:
            return plan
        raise UnknownPolicy("", remedy=f"name one, or add a policy named `{DEFAULT_POLICY}`")

    def state(self) -> State:
        """What the files are like now, by name, time, size and inode; a link counts as what it leads to."""
        found = set()
        with suppress(OSError, PolicyError):
            for file in {each for path in policy_files(self._paths) for each in files_with(path)}:
                about = file.stat()
                found.add((file, about.st_mtime_ns, about.st_size, about.st_ino))
        return frozenset(found)

    def _read(self) -> tuple[_Snapshot, tuple[PolicyError, ...]]:
        """What the files hold as a whole: of one state of all of them."""
        before = self.state()
        for _ in range(_TRIES):
            read = self._read_once()
            if (after := self.state()) == before:
                return read
            before = after
        where = ", ".join(map(str, self._paths))
        message = "the files changed each time while they were read"
        return self._current, (PolicyError(message, file=where, remedy="Replace them less often."),)

    def _read_once(self) -> tuple[_Snapshot, tuple[PolicyError, ...]]:
        try:
            paths = policy_files(self._paths)
        except PolicyError as error:
            return self._current, (error,)
        if not paths:
            where = ", ".join(map(str, self._paths))
            return self._current, (
                PolicyError("there is no policy file", file=where, remedy="Add one.", code=Code.NO_POLICY),
            )
        read = {path: self._compiled(path) for path in paths}
        errors = [error for compiled in read.values() for error in compiled.errors]
        files = {path: self._last_good(compiled) for path, compiled in read.items()}
        snapshot, repeated = _snapshot(files)
        if repeated:
            return self._current, (*errors, *repeated)
        return snapshot, tuple(errors)

    def _compiled(self, path: Path) -> CompiledFile:
        """The file compiled; one that did not change keeps its plans, because compiling takes the time of streams."""
        content = content_of(path)
        known = self._current.files.get(path)
        if known is not None and content and known.content == content:
            return known
        return replace(
            compile_file(path, self._keys, catalog=self._catalog, keeps=self._keeps, judges=self._judges),
            content=content,
        )

    def _last_good(self, compiled: CompiledFile) -> CompiledFile:
        if not compiled.errors:
            return compiled
        return self._current.files.get(compiled.path, CompiledFile(compiled.path, (), ()))


def _snapshot(files: Mapping[Path, CompiledFile]) -> tuple[_Snapshot, list[PolicyError]]:
    plans, tried = in_force(plan for compiled in files.values() for _, plan in compiled.policies)
    return _Snapshot(files, plans, tried, in_order(plans.values())), errors_together(files.values())


def _closest(name: str, known: Iterable[str]) -> str:
    meant = closest(name, known)
    return f"did you mean {meant!r}?" if meant else ""
