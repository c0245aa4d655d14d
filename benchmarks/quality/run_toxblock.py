"""ToxBlock (`tox-block`) over many texts: JSON strings on stdin, one a line; scores and CPU seconds out.

Stands alone: runs in ToxBlock's environment, which is of 2020: TensorFlow with `tf-keras`, and `keras-preprocessing`.
"""

import contextlib
import importlib.metadata
import json
import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"

LABELS = {
    "toxic": "toxicity",
    "severe_toxic": "severe_toxicity",
    "obscene": "obscene",
    "threat": "threat",
    "insult": "insult",
    "identity_hate": "identity_attack",
}
TEXTS_AT_ONCE = 64


def main() -> None:
    """Read texts, write the scores of each."""
    with contextlib.redirect_stdout(sys.stderr):
        from tox_block.prediction import make_predictions
    versions = {name: importlib.metadata.version(name) for name in ("tox-block", "tensorflow-cpu", "tf-keras")}
    print(json.dumps(versions), flush=True)
    texts = [json.loads(line) for line in sys.stdin]
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        begun = time.process_time()
        with contextlib.redirect_stdout(sys.stderr):
            answers = make_predictions(some)
        seconds = (time.process_time() - begun) / len(some)
        for number in range(len(some)):
            scores = {ours: float(answers[number][theirs]) for theirs, ours in LABELS.items()}
            print(json.dumps({"scores": scores, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
