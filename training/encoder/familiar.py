"""How much lower the bar may be for familiar words: what each setting costs harmless text and finds, on unseen sources.

    python -m training.encoder.familiar --data DATA --model models_onnx/tidegate-encoder [--every 2] [--tests]

A user's texts of sources that trained nothing, and the harmless ones in other languages, are read as they are served,
less the shift of the card. For each length of pieces, and each threshold that such text is to be judged by as if it
were the card's, it prints the share of harmless texts that fire (all, hard negatives, above 600 characters, in other
languages, and the languages above .02), and of attacks that are found. Writes nothing: `card.FAMILIAR` has the choice.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.base import BatchItem
from detectors.injection import DIRECT, HEAD, Injection
from detectors.models.encoded import is_read, readings
from sidecar.values import Part
from training.encoder.cuts import PARTS
from training.encoder.rows import Example, injection_examples, second_examples
from training.encoder.unseen import is_unseen
from workbench.evaluation.metrics import auc
from workbench.evaluation.segments import segments_of

LENGTHS = (99.0, 0.0, 2.6, 2.8, 3.0, 3.2, 3.5)
BARS = (0.03, 0.05, 0.08, 0.1, 0.15, 0.2)
LONG, MOST_IN_A_LANGUAGE, LEAST_ROWS = 600, 0.02, 30
TESTS = ("deepset", "jailbreak_llms", "mitre_frr", "tensor_trust", "cyberseceval_pi", "xstest_safe")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Text:
    """A text with the logit, and the length of pieces, of each reading of its segments."""

    example: Example
    logits: Floats
    lengths: Floats

    @property
    def is_attack(self) -> bool:
        """Whether it is one."""
        return self.example.injection is not None and self.example.injection[0] == 1

    def logit(self, least: float, shift: float) -> float:
        """The highest, where readings of such long pieces are shifted."""
        return float((self.logits + shift * (self.lengths >= least)).max())


def texts_of(detector: Injection, examples: Sequence[Example]) -> list[Text]:
    """The users' texts among the examples that can be read."""
    found = []
    for example in examples:
        if PARTS[example.kind] is Part.USER and example.kind != "system_prompt" and example.injection is not None:
            segments = segments_of(detector, example.text, Part.USER)
            shown = [text for each in segments for text in readings(BatchItem(each.text, each.begin, Part.USER))]
            known = [each for each in detector.encoder.encode(shown, [HEAD]) if is_read(each)]
            scores = np.asarray([each.scores[HEAD][0] for each in known], dtype=np.float64)
            if len(scores):
                lengths = np.asarray([each.piece_chars for each in known])
                found.append(Text(example, np.log(scores) - np.log1p(-scores), lengths))
    return found


def tell(unseen: Sequence[Text], languages: Sequence[Text], sets: dict[str, list[Text]], bar: float) -> None:
    """A line for each setting."""
    for least in LENGTHS:
        for wanted in BARS if least < LENGTHS[0] else BARS[:1]:
            shift = bar - math.log(wanted / (1 - wanted))

            def fires(text: Text, least: float = least, shift: float = shift) -> bool:
                return text.logit(least, shift) >= bar

            name = f"{least} characters at {wanted}" if least < LENGTHS[0] else "as it was"
            print(f"{name}: {_costs(unseen, languages, fires)}", *(_test(key, own, fires) for key, own in sets.items()))


def _costs(unseen: Sequence[Text], languages: Sequence[Text], fires: Callable[[Text], bool]) -> str:
    harmless = [each for each in unseen if not each.is_attack]
    hard = [each for each in harmless if each.example.kind == "hard_negative"]
    long = [each for each in harmless if len(each.example.text) > LONG]
    attacks = [each for each in unseen if each.is_attack]
    own: dict[str, list[bool]] = defaultdict(list)
    for each in languages:
        own[each.example.language].append(fires(each))
    above = [key for key, all_of in own.items() if len(all_of) >= LEAST_ROWS and np.mean(all_of) > MOST_IN_A_LANGUAGE]
    shares = [f"{np.mean([fires(each) for each in rows]):.4f}" for rows in (harmless, hard, long, languages, attacks)]
    return f"harmless {shares[0]}, hard {shares[1]}, long {shares[2]}, languages {shares[3]} {above}, found {shares[4]}"


def _test(name: str, texts: Sequence[Text], fires: Callable[[Text], bool]) -> str:
    shares = {
        label: round(float(np.mean([fires(each) for each in own])), 3)
        for label in (False, True)
        if (own := [each for each in texts if each.is_attack is label])
    }
    return f"{name} {shares}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/ and injection2/")
    parser.add_argument("--model", default="tidegate-encoder", help="a model's name, or its folder")
    parser.add_argument("--every", type=int, default=2, help="every n-th text of the sources only")
    parser.add_argument("--tests", action="store_true", help="show the test sets, too")
    arguments = parser.parse_args()
    params = Injection.params.model_validate({"model": str(arguments.model)})
    detector, threshold = Injection.build(params), Injection.labels_of(params)[DIRECT]
    unseen = [each for each in second_examples(arguments.data) if is_unseen(each)][:: arguments.every]
    many = second_examples(arguments.data, ("multilingual_benign",))[:: arguments.every * 2]
    sets = {
        name: texts_of(detector, injection_examples(arguments.data, f"test_{name}", research=True))
        for name in (TESTS if arguments.tests else ())
    }
    read = texts_of(detector, unseen)
    print(f"AUC of unseen sources {auc(*_curve(read)):.3f}")
    tell(read, texts_of(detector, many), sets, math.log(threshold / (1 - threshold)))


def _curve(texts: Sequence[Text]) -> tuple[Floats, NDArray[np.bool_]]:
    return np.asarray([each.logits.max() for each in texts]), np.asarray([each.is_attack for each in texts], dtype=bool)


if __name__ == "__main__":
    main()
