"""What is kept of scores, query by query: the best samples."""

from collections.abc import Iterator
from threading import Lock

import numpy as np

from catalog.similarity.order import HALF, LOW, Numbers, best_first, turned, turned_back
from catalog.similarity.places import together
from catalog.similarity.scoring import Positions
from catalog.vectors import Floats, Ids

STEP_ROWS = 2048
"""Samples taken in at once at least; room for so many is held beyond a limit."""

ALL_BYTES = 1 << 28
"""What scores may take that are all kept, where most samples would be taken in anyway."""

FEW_LEFT_OUT = 32
"""All scores are kept if one in so many samples is."""


class TopPerQuery:
    """For every query, its best samples; holds a small multiple of `limit` by queries.

    A sample is held as one number: its score's bits, turned so that better is smaller, above its
    place in the order of keys. Comparing numbers compares scores first and order keys second.
    Where the limit is a good part of the samples, all scores are held instead, if they fit.

    Args:
        queries: how many queries there are.
        limit: how many samples to keep for each.
        order_keys: int64 (samples,), by position; the smaller one wins a tie.
    """

    def __init__(self, queries: int, limit: int, order_keys: Ids) -> None:
        samples = len(order_keys)
        fits = 4 * queries * samples <= ALL_BYTES
        self._held: Whole | Cut
        if fits and limit * FEW_LEFT_OUT >= samples:
            self._held = Whole(queries, limit, order_keys)
        else:
            self._held = Cut(queries, limit, order_keys)

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in, each position at most once: what is beyond a limit is dropped.

        Several threads may do so at once.
        """
        self._held.add(positions, scores)

    def top(self) -> Iterator[tuple[Positions, Floats, Ids]]:
        """Give each query's best samples, best first: positions, scores, query numbers."""
        for query, (positions, scores) in enumerate(self._held.top()):
            yield positions, scores, np.full(len(positions), query)


class Whole:
    """Holds every score; arguments as of `TopPerQuery`."""

    def __init__(self, queries: int, limit: int, order_keys: Ids) -> None:
        self._limit, self._order_keys = limit, order_keys
        self._scores: Floats = np.full((queries, len(order_keys)), -np.inf, np.float32)

    def add(self, positions: Positions, scores: Floats) -> None:
        """Put a block's scores in their places."""
        self._scores[:, together(positions)] = scores.T

    def top(self) -> Iterator[tuple[Positions, Floats]]:
        """Give each query's best samples, best first: positions and scores."""
        for scores in self._scores:
            found = best_first(scores, self._limit, self._order_keys)
            found = found[scores[found] > -np.inf]  # where nothing came in
            yield found, scores[found] + np.float32(0)


class Cut:
    """Holds what may still be among the best; arguments as of `TopPerQuery`."""

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
        """Take a block in, and drop what is beyond the limit now and then."""
        for start in range(0, len(positions), self._step):
            part = slice(start, start + self._step)
            self._add(positions[part], scores[part].T)

    def _add(self, positions: Positions, scores: Floats) -> None:
        """Take in the scores (queries, n) of so few samples that there is room for all."""
        if not self._seen and self._limit < len(positions):
            worst = len(positions) - self._limit
            least = np.partition(scores, worst, axis=1)[:, worst]
            with self._lock:
                np.maximum(self._least, least, out=self._least)
        # What is not worth taking in may be known better by now: more is taken in then, not less.
        least = self._least.copy()
        queries = np.flatnonzero(scores.max(axis=1) >= least)
        if len(queries) < len(scores):
            scores = scores[queries]
        found = np.flatnonzero(scores >= least[queries, None])
        rows = found // len(positions)
        samples = found - rows * len(positions)
        numbers = turned(scores[rows, samples]).astype(np.uint64) << HALF
        numbers |= self._place[positions[samples]]
        with self._lock:
            self._hold(queries[rows], numbers)
            self._seen += len(positions)
            if self._seen >= self._shrink_at:
                self._shrink()
                self._shrink_at = 2 * self._seen

    def _hold(self, queries: Ids, numbers: Numbers) -> None:
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
        self._least[full] = _scores(held[full, self._limit - 1])
        self._held = np.minimum(self._held, self._limit)

    def top(self) -> Iterator[tuple[Positions, Floats]]:
        """Give each query's best samples, best first: positions and scores."""
        self._shrink()
        for numbers, count in zip(self._numbers, self._held, strict=True):
            found = np.sort(numbers[:count])
            yield self._by_key[(found & LOW).astype(np.int64)], _scores(found)


def _scores(numbers: Numbers) -> Floats:
    return turned_back((numbers >> HALF).astype(np.uint32))
