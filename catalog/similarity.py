"""Exact scores of queries against a whole space, streamed: nothing grows with pool and queries.

Scores are computed in blocks of one fixed shape, the last one padded, since a matrix product's bits
depend on its shape. What is kept is either each task's best score per sample, or each query's best
samples; ties are broken by the samples' order keys, so results do not depend on the order of rows.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.errors import StoreError
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.vectors import Floats, Ids, Vectors

BLOCK_ROWS = 2048
"""Few enough for a block's scores to be in the cache still when they are looked at."""

QUERY_STEP = 64
"""Queries are padded to a multiple of this."""

Positions = npt.NDArray[np.int64]
Scores = tuple[Positions, Floats]
"""Positions of samples (n,) and their scores, float32 (n, queries)."""


def score(
    vectors: Vectors,
    queries: Floats,
    ids: Ids,
    progress: Callable[[int], None] = lambda rows: None,
) -> Iterator[Scores]:
    """Score every query against the chosen samples of a space, block by block.

    Args:
        vectors: of the pool.
        queries: float32 (queries, width), of length 1.
        ids: the samples to score, ascending; a position is a place in it.
        progress: is told how many samples each block scored.

    Yields:
        Blocks of samples in any order; what a block holds is gone with the next.

    Raises:
        StoreError: a vector holds what is no number.
    """
    product = _Product(queries)
    blocks = _blocks(vectors, ids, queries.shape[1])
    with ThreadPoolExecutor(1) as ahead:  # reads a block while the one before is multiplied
        coming = ahead.submit(next, blocks, None)
        while (found := coming.result()) is not None:
            coming = ahead.submit(next, blocks, None)
            positions, block = found
            yield positions, product.of(block)[: len(positions)]
            progress(len(positions))


def scores_of(
    home: Home, named: NamedSpace, sample_ids: Sequence[int], query_ids: Sequence[int]
) -> Floats:
    """Return the scores of a few samples, with the very bits that `score` gives them.

    Returns:
        float32 (samples, queries), in the order of the ids.

    Raises:
        KeyError: with the ids that have no vector.
    """
    found = Vectors(home, named.space, "sample").lookup().of(np.asarray(sample_ids, np.int64))
    queries = Vectors(home, named.space, "query").lookup().of(np.asarray(query_ids, np.int64))
    product = _Product(queries)
    scores = np.empty((len(found), len(queries)), np.float32)
    for start in range(0, len(found), BLOCK_ROWS):
        part = found[start : start + BLOCK_ROWS]
        block = np.zeros((BLOCK_ROWS, found.shape[1]), np.float32)
        block[: len(part)] = part
        scores[start : start + len(part)] = product.of(block)[: len(part)]
    return scores


class _Product:
    """Multiplies blocks with the queries, always in one shape and into the same memory."""

    def __init__(self, queries: Floats) -> None:
        _require_numbers(float(queries.sum()))
        self._count, width = queries.shape
        self._right = torch.zeros((width, -(-self._count // QUERY_STEP) * QUERY_STEP))
        self._right[:, : self._count] = torch.from_numpy(np.ascontiguousarray(queries.T))
        self._left = torch.zeros((BLOCK_ROWS, width))
        self._out = torch.zeros((BLOCK_ROWS, self._right.shape[1]))

    def of(self, block: npt.NDArray[Any]) -> Floats:
        """Return the scores of a block, float32 (BLOCK_ROWS, queries), gone with the next."""
        self._left.copy_(torch.from_numpy(block))  # from float16 many times as fast as in numpy
        _require_numbers(float(self._left.sum()))
        torch.mm(self._left, self._right, out=self._out)
        return self._out.numpy()[:, : self._count]


def _blocks(vectors: Vectors, ids: Ids, width: int) -> Iterator[tuple[Positions, npt.NDArray[Any]]]:
    """Give chosen vectors as stored, in padded blocks, in two places by turns; and their positions.

    Yields:
        Positions (n,), and vectors (BLOCK_ROWS, width): n of them, then whatever is there.
    """
    if not len(ids):
        return
    place = np.full(int(ids[-1]) + 1, -1, np.int64)
    place[ids] = np.arange(len(ids))
    positions, filled = np.empty(BLOCK_ROWS, np.int64), 0
    block = other = np.empty((0, width))
    for found, values in vectors.scan():
        if not len(block):
            block, other = np.zeros((2, BLOCK_ROWS, width), values.dtype)
        inside = np.where(found < len(place), place[np.minimum(found, len(place) - 1)], -1)
        if inside.min(initial=0) < 0:
            inside, values = inside[inside >= 0], values[inside >= 0]
        while len(inside):
            room = BLOCK_ROWS - filled
            taken = slice(filled, filled + len(inside[:room]))
            block[taken], positions[taken] = values[:room], inside[:room]
            inside, values, filled = inside[room:], values[room:], taken.stop
            if filled == BLOCK_ROWS:
                yield positions, block
                block, other, positions, filled = other, block, np.empty_like(positions), 0
    if filled:
        yield positions[:filled], block


def _require_numbers(total: float) -> None:
    if not isfinite(total):  # the sum of numbers no larger than 1 is one itself
        raise StoreError(
            "a vector holds what is no number", hint="Is a file damaged? Restore a backup."
        )


class BestPerTask:
    """For every sample and task: the best score over the task's queries, and which query had it.

    Args:
        sizes: how many queries each task has; they stand one task after another.
        samples: how many samples are scored.
        means: whether to keep each sample's mean score over the task's queries too.

    Attributes:
        scores: float32 (tasks, samples); -inf where nothing was scored.
        queries: int32 (tasks, samples): the first query that has the best score.
        means: float64 (tasks, samples); (tasks, 0) if not kept.
    """

    def __init__(self, sizes: Sequence[int], samples: int, *, means: bool = False) -> None:
        self._ends = np.cumsum(sizes).tolist()
        self._sizes = sizes
        self.scores: Floats = np.full((len(sizes), samples), -np.inf, np.float32)
        self.queries = np.zeros((len(sizes), samples), np.int32)
        self.means = np.zeros((len(sizes), samples if means else 0))

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in."""
        rows = np.arange(len(scores))
        for task, (size, end) in enumerate(zip(self._sizes, self._ends, strict=True)):
            part = scores[:, end - size : end]
            best = part.argmax(axis=1)  # numpy's is several times as fast as torch's
            self.scores[task, positions] = part[rows, best]
            self.queries[task, positions] = best + (end - size)
            if self.means.size:
                means = torch.from_numpy(part).mean(dim=1, dtype=torch.float64)
                self.means[task, positions] = means.numpy()

    def top(self, limit: int, order_keys: Ids) -> Iterator[tuple[Positions, Floats, Ids]]:
        """Give each task's best samples, best first: positions, scores, query numbers."""
        for scores, queries in zip(self.scores, self.queries, strict=True):
            chosen = np.arange(len(scores))
            if limit < len(scores):
                least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
                chosen = np.flatnonzero(scores >= least)
            ordered = chosen[np.lexsort((order_keys[chosen], -scores[chosen]))][:limit]
            yield ordered, scores[ordered], queries[ordered].astype(np.int64)


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
        self._step = max(limit, BLOCK_ROWS)
        room = min(limit + self._step, len(order_keys))
        self._numbers = np.empty((queries, room), np.uint64)
        self._held = np.zeros(queries, np.int64)
        self._least: Floats = np.full(queries, -np.inf, np.float32)
        self._seen, self._shrink_at = 0, 0

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in, each position at most once: what is beyond a limit is dropped."""
        for start in range(0, len(positions), self._step):
            part = slice(start, start + self._step)
            self._add(positions[part], scores[part])

    def _add(self, positions: Positions, scores: Floats) -> None:
        if not self._seen and self._limit < len(positions):
            worst = len(positions) - self._limit
            self._least = np.partition(scores.T, worst, axis=1)[:, worst].copy()
        samples, queries = np.divmod(np.flatnonzero(scores >= self._least), scores.shape[1])
        by_query = np.argsort(queries, kind="stable")
        samples, queries = samples[by_query], queries[by_query]
        counts = np.bincount(queries, minlength=len(self._held))
        if (self._held + counts).max() > self._numbers.shape[1]:
            self._shrink()
        first = np.cumsum(counts) - counts
        column = np.arange(len(queries)) + (self._held - first)[queries]
        better = _turned(scores[samples, queries]).astype(np.uint64) << np.uint64(32)
        self._numbers[queries, column] = better | self._place[positions[samples]]
        self._held += counts
        self._seen += len(positions)
        if self._seen >= self._shrink_at:
            self._shrink()
            self._shrink_at = 2 * self._seen

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
