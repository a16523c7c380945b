"""What is kept of scores, query by query: the best samples."""

from collections.abc import Iterator
from threading import Lock

import numpy as np
import numpy.typing as npt

from catalog.similarity.scoring import Positions
from catalog.vectors import Floats, Ids

STEP_ROWS = 2048
"""Samples taken in at once at least; room for so many is held beyond a limit."""


class TopPerQuery:
    """For every query, its best samples; holds a small multiple of `limit` by queries.

    A sample is held as one number: its score's bits, turned so that better is smaller, above its
    place in the order of keys. Comparing numbers compares scores first and order keys second.

    Args:
        queries: how many queries there are.
        limit: how many samples to keep for each.
        order_keys: int64 (samples,), by position; the smaller one wins a tie.
    """

    def __init__(self, queries: int, limit: int, order_keys: Ids) -> None:
        self._limit = limit
        self._by_key = np.argsort(order_keys, kind="stable")
        self._place = np.empty(len(order_keys), np.uint64)
        self._place[self._by_key] = np.arange(len(order_keys), dtype=np.uint64)
        self._step = max(limit, STEP_ROWS)
        room = min(limit + self._step, len(order_keys))
        self._numbers = np.empty((queries, room), np.uint64)
        self._held = np.zeros(queries, np.int64)
        self._least: Floats = np.full(queries, -np.inf, np.float32)
        self._seen, self._shrink_at = 0, 0
        self._lock = Lock()

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in, each position at most once: what is beyond a limit is dropped.

        Several threads may do so at once.
        """
        for start in range(0, len(positions), self._step):
            part = slice(start, start + self._step)
            self._add(positions[part], scores[part])

    def _add(self, positions: Positions, scores: Floats) -> None:
        if not self._seen and self._limit < len(positions):
            worst = len(positions) - self._limit
            least = np.partition(scores.T, worst, axis=1)[:, worst]
            with self._lock:
                np.maximum(self._least, least, out=self._least)
        # What is not worth taking in may be known better by now: more is taken in then, not less.
        samples, queries = np.divmod(np.flatnonzero(scores >= self._least), scores.shape[1])
        by_query = np.argsort(queries, kind="stable")
        samples, queries = samples[by_query], queries[by_query]
        better = _turned(scores[samples, queries]).astype(np.uint64) << np.uint64(32)
        numbers = better | self._place[positions[samples]]
        with self._lock:
            self._hold(queries, numbers)
            self._seen += len(positions)
            if self._seen >= self._shrink_at:
                self._shrink()
                self._shrink_at = 2 * self._seen

    def _hold(self, queries: Ids, numbers: npt.NDArray[np.uint64]) -> None:
        """Put numbers to those of their queries, which ascend."""
        counts = np.bincount(queries, minlength=len(self._held))
        if (self._held + counts).max() > self._numbers.shape[1]:
            self._shrink()
        first = np.cumsum(counts) - counts
        column = np.arange(len(queries)) + (self._held - first)[queries]
        self._numbers[queries, column] = numbers
        self._held += counts

    def _shrink(self) -> None:
        """Drop what is beyond the limit, and learn what is not worth taking in any more."""
        held = self._numbers[:, : self._held.max(initial=0)]
        if held.shape[1] < max(self._limit, 1):
            return
        held[np.arange(held.shape[1]) >= self._held[:, None]] = np.iinfo(np.uint64).max
        held.partition(self._limit - 1, axis=1)
        full = self._held >= self._limit
        self._least[full] = _turned_back(held[full, self._limit - 1])
        self._held = np.minimum(self._held, self._limit)

    def top(self) -> Iterator[tuple[Positions, Floats, Ids]]:
        """Give each query's best samples, best first: positions, scores, query numbers."""
        self._shrink()
        for query, count in enumerate(self._held):
            found = np.sort(self._numbers[query, :count])
            places = (found & np.uint64(0xFFFFFFFF)).astype(np.int64)
            yield self._by_key[places], _turned_back(found), np.full(count, query)


def _turned(scores: Floats) -> npt.NDArray[np.uint32]:
    """Return float32 as numbers in the opposite order; the two zeros are one."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits >> np.uint32(31), bits, ~bits ^ np.uint32(1 << 31))


def _turned_back(numbers: npt.NDArray[np.uint64]) -> Floats:
    """Return the scores of the numbers that `TopPerQuery` holds."""
    bits = (numbers >> np.uint64(32)).astype(np.uint32)
    negative = (bits >> np.uint32(31)).astype(np.bool_)
    return np.where(negative, bits, ~bits ^ np.uint32(1 << 31)).view(np.float32)
