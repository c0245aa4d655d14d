"""Ways to run the pair model: the exported ONNX file, or a PyTorch model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.grounding.model import PairModel
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


def torch_runner(model: PairModel) -> PairRunner:
    """Run the model in fp32, to compare the export with."""

    def run(ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            labels, tokens = model(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(types))
        return labels.numpy(), tokens.numpy()

    return run
