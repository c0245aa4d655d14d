"""Put the finished model together: `model.onnx`, `tokenizer.json` and `model.yaml`, card and contract in one.

    python -m training.grounding.card --data DATA --work DIR --model DIR/int8 --out models_onnx/tidegate-grounding \
        --version 2026.11.1

Takes `combiner.json` and `evaluation.json` from the work folder; the golden pairs are scored here with the file
that ships.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from detectors.grounding import pairs as contract
from detectors.grounding import passages
from detectors.grounding.combiner import ALL_FEATURES, Combiner
from training.grounding.evaluate import TARGETS, Scorer
from training.grounding.pairs import LABELS, PairEncoder, load_tokenizer
from training.grounding.rows import Row, is_held_out, may_use, read_split
from training.grounding.runners import onnx_runner
from training.grounding.scoring import pad
from training.grounding.sources import SOURCES, source_of

_BRIDGE = "The harbour bridge was opened in 1932. It carries eight lanes of traffic and its arch is 503 metres long."
_SHOP = (
    "Our shop opens at nine on weekdays. Parcels of up to 20 kg are delivered within three working days. "
    "Returns are free for 30 days."
)
GOLDEN = (
    (_BRIDGE, "The bridge was opened in 1932."),
    (_BRIDGE, "The bridge was opened in 1952."),
    (_BRIDGE, "Eight lanes of traffic cross the bridge, whose arch is 503 metres long."),
    (_BRIDGE, "The bridge was designed by a Scottish engineer."),
    (_SHOP, "You can send a parcel back at no cost within 30 days."),
    (_SHOP, "Returns are not free."),
    (_SHOP, "Parcels arrive the next day."),
)


def golden(scorer: Scorer) -> tuple[list[dict], list[dict]]:
    """Return what each golden pair must give: the model's probabilities, and the support after the combiner."""
    answers, supports = [], []
    for passage, claim in GOLDEN:
        claim_ids, passage_ids = (
            scorer.encoder.tokenizer.encode(text, add_special_tokens=False).ids for text in (claim, passage)
        )
        labels, _ = scorer.runner(*pad([scorer.encoder.inputs(claim_ids, passage_ids)]))
        p = np.exp(labels[0]) / np.exp(labels[0]).sum()
        scores = {name: round(float(value), 4) for name, value in zip(LABELS, p, strict=True)}
        answers.append({"text": claim, "pair": passage, "head": "entailment", "scores": scores})
        _, support = scorer.scores([scorer.prepared_one(Row((passage,), claim, "supported", None, "golden"))])
        supports.append({"claim": claim, "context": [passage], "support": round(float(support[0]), 4)})
    return answers, supports


def training_data(data: Path) -> list[dict]:
    """Return what the model learnt from, by public source, with licences; and what was left out, with its reason."""
    rows: Counter[tuple[str, bool]] = Counter()
    for row in read_split(data, "train"):
        if may_use(row, research=False) and not is_held_out(row):
            rows[source_of(row.source).prefix, row.is_human] += 1
    return [
        {
            "source": source.origin, "licence": source.licence, "human_rows": rows[source.prefix, True],
            "synthetic_rows": rows[source.prefix, False], **({"note": source.note} if source.note else {}),
        }
        for source in SOURCES
        if source.shipped
    ]  # fmt: skip


def contract_of(arguments: argparse.Namespace, combiner: dict, files: dict[str, str]) -> dict:
    """Return the part of the card that the service reads."""
    used = {name: value for name, value in combiner["weights"].items() if value}
    unknown = set(used) - set(ALL_FEATURES)
    if unknown:
        raise SystemExit(f"combiner.json is from another version of the features: {sorted(unknown)}")
    return {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Model",
        "metadata": {"name": "tidegate-grounding", "version": arguments.version},
        "files": files,
        "task": "pairs",
        "inputs": ["input_ids", "attention_mask", "token_type_ids"],
        "max_tokens": contract.MAX_TOKENS,
        "heads": {
            "entailment": {"output": "label_logits", "activation": "softmax", "labels": list(LABELS)},
            "unsupported_words": {"output": "token_logits", "activation": "sigmoid", "labels": ["unsupported"]},
        },
        "parameters": {
            "combiner": {"weights": used, "bias": combiner["bias"]},
            "thresholds": combiner["thresholds"],
            "supported_below": combiner["supported_below"],
        },
    }  # fmt: skip


def trained_with() -> dict:
    """Return how pairs are made, in training as in serving; it is for people, as the service has it from the code."""
    return {
        "max_claim_tokens": contract.MAX_CLAIM_TOKENS,
        "token_types": {"claim": 0, "claim_matched": 1, "evidence": 2, "evidence_matched": 3},
        "passages": {
            "max_sentences": passages.MAX_SENTENCES, "max_words": passages.MAX_WORDS, "top": passages.TOP_PASSAGES,
            "gathered_from": passages.GATHERED_FROM, "nearly": passages.NEARLY, "repeated": passages.REPEATED,
            "room_words": passages.ROOM_WORDS,
            "gathered_words": passages.GATHERED_WORDS, "long_claim_words": passages.LONG_CLAIM_WORDS,
            "brief_words": passages.BRIEF_WORDS,
            "lead_words": passages.LEAD_WORDS,
        },
    }  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Write the model folder."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copy(arguments.model / name, arguments.out / name)
        files[name] = hashlib.sha256((arguments.out / name).read_bytes()).hexdigest()
    combiner = json.loads((arguments.work / "combiner.json").read_text())
    results = json.loads((arguments.work / "evaluation.json").read_text())
    scorer = Scorer(
        PairEncoder(load_tokenizer(arguments.out / "tokenizer.json")),
        onnx_runner(arguments.out / "model.onnx", threads=1),
        Combiner.from_card(combiner), arguments.work / "eval", files["model.onnx"],
    )  # fmt: skip
    answers, supports = golden(scorer)
    card = contract_of(arguments, combiner, files)
    card["parameters"]["golden_support"] = supports
    card |= {
        "golden": answers,
        "card": {
            "summary": "Is a claim supported by supplied context? A pair model joined with exact checks.",
            "licence": "Apache-2.0",
            "base": {"name": "all-MiniLM-L6-v2", "licence": "Apache-2.0"},
            "quantization": "int8 weights per channel, static activations (QDQ), word embeddings int8 per row",
            "trained_with": trained_with(),
            "training_data": training_data(arguments.data),
            "left_out": [{"source": s.origin, "licence": s.licence} for s in SOURCES if not s.shipped],
            "own_data": "claims made from the sources above by training/grounding/hard.py and edits.py",
            "quality": [quality(name, figures) for name, figures in results.items()],
            "limits": arguments.limit,
        },
    }
    (arguments.out / "model.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=118))


def quality(name: str, figures: dict[str, float]) -> dict:
    """Return one line of the card's table of figures; `value` is what the service scores."""
    must, aim = TARGETS.get(name, (None, None))
    line = {"set": name, "metric": "auc", "value": round(figures["combined"], 4),
            "model_alone": round(figures["model"], 4),
            "word_overlap": round(figures["overlap"], 4), "rows": figures["rows"]}  # fmt: skip
    if "sentences" in figures:
        line["least_sentence"] = round(figures["sentences"], 4)
    if must:
        line |= {"must": must, "aim": aim}
    if "buried" in figures:
        line |= {"among_50_passages": round(figures["buried"], 4), "same_rows_alone": round(figures["plain"], 4)}
    return line


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--model", type=Path, required=True, help="folder with the exported model.onnx and tokenizer.json"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--limit", action="append", default=[], help="a limit to name in the card; may be given again")
    return parser.parse_args()


if __name__ == "__main__":
    run(parse())
