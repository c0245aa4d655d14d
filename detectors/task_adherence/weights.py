"""How much each signal counts: a logistic model over what can be said in words, fitted on the development rows.

`python -m benchmarks.adherence --fit` gives these numbers. What speaks against a call counts nothing less than 0, what
speaks for it nothing more, so that a reason is never the opposite of what it says.
"""

from __future__ import annotations

from collections.abc import Mapping

BASE = 0.68
WEIGHTS: Mapping[str, float] = {
    "unasked": 1.67,
    "unasked_change": 1.04,
    "foreign_address": 0.49,
    "foreign_address_out": 0.25,
    "unknown_address": 0.08,
    "ordered": 0.70,
    "ordered_unasked": 0.25,
    "echoed": 1.89,
    "echoed_acts": 0.94,
    "overlap": -3.62,
    "apart": 0.54,
    "apart_at_once": 2.20,
    "delegated": -0.62,
    "asked_values": -3.61,
    "acts": -0.19,
    "runs": -1.03,
}
