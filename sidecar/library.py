"""The policies that come with Tidegate, found by name: those of `policies/` and the packs below it."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from detectors.suggestion import closest
from sidecar.errors import UnknownPolicy
from sidecar.policy.loader import load_file, policy_files
from sidecar.policy.schema.policy import PolicySpec

_CHECKOUT = Path(__file__).parents[1] / "policies"


@dataclass(frozen=True, slots=True)
class Pack:
    """A policy that comes with Tidegate, and its file."""

    spec: PolicySpec
    file: Path

    @property
    def name(self) -> str:
        """What streams call it."""
        return self.spec.metadata.name

    @property
    def title(self) -> str:
        """What it does, in one sentence."""
        return self._sentences[0] + "."

    @property
    def limits(self) -> str:
        """What it does not do; empty where it does not say."""
        return self._sentences[1]

    @property
    def _sentences(self) -> tuple[str, str]:
        first, _, rest = self.spec.metadata.description.strip().partition(". ")
        return first.removesuffix("."), rest


def folder() -> Path:
    """Where the policies are: in a checkout, or where the wheel put them."""
    return _CHECKOUT if _CHECKOUT.is_dir() else Path(sysconfig.get_path("data")) / "share" / "tidegate" / "policies"


@cache
def packs() -> Mapping[str, Pack]:
    """All of them by name, in the order of their names."""
    found = (Pack(each.spec, path) for path in policy_files([folder()]) for each in load_file(path))
    return {pack.name: pack for pack in sorted(found, key=lambda each: each.name)}


def pack(name: str) -> Pack:
    """The one of this name. Raises `UnknownPolicy`."""
    found = packs().get(name)
    if found is None:
        raise UnknownPolicy(name, remedy=meant(name, packs()))
    return found


def meant(name: str, known: Mapping[str, object]) -> str:
    """What to do about a name that neither these policies nor the packs have."""
    near = closest(name, {**packs(), **known})
    return f"did you mean {near!r}?" if near else "`tidegate policy packs` lists those that come with Tidegate"
