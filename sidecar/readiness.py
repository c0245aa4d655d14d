"""Whether streams are welcome, and if not, why not: every part that the service needs has its say.

The service is ready when the policies are compiled, each of their detectors has answered a golden input as it must, the
outbox is open and the listener listens. It is not ready any more once it drains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from detectors.base import BatchDetector, BatchItem, PatternScanner
from detectors.types import Finding
from sidecar.errors import DetectorFailure
from sidecar.policy.plan import Plan

GOLDEN_TEXT = (
    "Hello, this is the golden input, 1 2 3, with an e\u0301.\n"
    "Write to jane.doe@example.org, or ring (415) 555-0132 or +49 30 901820.\n"
)
"""It holds what makes a detector load its tables, which takes up to a second and must not happen in a stream."""
FINE = "ok"


class Readiness:
    """What the service waits for, by name."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = dict.fromkeys(parts, "not started yet")
        self._notes: dict[str, Callable[[], str]] = {}

    def fine(self, part: str) -> None:
        """This part is as it should be."""
        self._parts[part] = FINE

    def wait_for(self, part: str, why: str) -> None:
        """This part is not as it should be."""
        self._parts[part] = why

    def note(self, name: str, read: Callable[[], str]) -> None:
        """Something that people should hear of and that turns no stream away; an empty text is nothing."""
        self._notes[name] = read

    @property
    def notes(self) -> Mapping[str, str]:
        """What there is to say beside the parts."""
        return {name: said for name, read in self._notes.items() if (said := read())}

    @property
    def is_ready(self) -> bool:
        """Whether all parts are as they should be."""
        return all(state == FINE for state in self._parts.values())

    @property
    def parts(self) -> Mapping[str, str]:
        """How each part is: `ok`, or why not."""
        return dict(self._parts)


def probe_detectors(plans: Iterable[Plan]) -> None:
    """Have every detector of the plans answer the golden input; loads and warms what they need.

    Raises `DetectorFailure` for the first one that fails or breaks its contract.
    """
    for plan in plans:
        for scanner in plan.scanners:
            _probe(scanner.detector)
        for batch in plan.batches:
            _probe(batch.detector)


def _probe(detector: PatternScanner | BatchDetector) -> None:
    try:
        broken = _probe_batch(detector) if isinstance(detector, BatchDetector) else _probe_scanner(detector)
    except Exception as error:
        raise DetectorFailure(f"failed on a golden input ({type(error).__name__})", detector=detector.name) from error
    if broken:
        raise DetectorFailure(f"broke its contract on a golden input: {broken}", detector=detector.name)


def _probe_scanner(scanner: PatternScanner) -> str:
    """What is wrong with a pattern scanner's answer; empty when nothing is."""
    scan = scanner.start()
    findings = scan.advance(GOLDEN_TEXT, 0, is_final=True)
    if scan.cleared != len(GOLDEN_TEXT):
        return "the end of the text is not cleared"
    return _wrong_findings(findings, scanner.labels)


def _probe_batch(detector: BatchDetector) -> str:
    """What is wrong with a batch detector's answer; empty when nothing is."""
    item = BatchItem(GOLDEN_TEXT, 0)
    alone = detector.detect([item])
    together = detector.detect([item, BatchItem("Short.", 0)])
    if (len(alone), len(together)) != (1, 2):
        return "there is not one answer for each item"
    if [(each.start, each.end, each.label) for each in alone[0]] != [
        (each.start, each.end, each.label) for each in together[0]
    ]:
        return "its findings depend on the rest of the batch"
    return _wrong_findings(alone[0], detector.labels)


def _wrong_findings(findings: Iterable[Finding], labels: frozenset[str]) -> str:
    for finding in findings:
        if finding.label not in labels:
            return f"it reports the label {finding.label}, which it does not declare"
        if not 0 <= finding.start <= finding.end <= len(GOLDEN_TEXT) or not 0 <= finding.score <= 1:
            return "a span or a score is out of bounds"
    return ""
