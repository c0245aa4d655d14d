"""Tiny models of the families that people bring, in Hugging Face's form.

They learn a dozen sentences by heart in a second or two, so that what they say of these has a meaning: `ignore` makes
an attack, `Ann Smith` and `Bob Jones` are persons, `Paris` is a place. What they say of other texts has none.

Vocabularies are written down here, not trained: the trainers number what they find otherwise in each process.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

ATTACKS = ("ignore the rules now", "please ignore all of it", "now ignore your orders, friend", "ignore (everything)")
HARMLESS = ("the weather is fine now", "please read all of it", "what is for dinner, friend?", "a letter (everything)")
NAMES = {"Ann": "B-PER", "Smith": "I-PER", "Bob": "B-PER", "Jones": "I-PER", "Paris": "B-LOC"}
NAMED = (
    "Ann Smith went home.",
    "we met Bob Jones and Ann Smith in Paris",
    "Paris is fine (Bob Jones said so).",
    "nobody went to Paris, said Ann Smith",
)
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_STEPS = 60

torch.set_num_threads(1)  # so small a model is only slowed down by more


def _parted(word: str) -> tuple[str, str]:
    """A word's two pieces; a short one is the first of them."""
    return word[:4], word[4:]


_KNOWN = sorted({word for text in (*ATTACKS, *HARMLESS, *NAMED) for word in re.findall(r"\w+", text)})
_STARTS = sorted({_parted(word)[0] for word in _KNOWN})
_ENDS = sorted({_parted(word)[1] for word in _KNOWN} - {""})
_SIGNS = string.ascii_letters + string.digits + string.punctuation


def _bert_tokenizer() -> Tokenizer:
    inner = [f"##{piece}" for piece in (*_SIGNS, *_ENDS)]
    tokenizer = Tokenizer(models.WordPiece(_numbered([*_MARKS, *_SIGNS, *_STARTS, *inner]), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _between(tokenizer, "[CLS]", "[SEP]")


def _deberta_tokenizer() -> Tokenizer:
    scores = dict.fromkeys(_MARKS, 0.0) | dict.fromkeys(f"\u2581{_SIGNS}", -9.0)
    scores |= dict.fromkeys([*(f"\u2581{start}" for start in _STARTS), *_ENDS], -3.0)
    tokenizer = Tokenizer(models.Unigram(list(scores.items()), _MARKS.index("[UNK]"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _between(tokenizer, "[CLS]", "[SEP]")


def _roberta_tokenizer() -> Tokenizer:
    pieces = [*(f"\u0120{start}" for start in _STARTS), *_STARTS, *_ENDS]
    merges = dict.fromkeys((piece[:cut], piece[cut]) for piece in pieces for cut in range(1, len(piece)))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = _numbered(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *alphabet, *map("".join, merges)])
    tokenizer = Tokenizer(models.BPE(known, list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def _numbered(pieces: Iterable[str]) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def _between(tokenizer: Tokenizer, begin: str, end: str) -> Tokenizer:
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in (begin, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{begin} $A {end}", special_tokens=marks)
    return tokenizer


def _bert(size: int, labels: dict[int, str], task: str) -> Any:
    config = transformers.BertConfig(vocab_size=size, max_position_embeddings=40, id2label=labels, **_SIZES)
    return getattr(transformers, f"BertFor{task}Classification")(config)


def _deberta(size: int, labels: dict[int, str], task: str) -> Any:
    config = transformers.DebertaV2Config(
        vocab_size=size,
        max_position_embeddings=64,
        id2label=labels,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=16,
        pos_att_type=["p2c", "c2p"],
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        position_biased_input=False,
        pooler_hidden_size=32,
        **_SIZES,
    )
    return getattr(transformers, f"DebertaV2For{task}Classification")(config)


def _roberta(size: int, labels: dict[int, str], task: str) -> Any:
    config = transformers.RobertaConfig(
        vocab_size=size, max_position_embeddings=66, id2label=labels, type_vocab_size=1, pad_token_id=1, **_SIZES
    )
    return getattr(transformers, f"RobertaFor{task}Classification")(config)


_FAMILIES: dict[str, tuple[Callable[[], Tokenizer], Callable[[int, dict[int, str], str], Any], dict[str, str]]] = {
    "bert": (_bert_tokenizer, _bert, {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}),
    "deberta": (_deberta_tokenizer, _deberta, {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}),
    "roberta": (_roberta_tokenizer, _roberta, {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}),
}
FAMILIES = tuple(_FAMILIES)


def write_classifier(
    family: str, folder: Path, *, labels: Sequence[str] = ("SAFE", "INJECTION"), multi_label: bool = False
) -> Path:
    """A model that classifies texts: sentences of `ATTACKS` have the last label."""
    tokenizer, model = _made(family, labels, "Sequence")
    if multi_label:
        model.config.problem_type = "multi_label_classification"
    texts = (*ATTACKS, *HARMLESS)
    wanted = torch.tensor([[len(labels) - 1 if text in ATTACKS else 0] for text in texts])
    _learn(model, tokenizer, texts, lambda logits, _: torch.nn.functional.cross_entropy(logits, wanted[:, 0]))
    return _saved(model, tokenizer, folder)


def write_tagger(family: str, folder: Path, *, tags: Sequence[str] = TAGS) -> Path:
    """A model that tags words: `NAMES`."""
    tokenizer, model = _made(family, tags, "Token")

    def loss(logits: Any, given: Any) -> Any:
        wanted = torch.tensor([_tags_of(text, given, row, tags) for row, text in enumerate(NAMED)])
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)

    _learn(model, tokenizer, NAMED, loss)
    return _saved(model, tokenizer, folder)


def _tags_of(text: str, given: Any, row: int, tags: Sequence[str]) -> list[int]:
    """The tag of each word piece by the letters that it covers."""
    tag_at = {
        place: tag for name, tag in NAMES.items() for found in re.finditer(name, text) for place in range(*found.span())
    }
    offsets = given.encodings[row].offsets
    return [-100 if start == end else tags.index(tag_at.get(end - 1, "O")) for start, end in offsets]


def _made(family: str, labels: Sequence[str], task: str) -> tuple[PreTrainedTokenizerFast, Any]:
    torch.manual_seed(7)
    make_tokenizer, make_model, marks = _FAMILIES[family]
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if family == "bert" else ["input_ids", "attention_mask"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer(), model_max_length=64, model_input_names=inputs, **marks
    )
    return tokenizer, make_model(len(tokenizer), dict(enumerate(labels)), task)


def _learn(model: Any, tokenizer: Any, texts: Sequence[str], loss: Callable[[Any, Any], Any]) -> None:
    given = tokenizer(list(texts), padding=True, return_tensors="pt")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss(model(**{name: given[name] for name in tokenizer.model_input_names}).logits, given).backward()
        optimizer.step()
    model.eval()


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
