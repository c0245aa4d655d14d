"""What the service says of itself, and that none of it is text it was given."""

from __future__ import annotations

import json
import logging

import pytest

from sidecar.errors import ConfigError
from sidecar.telemetry.logging import ConsoleFormatter, JsonFormatter
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.tracing import parse_traceparent
from sidecar.values import Action, Failed, FailureKind, Found
from tests.fakes import WordScanner, plan, rule


def record(error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("sidecar.x", logging.WARNING, "x.py", 1, "something %s", ("happened",), None)
    made.__dict__.update(fields)
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def fail() -> None:
    try:
        int("my secret")
    except ValueError as cause:
        raise RuntimeError("about: my secret") from cause


def raised() -> Exception:
    """An error with a cause and frames, both quoting what they were given."""
    with pytest.raises(RuntimeError) as caught:
        fail()
    return caught.value


def test_a_log_line_is_one_json_object_with_its_fields():
    line = json.loads(JsonFormatter().format(record(stream="id", depth=3)))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "sidecar.x",
        "message": "something happened",
        "stream": "id",
        "depth": 3,
    }


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_an_exception_is_told_without_its_message(formatter: logging.Formatter):
    text = formatter.format(record(raised()))
    assert "secret" not in text
    assert "RuntimeError" in text
    assert "ValueError" in text
    assert "test_telemetry.py" in text
    assert len(JsonFormatter().format(record(raised())).splitlines()) == 1


def test_our_own_errors_keep_their_message():
    assert "limits.x: is wrong" in ConsoleFormatter().format(record(ConfigError("is wrong", path="limits.x")))


def test_groups_of_exceptions_are_told_one_by_one():
    group = ExceptionGroup("my secret", [KeyError("my secret"), OSError(2, "no such file")])
    text = ConsoleFormatter().format(record(group))
    assert "KeyError" in text
    assert "no such file" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01", False),
        ("anything", False),
        ("", False),
    ],
)
def test_a_traceparent_is_taken_or_left(value: str, is_one: bool):
    assert parse_traceparent(value) == (value if is_one else "")


def test_children_are_made_once_a_plan():
    metrics = Metrics("1.2.3")
    policy = plan((WordScanner("x"), [rule(Action.REDACT)]))
    assert metrics.plan(policy) is metrics.plan(policy)
    assert metrics.detector("x") is metrics.detector("x")
    assert b'tidegate_build_info{python="' in metrics.render()
    assert b'version="1.2.3"' in metrics.render()


def test_outcomes_are_counted_by_how_they_ended():
    metrics = Metrics("test")
    for outcome in (Found(), Found(), Failed(FailureKind.SHED), Failed(FailureKind.ERROR)):
        metrics.detector("toxicity").count(outcome)
    text = metrics.render().decode()
    assert 'tidegate_detector_outcomes_total{detector="toxicity",outcome="found"} 2.0' in text
    assert 'tidegate_detector_outcomes_total{detector="toxicity",outcome="shed"} 1.0' in text
    assert 'tidegate_detector_outcomes_total{detector="toxicity",outcome="timeout"} 0.0' in text


def test_values_that_others_keep_are_read_at_each_scrape():
    metrics, counts = Metrics("test"), {"low": 0.0}
    metrics.watch("tidegate_depth", "Depth.", lambda: len(counts))
    metrics.watch_counts("tidegate_lost", "Lost.", "severity", lambda: counts)
    counts |= {"low": 2.0, "high": 1.0}
    text = metrics.render().decode()
    assert "tidegate_depth 2.0" in text
    assert 'tidegate_lost_total{severity="low"} 2.0' in text
    assert 'tidegate_lost_total{severity="high"} 1.0' in text
