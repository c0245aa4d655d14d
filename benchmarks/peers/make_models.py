"""Models for LLM Guard of the architectures and sizes of its defaults, with random weights, as ONNX: FOLDER TOKENIZER.

The public models cannot always be downloaded, and what they answer is not measured here: what a pass costs follows from
its shape. Two things differ from the real ones. The tokenizer is Tidegate's, so that both sides read the same number of
tokens; and the heads lean towards "nothing found", so that texts are not rewritten. Stands alone: runs in LLM Guard's
environment.
"""

import sys
from pathlib import Path

import torch
from transformers import (
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DebertaV2ForTokenClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

TOXICITY = [
    "nothing",
    "toxicity",
    "severe_toxicity",
    "obscene",
    "threat",
    "insult",
    "identity_attack",
    "sexual_explicit",
]
PII_LABELS = 116
LEAN = 12.0
SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk", "mask")}


def main() -> None:
    """Make one model for each scanner."""
    folder, tokenizer_file = Path(sys.argv[1]), sys.argv[2]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=tokenizer_file,
        **SPECIAL,
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    )
    torch.manual_seed(1)
    tags = ["O", *(f"B-LABEL{number}" for number in range(PII_LABELS - 1))]
    save(DebertaV2ForTokenClassification(deberta(tags)), folder / "anonymize", tokenizer)
    save(DebertaV2ForSequenceClassification(deberta(["SAFE", "INJECTION"])), folder / "injection", tokenizer)
    save(RobertaForSequenceClassification(roberta(TOXICITY)), folder / "toxicity", tokenizer)
    save(RobertaForSequenceClassification(roberta(["entailment", "not_entailment"])), folder / "topics", tokenizer)


def deberta(labels: list) -> DebertaV2Config:
    """DeBERTa-v3-base."""
    return DebertaV2Config(
        **named(labels),
        vocab_size=128_100,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=512,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        pad_token_id=0,
    )


def roberta(labels: list) -> RobertaConfig:
    """RoBERTa-base."""
    return RobertaConfig(
        **named(labels), vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1, pad_token_id=0
    )


def named(labels: list) -> dict:
    """The labels, as a configuration has them."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}


def save(model: torch.nn.Module, folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """As LLM Guard loads it: configuration and tokenizer, and the graph in `onnx`."""
    head = model.classifier if isinstance(model.classifier, torch.nn.Linear) else model.classifier.out_proj
    with torch.no_grad():
        head.bias[0] += LEAN if folder.name != "toxicity" else 0.0
        head.bias[1:] -= LEAN
    model.eval()
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder / "onnx")
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    example = tokenizer("A text to trace the model with.", return_tensors="pt")
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        Logits(model),
        (example["input_ids"], example["attention_mask"]),
        str(folder / "onnx" / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes=dict.fromkeys(("input_ids", "attention_mask", "logits"), axes),
        opset_version=17,
        dynamo=False,
    )
    print(f"{folder.name}: {sum(each.numel() for each in model.parameters()) / 1e6:.0f} million parameters")


class Logits(torch.nn.Module):
    """The model as a function of two tensors."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The logits of a batch."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


if __name__ == "__main__":
    main()
