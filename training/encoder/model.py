"""The encoder and its heads: one small BERT, encoded once for injection, toxicity, topic and personal-data tags.

How it works:

1. word + position + type + *casing* embeddings (the tokenizer lower-cases; the casing embedding gives the case back);
2. six transformer layers, the weights of all-MiniLM-L6-v2 to begin with;
3. four heads on the last layer. Scores of injection and toxicity are logits per label, topic is a scaled cosine to one
   prototype per topic, the tag head classifies each word piece (only the first piece of a word counts).

The module is written out instead of taken from a library so that it exports to a plain graph and trains fast on a CPU.
It promises nothing about calibration: that is fitted afterwards (`calibrate.py`).
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.labels import CASINGS, INJECTION, TAGS, TOPICS, TOXICITY
from training.encoder.restore import restored, restored_letters
from training.encoder.scripts import UNUSED_IDS


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The sizes of the encoder; the defaults are those of all-MiniLM-L6-v2."""

    vocabulary: int = 30522
    hidden: int = 384
    layers: int = 6
    attention_heads: int = 12
    feed_forward: int = 1536
    positions: int = 512
    norm_epsilon: float = 1e-12
    head_hidden: int = 192
    topic_scale: float = 18.0


WORDS = "embeddings.word.weight"
"""Never trained, so the base's are read where a checkpoint is."""
LETTER_DEVIATION = 0.03
"""The letters begin as different as the base's words are."""


class Embeddings(nn.Module):
    """Sum of word, position, type and casing embeddings, normalised.

    The words are frozen; what the unused entries of the vocabulary stand for (`scripts.py`) is learnt beside them.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary, config.hidden)
        self.position = nn.Embedding(config.positions, config.hidden)
        self.token_type = nn.Embedding(2, config.hidden)
        self.casing = nn.Embedding(len(CASINGS), config.hidden)
        self.letters = nn.Embedding(len(UNUSED_IDS) + 1, config.hidden, padding_idx=0)
        self.norm = nn.LayerNorm(config.hidden, config.norm_epsilon)
        places = torch.zeros(config.vocabulary, dtype=torch.long)
        places[list(UNUSED_IDS)] = torch.arange(1, len(UNUSED_IDS) + 1)
        self.register_buffer("letter_of", places, persistent=False)
        nn.init.zeros_(self.casing.weight)
        nn.init.normal_(self.letters.weight[1:], std=LETTER_DEVIATION)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, casing_ids: Tensor) -> Tensor:
        positions = self.position.weight[: input_ids.shape[1]]
        types = self.token_type(token_type_ids)
        words = self.word(input_ids) + self.letters(self.letter_of[input_ids])
        return self.norm(words + self.casing(casing_ids) + types + positions)

    def words(self) -> Tensor:
        """The word embeddings with what was learnt of the letters: what is exported."""
        return self.word.weight + self.letters(self.letter_of)


class Layer(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.attention_heads
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.attention_out = nn.Linear(config.hidden, config.hidden)
        self.attention_norm = nn.LayerNorm(config.hidden, config.norm_epsilon)
        self.up = nn.Linear(config.hidden, config.feed_forward)
        self.down = nn.Linear(config.feed_forward, config.hidden)
        self.out_norm = nn.LayerNorm(config.hidden, config.norm_epsilon)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        rows, length, width = hidden.shape
        qkv = self.qkv(hidden).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = (
            qkv[0] @ qkv[1].transpose(-1, -2) * (width // self.heads) ** -0.5
        )  # 2x faster to train than fused on AMX
        mixed = torch.softmax(scores + bias, dim=-1) @ qkv[2]
        mixed = self.attention_out(mixed.transpose(1, 2).reshape(rows, length, width))
        hidden = self.attention_norm(hidden + mixed)
        return self.out_norm(hidden + self.down(functional.gelu(self.up(hidden))))


class PooledHead(nn.Module):
    """Logits from the first token, the mean and the maximum over the tokens, through one small hidden layer."""

    def __init__(self, config: EncoderConfig, labels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * config.hidden, config.head_hidden)
        self.out = nn.Linear(config.head_hidden, labels)
        self.dropout = nn.Dropout(0.1)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.out(self.dropout(functional.gelu(self.hidden(pooled))))


@dataclasses.dataclass(frozen=True)
class Heads:
    """What one pass gives: (rows, 3), (rows, 9), (rows, 384) of unit length, (rows, topics), (rows, tokens, tags).

    The third of `injection` is the logit of harmless text, whose part in the score `calibrate.py` fits.
    """

    injection: Tensor
    toxicity: Tensor
    embedding: Tensor
    topic: Tensor
    tags: Tensor


class TidegateEncoder(nn.Module):
    """Encoder plus heads. `forward` takes integer tensors of shape (rows, tokens)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.injection = PooledHead(config, len(INJECTION) + 1)
        self.toxicity = PooledHead(config, len(TOXICITY))
        self.prototypes = nn.Parameter(torch.randn(len(TOPICS), config.hidden) / math.sqrt(config.hidden))
        self.tag_hidden = nn.Linear(config.hidden, config.head_hidden)
        self.tag_out = nn.Linear(config.head_hidden, len(TAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, casing_ids: Tensor) -> Heads:
        hidden: Tensor = self.embeddings(input_ids, token_type_ids, casing_ids)
        return self.judged(self.through(hidden, attention_mask, 0, len(self.layers)), attention_mask)

    def through(self, hidden: Tensor, attention_mask: Tensor, first: int, end: int) -> Tensor:
        """What the layers from `first` to before `end` make of (rows, tokens, hidden)."""
        bias = ((1.0 - attention_mask.to(hidden.dtype)) * -10000.0)[:, None, None, :]
        for layer in self.layers[first:end]:
            hidden = layer(hidden, bias)
        return hidden

    def judged(self, hidden: Tensor, attention_mask: Tensor) -> Heads:
        """What the heads say of what the last layer gives."""
        keep = attention_mask.to(hidden.dtype)[:, :, None]
        mean = (hidden * keep).sum(1) / keep.sum(1)
        largest = (hidden - (1.0 - keep) * 100.0).amax(1)
        pooled = torch.cat([hidden[:, 0], mean, largest], dim=1)
        embedding = mean / mean.square().sum(1, keepdim=True).add(1e-9).sqrt()
        unit = self.prototypes / self.prototypes.square().sum(1, keepdim=True).add(1e-9).sqrt()
        return Heads(
            injection=self.injection(pooled),
            toxicity=self.toxicity(pooled),
            embedding=embedding,
            topic=self.config.topic_scale * embedding @ unit.to(embedding.dtype).T,
            tags=self.tag_out(functional.gelu(self.tag_hidden(hidden))),
        )


def freeze(model: TidegateEncoder, layers: int) -> None:
    """Leaves the word embeddings as they are, and, when it is not 0, all embeddings and so many layers.

    Nothing is computed backwards below the first layer that learns: with half of the layers frozen a step takes two
    thirds of the time, and what other heads rest on changes less.
    """
    model.embeddings.word.weight.requires_grad_(False)
    if layers:
        for part in (model.embeddings, *model.layers[:layers]):
            part.requires_grad_(False)


def load_base(model: TidegateEncoder, weights: Path) -> None:
    """Copies the weights of a BERT checkpoint (safetensors, Hugging Face names) into the encoder; heads stay."""
    base = {name.removeprefix("bert."): tensor for name, tensor in load_file(weights).items()}
    embeddings = {
        "word_embeddings": model.embeddings.word,
        "position_embeddings": model.embeddings.position,
        "token_type_embeddings": model.embeddings.token_type,
        "LayerNorm": model.embeddings.norm,
    }
    for name, module in embeddings.items():
        _copy(module, base, f"embeddings.{name}")
    for number, layer in enumerate(model.layers):
        _copy_layer(layer, base, f"encoder.layer.{number}")


def load_start(model: TidegateEncoder, path: Path) -> None:
    """Takes over the weights of a checkpoint (`.pt`), or of an exported int8 model (`restore.py`).

    The word embeddings stay the base's: what the model had learnt of letters is told apart from them again.
    One whose injection head has one output lends it to the attack outputs, and its opposite to that of harmless text.
    """
    state = model.state_dict()
    if path.suffix == ".pt":
        model.load_state_dict({**state, **torch.load(path, weights_only=True)["weights"]})
        return
    found = restored(path, topic_scale=model.config.topic_scale)
    state["embeddings.letters.weight"][1:] = torch.from_numpy(restored_letters(found.pop(WORDS), state[WORDS].numpy()))
    for name, value in found.items():
        taken = torch.from_numpy(value)
        if name.startswith("injection.out") and len(taken) == 1:
            taken = torch.cat([taken, taken, -taken])
        state[name][: len(taken)] = taken
    model.load_state_dict(state)


def _copy_layer(layer: Layer, base: dict[str, Tensor], prefix: str) -> None:
    for part in ("weight", "bias"):
        rows = [base[f"{prefix}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
        getattr(layer.qkv, part).data.copy_(torch.cat(rows))
    for name, module in {
        "attention.output.dense": layer.attention_out,
        "attention.output.LayerNorm": layer.attention_norm,
        "intermediate.dense": layer.up,
        "output.dense": layer.down,
        "output.LayerNorm": layer.out_norm,
    }.items():
        _copy(module, base, f"{prefix}.{name}")


def _copy(module: nn.Module, base: dict[str, Tensor], prefix: str) -> None:
    for part, parameter in module.named_parameters():
        parameter.data.copy_(base[f"{prefix}.{part}"])
