"""What parts cost by themselves, on the same texts and in the same run, in CPU seconds of this process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sidecar.bench.texts import pieces_of
from sidecar.core.stream import Request, Stream
from sidecar.policy.plan import Plan
from sidecar.values import Found, Lane

if TYPE_CHECKING:
    from detectors.encoder import Encoder

_SEGMENT_PIECES = 48
"""About a segment's length."""
_PASS_TEXTS = 64


def core_seconds(plan: Plan, texts: Sequence[str]) -> float:
    """The core alone: every text fed piece by piece, scanned, cut, decided and released; models say nothing."""
    began = time.process_time()
    for text in texts:
        stream = Stream(plan)
        for piece in pieces_of(text):
            _answer(stream, stream.feed(Lane(), piece))
        _answer(stream, stream.close())
    return time.process_time() - began


def encoder_seconds(encoder: Encoder, texts: Sequence[str]) -> float:
    """One bare pass of the encoder over the texts, all heads, in well-filled batches, nothing read twice."""
    cuts = [cut for text in texts for cut in _cuts(text)]
    encoder.encode(cuts[:4], encoder.card.heads)  # allocations of the first run are not the pass's
    began = time.process_time()
    for start in range(0, len(cuts), _PASS_TEXTS):
        encoder.encode(cuts[start : start + _PASS_TEXTS], encoder.card.heads)
    return time.process_time() - began


def _answer(stream: Stream, requests: Sequence[Request]) -> None:
    for batch, segment in requests:
        stream.resolve(segment.number, batch.index, Found())
    while stream.next_output() is not None:
        pass


def _cuts(text: str) -> list[str]:
    pieces = pieces_of(text)
    return ["".join(pieces[at : at + _SEGMENT_PIECES]) for at in range(0, len(pieces), _SEGMENT_PIECES)]
