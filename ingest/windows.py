"""Long lists are worked off in windows, each read while the one before is computed with."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

from catalog.vectors import Ids

Read = TypeVar("Read")

WINDOW_SAMPLES = 4096
"""Samples sorted by length together: enough to waste little on padding, few enough to hold."""

FIRST_SAMPLES = 1024
"""Of the first window: read in a moment, so that computing begins soon."""

COMMIT_SECONDS = 15.0
COMMIT_BYTES = 1 << 26
"""Of float32 vectors that wait to be stored: a fast model has many within the seconds above."""

BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}
WINDOW_GROWTH = {"cpu": 1, "cuda": 8}
"""How many times more samples are sorted together: a GPU wants longer batches of one length."""


def ahead(tasks: Iterable[Callable[[], Read]]) -> Iterator[Read]:
    """Give what each task returns, in order, the next one running meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        coming = None
        for task in tasks:
            following = beside.submit(task)
            if coming:
                yield coming.result()
            coming = following
        if coming:
            yield coming.result()


def behind(begun: Iterable[Callable[[], Read]]) -> Iterator[Read]:
    """Give what each call returns, in order, called only when the next one is begun.

    What a GPU was told to do is done while the one after it is prepared, and nobody waits for it.
    """
    waiting = None
    for following in begun:
        if waiting:
            yield waiting()
        waiting = following
    if waiting:
        yield waiting()


def in_windows(ids: Ids, growth: int = 1) -> Iterator[Ids]:
    """Cut ids into windows, the first one small.

    Args:
        ids: of samples or queries.
        growth: how many times larger than `WINDOW_SAMPLES` the windows become.

    >>> import numpy as np
    >>> [len(window) for window in in_windows(np.arange(9000))]
    [1024, 4096, 3880]
    """
    start, size, most = 0, min(FIRST_SAMPLES, WINDOW_SAMPLES), WINDOW_SAMPLES * growth
    while start < len(ids):
        yield ids[start : start + size]
        start, size = start + size, min(4 * size, most)


class Pause:
    """Tells when it is time to commit again."""

    def __init__(self) -> None:
        self._since = monotonic()

    def over(self) -> bool:
        """Tell whether enough time has passed, and begin anew if so."""
        if monotonic() - self._since <= COMMIT_SECONDS:
            return False
        self._since = monotonic()
        return True
