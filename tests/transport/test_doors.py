"""Warnings at the start: when no policy can take what a door serves, which one nearly does, and why."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.config import Facts
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.transport.doors import Door, warnings

RULES = "rules: [{id: a, detect: {detector: patterns, keywords: {A: [plum]}}, action: annotate}]"
OF_LABEL = "{labels: {app: shop}}"


def plans(**matches: str) -> dict[str, Plan]:
    text = "---\n".join(
        f'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: {name}, version: "1"}}\n'
        f"{f'match: {match}' if match else ''}\n{RULES}\n"
        for name, match in matches.items()
    )
    return {plan.name: plan for plan in map(compile_policy, load_text(text))}


def said(facts: dict[str, Any], *, is_envoy: bool = False, **matches: str) -> list[dict[str, str]]:
    return warnings(Door("proxy", Facts.model_validate(facts), is_envoy), plans(**matches))


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        ({}, ""),
        ({}, "{models: [gpt-4*]}"),
        ({}, "{routes: [/v1/*]}"),
        ({"labels": {"app": "shop"}}, OF_LABEL),
        ({"headers": {"labels": {"app": "x-app"}}}, OF_LABEL),
        ({"tenant": "acme"}, "{tenants: [ac*]}"),
        ({"headers": {"tenant": "x-tenant"}}, "{tenants: [acme]}"),
        ({"headers": {"prompt_version": "x-version"}}, '{prompt_versions: ["2"]}'),
        ({"headers": {"policy": "x-policy"}}, OF_LABEL),
        ({"identity": {"xfcc_peers": ["unix"]}}, "{identities: ['spiffe://a/*'], labels: {mesh.identity: '*'}}"),
        ({"policy": "words"}, OF_LABEL),
    ],
)
def test_nothing_is_said_where_a_policy_can_take_both_halves(facts: dict[str, Any], match: str) -> None:
    assert said(facts, words=match) == []


@pytest.mark.parametrize(
    ("facts", "match", "why"),
    [
        ({}, OF_LABEL, "match.labels asks for app=shop, which is not told"),
        ({"labels": {"app": "bank"}}, OF_LABEL, "match.labels asks for app=shop, which is bank"),
        ({"tenant": "acme"}, "{tenants: [globex]}", "match.tenants asks for globex, which is acme"),
        ({}, "{tenants: ['*']}", "match.tenants asks for *, which is not told"),
        ({}, "{identities: ['spiffe://a/*']}", "match.identities asks for spiffe://a/*, which is not told"),
        ({}, "{attributes: {a: b}}", "match.attributes asks for a=b, which is not told"),
        ({"attributes": {"labels": {"app": "x"}}}, OF_LABEL, "match.labels asks for app=shop, which is not told"),
    ],
)
def test_a_condition_that_nothing_there_meets(facts: dict[str, Any], match: str, why: str) -> None:
    (fields,) = said(facts, words=match)
    assert (fields["direction"], fields["nearest"], fields["why"]) == ("input, output", "words", why)
    assert "tidegate proxy --policy words" in fields["do"]


def test_what_envoy_tells_counts_at_envoys_door_alone() -> None:
    facts = {"attributes": {"labels": {"app": "xds.cluster_name"}}}
    assert said(facts, is_envoy=True, words=OF_LABEL) == []
    assert said({}, is_envoy=True, words="{identities: ['*']}") == []


def test_the_half_that_no_policy_takes_is_named() -> None:
    (fields,) = said({}, words="{directions: [output]}", other="{directions: [output], labels: {app: shop}}")
    assert (fields["direction"], fields["nearest"]) == ("input", "words")
    assert fields["why"] == "match.directions asks for output alone"
    assert "--label" not in fields["do"]


def test_labels_that_would_help_are_written_out() -> None:
    (fields,) = said({}, words=OF_LABEL, far="{labels: {app: shop, env: prod}}")
    assert fields["nearest"] == "words"
    assert fields["do"].startswith("Give it --label app=shop, ")


def test_a_default_takes_everything() -> None:
    assert said({}, words=OF_LABEL, default="") == []


def test_a_fixed_policy_that_is_not_there() -> None:
    (fields,) = said({"policy": "word"}, words=OF_LABEL)
    assert fields["why"] == "proxy.facts.policy is 'word', and no policy is called so"
    assert fields["do"] == "Did you mean 'words'?"
    (fields,) = said({"policy": "zzz"}, words=OF_LABEL)
    assert fields["do"] == "There are: words."
