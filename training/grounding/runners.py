"""Ways to run the pair model: the exported ONNX file, or a PyTorch model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.grounding.scoring import PairRunner
from training.sessions import cpu_session


def onnx_runner(path: Path, *, threads: int) -> PairRunner:
    """Run an ONNX file as the service does."""
    session = cpu_session(path, threads=threads)

    def run(ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        labels, tokens = session.run(["label_logits", "token_logits"], feeds)
        return labels, tokens

    return run
