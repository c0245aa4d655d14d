"""The two policies that a run compares: every detector that this installation has, and as good as none.

A policy has at least one rule, so the pass-through one looks for a single keyword, which never comes. The guarded one
redacts where others would block: text waits for the same verdicts, and every stream is offered to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors import registry
from workbench.capacity.profiles import Profile

GUARDED, PASS_THROUGH = "bench-guarded", "bench-pass-through"
ENCODED = ("injection", "toxicity", "topic")
"""The detectors that need the encoder."""

_CERTAIN = 0.99
"""Here the models' answers are waited for, not judged: what a rule does is measured with the other detectors."""

_RULES: Mapping[str, Mapping[str, Any]] = {
    "secrets": {"detect": {"detector": "secrets"}, "action": {"redact": {"with": "label"}}},
    "pii": {
        "detect": {
            "detector": "pii",
            "labels": ["CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN"],
        },
        "action": {"redact": {"with": "label"}},
    },
    "patterns": {
        "detect": {"detector": "patterns", "keywords": {"PROJECT": ["Project Nightjar"]}},
        "action": {"redact": {"with": "label"}},
    },
    "injection": {"detect": {"detector": "injection", "threshold": _CERTAIN}, "action": {"redact": {"with": "label"}}},
    "toxicity": {"detect": {"detector": "toxicity", "threshold": _CERTAIN}, "action": {"redact": {"with": "label"}}},
    "topic": {"detect": {"detector": "topic", "deny": ["banking"]}, "action": "annotate"},
    "names": {
        "detect": {"detector": "pii", "labels": {"PERSON": _CERTAIN, "LOCATION": _CERTAIN, "ORGANIZATION": _CERTAIN}},
        "action": {"redact": {"with": "label"}},
    },
    "grounding": {"detect": {"detector": "grounding"}, "action": "annotate"},
}


_READ = {
    Profile.PATTERNS: ("secrets", "pii", "patterns"),
    Profile.MODELS: ("secrets", "pii", "patterns", *ENCODED),
    Profile.NAMES: ("secrets", "pii", "patterns", *ENCODED, "names"),
    Profile.GROUNDING: ("secrets", "pii", "patterns", *ENCODED, "names", "grounding"),
}


def missing_detectors(profile: Profile = Profile.MODELS) -> tuple[str, ...]:
    """The detectors of a full comparison that this installation has not."""
    asked = dict.fromkeys(_RULES[name]["detect"]["detector"] for name in _READ[profile])
    return tuple(name for name in asked if name not in registry.names())


def guarded_policy(max_hold_ms: int, profile: Profile = Profile.MODELS) -> dict[str, Any]:
    """Every detector of a profile that there is."""
    there = registry.names()
    rules = [
        {"id": name, "severity": "high", **_RULES[name]}
        for name in _READ[profile]
        if _RULES[name]["detect"]["detector"] in there
    ]
    return _policy(GUARDED, rules, max_hold_ms)


def pass_through_policy(max_hold_ms: int) -> dict[str, Any]:
    """As good as no detector."""
    rule = {
        "id": "never",
        "severity": "low",
        "detect": {"detector": "patterns", "keywords": {"NEVER": ["\u2603\u2603\u2603"]}},
        "action": "annotate",
    }
    return _policy(PASS_THROUGH, [rule], max_hold_ms)


def _policy(name: str, rules: list[dict[str, Any]], max_hold_ms: int) -> dict[str, Any]:
    return {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name, "version": "1"},
        "stream": {"max_hold_ms": max_hold_ms},
        "rules": rules,
    }
