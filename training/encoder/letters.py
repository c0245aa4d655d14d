"""Fits the branch that reads letters which the vocabulary lacks: hashed n-grams in a logistic regression.

    python -m training.encoder.letters --data DATA --model models_onnx/tidegate-encoder [--dry-run]

Takes a minute of one processor and no encoder. Runs in the service's environment with scikit-learn beside it.

1. It learns from harmless texts of the second data in the script, three times each, from own attacks and harmless texts
   in the same words (`synthetic.thai`, `synthetic.tongues`), cut by the service into segments; from no attack of the
   data, so that those of other hands (`attacks.jsonl.gz`) tell whether it finds what it was not shown.
2. Each source of harmless text is left out in turn. Those scores, and the ones of sources that train nothing, say where
   the offsets of both labels have to be: `COSTS` of such texts may reach the threshold that the card recommends.
3. The weights become eight bits, `letters.npy` in the model's folder; the card is told of the branch.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression

from detectors.models.card import CARD_NAME
from detectors.models.letters import BUCKETS, FILE_NAME, LETTERS, Letters, Script, buckets
from training.encoder.cuts import cut_ends
from training.encoder.rows import Example, read_rows, second_examples
from training.encoder.synthetic.thai import thai_rows
from training.encoder.synthetic.tongues import tongue_rows
from training.encoder.unseen import is_unseen, origin

SCRIPTS = ("Thai",)
"""Those that `scripts.UNREAD` leaves unread."""
LANGUAGES = ("th",)
OWN_ROWS, TONGUE_ROWS, SEED = 3000, 200, 3
REPEATED = 3
STRENGTH = 3.0
"""C of the regression: from 0.3 to 30 all attacks of other hands are told from all harmless texts of unseen sources."""
COSTS = {"injection": 0.01, "indirect_injection": 0.01}
"""The share of harmless texts of sources that were left out which may reach the threshold."""

Floats = NDArray[np.float64]
SCRIPT = Script(SCRIPTS)


def segments(text: str) -> list[str]:
    """What the service shows of a text, a segment with its context each, where it is of the scripts."""
    return [shown for first, _, end in cut_ends(text, "user") if SCRIPT.is_most_of(shown := text[first:end])]


def table(texts: Sequence[str]) -> Any:
    """The texts' n-grams, a sparse row each of unit length."""
    found = [buckets(SCRIPT.only(text)) for text in texts]
    ends = np.cumsum([0, *map(len, found)])
    values = np.concatenate([np.full(len(own), 1 / math.sqrt(len(own))) for own in found])
    return sparse.csr_matrix((values, np.concatenate(found), ends), shape=(len(texts), BUCKETS))


def fitted(examples: Sequence[Example]) -> Letters:
    """The branch that those examples make, without offsets of its labels yet."""
    shown = [(text, int((each.injection or (0, 0))[0])) for each in examples for text in segments(each.text)]
    model = LogisticRegression(C=STRENGTH, solver="liblinear", max_iter=500, random_state=SEED)
    model.fit(table([text for text, _ in shown]), [label for _, label in shown])
    largest = float(np.abs(model.coef_).max()) / 127
    weights = np.round(model.coef_[0] / largest).astype(np.int8)
    return Letters(SCRIPTS, round(largest, 7), dict.fromkeys(COSTS, float(model.intercept_[0])), weights)


def logits(branch: Letters, texts: Sequence[str]) -> Floats:
    """The logit of each text's strongest segment; texts without a segment of the scripts are left out."""
    cut = [own for own in map(segments, texts) if own]
    return np.asarray([max(_logit(branch, text) for text in own) for own in cut])


def _logit(branch: Letters, text: str) -> float:
    score = branch.score(text, "injection")
    return math.log(score / (1 - score))


def left_out(own: Sequence[Example], harmless: Sequence[Example]) -> dict[str, Floats]:
    """The logits of each source's harmless texts by a branch that did not learn from it."""
    found = {}
    for source in sorted({origin(each.source) for each in harmless}):
        others = [each for each in harmless if origin(each.source) != source and not is_unseen(each)]
        texts = [each.text for each in harmless if origin(each.source) == source]
        found[source] = logits(fitted([*own, *others * REPEATED]), texts)
    return found


def offsets(branch: Letters, strange: Floats, thresholds: dict[str, float]) -> dict[str, float]:
    """The offset of each label that holds its cost at its threshold."""
    made = {}
    for label, cost in COSTS.items():
        wanted = math.log(thresholds[label] / (1 - thresholds[label]))
        made[label] = round(branch.offsets[label] + wanted - float(np.quantile(strange, 1 - cost)), 4)
    return made


def write(folder: Path, branch: Letters) -> None:
    """Put the weights into a model's folder and tell its card; everything else in it stays as it is."""
    np.save(folder / FILE_NAME, branch.weights, allow_pickle=False)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 121
    document: Any = yaml.load(folder / CARD_NAME)
    document["files"][FILE_NAME] = hashlib.sha256((folder / FILE_NAME).read_bytes()).hexdigest()
    told = {"scripts": list(branch.scripts), "scale": branch.scale, "offsets": dict(branch.offsets)}
    document["parameters"] = dict(document.get("parameters") or {}) | {LETTERS: told}
    with (folder / CARD_NAME).open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/ and injection2/")
    parser.add_argument("--model", type=Path, required=True, help="model folder, with its card")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    arguments = parser.parse_args()
    second = [each for each in second_examples(arguments.data) if each.language in LANGUAGES]
    harmless = [each for each in second if each.injection is not None and not each.injection[0]]
    strangers = [each.text for each in second if each.kind == "direct"]
    rng = random.Random(SEED)
    own = thai_rows(rng, attacks=OWN_ROWS, harmless=OWN_ROWS)
    own += [each for each in tongue_rows(rng, each=TONGUE_ROWS) if each.language in LANGUAGES]
    branch = fitted([*own, *[each for each in harmless if not is_unseen(each)] * REPEATED])
    by_source = left_out(own, harmless)
    card = YAML(typ="safe").load(arguments.model / CARD_NAME)
    thresholds = card["heads"]["injection"]["thresholds"]
    branch = Letters(
        branch.scripts, branch.scale, offsets(branch, np.concatenate([*by_source.values()]), thresholds), branch.weights
    )
    _tell(arguments.data, branch, by_source, strangers, thresholds)
    if not arguments.dry_run:
        write(arguments.model, branch)


def _tell(
    data: Path,
    branch: Letters,
    by_source: dict[str, Floats],
    strangers: Sequence[str],
    thresholds: dict[str, float],
) -> None:
    bar = math.log(thresholds["injection"] / (1 - thresholds["injection"]))
    shift = bar - float(np.quantile(np.concatenate([*by_source.values()]), 1 - COSTS["injection"]))
    for source, own in by_source.items():
        print(f"{source}: left out, {(own + shift >= bar).mean():.3f} of {len(own)} flagged")
    test = [row["text"] for row in read_rows(data / "injection" / "test_cyberseceval_pi.jsonl.gz")]
    for name, texts in (("attacks of other hands", strangers), ("cyberseceval in the script", test)):
        found = logits(branch, texts)
        print(f"{name}: {(found >= bar).mean():.3f} of {len(found)} found")


if __name__ == "__main__":
    main()
