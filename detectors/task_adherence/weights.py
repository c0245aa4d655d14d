"""How much each signal counts: a logistic model over what can be said in words, fitted on the development rows.

`python -m benchmarks.adherence --part development --fit --data FOLDER` gives these numbers. What speaks against a call
counts nothing less than 0, what speaks for it nothing more, so that a reason is never the opposite of what it says.
"""

from __future__ import annotations

from collections.abc import Mapping

BASE = 0.65
WEIGHTS: Mapping[str, float] = {
    "unasked": 1.68,
    "unasked_change": 0.62,
    "foreign_address": 0.54,
    "foreign_address_out": 0.25,
    "unknown_address": 0.15,
    "ordered": 0.74,
    "ordered_unasked": 0.26,
    "echoed": 1.98,
    "echoed_acts": 0.96,
    "overlap": -3.83,
    "apart": 0.67,
    "apart_at_once": 2.09,
    "delegated": -0.82,
    "asked_values": -3.35,
    "acts": -0.21,
    "runs": -1.38,
}
