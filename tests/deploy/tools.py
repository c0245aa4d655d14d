"""The programs that `make deploy-tools` installs, and what they make of the files in `deploy/`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = ROOT / ".venv-deploy/bin"
CHART = DEPLOY / "helm/tidegate"

Document: TypeAlias = dict[str, Any]

CUSTOM = ("networking.istio.io/", "monitoring.coreos.com/")
"""Groups whose schemas `crds.py` knows."""
WITHOUT_SCHEMA = ("gateway.envoyproxy.io/", "gateway.networking.k8s.io/")
"""Groups of which no package carries the schemas."""


def run(program: str, *arguments: str | Path, stdin: str = "") -> str:
    """Run a program of the tools' environment and return what it printed. Fails with what it complained of."""
    command = [str(BIN / program), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def are_installed() -> bool:
    """Whether the environment is there."""
    return (BIN / "helm").exists()


def documents(text: str) -> list[Document]:
    """The documents of a YAML text."""
    return [document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None]


def read(path: str) -> list[Document]:
    """The documents of a file in `deploy/`."""
    return documents((DEPLOY / path).read_text(encoding="utf-8"))


def kustomized(folder: str | Path) -> list[Document]:
    """What kustomize makes of a folder."""
    return documents(run("kubectl", "kustomize", DEPLOY / folder))


def rendered(*values: str, chart: Path = CHART, sets: Sequence[str] = (), apis: Sequence[str] = ()) -> list[Document]:
    """What Helm makes of the chart, with files of values and single ones, in a cluster with more APIs."""
    files = [word for name in values for word in ("--values", CHART / name)]
    single = [word for each in sets for word in ("--set", each)]
    known = [word for each in apis for word in ("--api-versions", each)]
    return documents(run("helm", "template", "tidegate", chart, "--namespace", "guard", *files, *single, *known))


def check(found: Iterable[Document], folder: Path) -> None:
    """Fails when a resource is not what its kind's schema allows; unknown keys are errors too."""
    custom: list[Document] = []
    plain: list[Document] = []
    for document in found:
        version = document["apiVersion"]
        if not version.startswith(WITHOUT_SCHEMA):
            (custom if version.startswith(CUSTOM) else plain).append(document)
    file = folder / "resources.yaml"
    file.write_text("\n---\n".join(json.dumps(each) for each in plain), encoding="utf-8")
    if plain:
        run("kubernetes-validate", "--strict", file)
    if custom:
        assert json.loads(run("python", Path(__file__).parent / "crds.py", stdin=json.dumps(custom))) == []


def one(found: Iterable[Document], kind: str, name: str | None = None) -> Any:
    """The only resource of a kind, and of a name where one is given."""
    [document] = [each for each in found if each["kind"] == kind and name in {None, each["metadata"]["name"]}]
    return document
