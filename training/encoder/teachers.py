"""Two teachers of injection: the model that is shipped, and another of the same size on the same base.

They judge which window of a long attack carries it, and give soft labels to texts that have none. The other is
`stackone-defender` (PyPI, Apache-2.0): far better on harmless text of agents, worse on short direct attacks.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.encoder.tokens import MAX_TOKENS, Pieces, encode_all, feed, load_tokenizer
from training.sessions import cpu_session

Scores = NDArray[np.float32]
OTHER = Path("models") / "minilm-multihead-v5"
TEMPERATURE = 2.41
"""The other teacher's own, of its `classifier_config.json`."""
BATCH_TOKENS = 2048


def other_folder() -> Path:
    """Where the installed `stackone-defender` has its model."""
    spec = importlib.util.find_spec("stackone_defender")
    if spec is None or spec.origin is None:
        raise ImportError("stackone-defender is not installed: pip install -r training/encoder/requirements.txt")
    return Path(spec.origin).parent / OTHER


class Teachers:
    """Both teachers, on one thread."""

    def __init__(self, shipped: Path) -> None:
        other = other_folder()
        self._shipped = cpu_session(shipped / "model.onnx", threads=1)
        self._other = cpu_session(other / "model_quantized.onnx", threads=1)
        self._tokenizers: tuple[Tokenizer, Tokenizer] = (
            load_tokenizer(shipped / "tokenizer.json"),
            load_tokenizer(other / "tokenizer.json"),
        )

    def scores(self, texts: Sequence[str]) -> Scores:
        """Probability of an attack by each teacher, (texts, 2)."""
        read = [encode_all(tokenizer, list(texts)) for tokenizer in self._tokenizers]
        logits = [self._run(0, read[0]), self._run(1, read[1]) / TEMPERATURE]
        return np.stack([1.0 / (1.0 + np.exp(-each)) for each in logits], axis=1)

    def _run(self, which: int, read: list[Pieces]) -> Scores:
        found = np.zeros(len(read), dtype=np.float32)
        order = sorted(range(len(read)), key=lambda place: len(read[place]))
        start = 0
        while start < len(order):
            width = min(len(read[order[start]]), MAX_TOKENS - 2) + 2
            places = order[start : start + max(1, BATCH_TOKENS // max(width + 8, 16))]
            rows = [(read[at].ids[: MAX_TOKENS - 2], read[at].casing[: MAX_TOKENS - 2]) for at in places]
            found[places] = self._logits(which, feed(rows))
            start += len(places)
        return found

    def _logits(self, which: int, inputs: dict[str, NDArray[np.int64]]) -> Scores:
        if which == 0:
            return np.asarray(self._shipped.run(["injection"], inputs)[0])[:, 0]
        names = {one.name for one in self._other.get_inputs()}
        answer = np.asarray(self._other.run(None, {name: each for name, each in inputs.items() if name in names})[0])
        return answer.reshape(len(answer), -1)[:, 0]
