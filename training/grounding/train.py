"""Train the pair model on CPU, for a given number of minutes, resumable.

    python -m training.grounding.train --data DATA --base BASE --work DIR --minutes 75 [--start FILE] [--research]

FILE is a checkpoint, or an exported int8 model.onnx, the shipped one for instance (`restore.py`).

1. rows: the train rows that may be learnt from (or all, with --research), less the fold kept for the combiner, and
   hard rows made of them;
2. every row tokenised once with passages chosen as the service chooses them (`pairs.py`), cached in DIR;
3. an epoch draws each row as often as `sources.py` says, one view each, in batches of similar length and a token
   budget; because human rows come again and again, each time other words of a pair are masked and other hidden
   states dropped, and no target is quite certain;
4. the weights live in fp32, the passes run in bf16 where the processor has matrix products of it, which fp32 is
   faster than where it has none; the learning rate falls to zero at the end of the given
   minutes, so that a slower machine gets a shorter run and not an unfinished one;
5. a checkpoint every few minutes; started again with the same DIR it goes on from there. With --start a new run
   takes the weights of another run's checkpoint, or the mean of several, and nothing else of it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from training.grounding.edits import by_edit
from training.grounding.hard import hard_rows
from training.grounding.masking import masked
from training.grounding.model import PairModel, pair_loss
from training.grounding.pairs import UNKNOWN, Example, PairEncoder, encode_rows, load_tokenizer
from training.grounding.restore import restored
from training.grounding.rows import is_held_out, may_use, read_split
from training.grounding.sources import passes

HARD_LIMIT = {
    "atomic": 2500, "transfer": 2500, "swap": 2500, "both": 1500, "mixed": 1500, "joined": 1200, "two": 2000,
    "trimmed": 200, "elsewhere": 2000,
}  # fmt: skip
TOKEN_WEIGHT = 0.4
WARM_UP = 0.04
WEIGHT_DECAY = 0.01
MAX_ROWS = 64


@dataclass(slots=True)
class Progress:
    """Where a run stands: seconds trained, epoch, and batches done in it."""

    seconds: float = 0.0
    epoch: int = 0
    batch: int = 0
    steps: int = 0
    tokens: int = 0


class Trainer:
    """Holds the bf16 model, its fp32 weights and the optimizer; `step` learns one batch."""

    def __init__(self, model: PairModel, *, learning_rate: float, smoothing: float) -> None:
        """Copy the trainable weights to fp32; head weights learn five times faster."""
        self.model = model
        self.learning_rate = learning_rate
        self.smoothing = smoothing
        trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in trainable]
        self.masters = [p.detach().float().clone() for _, p in trainable]
        if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():
            model.to(torch.bfloat16)
        self.weights = [p for _, p in model.named_parameters() if p.requires_grad]
        groups: dict[tuple[bool, bool], list[torch.Tensor]] = {}
        for (name, p), master in zip(trainable, self.masters, strict=True):
            groups.setdefault((p.dim() > 1, name.startswith("encoder")), []).append(master)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": found, "weight_decay": WEIGHT_DECAY if matrix else 0.0, "scale": 1.0 if encoder else 5.0}
                for (matrix, encoder), found in groups.items()
            ],
            lr=learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    def step(self, batch: dict[str, torch.Tensor], *, share: float) -> float:
        """Learn one batch at the given share of the run, return its loss."""
        labels, tokens = self.model(batch["input_ids"], batch["attention_mask"], batch["token_type_ids"])
        targets = (batch["labels"], batch["token_labels"])
        loss = pair_loss(labels, tokens, *targets, token_weight=TOKEN_WEIGHT, smoothing=self.smoothing)
        loss.backward()
        for master, weight in zip(self.masters, self.weights, strict=True):
            master.grad = weight.grad.float()
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        rate = self.learning_rate * min(share / WARM_UP, (1.0 - share) / (1.0 - WARM_UP))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 0.0) * group["scale"]
        self.optimizer.step()
        with torch.no_grad():
            for master, weight in zip(self.masters, self.weights, strict=True):
                weight.copy_(master)
        return float(loss.detach())

    def save(self, path: Path, progress: Progress) -> None:
        """Write everything that a later run needs to go on."""
        state = {
            "masters": self.masters,
            "names": self.names,
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(progress),
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> Progress:
        """Read what `save` wrote."""
        state = torch.load(path, weights_only=True)
        self._set(state["masters"])
        self.optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])

    def start_from(self, paths: Sequence[Path]) -> None:
        """Take the mean of the weights of other runs, with a fresh optimizer."""
        found = mean_weights(paths)
        self._set([found[name] for name in self.names])

    def _set(self, values: Sequence[torch.Tensor]) -> None:
        """Take these weights; of one with fewer rows (`mean_weights`) the other rows stay."""
        with torch.no_grad():
            for master, weight, value in zip(self.masters, self.weights, values, strict=True):
                master[: len(value)].copy_(value)
                weight.copy_(master)


def mean_weights(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of the weights in checkpoints and exported models, by name.

    An exported model has positions for as many tokens as pairs have, and a checkpoint those of the base: the first ones
    are taken.
    """
    every = [weights_of(path) for path in paths]
    found = {}
    for name in set.intersection(*(set(weights) for weights in every)):
        rows = min(len(weights[name]) for weights in every)
        found[name] = torch.stack([weights[name][:rows] for weights in every]).mean(0)
    return found


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """The trained weights in a checkpoint, or in an exported int8 model, by name."""
    if path.suffix == ".onnx":
        return {name: torch.from_numpy(value) for name, value in restored(path).items()}
    state = torch.load(path, weights_only=True)
    return dict(zip(state["names"], state["masters"], strict=True))


def epoch_batches(examples: list[Example], *, seed: int, token_budget: int) -> Iterator[list[tuple[Example, int]]]:
    """Yield the batches of an epoch as `(example, view)`: drawn by `passes`, similar lengths together, shuffled."""
    rng = random.Random(seed)
    drawn = []
    for example in examples:
        often = passes(example.source)
        count = int(often) + (rng.random() < often - int(often))
        drawn += [(example, rng.randrange(len(example.views))) for _ in range(count)]
    rng.shuffle(drawn)
    for start in range(0, len(drawn), 8192):
        part = sorted(drawn[start : start + 8192], key=lambda item: len(item[0].views[item[1]][0]))
        batches: list[list[tuple[Example, int]]] = [[]]
        for item in part:
            length = len(item[0].views[item[1]][0])
            if len(batches[-1]) >= MAX_ROWS or (len(batches[-1]) + 1) * length > token_budget:
                batches.append([])
            batches[-1].append(item)
        rng.shuffle(batches)
        yield from (batch for batch in batches if batch)


def collate(batch: list[tuple[Example, int]]) -> dict[str, torch.Tensor]:
    """Pad one batch; token labels start at the first claim token."""
    length = max(len(example.views[view][0]) for example, view in batch)
    shape = (len(batch), length)
    ids, mask, types = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    token_labels = np.full(shape, UNKNOWN, dtype=np.int64)
    for row, (example, view) in enumerate(batch):
        tokens, kinds = example.views[view]
        ids[row, : len(tokens)], mask[row, : len(tokens)], types[row, : len(tokens)] = tokens, 1, kinds
        if example.token_labels is not None:
            token_labels[row, 1 : 1 + len(example.token_labels)] = example.token_labels
    arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "token_labels": token_labels}
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return tensors | {"labels": torch.tensor([example.label for example, _ in batch])}


def training_examples(arguments: argparse.Namespace, encoder: PairEncoder) -> list[Example]:
    """Read, filter, harden and encode the train rows."""
    rows = [
        row
        for row in read_split(arguments.data, "train")
        if may_use(row, research=arguments.research) and not is_held_out(row)
    ]
    if arguments.limit:
        rows = random.Random(arguments.seed).sample(rows, arguments.limit)
    rows = by_edit(rows)
    rows += hard_rows(rows, seed=arguments.seed, limits=HARD_LIMIT)
    key = f"v4:{arguments.seed}:{arguments.research}:{arguments.limit}"
    return encode_rows(rows, encoder, cache=arguments.work / "cache", key=key)


def record(progress: Progress, *, loss: float) -> dict[str, float]:
    """How far it is, for the log."""
    return {
        "step": progress.steps,
        "epoch": progress.epoch,
        "seconds": round(progress.seconds),
        "loss": round(loss, 4),
        "tokens": progress.tokens,
        "cpu_seconds": round(time.process_time()),
    }


def run(arguments: argparse.Namespace) -> None:
    """Train until the minutes are over."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    examples = training_examples(arguments, PairEncoder(load_tokenizer(arguments.base / "tokenizer.json")))
    model = PairModel.from_base(arguments.base, dropout=arguments.dropout).train()
    trainer = Trainer(model, learning_rate=arguments.learning_rate, smoothing=arguments.smoothing)
    checkpoint = arguments.work / "checkpoint.pt"
    if arguments.start and not checkpoint.exists():
        trainer.start_from(arguments.start)
    progress = trainer.load(checkpoint) if checkpoint.exists() else Progress()
    budget = arguments.minutes * 60.0
    log = (arguments.work / "train.jsonl").open("a")
    print(f"{len(examples)} examples, {progress}", flush=True)
    saved, mean = progress.seconds, None
    while progress.seconds < budget:
        seed = arguments.seed * 1000 + progress.epoch
        for number, batch in enumerate(epoch_batches(examples, seed=seed, token_budget=arguments.token_budget)):
            if number < progress.batch:
                continue
            began = time.monotonic()
            torch.manual_seed(seed * 100_000 + number)
            tensors = masked(collate(batch), share=arguments.masked)
            loss = trainer.step(tensors, share=min(progress.seconds / budget, 1.0))
            mean = loss if mean is None else 0.98 * mean + 0.02 * loss
            progress.batch, progress.steps = number + 1, progress.steps + 1
            progress.tokens += int(tensors["attention_mask"].sum())
            progress.seconds += time.monotonic() - began
            if progress.steps % 25 == 0:
                print(json.dumps(record(progress, loss=mean)), file=log, flush=True)
            if progress.seconds - saved > arguments.checkpoint_seconds:
                trainer.save(checkpoint, progress)
                saved = progress.seconds
            if progress.seconds >= budget:
                break
        else:
            progress.epoch, progress.batch = progress.epoch + 1, 0
    trainer.save(checkpoint, progress)
    print(f"done {progress}", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.jsonl.gz")
    parser.add_argument(
        "--base",
        type=Path,
        required=True,
        help="folder of the base encoder (config.json, model.safetensors, tokenizer.json)",
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for caches, logs and checkpoints")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--start", type=Path, action="append", help="checkpoint or model.onnx to take weights from")
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--dropout", type=float, default=0.1, help="share of the hidden states dropped")
    parser.add_argument(
        "--masked", type=float, default=0.06, help="share of the word pieces masked, in half of the pairs"
    )
    parser.add_argument("--smoothing", type=float, default=0.04, help="share of each target spread evenly")
    parser.add_argument("--token-budget", type=int, default=4096)
    parser.add_argument(
        "--threads", type=int, default=1, help="more than one wastes time in barriers where cores are shared"
    )
    parser.add_argument("--checkpoint-seconds", type=float, default=240.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit", type=int, default=0, help="use only so many rows, to try things")
    parser.add_argument(
        "--research", action="store_true", help="also learn from rows whose licence does not allow distribution"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(parse())
