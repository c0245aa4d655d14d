"""Reads PromQL: promql.py < expressions as JSON, telling what each asks for.

Runs in the environment that `make deploy-tools` makes. For each expression: the metrics with the labels of their
matchers, and the labels it groups by; or the error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import promql_parser as promql  # type: ignore[import-not-found]


def read(expression: str) -> dict[str, Any]:
    """What an expression asks for."""
    try:
        tree = promql.parse(expression)
    except ValueError as error:
        return {"error": str(error)}
    metrics: list[tuple[str, list[str]]] = []
    groups: set[str] = set()

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql.VectorSelector):
            metrics.append((node.name, [matcher.name for matcher in node.matchers.matchers]))
        elif isinstance(node, promql.AggregateExpr) and node.modifier:
            groups.update(node.modifier.labels)

    promql.walk(tree, visit)
    return {"metrics": metrics, "groups": sorted(groups)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([read(expression) for expression in json.load(sys.stdin)]))
