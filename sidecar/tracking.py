"""Runs of evaluations and of policies' tests in MLflow: parameters, figures, tags.

MLflow's own REST API (2.0) is spoken as it is, so that nothing of MLflow needs to be installed here.
`MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`, are used as MLflow's own clients use them.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sidecar.errors import TidegateError

MLFLOW = "mlflow:"
EXPERIMENT = "tidegate"
_SECONDS = 30.0
_MOST_AT_ONCE = 500
"""Metrics in one request; MLflow takes 1,000."""
_MOST_CHARS = 500
"""Of a parameter's value, for MLflow."""
_NOT_IN_NAMES = re.compile(r"[^\w\-. /]")


class TrackingError(TidegateError):
    """A run could not be logged."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was run, with which parameters, and what came out. Figures are finite numbers, by name."""

    name: str
    params: Mapping[str, object] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


def target_of(text: str) -> str:
    """The server of `mlflow:URL`. Raises `TrackingError`."""
    return place_of(text).removeprefix(MLFLOW)


def place_of(text: str) -> str:
    """The same text, if it says where runs can be logged. Raises `TrackingError`."""
    if not text.startswith(MLFLOW) or not _is_server(text.removeprefix(MLFLOW)):
        raise TrackingError(f"{text!r} is no place for runs: write mlflow:http://HOST:PORT, or add #EXPERIMENT")
    return text


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """All finite numbers of nested figures, by a path such as `labels.threat.f1`."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{name}", float(value)


def log_run(target: str, run: Run) -> str:
    """Log a run to `mlflow:URL[#EXPERIMENT]`; returns where it can be seen. Raises `TrackingError`."""
    url, _, experiment = target_of(target).partition("#")
    server = _Server(url.rstrip("/"))
    number = server.experiment(experiment or EXPERIMENT)
    began = round(time.time() * 1000)
    created = server.post(
        "runs/create",
        {
            "experiment_id": number,
            "run_name": run.name,
            "start_time": began,
            "tags": [{"key": "mlflow.source.name", "value": "tidegate"}],
        },
    )
    run_id = str(created["run"]["info"]["run_id"])
    params = [{"key": _named(key), "value": str(value)[:_MOST_CHARS]} for key, value in run.params.items()]
    server.post("runs/log-batch", {"run_id": run_id, "params": params})
    metrics = [
        {"key": _named(key), "value": value, "timestamp": began, "step": 0} for key, value in run.figures.items()
    ]
    for start in range(0, len(metrics), _MOST_AT_ONCE):
        server.post("runs/log-batch", {"run_id": run_id, "metrics": metrics[start : start + _MOST_AT_ONCE]})
    ended = {"run_id": run_id, "status": "FINISHED", "end_time": round(time.time() * 1000)}
    server.post("runs/update", ended)
    return f"{server.url}/#/experiments/{number}/runs/{run_id}"


def _named(name: str) -> str:
    """A name as MLflow takes it."""
    return _NOT_IN_NAMES.sub("_", name)


class _Server:
    def __init__(self, url: str) -> None:
        self.url = url

    def experiment(self, name: str) -> str:
        """The experiment's number; it is made when it is not there."""
        try:
            found = self.post("experiments/search", {"filter": f"name = '{_named(name)}'", "max_results": 1})
            known = found.get("experiments", [])
            return str(known[0]["experiment_id"] if known else self._create(name))
        except KeyError:
            raise TrackingError(f"{self.url} answers, but not as MLflow does") from None

    def _create(self, name: str) -> str:
        return str(self.post("experiments/create", {"name": _named(name)})["experiment_id"])

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Ask the API. Raises `TrackingError`."""
        request = urllib.request.Request(  # noqa: S310 - http and https alone come here
            f"{self.url}/api/2.0/mlflow/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **_authorization()},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise TrackingError(f"{self.url} refused a run with status {error.code}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise TrackingError(f"no MLflow answers at {self.url}: {reason}") from None
        except ValueError:
            raise TrackingError(f"{self.url} answers, but not as MLflow does") from None
        return said if isinstance(said, dict) else {}


def _authorization() -> dict[str, str]:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if not user:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
