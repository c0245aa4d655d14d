"""What the chain and levels of evidence cost an event: `python -m benchmarks.chain` writes `results/chain.json`.

Processor time, each operation the least disturbed of several runs in one process, and as a ratio to what is done for
every event anyway: it is built, encoded for the outbox, and read from there again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec.structs import replace

from benchmarks.results import table, write
from detectors.types import Finding
from sidecar.outbox.audit import Audit
from sidecar.outbox.builders import StreamInfo, violation_event
from sidecar.outbox.chain import Head, Signer, hash_of_json
from sidecar.outbox.checkpoints import checkpoint_event
from sidecar.outbox.encode import encode_line
from sidecar.outbox.evidence import EvidenceKey, Keeping, Recipient
from sidecar.outbox.reads import Read
from sidecar.outbox.rows import Claimed, link_to, to_event, to_row
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from sidecar.values import Action, Decision, Direction, Exposure, Lane

_NOW = 1_790_000_000.0
_SECONDS = 0.2
_REPEATS = 7
_BASE = "build, encode for the outbox, read again"


def main() -> None:
    """Measure, and write the result files."""
    micros = {name: _cost(operation) for name, operation in _operations().items()}
    base = micros[_BASE]
    figures = {name: {"cpu_us": round(cost, 2), "ratio": round(cost / base, 3)} for name, cost in micros.items()}
    rows = [[name, round(cost, 1), round(cost / base, 2)] for name, cost in micros.items()]
    markdown = "# What the chain costs an event\n\n" + table(["operation", "processor time, us", "ratio"], rows)
    print(write("chain", figures, markdown))


def _operations() -> dict[str, Callable[[], object]]:
    plan = compile_file("policies/pci.yaml").policies[0][1]
    decision = _decision(plan)
    info = StreamInfo(
        stream_id="stream-1",
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
        tenant="acme",
        session_id="session-1",
        labels={"app": "support-bot", "team": "shop"},
        model="some-model",
    )
    keeping = Keeping(key=EvidenceKey(b"k" * 32))
    sealing = replace(keeping, level="encrypted", recipient=Recipient(X25519PrivateKey.generate().public_key()))
    signer, head = Signer(Ed25519PrivateKey.generate()), Head("0" * 64)
    body = to_row(violation_event(info, plan, decision, _NOW, keeping=keeping)).body
    row = Claimed("tidegate-0123456789abcdef", 4711, body, 1)
    checkpoint = replace(row, body=to_row(checkpoint_event(_NOW)).body)
    linked = replace(row, link=link_to(head, row, signer, tuple)).numbered(_NOW)
    read = Read("", linked.event.data, content=_data_of(encode_line(linked, _NOW)))
    audit = Audit()

    def record(own: Keeping) -> Callable[[], object]:
        return lambda: to_event(to_row(violation_event(info, plan, decision, _NOW, keeping=own)).body)

    return {
        _BASE: record(keeping),
        "the same, with the text encrypted": record(sealing),
        "link it to the chain": lambda: link_to(head, row, signer, tuple),
        "link and sign a checkpoint": lambda: link_to(head, checkpoint, signer, tuple),
        "hash it again, to verify": lambda: hash_of_json(read.content),
        "verify it": lambda: audit.add(read),
    }


def _decision(plan: Plan) -> Decision:
    rule = next(each for each in plan.rules if each.action is Action.REDACT)
    finding = Finding(10, 29, next(iter(rule.thresholds)), 1.0, "card number, Luhn checksum passed")
    return Decision(
        1, rule.index, Lane(), finding, rule.action, rule.action, Exposure(10, 0, 12.0), "4111 1111 1111 1111"
    )


def _data_of(line: bytes) -> bytes:
    """The event's data in a line of a file."""
    start = line.index(b'"data":') + len(b'"data":')
    return line.strip()[start:-1]


def _cost(operation: Callable[[], object]) -> float:
    """Microseconds of processor time, the least of several runs."""
    operation()
    calls = max(1, round(_SECONDS / max(_timed(operation, 10) / 10, 1e-7)))
    return min(_timed(operation, calls) for _ in range(_REPEATS)) / calls * 1e6


def _timed(operation: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        operation()
    return time.process_time() - began


if __name__ == "__main__":
    main()
