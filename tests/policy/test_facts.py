"""Which streams a policy takes, by what is known of them."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.compiler import compile_policy
from sidecar.policy.facts import Glob, StreamFacts
from sidecar.policy.loader import load_text
from tests.policy.doubles import CATALOG

NARROW = st.text(alphabet="ab*", max_size=8)


@given(word=NARROW, text=st.text(alphabet="ab", max_size=12))
def test_a_glob_is_what_the_shell_makes_of_it(word: str, text: str) -> None:
    assert Glob(word).matches(text) == (re.match(translate(word), text) is not None)


def test_a_glob_of_many_stars_takes_time_linear_in_the_text() -> None:
    """What a backtracking one would never come back from."""
    assert not Glob("*a" * 200 + "*b").matches("a" * 100_000)


def takes(match: str, **facts: Any) -> bool:
    """Whether a policy with this `match` takes a stream."""
    [loaded] = load_text(
        f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: p, version: "1"}}
match: {match}
rules: [{{id: a, detect: {{detector: words, words: {{NAME: [Bob]}}}}, action: annotate}}]
"""
    )
    return compile_policy(loaded, catalog=CATALOG).match.accepts(StreamFacts(**facts))


@pytest.mark.parametrize(
    ("match", "facts", "taken"),
    [
        ("{models: [gpt-4*]}", {"model": "gpt-4o"}, True),
        ("{models: [gpt-4*]}", {"model": "gpt-3"}, False),
        ("{models: [gpt-4*, claude]}", {"model": "claude"}, True),
        ("{models: ['*']}", {"model": "any"}, True),
        ("{models: ['*']}", {}, False),  # nobody told
        ("{routes: [/v1/chat/*]}", {"route": "/v1/chat/completions"}, True),
        ("{routes: [chat]}", {"route": "chats"}, False),
        ("{prompt_versions: ['2.*']}", {"prompt_version": "2.1"}, True),
        ("{prompt_versions: ['2.*']}", {"prompt_version": "12.1"}, False),
        ("{tenants: [acme-*]}", {"tenant": "acme-eu"}, True),
        ("{labels: {env: prod*}}", {"labels": {"env": "production"}}, True),
        ("{labels: {env: '*'}}", {"labels": {}}, False),
        ("{labels: {env: '*'}}", {"labels": {"env": ""}}, True),
        ("{attributes: {kind: bulk}}", {"attributes": {"kind": "bulk", "x": "y"}}, True),
        ("{attributes: {kind: bulk}}", {"labels": {"kind": "bulk"}}, False),
        (
            "{identities: ['spiffe://prod/ns/chat/*']}",
            {"labels": {"mesh.identity": "spiffe://prod/ns/chat/sa/a"}},
            True,
        ),
        (
            "{identities: ['spiffe://prod/ns/chat/*']}",
            {"labels": {"mesh.identity": "spiffe://test/ns/chat/sa/a"}},
            False,
        ),
        ("{models: [a], tenants: [t]}", {"model": "a"}, False),
    ],
)
def test_a_policy_takes_the_streams_that_its_match_says(match: str, facts: dict[str, Any], taken: bool) -> None:
    assert takes(match, **facts) is taken
