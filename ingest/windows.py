"""Long lists are worked off in windows, each read while the one before is computed with."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

from catalog.vectors import Ids

Read = TypeVar("Read")

WINDOW_SAMPLES = 4096
"""Samples sorted by length together: enough to waste little on padding, few enough to hold."""

COMMIT_SECONDS = 15.0
BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}


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


def in_windows(ids: Ids) -> Iterator[Ids]:
    """Cut ids into windows."""
    for start in range(0, len(ids), WINDOW_SAMPLES):
        yield ids[start : start + WINDOW_SAMPLES]


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
