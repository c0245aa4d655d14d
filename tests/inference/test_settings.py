"""The settings of the inference server: from a file, from variables, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar.config import Breaker, Inference, ServerTls, load_settings
from sidecar.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs/inference-server.md"


@pytest.mark.parametrize(
    "value", ["a=x,b=y", " a = x , b = y ,", '{"a": "x", "b": "y"}'], ids=["pairs", "spaces", "JSON"]
)
def test_models_are_named_in_a_variable(value: str):
    variables = {"TIDEGATE_INFERENCE__TARGET": "triton:8001", "TIDEGATE_INFERENCE__MODELS": value}
    assert load_settings(environment=variables).inference.models == {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TARGET": "triton:8001"}, "inference: target and models go together; one of them is missing"),
        ({"MODELS": "a=x"}, "inference: target and models go together; one of them is missing"),
        ({"TARGET": "t:1", "MODELS": "a"}, "inference: models maps each name here to its name on the server"),
        ({"TARGET": "t:1", "MODELS": "{"}, "inference.models: is neither a JSON mapping nor key=value between commas"),
        ({"TARGET": "t:1", "MODELS": "a=x", "TLS__CERT": "c"}, "inference.tls: cert and key go together"),
    ],
)
def test_what_does_not_fit_together_is_refused(variables: dict[str, str], message: str):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_settings(environment={f"TIDEGATE_INFERENCE__{key}": value for key, value in variables.items()})


def test_every_setting_is_documented_with_its_default():
    rows = dict(re.findall(r"^\| (`inference\..+?`) \| `?(.+?)`? \|", PAGE.read_text(), flags=re.MULTILINE))
    documented = {key for keys in rows for key in re.findall(r"inference\.([\w.]+)", keys)}
    keys = {*Inference.model_fields} - {"breaker"}
    keys |= {f"tls.{key}" for key in ServerTls.model_fields} | {f"breaker.{key}" for key in Breaker.model_fields}
    assert documented == keys
    defaults = Inference()
    assert rows["`inference.timeout_ms`"] == str(defaults.timeout_ms)
    assert rows["`inference.fallback`"] == defaults.fallback
    assert rows["`inference.breaker.failures`"] == str(defaults.breaker.failures)
    assert float(rows["`inference.breaker.open_seconds`"]) == defaults.breaker.open_seconds
