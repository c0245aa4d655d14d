"""What nothing imports is left out of the image; the service serves without it, every detector of it."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

import tidegate
from tests.app.serving import Serving, start

ROOT = Path(__file__).parents[2]

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: everything, version: "1"}
rules:
  - id: words
    detect: {detector: patterns, keywords: {FRUIT: [plum]}}
    action: {redact: {with: label}}
  - {id: secrets, detect: {detector: secrets}, action: redact}
  - {id: personal, detect: {detector: pii, labels: [EMAIL_ADDRESS, PERSON]}, action: redact}
  - {id: hidden, detect: {detector: invisible_text}, action: redact}
  - {id: injection, detect: {detector: injection}, action: block}
  - {id: toxicity, detect: {detector: toxicity}, action: block}
  - {id: topic, detect: {detector: topic, deny: [medical]}, action: annotate}
  - {id: grounding, detect: {detector: grounding}, action: annotate}
"""


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("unused", ROOT / "scripts/unused.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements" / name).read_text(), flags=re.MULTILINE))


def test_the_lean_lock_is_the_services_without_what_nothing_imports() -> None:
    service, lean = _locked("service.txt"), _locked("lean.txt")
    unused = _script().unused(_script().brought_by((ROOT / "requirements/service.txt").read_text()))
    assert {"spacy", "thinc", "blis", "huggingface-hub"} <= unused
    assert lean == {name: version for name, version in service.items() if name not in unused}


LOCK = """
presidio-analyzer==1 \\
    --hash=sha256:0
    # via tidegate-sidecar (pyproject.toml)
regex==1 \\
    # via
    #   presidio-analyzer
    #   tidegate-sidecar (pyproject.toml)
spacy==1 \\
    # via presidio-analyzer
thinc==1 \\
    # via spacy
tqdm==1 \\
    # via
    #   spacy
    #   tidegate
preshed==1 \\
    # via
    #   presidio-analyzer
    #   thinc
"""


def test_unused_is_what_only_unused_packages_bring() -> None:
    assert _script().unused(_script().brought_by(LOCK)) == {"spacy", "thinc", "preshed"}


@pytest.mark.slow
def test_it_serves_every_detector_without_them(tmp_path: Path) -> None:
    """And nothing of it is left to later: each detector reads a text."""
    absent = _script().unused(_script().brought_by((ROOT / "requirements/service.txt").read_text()))
    modules = {
        module
        for module, names in packages_distributions().items()
        if {re.sub(r"[-_.]+", "-", name).lower() for name in names} <= absent
    }
    assert {"spacy", "thinc", "huggingface_hub"} <= modules
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(absent=modules))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/everything.yaml").write_text(POLICY)
    with start(tmp_path, PYTHONPATH=f"{tmp_path}:{':'.join(sys.path)}") as process:
        try:
            address = Serving(process).wait_for("serving")["grpc"][0]
            with tidegate.Client(address) as client:
                text = "Ann Smith (ann@example.org) met +44 20 7946 0958 near the plum tree."
                result = client.check(text, policy="everything", context=["A tree."], timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert "ann@example.org" not in result.text
    assert "Ann Smith" not in result.text
    assert "plum" not in result.text
    assert [each.unscanned_chars for each in result.summary.coverage] == [0]
    assert result.summary.grounding is not None
