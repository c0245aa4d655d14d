"""Fits how much higher the bar of toxicity is for what comes later in a text, and writes it into the model's card.

    python -m training.encoder.later --data DATA --model MODEL_DIR [--texts 120] [--dry-run]

A minute of one processor; runs in the service's environment, once the card has its thresholds.

1. Harmless texts of 100 to 2,500 characters are composed of clean dev rows and of headlines; prose of sources that
   train nothing and own passages on violence and hate stand beside them. Dev posts that have a label are put between
   the sentences of such texts. Each segment is scored, as the service cuts it.
2. The logit of each label is lowered, behind the beginning of a text, by as much as loses `LOST` of the posts that are
   found. So a label whose posts stand out has a high bar for what comes later, and one that is hardly told from
   harmless text, or of which there are few posts (`LEAST_FOUND`), keeps its own.
3. For each share that may be lost it prints how many harmless texts of each length and kind fire, and how many posts
   are found at each place; `LOST` has the choice. The card is told of the shifts.
"""

from __future__ import annotations

import argparse
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import FIRST_CHARS, BatchItem
from detectors.models.later import LATER
from detectors.toxicity import Toxicity
from sidecar.values import Segment
from training.encoder.card_file import write_parameter
from training.encoder.labels import TOXICITY
from training.encoder.rows import Example, second_examples, topic_examples, toxicity_examples
from training.encoder.synthetic.passages import passage_rows
from training.encoder.unseen import is_unseen
from workbench.evaluation.segments import segments_of

LOST = 0.1
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2)
LEAST_FOUND = 40
"""Of fewer posts it is not known what a shift would lose."""
LEAST_CHARS, MOST_CHARS = 100, 2500
LENGTHS = ((0, FIRST_CHARS), (FIRST_CHARS, 600), (600, 1200), (1200, MOST_CHARS + 1))
PLACES = ((0, FIRST_CHARS), (FIRST_CHARS, 512), (512, 1024), (1024, MOST_CHARS))
SEED = 19
AT_ONCE = 32
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LEAST_SCORE, _MOST_SCORE = 0.01, 1 - 1e-7
"""What is below the one is not told, and above the other all alike."""

Floats = NDArray[np.float64]


class Draft(NamedTuple):
    """A text before it is read; `post` is where a post with the `labels` stands in it."""

    text: str
    kind: str
    post: tuple[int, int] | None = None
    labels: tuple[bool, ...] = (False,) * len(TOXICITY)


@dataclass(frozen=True)
class Text:
    """A draft with its segments, of one with a post the post's: the logits of labels, and whether each is later."""

    draft: Draft
    logits: Floats
    is_later: NDArray[np.bool_]

    def fires(self, bars: Floats, shifts: Floats) -> bool:
        """Whether a segment reaches the bar of a label, where it stands."""
        return bool((self.logits - self.is_later[:, None] * shifts >= bars).any())


def harmless(data: Path, rng: random.Random, count: int) -> list[Draft]:
    """So many texts of each kind."""
    posts = harmless_posts(data)
    lines = [each.text for each in topic_examples(data, "dev") if each.source.startswith("huffpost")]
    benign = [each for each in second_examples(data, ("benign",)) if is_unseen(each) and each.language == "en"]
    prose = [each.text for each in benign if each.kind in ("document", "benign") and len(each.text) > LEAST_CHARS]
    return [
        *(Draft(text, "posts") for text in joined(posts, rng, count)),
        *(Draft(text, "headlines") for text in joined(lines, rng, count)),
        *(Draft(text[:MOST_CHARS], "prose") for text in rng.sample(prose, min(count, len(prose)))),
        *(Draft(each.text, "passages") for each in passage_rows(rng, harmless=count, attacked=0)),
    ]


def harmless_posts(data: Path) -> list[str]:
    """Dev posts in which people found nothing toxic, rude words and all."""
    return [each.text for each in toxicity_examples(data, "dev") if _labels(each)[0] == 0 and 1 not in _labels(each)]


def joined(rows: Sequence[str], rng: random.Random, count: int) -> Iterator[str]:
    """Texts made of rows, as many of 100 to 200 characters as of 1,000 to 2,000."""
    for _ in range(count):
        least, text = LEAST_CHARS * (MOST_CHARS / LEAST_CHARS) ** rng.random(), rng.choice(rows)
        while len(text) < least:
            text += rng.choice((" ", "\n")) + rng.choice(rows)
        yield text[:MOST_CHARS]


def with_posts(data: Path, carriers: Sequence[Draft], rng: random.Random, count: int) -> Iterator[Draft]:
    """Up to so many dev posts of each label, each before a sentence of a harmless text."""
    dev = toxicity_examples(data, "dev")
    long = [each.text for each in carriers if len(each.text) > LENGTHS[-1][0]]
    for number in range(len(TOXICITY)):
        own = [each for each in dev if _labels(each)[number] == 1]
        for post in rng.sample(own, min(count, len(own))):
            carrier = rng.choice(long)
            place = rng.choice([0, *(each.end() for each in _SENTENCE_END.finditer(carrier))])
            said = post.text if post.text.endswith((".", "!", "?")) else f"{post.text}."
            labels = tuple(each == 1 for each in _labels(post))
            yield Draft(f"{carrier[:place]}{said} {carrier[place:]}", "post", (place, place + len(said)), labels)


def _labels(example: Example) -> tuple[int | None, ...]:
    return example.toxicity or (None,) * len(TOXICITY)


def read(detector: Toxicity, drafts: Sequence[Draft]) -> list[Text]:
    """The drafts as the model reads them, whatever its card says of what comes later."""
    found = []
    for begin in range(0, len(drafts), AT_ONCE):
        cut = [(draft, own) for draft in drafts[begin : begin + AT_ONCE] if (own := _segments(detector, draft))]
        answers = iter(detector.detect([BatchItem(each.text, each.begin) for _, own in cut for each in own]))
        for draft, own in cut:
            scores = [{each.label: each.score for each in next(answers)} for _ in own]
            known = np.asarray([[each.get(label, 0.0) for label in TOXICITY] for each in scores])
            known = known.clip(_LEAST_SCORE, _MOST_SCORE)
            logits = np.log(known) - np.log1p(-known)
            found.append(Text(draft, logits, np.asarray([each.is_later for each in own], dtype=bool)))
    return found


def _segments(detector: Toxicity, draft: Draft) -> list[Segment]:
    """The segments of a text; of one with a post those in which something of it stands."""
    start, end = draft.post or (0, len(draft.text))
    return [each for each in segments_of(detector, draft.text) if each.start < end and each.end > start]


def shifts_of(posts: Sequence[Text], bars: Floats, lost: float) -> Floats:
    """By how much the logit of each label can be lowered so that a share of its posts that reach its bar is lost."""
    found = np.zeros(len(bars))
    for number, bar in enumerate(bars):
        excess = np.asarray([each.logits[:, number].max() for each in posts if each.draft.labels[number]]) - bar
        if (excess >= 0).sum() >= LEAST_FOUND:
            found[number] = np.quantile(excess[excess >= 0], lost)
    return found


def tell(clean: Sequence[Text], posts: Sequence[Text], bars: Floats) -> None:
    """Two lines for each share that may be lost."""
    kinds = dict.fromkeys(each.draft.kind for each in clean)
    for lost in SHARES:
        shifts = shifts_of(posts, bars, lost) * bool(lost)

        def share(texts: Sequence[Text], shifts: Floats = shifts) -> str:
            return f"{np.mean([each.fires(bars, shifts) for each in texts]):.3f} of {len(texts)}" if texts else "-"

        lengths = [share([each for each in clean if low <= len(each.draft.text) < high]) for low, high in LENGTHS]
        by_kind = {kind: share([each for each in clean if each.draft.kind == kind]) for kind in kinds}
        places = [share([each for each in posts if low <= _place(each) < high]) for low, high in PLACES]
        print(f"{lost:.2f} lost: harmless by length {LENGTHS} {lengths}, by kind {by_kind}")
        print(f"  posts found by place {PLACES} {places}")


def _place(text: Text) -> int:
    """Where the post stands in it."""
    return text.draft.post[0] if text.draft.post else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with toxicity/, topic/ and injection2/")
    parser.add_argument("--model", type=Path, required=True, help="model folder, with its card")
    parser.add_argument("--texts", type=int, default=120, help="harmless texts of each kind, and posts of each label")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    arguments = parser.parse_args()
    params = Toxicity.params.model_validate({"model": str(arguments.model)})
    detector, thresholds = Toxicity.build(params), Toxicity.labels_of(params)
    bars = np.asarray([math.log(thresholds[label] / (1 - thresholds[label])) for label in TOXICITY])
    rng = random.Random(SEED)
    drafts = harmless(arguments.data, rng, arguments.texts)
    posts = read(detector, [*with_posts(arguments.data, drafts, rng, arguments.texts)])
    tell(read(detector, drafts), posts, bars)
    shifts = {
        label: round(float(each), 3) for label, each in zip(TOXICITY, shifts_of(posts, bars, LOST), strict=True) if each
    }
    print(shifts)
    if not arguments.dry_run:
        write_parameter(arguments.model, LATER, shifts)


if __name__ == "__main__":
    main()
