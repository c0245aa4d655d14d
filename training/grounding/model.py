"""The pair model: the base encoder, a label head over first token and claim, and a token head over the claim."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

TOKEN_TYPES = 4


class PairModel(nn.Module):
    """Claim and evidence in; logits of supported, unsupported, contradicted, and of "unsupported" per token, out."""

    def __init__(self, config: BertConfig) -> None:
        """Build the layers; weights come from `from_base` or a checkpoint."""
        super().__init__()
        self.encoder = BertModel(config, add_pooling_layer=False)
        width = config.hidden_size
        self.hidden = nn.Linear(2 * width, width)
        self.labels = nn.Linear(width, 3)
        self.tokens = nn.Linear(width, 1)

    @classmethod
    def from_base(cls, base: Path, *, dropout: float = 0.0) -> PairModel:
        """Start from the base encoder; the four token types start as its two, so that they mean little at first.

        `dropout` is that of the hidden states; attention weights are never dropped, which would cost a fifth of a step.
        """
        config = BertConfig.from_pretrained(base)
        config._attn_implementation = "eager"  # the fused one's backward pass in bf16 takes half of a step on CPU
        config.hidden_dropout_prob, config.attention_probs_dropout_prob = dropout, 0.0
        source = BertModel.from_pretrained(base, add_pooling_layer=False)
        config.type_vocab_size = TOKEN_TYPES
        model = cls(config)
        state = source.state_dict()
        types = state["embeddings.token_type_embeddings.weight"]
        state["embeddings.token_type_embeddings.weight"] = types[[0, 0, 1, 1]] + 0.01 * torch.randn(
            TOKEN_TYPES, types.shape[1]
        )
        model.encoder.load_state_dict(state)
        model.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        return model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return label logits `[batch, 3]` and token logits `[batch, length]` (of use on claim tokens only)."""
        states = self.encoder(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        claim = ((token_type_ids < 2) & (attention_mask > 0)).unsqueeze(-1).to(states.dtype)
        mean = (states * claim).sum(1) / claim.sum(1)
        pooled = nn.functional.gelu(self.hidden(torch.cat([states[:, 0], mean], dim=-1)))
        return self.labels(pooled), self.tokens(states).squeeze(-1)


def pair_loss(
    label_logits: Tensor,
    token_logits: Tensor,
    labels: Tensor,
    token_labels: Tensor,
    *,
    token_weight: float,
    smoothing: float = 0.0,
) -> Tensor:
    """Return the mean loss; label 3 means "not supported", whose probability is the sum of the last two classes.

    `smoothing` is the share of every target that is spread evenly over supported and not supported.
    """
    log_p = torch.log_softmax(label_logits.float(), dim=-1)
    four = torch.cat([log_p, torch.logsumexp(log_p[:, 1:], dim=-1, keepdim=True)], dim=-1)
    even = -(four[:, 0] + four[:, 3]).mean() / 2
    loss = (1.0 - smoothing) * nn.functional.nll_loss(four, labels) + smoothing * even
    known = token_labels >= 0
    if not known.any():
        return loss
    target = token_labels[known].float() * (1.0 - smoothing) + smoothing / 2
    token_loss = nn.functional.binary_cross_entropy_with_logits(token_logits[known].float(), target)
    return loss + token_weight * token_loss
