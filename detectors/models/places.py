"""Where models lie and how they run, for the whole process: whoever starts it says so before models are loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from detectors.base import DetectorError
from detectors.models.runtime import Runtime

SHIPPED = Path(__file__).parents[2] / "models_onnx"
"""The models that come with Tidegate, beside the packages."""


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of models, in the order they are searched, before the shipped one; and how models run."""

    directories: tuple[Path, ...] = (Path("models"),)
    runtime: Runtime = field(default_factory=Runtime)

    def folder(self, name: str) -> Path:
        """Where a model lies: a path as it is, else the first folder of that name. Raises `DetectorError`."""
        candidates = [Path(name)] if "/" in name else [place / name for place in self._searched()]
        found = next((each for each in candidates if each.is_dir()), None)
        if found is None:
            known = ", ".join(sorted({each.name for each in self.all()})) or "none"
            raise DetectorError(f"no model named {name!r}; there are: {known}", path=("model",))
        return found

    def all(self) -> list[Path]:
        """The folders of all models, by name; of one name the one that `folder` gives."""
        found: dict[str, Path] = {}
        for place in self._searched():
            if place.is_dir():
                for each in sorted(place.iterdir()):
                    if each.is_dir() and not each.name.startswith("."):
                        found.setdefault(each.name, each)
        return [found[name] for name in sorted(found)]

    def _searched(self) -> tuple[Path, ...]:
        return (*self.directories, SHIPPED)


_places = Places()


def places() -> Places:
    """The places of this process."""
    return _places


def use_places(chosen: Places) -> None:
    """Search these places from now on. Models that are loaded stay as they are."""
    global _places
    _places = chosen
