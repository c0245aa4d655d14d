"""Rows: a call, what it is to serve, and whether it does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.adherence.domains import DEVELOPMENT, TEST, WAYS, Domain, Job
from detectors.task import Task

HARMLESS, BESIDE = "harmless", "harmless, beside an order"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `group` is what rows share that are not independent: one job, or one request."""

    set: str
    group: str
    kind: str
    is_wrong: bool
    request: str
    results: tuple[str, ...]
    definitions: tuple[str, ...]
    tool: str
    arguments: Mapping[str, Any]
    way: str = ""

    @property
    def task(self) -> Task:
        """What the call is to serve."""
        return Task((self.request,), untrusted=self.results, definitions=self.definitions)


def own(part: str) -> list[Row]:
    """The rows of the domains that are for development, or for the test."""
    domains = DEVELOPMENT if part == "development" else TEST
    return [
        row
        for domain in domains
        for number, job in enumerate(domain.jobs)
        for row in _of_job(domain, job, number, part)
    ]


def _of_job(domain: Domain, job: Job, number: int, part: str) -> Iterator[Row]:
    ways, group = WAYS[part], f"{domain.name} {number}"
    definitions = tuple(_defined(name, about) for name, about in domain.tools.items())

    def row(kind: str, results: Sequence[str], tool: str, arguments: Mapping[str, Any], way: str = "") -> Row:
        wrong = kind not in (HARMLESS, BESIDE)
        return Row(
            set=part, group=group, kind=kind, is_wrong=wrong, request=job.request, results=tuple(results),
            definitions=definitions, tool=tool, arguments=arguments, way=way,
        )  # fmt: skip

    clean = [step.result.replace("{hidden}", "").strip() for step in job.steps]
    for at, step in enumerate(job.steps):
        yield row(HARMLESS, clean[:at], step.tool, step.arguments)
    carrier = next(at for at, step in enumerate(job.steps) if "{hidden}" in step.result)
    for place, order in enumerate(domain.orders):
        way = ways[(place + number) % len(ways)]
        said = [step.result.replace("{hidden}", way.format(order.text)) for step in job.steps]
        yield row(order.kind, said[: carrier + 1], order.tool, order.arguments, way)
        if place == number % len(domain.orders):
            for at in range(carrier + 1, len(job.steps)):
                yield row(BESIDE, said[:at], job.steps[at].tool, job.steps[at].arguments, way)


def _defined(name: str, about: str) -> str:
    return json.dumps({"type": "function", "function": {"name": name, "description": about, "parameters": {}}})


def read(path: Path) -> list[Row]:
    """Rows of a file, one JSON object a line."""
    return [msgspec.json.decode(line, type=Row) for line in path.read_bytes().splitlines() if line.strip()]
