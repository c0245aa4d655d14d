"""Trains the encoder and its heads on what `prepare.py` wrote.

    python -m training.encoder.train --base BASE --work WORK --minutes 60 [--resume] [--threads 1]

How it works:

1. every batch mixes rows of all tasks (of similar length, filled to a token budget); what a row does not annotate is
   masked in the loss, so one pass trains every head that the row knows something about;
2. the model runs in bfloat16 with float32 master weights; the word embeddings are frozen;
3. the learning rate follows *time*, not steps: it is zero when `--minutes` of training are used up, however fast the
   machine is. `WORK/checkpoint.pt` is rewritten every few minutes and `--resume` goes on from it, with the data that
   `train.npz` then holds;
4. two runs on two cores (`--peer`, another seed each) meet now and then in the mean of their weights. On a machine that
   others use, too, that is three times as fast as one run of two threads, which wait for each other at every product;
5. what the model said before it went on can be learnt beside what the rows say (`--hold`): of text on which the rows
   say nothing, or little, it goes on saying that (Li and Hoiem, Learning without Forgetting, 2016).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.labels import ENTITIES, TAGS, TOXICITY
from training.encoder.model import WORDS, EncoderConfig, Heads, TidegateEncoder, freeze, load_base, load_start
from training.encoder.tokens import CLS, SEP

LOWER, TITLE = 1, 3
ENCODER_RATE = 2e-4
HEAD_RATE = 8e-4
WARM_UP = 0.03
LONG = 56
LOSS_WEIGHTS = {"injection": 0.8, "toxicity": 1.5, "topic": 0.7, "tags": 1.5}
POSITIVE_WEIGHTS = {"threat": 3.0, "severe_toxicity": 2.0, "sexual_explicit": 2.0, "self_harm": 2.0, "violence": 2.0}
SMOOTHING = 0.02
MEETING_S = 45.0
SHARED = "weights-to-meet.pt"


@dataclasses.dataclass(frozen=True)
class Batch:
    """One padded batch; -1 (injection, foreign, toxicity, topic) and -100 (tags) mean: not annotated."""

    ids: Tensor
    mask: Tensor
    casing: Tensor
    tags: Tensor
    entity_mask: Tensor
    injection: Tensor
    injection_weight: Tensor
    foreign: Tensor
    foreign_weight: Tensor
    toxicity: Tensor
    topic: Tensor


class Units:
    """The training units of `train.npz`, in memory, handed out as batches."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            self._columns = {name: file[name] for name in file.files}
        self.lengths: NDArray[np.int64] = self._columns["lengths"]
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])

    def batches(self, rng: np.random.Generator, budget: int, long_share: float) -> Iterator[Batch]:
        """One pass in random order, rows of like length together, at most `budget` padded tokens each.

        Of units longer than `LONG` pieces a pass takes `long_share`, at random; those with tags it takes all.
        """
        is_long = (self.lengths > LONG) & (self._columns["entity_mask"] == 0)
        order = rng.permutation(np.flatnonzero(~is_long | (rng.random(len(is_long)) < long_share)))
        for at in range(0, len(order), 4096):
            chunk = order[at : at + 4096]
            chunk = chunk[np.argsort(self.lengths[chunk] + rng.random(len(chunk)), kind="stable")]
            groups = list(self._groups(chunk, budget))
            for number in rng.permutation(len(groups)):
                yield self._batch(groups[number], rng)

    def raw(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Piece ids and casing ids of one unit, as they are in the text."""
        where = slice(self._starts[row], self._starts[row + 1])
        return self._columns["ids"][where].astype(np.int64), self._columns["casing"][where].astype(np.int64)

    def _groups(self, chunk: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
        start = 0
        for end in range(1, len(chunk) + 1):
            if end == len(chunk) or (end + 1 - start) * (self.lengths[chunk[end]] + 2) > budget:
                yield chunk[start:end]
                start = end

    def _batch(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        width = int(self.lengths[rows].max()) + 2
        ids, mask, casing = (np.zeros((len(rows), width), dtype=np.int64) for _ in range(3))
        tags = np.full((len(rows), width), -100, dtype=np.int64)
        for number, row in enumerate(rows):
            where = slice(self._starts[row], self._starts[row + 1])
            length = int(self.lengths[row])
            ids[number, : length + 2] = [CLS, *self._columns["ids"][where], SEP]
            mask[number, : length + 2] = 1
            casing[number, 1 : length + 1] = self._casing(row, where, rng)
            tags[number, 1 : length + 1] = self._columns["tags"][where]
        taken = {
            name: torch.from_numpy(self._columns[name][rows].astype(kind))
            for name, kind in (
                ("entity_mask", np.int64),
                ("injection", np.float32),
                ("injection_weight", np.float32),
                ("foreign", np.float32),
                ("foreign_weight", np.float32),
                ("toxicity", np.float32),
                ("topic", np.int64),
            )
        }
        return Batch(*(torch.from_numpy(a) for a in (ids, mask, casing, tags)), **taken)

    def _casing(self, row: int, where: slice, rng: np.random.Generator) -> NDArray[np.int64]:
        """The casing of a row, varied: sources that came lower-cased must not teach that their labels are so."""
        casing = self._columns["casing"][where].astype(np.int64)
        known = bool(self._columns["casing_known"][row])
        draw = rng.random()
        if draw < (0.4 if known else 0.5):
            return casing if draw > 0.1 or not known else np.where((casing >= 2) & (casing <= 4), LOWER, casing)
        if known:
            return casing
        words = self._columns["words"][where]
        first = np.concatenate([[True], words[1:] != words[:-1]])
        if draw < 0.75:
            first = np.arange(len(words)) == 0
        return np.where(first & (casing == LOWER), TITLE, casing)


def loss_of(heads: Heads, batch: Batch) -> dict[str, Tensor]:
    """The mean loss of each head over what the batch annotates (zero where it annotates nothing)."""
    return {
        "injection": injection_loss(
            heads.injection.float(), batch.injection, batch.injection_weight, batch.foreign, batch.foreign_weight
        ),
        "toxicity": _toxicity_loss(heads.toxicity.float(), batch),
        "topic": _topic_loss(heads.topic.float(), batch),
        "tags": _tag_loss(heads.tags.float(), batch),
    }


def injection_loss(
    logits: Tensor, injection: Tensor, injection_weight: Tensor, foreign: Tensor, foreign_weight: Tensor
) -> Tensor:
    """Of the three outputs: an attack as a user's words, an attack in foreign text, and harmless in both."""
    targets = torch.stack([injection, foreign], dim=1)
    weights = torch.stack([injection_weight, foreign_weight], dim=1) * (targets >= 0)
    weight, worst = weights.amax(1), targets.clamp(min=0).amax(1)
    targets = torch.cat([targets.clamp(min=0), 1.0 - worst[:, None]], dim=1) * (1 - 2 * SMOOTHING) + SMOOTHING
    weights = torch.cat([weights, weight[:, None]], dim=1)
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return ((each * weights).sum(0) / weights.sum(0).clamp(min=1.0)).sum()


def _toxicity_loss(logits: Tensor, batch: Batch) -> Tensor:
    known = (batch.toxicity >= 0).float()
    positive = torch.tensor([POSITIVE_WEIGHTS.get(name, 1.0) for name in TOXICITY])
    each = functional.binary_cross_entropy_with_logits(
        logits, batch.toxicity.clamp(min=0), reduction="none", pos_weight=positive
    )
    return (each * known).sum() / known.sum().clamp(min=1.0)


def _topic_loss(logits: Tensor, batch: Batch) -> Tensor:
    known = batch.topic >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[known], batch.topic[known], label_smoothing=SMOOTHING)


def _tag_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy over the tags that a row's source annotates; the others are no candidates there."""
    rows, places = torch.nonzero(batch.tags >= 0, as_tuple=True)
    if not len(rows):
        return logits.sum() * 0.0
    bits = torch.tensor([0] + [1 << number for number in range(len(ENTITIES)) for _ in range(2)])
    allowed = (batch.entity_mask[rows][:, None] & bits) == bits
    chosen = logits[rows, places].masked_fill(~allowed, -1e4)
    weight = torch.full((len(TAGS),), 1.0)
    return functional.cross_entropy(chosen, batch.tags[rows, places], weight=weight)


def held_loss(heads: Heads, before: Heads, mask: Tensor) -> dict[str, Tensor]:
    """How far each head is from what it said before, over all rows; of tags, over all pieces."""
    read = mask.bool()
    return {
        "injection": _apart(heads.injection, before.injection).mean(0).sum(),
        "toxicity": _apart(heads.toxicity, before.toxicity).mean(),
        "topic": functional.cross_entropy(heads.topic.float(), before.topic.float().softmax(-1)),
        "tags": functional.cross_entropy(heads.tags[read].float(), before.tags[read].float().softmax(-1)),
    }


def _apart(logits: Tensor, before: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits.float(), before.float().sigmoid(), reduction="none")


class Held(nn.Module):
    """A model and what it was when it started; both read what the frozen layers give, of which there must be some."""

    def __init__(self, model: TidegateEncoder, frozen: int) -> None:
        super().__init__()
        self.model, self.frozen = model, frozen
        self.before = copy.deepcopy(model).requires_grad_(False).eval()

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, casing: Tensor) -> tuple[Heads, Heads]:
        """What the model says now, and what it said before."""
        lower = self.model.through(self.model.embeddings(ids, types, casing), mask, 0, self.frozen)
        return self._said(self.model, lower, mask), self._said(self.before, lower, mask)

    def _said(self, model: TidegateEncoder, lower: Tensor, mask: Tensor) -> Heads:
        return model.judged(model.through(lower, mask, self.frozen, len(model.layers)), mask)


class MasterWeights:
    """Float32 copies of the trained parameters: gradients come from the bfloat16 model, steps are taken here."""

    def __init__(self, model: TidegateEncoder) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in named]
        self._live = [parameter for _, parameter in named]
        self._frozen = {
            name: p.detach().float().clone()
            for name, p in model.named_parameters()
            if not p.requires_grad and name != WORDS
        }
        self.masters = [p.detach().float().clone().requires_grad_() for p in self._live]
        heads = ("injection", "toxicity", "prototypes", "tag_", "embeddings.casing", "embeddings.letters")
        fresh = [m for n, m in zip(self.names, self.masters, strict=True) if n.startswith(heads)]
        old = [m for n, m in zip(self.names, self.masters, strict=True) if not n.startswith(heads)]
        self.optimizer = torch.optim.AdamW(
            [{"params": old, "peak": ENCODER_RATE}, {"params": fresh, "peak": HEAD_RATE}],
            lr=ENCODER_RATE,
            weight_decay=0.01,
            betas=(0.9, 0.98),
            fused=True,
        )

    def step(self, factor: float) -> None:
        """One optimizer step at `factor` of the peak rates, then the model's weights follow."""
        for master, live in zip(self.masters, self._live, strict=True):
            master.grad = None if live.grad is None else live.grad.float()
            live.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.step()
        self.publish()

    def publish(self) -> None:
        """Copies the float32 weights into the model."""
        with torch.no_grad():
            torch._foreach_copy_(self._live, [master.detach() for master in self.masters])

    def meet(self, others: list[Tensor]) -> None:
        """Takes the mean of these weights and another run's."""
        with torch.no_grad():
            torch._foreach_lerp_([master.data for master in self.masters], others, 0.5)
        self.publish()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        weights = {name: m.detach() for name, m in zip(self.names, self.masters, strict=True)}
        return {"weights": {**self._frozen, **weights}, "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over a checkpoint."""
        with torch.no_grad():
            for name, master in zip(self.names, self.masters, strict=True):
                master.copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.publish()


class Meeting:
    """Two runs that take the mean of their weights every `MEETING_S`, neither waiting for the other."""

    def __init__(self, work: Path, peer: Path | None) -> None:
        self._own, self._peer = work / SHARED, None if peer is None else peer / SHARED
        self._met = time.monotonic()

    def look(self, weights: MasterWeights) -> None:
        """Meets the other run when it is time; what it left long ago is not taken."""
        if self._peer is None or time.monotonic() - self._met < MEETING_S:
            return
        self._met = time.monotonic()
        self._tell(weights)
        if self._peer.exists() and time.time() - self._peer.stat().st_mtime < 4 * MEETING_S:
            weights.meet(torch.load(self._peer, weights_only=True))

    def _tell(self, weights: MasterWeights) -> None:
        partial = self._own.with_suffix(".partial")
        torch.save([master.detach() for master in weights.masters], partial)
        os.replace(partial, self._own)


def rate_factor(progress: float) -> float:
    """The learning rate at a share of the time budget: a short linear rise, then a linear fall to zero."""
    if progress < WARM_UP:
        return max(progress, 1e-4) / WARM_UP
    return max(0.0, (1.0 - progress) / (1.0 - WARM_UP))


def main() -> None:
    """The command line."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    model = TidegateEncoder(EncoderConfig())
    load_base(model, arguments.base / "model.safetensors")
    if arguments.start is not None:
        load_start(model, arguments.start)
    freeze(model, arguments.frozen)
    weights = MasterWeights(model)
    model.bfloat16().train()  # changes the parameters in place, so the masters still belong to them
    read = Held(model, arguments.frozen) if arguments.hold else model
    if arguments.compile:
        read.compile(dynamic=True)
    spent, step = _resumed(weights, arguments)
    _train(read, weights, arguments, spent, step)


def _resumed(weights: MasterWeights, arguments: argparse.Namespace) -> tuple[float, int]:
    path = arguments.work / "checkpoint.pt"
    if not arguments.resume or not path.exists():
        return 0.0, 0
    state = torch.load(path, weights_only=True)
    weights.restore(state)
    return float(state["spent_s"]), int(state["step"])


def _train(
    model: Held | TidegateEncoder, weights: MasterWeights, arguments: argparse.Namespace, spent: float, step: int
) -> None:
    units = Units(arguments.work / "train.npz")
    meeting = Meeting(arguments.work, arguments.peer)
    log = (arguments.work / "train-log.jsonl").open("a", encoding="utf-8")
    totals: dict[str, Any] = {}
    began, saved, tokens, since = time.monotonic() - spent, time.monotonic(), 0, time.monotonic()
    epoch = step
    while True:
        rng = np.random.default_rng([arguments.seed, epoch])
        for batch in units.batches(rng, arguments.tokens, arguments.long_share):
            progress = (time.monotonic() - began) / (arguments.minutes * 60)
            if progress >= 1.0:
                _save(weights, arguments.work, time.monotonic() - began, step)
                return
            losses = _losses(model, batch, arguments.hold)
            torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum().backward()
            weights.step(arguments.rate * rate_factor(progress))
            meeting.look(weights)
            step += 1
            tokens += int(batch.mask.sum())
            for name, loss in losses.items():
                totals[name] = totals.get(name, 0.0) + float(loss.detach())
            if step % 25 == 0:
                seconds = time.monotonic() - since
                line = {
                    "step": step,
                    "progress": round(progress, 4),
                    "tokens_per_s": round(tokens / seconds),
                    **{name: round(total / 25, 4) for name, total in totals.items()},
                }
                log.write(json.dumps(line) + "\n")
                log.flush()
                totals, tokens, since = {}, 0, time.monotonic()
            if time.monotonic() - saved > arguments.save_minutes * 60:
                _save(weights, arguments.work, time.monotonic() - began, step)
                saved = time.monotonic()
        epoch += 1


def _losses(model: Held | TidegateEncoder, batch: Batch, hold: float) -> dict[str, Tensor]:
    """The loss of each head: what the rows say, and `hold` times what the model said before."""
    read = model(batch.ids, batch.mask, torch.zeros_like(batch.ids), batch.casing)
    if not hold:
        return loss_of(read, batch)
    heads, before = read
    held = held_loss(heads, before, batch.mask)
    return {name: loss + hold * held[name] for name, loss in loss_of(heads, batch).items()}


def _save(weights: MasterWeights, work: Path, spent: float, step: int) -> None:
    partial = work / "checkpoint.pt.partial"
    torch.save({**weights.state(), "spent_s": spent, "step": step}, partial)
    os.replace(partial, work / "checkpoint.pt")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder with model.safetensors and tokenizer.json")
    parser.add_argument("--work", type=Path, required=True, help="folder with train.npz; checkpoints go here")
    parser.add_argument("--minutes", type=float, required=True, help="time budget of the whole training")
    parser.add_argument(
        "--start", type=Path, help="an int8 model, or a checkpoint.pt, to begin with instead of the bare base"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the learning rates; lower when going on")
    parser.add_argument(
        "--frozen", type=int, default=0, help="layers that stay as they are, and the embeddings with them"
    )
    parser.add_argument(
        "--hold", type=float, default=0.0, help="how much what --start says counts beside the rows; needs --frozen"
    )
    parser.add_argument("--resume", action="store_true", help="go on from WORK/checkpoint.pt")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=3072, help="padded tokens in a batch")
    parser.add_argument("--long-share", type=float, default=1.0, help="share of the long units that a pass takes")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--peer", type=Path, help="the work folder of a run beside this one, of another seed")
    parser.add_argument("--compile", action="store_true", help="a fifth faster after two minutes; needs a C++ compiler")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.hold and not arguments.frozen:
        parser.error("--hold needs --frozen 1 or more: model and start read what the frozen layers give")
    return arguments


if __name__ == "__main__":
    main()
