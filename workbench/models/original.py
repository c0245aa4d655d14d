"""The model as it comes: the one module that knows PyTorch and Transformers. They are imported when it is opened.

No code of a model's repository is run (`trust_remote_code` stays off), and weights are read as tensors only.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidecar.errors import ModelError
from workbench.models.labels import TAGS, HeadMap
from workbench.models.sources import Missing

Floats = NDArray[np.float32]

OPSET = 17
"""ONNX Runtime has had it since 1.12."""

_MOST_TOKENS = 512
_PACKAGES = ("torch", "transformers", "onnx")


class Original:
    """A sequence or token classification model with its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        config = model.config
        self.labels = tuple(str(config.id2label[number]) for number in range(config.num_labels))
        self.family = str(config.model_type)
        self.is_multi_label = config.problem_type == "multi_label_classification" or config.num_labels == 1
        self.max_tokens = _max_tokens(model, tokenizer)
        self.inputs = ("input_ids", "attention_mask") + (("token_type_ids",) if _has_types(config, tokenizer) else ())

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The word pieces of each text with the special tokens, as the model's own tokenizer makes them."""
        with _quiet():
            return [list(each) for each in self._tokenizer(list(texts))["input_ids"]]

    def logits(self, text: str) -> Floats:
        """What the model says of one text: shape (labels,), or (tokens, labels)."""
        import torch

        given = self._tokenizer([text], return_tensors="pt")
        with torch.no_grad():
            logits = self._model(**{name: given[name] for name in self.inputs if name in given}).logits
        return np.asarray(logits[0].float().numpy(), dtype=np.float32)

    def export(self, path: Path, head: HeadMap) -> None:
        """Write the model as ONNX, with the one output that `head` names."""
        import torch

        example = torch.tensor(self.ids(["one two", "three"])[0] * 4)[: self.max_tokens]
        ids = torch.stack([example, example])
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
        axes = {name: {0: "rows", 1: "tokens"} for name in self.inputs}
        axes[head.head.output] = {0: "rows", 1: "tokens"} if head.name == TAGS else {0: "rows"}
        with _quiet():
            torch.onnx.export(
                _headed(self._model, head, self.inputs),
                tuple(given[name] for name in self.inputs),
                str(path),
                input_names=list(self.inputs),
                output_names=[head.head.output],
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )

    def save_tokenizer(self, path: Path) -> None:
        """Write `tokenizer.json`."""
        self._tokenizer.backend_tokenizer.save(str(path))


def open_original(folder: Path, *, detector: str) -> Original:
    """Load a model folder of Hugging Face's form: one that tags words for `pii`, else one that classifies texts.

    Raises `ModelError`: a package is missing, or the folder holds no such model or no fast tokenizer.
    """
    for package in _PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError:
            raise Missing(package) from None
    import transformers

    kind = transformers.AutoModelForTokenClassification if detector == TAGS else None
    auto = kind or transformers.AutoModelForSequenceClassification
    with _quiet():
        try:
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            _check_kind(config, detector)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = auto.from_pretrained(folder, local_files_only=True, attn_implementation="eager").float().eval()
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise ModelError(f"{folder.name} cannot be loaded: {str(error).strip().splitlines()[0]}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"{folder.name} has no tokenizer.json, and none can be made of what it has")
    return Original(model, tokenizer)


def _check_kind(config: Any, detector: str) -> None:
    wanted = "ForTokenClassification" if detector == TAGS else "ForSequenceClassification"
    kinds = config.architectures or []
    if kinds and not any(str(each).endswith(wanted) for each in kinds):
        raise ModelError(f"{detector} needs a model {wanted}; this one is {kinds[0]}")


def _has_types(config: Any, tokenizer: Any) -> bool:
    return getattr(config, "type_vocab_size", 0) > 1 and "token_type_ids" in tokenizer.model_input_names


def _max_tokens(model: Any, tokenizer: Any) -> int:
    """The longest text in tokens. Where positions are counted from behind the padding's id (RoBERTa), less is left."""
    positions = int(getattr(model.config, "max_position_embeddings", _MOST_TOKENS))
    paddings = [
        each.padding_idx
        for name, each in model.named_modules()
        if name.endswith("position_embeddings") and getattr(each, "padding_idx", None) is not None
    ]
    return min(positions - (max(paddings) + 1 if paddings else 0), int(tokenizer.model_max_length), _MOST_TOKENS)


def _headed(model: Any, head: HeadMap, inputs: Sequence[str]) -> Any:
    """The model with its logits combined to those of the head."""
    import torch

    class Headed(torch.nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            logits = self.model(**dict(zip(inputs, given, strict=True))).logits
            return torch.stack([combined(logits, group) for group in head.groups], dim=-1)

    def combined(logits: Any, group: Sequence[int]) -> Any:
        own = [logits[..., number] for number in group]
        if head.combine == "greatest":
            return torch.stack(own, dim=-1).amax(-1)
        found = torch.logsumexp(torch.stack(own, dim=-1), -1) if len(own) > 1 else own[0]
        if head.combine == "share":
            return found
        others = [logits[..., number] for number in range(logits.shape[-1]) if number not in group]
        return found - torch.logsumexp(torch.stack(others, dim=-1), -1)

    return Headed().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the libraries' warnings and progress bars, which tell a user of this command nothing."""
    transformers = importlib.import_module("transformers")
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)


def combined_scores(logits: Floats, head: HeadMap) -> Mapping[str, float]:
    """The scores that the head must give, computed from the model's own logits by the definition.

    Of tags, for each entity the highest probability of a word piece to be it; special tokens are left out.
    """
    rows = logits[1:-1] if head.name == TAGS else logits[None, :]
    shares = 1.0 / (1.0 + np.exp(-rows)) if head.is_multi_label else _softmax(rows)
    join = np.max if head.is_multi_label else np.sum
    found: dict[str, Floats] = {}
    for label, group in zip(head.head.labels, head.groups, strict=True):
        own = join(shares[:, list(group)], axis=1)
        if head.name == TAGS and label == "O":
            continue
        name = label[2:] if head.name == TAGS else label
        found[name] = found[name] + own if name in found else own
    return {name: float(values.max(initial=0.0)) for name, values in found.items()}


def _softmax(rows: Floats) -> Floats:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
