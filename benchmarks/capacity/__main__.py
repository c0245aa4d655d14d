"""What a plan predicts beside what `tidegate bench` measures, at sizes that a machine carries.

    python -m benchmarks.capacity [--streams N,N,N] [--seconds S] [--figures]

1. **Profiles**: what tags add to a pass of the encoder, and what memory each profile's process takes.
2. **Checked**: the service's processor time for a token as the bench measures it, for the models at each number of
   streams and for the other profiles at the second, beside what the plan says with figures that are measured here
   (`--calibrate`) before and behind each run.

Deadlines are long, so that nothing is shed on a busy machine. `--figures` writes `workbench/capacity/figures.json` from
all results as they are, and the tables of `docs/capacity.md`.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from benchmarks.capacity.docs import write as write_page
from benchmarks.capacity.figures import write as write_figures
from benchmarks.results import table, write
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from workbench.bench.run import Offered, run
from workbench.bench.texts import made_texts, pieces_of
from workbench.capacity.calibration import calibrated
from workbench.capacity.figures import Figures, measured
from workbench.capacity.model import Demand, Form, capacity
from workbench.capacity.profiles import Profile

HOLD_MS = 60_000
FEW_STREAMS = 32
"""Below it a service is compared with the plan's sidecar, else with its shared form."""
_ROUNDS = 7
_HEADS = ("injection", "toxicity", "topic")
_TAGS = "pii"


def main() -> None:
    """Measure both and write the result."""
    options = _options()
    if options.figures:
        print(write_figures(), write_page(), sep="\n")
        return
    counts = [int(each) for each in options.streams.split(",")]
    figures = measured()
    sizes = {profile: counts if profile is Profile.MODELS else counts[1:2] for profile in Profile}
    points = [_point(figures, profile, count, options.seconds) for profile in Profile for count in sizes[profile]]
    profiles = _profiles(points)
    print(write("capacity", {"profiles": profiles, "points": points}, _markdown(points, profiles)))


def _point(figures: Figures, profile: Profile, streams: int, seconds: float) -> dict[str, Any]:
    before = calibrated(figures)
    result = run(Offered(streams=streams, seconds=seconds, max_hold_ms=HOLD_MS, profile=profile), lambda _: None).result
    behind = calibrated(figures)
    guarded = result["guarded"]
    demand = _demand(profile, streams)
    predicted = statistics.mean(_predicted(demand, each) for each in (before, behind))
    point = {
        "profile": profile.value,
        "streams": streams,
        "tokens_per_second": guarded["tokens_per_second"],
        "measured_us_per_token": guarded["cpu_seconds_per_1000_tokens"]["total"] * 1000,
        "predicted_us_per_token": predicted,
        "memory_mib": guarded["memory_mib"],
        "reason": result["cost_ratio_reason"] if profile is not Profile.PATTERNS else None,
        "pass_us": [each["pass_us"].value for each in (before, behind)],
        "core_us": [each["core_us"].value for each in (before, behind)],
    }
    print(point, flush=True)
    return point


def _demand(profile: Profile, streams: int) -> Demand:
    """The bench's own load as a plan states it."""
    texts = [*islice(made_texts(random.Random(1), violating=Offered(streams=1, seconds=1).violating), 100)]
    tokens = [len(pieces_of(text)) for text in texts]
    return Demand(
        streams=streams,
        profile=profile,
        answer_tokens=round(statistics.mean(tokens)),
        sentence_tokens=round(sum(tokens) / sum(text.count(". ") + 1 for text in texts)),
    )


def _predicted(demand: Demand, figures: Figures) -> float:
    needs = {need.form: need for need in capacity(demand, figures).needs}
    return needs[Form.SIDECAR if demand.streams < FEW_STREAMS else Form.SHARED].us_per_token


def _profiles(points: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    memory = {
        profile: [each["memory_mib"] for each in points if each["profile"] == profile.value] for profile in Profile
    }
    names = statistics.median(memory[Profile.NAMES])
    return {
        "names_times": _names_times(),
        "patterns_mib": memory[Profile.PATTERNS],
        "models_mib": [*memory[Profile.MODELS], *memory[Profile.NAMES]],
        "grounding_mib": [each - names for each in memory[Profile.GROUNDING]],
    }


def _names_times() -> list[float]:
    """A pass whose tags are read against one without, some rounds."""
    encoder = shared_encoder(DEFAULT_MODEL)
    texts = [*islice(made_texts(random.Random(2), violating=0.0), 8)]

    def seconds(heads: Sequence[str]) -> float:
        began = time.process_time()
        encoder.encode(texts, heads)
        return time.process_time() - began

    seconds((*_HEADS, _TAGS))
    return [round(seconds((*_HEADS, _TAGS)) / seconds(_HEADS), 3) for _ in range(_ROUNDS)]


def _markdown(points: Sequence[dict[str, Any]], profiles: dict[str, list[float]]) -> str:
    head = ("profile", "streams", "tokens/s", "measured, us a token", "predicted", "error", "memory, MiB", "note")
    rows = [
        (each["profile"], each["streams"], each["tokens_per_second"], f"{each['measured_us_per_token']:.0f}",
         f"{each['predicted_us_per_token']:.0f}", f"{_error(each):+.0%}", each["memory_mib"], each["reason"] or "-")
        for each in points
    ]  # fmt: skip
    errors = [abs(_error(each)) for each in points if not each["reason"]]
    return "\n\n".join(
        [
            "Processor time of the service for a token: by `tidegate bench`, and by the plan at this machine's speed.",
            table(head, rows),
            f"Error of the prediction: {statistics.median(errors):.0%} in the median, {max(errors):.0%} at most, where "
            f"there is no note. Load average of the machine, all else included: {os.getloadavg()[0]:.0f}.",
            f"A pass whose tags are read takes {statistics.median(profiles['names_times']):.2f} times one without.",
        ]
    )


def _error(point: dict[str, Any]) -> float:
    return float(point["predicted_us_per_token"] / point["measured_us_per_token"] - 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.capacity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--streams", default="8,16,24", help="three numbers of streams (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run, both phases (default: %(default)s)")
    parser.add_argument("--figures", action="store_true", help="write the plan's figures from the results, and end")
    return parser.parse_args()


if __name__ == "__main__":
    main()
