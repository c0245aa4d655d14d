"""The mean of the weights before and after a stage of training: what was known is kept, most of what is new is gained.

    python -m training.encoder.blend --base BASE --start models_onnx/tidegate-encoder/model.onnx --work WORK --share 0.7

WORK/checkpoint.pt becomes `share` of itself and the rest of `--start`; what it was stays as WORK/checkpoint-trained.pt.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from training.encoder.model import EncoderConfig, TidegateEncoder, load_base, load_start


def blended(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """`share` of the weights after, the rest of those before."""
    return {name: share * value.float() + (1 - share) * before[name].float() for name, value in after.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="the int8 model before, or a checkpoint")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--share", type=float, required=True, help="of the weights after")
    arguments = parser.parse_args()
    model = TidegateEncoder(EncoderConfig())
    load_base(model, arguments.base / "model.safetensors")
    load_start(model, arguments.start)
    path = arguments.work / "checkpoint.pt"
    kept = arguments.work / "checkpoint-trained.pt"
    shutil.copy(path, kept)
    state = torch.load(kept, weights_only=True)
    weights = blended(model.state_dict(), state["weights"], arguments.share)
    torch.save({"weights": weights, "spent_s": state["spent_s"], "step": state["step"]}, path)


if __name__ == "__main__":
    main()
