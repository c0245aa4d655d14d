"""What a rule's events keep of a matched text: refused where it cannot be kept, or nobody says why."""

from __future__ import annotations

from collections.abc import Collection

from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.document import Place
from sidecar.policy.schema.rules import RuleSpec
from sidecar.values import EvidenceLevel

_NEEDS = {
    "encrypted": ("a public key to encrypt for", "set `events.evidence_key_file` in the configuration"),
    "hash": ("a key to hash under", "set `keys.hash_file` in the configuration"),
}


def check_evidence(refusals: Refusals, place: Place, rule: RuleSpec, keeps: Collection[EvidenceLevel]) -> None:
    """Note what of the rule's `evidence` cannot be kept."""
    evidence = rule.evidence
    if evidence is None:
        return
    if evidence.level == "raw" and not evidence.reason.strip():
        message = "`raw` puts the matched text itself into events, and nobody says why"
        remedy = "add `reason`, which the events have too, or use `encrypted` or `masked`"
        refusals.refuse((*place, "evidence", "level"), Code.RAW_WITHOUT_REASON, message, remedy)
    if evidence.level not in keeps:
        need, remedy = _NEEDS[evidence.level]
        message = f"`{evidence.level}` needs {need}, and none is configured"
        refusals.refuse((*place, "evidence", "level"), Code.EVIDENCE_NOT_KEPT, message, remedy)
