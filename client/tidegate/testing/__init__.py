"""A guard in memory, for the tests of applications: no sidecar, no port, no thread.

    guard = Guard(redact("ann@example.org", "[EMAIL]"), block("launch code", "I cannot say that."))
    answer = my_app.answer("...", client=guard.client())      # or guard.async_client()

    assert guard.calls[0].options["policy"] == "support-bot"
    assert "ann@example.org" in guard.calls[0].text

It plays a policy's outcome: each rule acts on its words wherever they stand, however the text is cut, and text is held
where words may still become those of a rule. Or it plays a script, a step for each chunk and the rest at the end:

    guard = Guard.scripted("Hello ", Verdict(rule="no-secrets", message="I cannot say that."))
    guard = Guard.scripted(Overloaded("no room", retry_after=1.0))

What it does not play: detectors, holding back by time, limits, and trying a check again.
"""

from __future__ import annotations

from tidegate.testing.guard import Call, Guard
from tidegate.testing.outcomes import Rule, Step, annotate, block, redact

__all__ = ["Call", "Guard", "Rule", "Step", "annotate", "block", "redact"]
