"""Batches of conversations on several processes of one machine, in bounded memory.

Rows are read here, a few batches ahead of the workers, each of which compiles the policies and loads the models by
itself; their tallies are added up as they come. The sum is the same for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context

from sidecar.cli.ending import WRONG, Failure, WrongPolicies
from sidecar.errors import PolicyError, TidegateError
from workbench.preview.replay import Asked, Replay, tally_of
from workbench.preview.tally import Tally
from workbench.preview.traffic import Row, readable

BATCH_ROWS = 64
_AHEAD = 3
"""How many batches wait for each worker, at most."""

Told = Callable[[Row], None]
"""Told of the last row of each batch that was counted."""


def replay(asked: Asked, rows: Iterable[Row], *, workers: int = 1, told: Told = lambda _: None) -> Tally:
    """Counts of all rows. Raises `Unreadable`, `PolicyErrors`, or `Failure` when a worker dies."""
    whole = Tally(examples_kept=asked.examples)
    sound = readable(rows)
    counted = _here(asked, sound) if workers == 1 else _spread(asked, sound, workers)
    for tally, last in counted:
        whole.add(tally)
        told(last)
    return whole


def batches(rows: Iterable[Row], size: int = BATCH_ROWS) -> Iterator[tuple[Row, ...]]:
    """Rows, some at a time."""
    remaining = iter(rows)
    while batch := tuple(islice(remaining, size)):
        yield batch


def _here(asked: Asked, rows: Iterable[Row]) -> Iterator[tuple[Tally, Row]]:
    replaying = Replay(asked)
    for batch in batches(rows):
        yield replaying.tally_of(batch), batch[-1]


def _work(asked: Asked, batch: Sequence[Row]) -> Tally:
    """What a worker does. Whatever is wrong comes back as words, which pass between processes."""
    try:
        return tally_of(asked, batch)
    except PolicyError as error:
        raise WrongPolicies.of(error, WRONG) from None
    except TidegateError as error:
        raise Failure(str(error)) from None


def _spread(asked: Asked, rows: Iterable[Row], workers: int) -> Iterator[tuple[Tally, Row]]:
    remaining = batches(rows)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: dict[Future[Tally], Row] = {}
        try:
            while True:
                for batch in islice(remaining, workers * _AHEAD - len(running)):
                    running[pool.submit(_work, asked, batch)] = batch[-1]
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result(), running.pop(future)
        except BrokenProcessPool:
            raise Failure("a worker died, perhaps for want of memory: run it with fewer `--workers`") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
