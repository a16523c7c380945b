"""Exact scores of queries against a whole space, streamed: nothing grows with pool and queries.

Scores are computed in blocks of one fixed shape, the last one padded, since a matrix product's bits
depend on its shape. What is kept is either each task's best score per sample, or each query's best
samples; ties are broken by the samples' order keys, so results do not depend on the order of rows.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from catalog.vectors import Floats, Ids, Vectors

BLOCK_ROWS = 4096
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
    """
    count, width = queries.shape
    right = torch.zeros((width, -(-count // QUERY_STEP) * QUERY_STEP))
    right[:, :count] = torch.from_numpy(queries.T)
    block = torch.zeros((BLOCK_ROWS, width))
    product = torch.zeros((BLOCK_ROWS, right.shape[1]))
    for positions, rows in _blocks(vectors, ids, block.numpy()):
        torch.mm(block, right, out=product)
        yield positions[:rows], product.numpy()[:rows, :count]
        progress(rows)


def _blocks(vectors: Vectors, ids: Ids, block: Floats) -> Iterator[tuple[Positions, int]]:
    """Fill a block with chosen vectors, again and again: their positions, and how many they are."""
    place = np.full(int(ids[-1]) + 1 if len(ids) else 0, -1, np.int64)
    place[ids] = np.arange(len(ids))
    positions = np.empty(len(block), np.int64)
    filled = 0
    for found, values in vectors.scan():
        inside = np.where(found < len(place), place[np.minimum(found, len(place) - 1)], -1)
        if inside.min(initial=0) < 0:
            inside, values = inside[inside >= 0], values[inside >= 0]
        while len(inside):
            room = len(block) - filled
            taken = slice(filled, filled + len(inside[:room]))
            block[taken], positions[taken] = values[:room], inside[:room]
            inside, values, filled = inside[room:], values[room:], taken.stop
            if filled == len(block):
                yield positions, filled
                filled = 0
    if filled:
        yield positions, filled


class BestPerTask:
    """For every sample and task: the best score over the task's queries, and which query had it.

    Args:
        sizes: how many queries each task has; they stand one task after another.
        samples: how many samples are scored.
    """

    def __init__(self, sizes: Sequence[int], samples: int) -> None:
        self._ends = np.cumsum(sizes)
        self.scores: Floats = np.full((len(sizes), samples), -np.inf, np.float32)
        self.queries = np.zeros((len(sizes), samples), np.int32)

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in."""
        start = 0
        for task, end in enumerate(self._ends):
            part = scores[:, start:end]
            best = part.argmax(axis=1)
            self.scores[task, positions] = part[np.arange(len(part)), best]
            self.queries[task, positions] = best + start
            start = end

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

    Args:
        queries: how many queries there are.
        limit: how many samples to keep for each.
        order_keys: int64 (samples,), by position; the smaller one wins a tie.
    """

    def __init__(self, queries: int, limit: int, order_keys: Ids) -> None:
        self._limit = limit
        self._order_keys = order_keys
        self._least: Floats = np.full(queries, -np.inf, np.float32)
        self._parts: list[tuple[Ids, Positions, Floats]] = []
        self._held = 0
        self._room = max(2 * queries * limit, 1 << 20)

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in: what is worse than a query's limit so far is dropped at once."""
        if not self._parts and self._limit < len(positions):
            worst = len(positions) - self._limit
            self._least = np.partition(scores.T, worst, axis=1)[:, worst]
        held = np.flatnonzero(scores >= self._least)
        samples, queries = np.divmod(held, scores.shape[1])
        self._parts.append((queries, positions[samples], scores[samples, queries]))
        self._held += len(held)
        if self._held > self._room:
            self._shrink()

    def _shrink(self) -> None:
        rows, positions, scores = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        order = np.lexsort((self._order_keys[positions], -scores, rows))
        rows, positions, scores = rows[order], positions[order], scores[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        last = rank == self._limit - 1
        self._least[rows[last]] = scores[last]
        kept = rank < self._limit
        self._parts = [(rows[kept], positions[kept], scores[kept])]
        self._held = int(kept.sum())

    def top(self) -> Iterator[tuple[Positions, Floats, Ids]]:
        """Give each query's best samples, best first: positions, scores, query numbers."""
        self._shrink()
        [(rows, positions, scores)] = self._parts
        for query in range(len(self._least)):
            start, end = np.searchsorted(rows, [query, query + 1])
            yield positions[start:end], scores[start:end], rows[start:end]
