"""Scores in blocks of one fixed shape, the last ones padded, on every core at once.

Every thread reads, multiplies and gives away blocks of its own with one core: none waits for
another, nothing is split between them, and so how many there are changes no bit.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import isfinite
from queue import SimpleQueue
from threading import Event, Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.errors import StoreError
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.pieces import Piece
from catalog.vectors import Floats, Ids, Vectors

BLOCK_ROWS = 2048
"""Samples in a block, at most."""

BLOCK_BYTES = 1 << 22
"""What a block's vectors may take: few enough to be in the cache still when they are multiplied."""

SCORE_BYTES = 1 << 21
"""What its scores may take, which are looked at right afterwards."""

QUERY_STEP = 16
"""Queries are padded to a multiple of this, at which a product is fastest."""

Positions = npt.NDArray[np.int64]
Take = Callable[[Positions, Floats], None]
"""Takes in positions of samples (n,) and their scores, float32 (n, queries)."""


def score(
    vectors: Vectors,
    queries: Floats,
    ids: Ids,
    take: Take,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Score every query against the chosen samples of a space, block by block.

    Args:
        vectors: of the pool.
        queries: float32 (queries, width), of length 1.
        ids: the samples to score, ascending; a position is a place in it.
        take: is given blocks of samples in any order, each sample once, by several threads at the
            same time; what a block holds is gone when it returns.
        progress: is told how many samples each block scored.

    Raises:
        StoreError: a vector holds what is no number.
    """
    _require_numbers(float(queries.sum()))
    if not len(ids):
        return
    scoring = _Scoring(vectors.pieces(), queries, ids, take)
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(scoring.work) for _ in range(threads)]
        try:
            scoring.wait(working, progress)
        finally:
            scoring.ended.set()
    torch.set_num_threads(threads)  # the threads set it to one, for all that are started later
    for one in working:
        one.result()


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
    block = _Block(_padded(queries), len(queries))
    scores = np.empty((len(found), len(queries)), np.float32)
    for start in range(0, len(found), block.rows):
        part = found[start : start + block.rows]
        block.fill(0, part)
        scores[start : start + len(part)] = block.scores()[: len(part)]
    return scores


class _Scoring:
    """What the threads share."""

    def __init__(self, pieces: Iterator[Piece], queries: Floats, ids: Ids, take: Take) -> None:
        self.ended = Event()
        self._pieces, self._lock = pieces, Lock()
        self._count, self._right = len(queries), _padded(queries)
        self._take = take
        self._place = np.full(int(ids[-1]) + 1, -1, np.int64)
        self._place[ids] = np.arange(len(ids))
        self._done: SimpleQueue[int | None] = SimpleQueue()

    def wait(self, working: Sequence["Future[None]"], progress: Callable[[int], None]) -> None:
        """Tell of blocks as they are done, until every thread is or one has failed."""
        left = len(working)
        while left:
            rows = self._done.get()
            if rows is None:
                left -= 1
            else:
                progress(rows)

    def work(self) -> None:
        """Read and score until nothing is left."""
        torch.set_num_threads(1)
        try:
            self._work()
        except BaseException:
            self.ended.set()
            raise
        finally:
            self._done.put(None)

    def _work(self) -> None:
        block = _Block(self._right, self._count)
        positions, filled = np.empty(block.rows, np.int64), 0
        for inside, values in self._chosen():
            start = 0
            while start < len(inside):
                rows = min(block.rows - filled, len(inside) - start)
                block.fill(filled, values[start : start + rows])
                positions[filled : filled + rows] = inside[start : start + rows]
                start, filled = start + rows, filled + rows
                if filled == block.rows:
                    self._give(positions, block.scores())
                    filled = 0
        if filled and not self.ended.is_set():
            self._give(positions[:filled], block.scores()[:filled])

    def _chosen(self) -> Iterator[tuple[Positions, npt.NDArray[Any]]]:
        """Give the chosen ones of pieces that no other thread has: positions and vectors."""
        room = np.empty(0, np.uint8)
        while not self.ended.is_set():
            with self._lock:
                piece = next(self._pieces, None)
            if piece is None:
                return
            known = np.clip(piece.ids, 0, len(self._place) - 1)
            inside = np.where(piece.ids == known, self._place[known], -1)
            chosen = inside >= 0
            if not chosen.any():
                continue
            if len(room) < piece.room_bytes:
                room = np.empty(piece.room_bytes, np.uint8)
            values = piece.read(room)
            yield (inside, values) if chosen.all() else (inside[chosen], values[chosen])

    def _give(self, positions: Positions, scores: Floats) -> None:
        self._take(positions, scores)
        self._done.put(len(positions))


class _Block:
    """Multiplies blocks with the queries, always in one shape and in the same memory."""

    def __init__(self, right: torch.Tensor, count: int) -> None:
        width, columns = right.shape
        fitting = min(BLOCK_BYTES // (4 * width), SCORE_BYTES // (4 * columns))
        self.rows = min(BLOCK_ROWS, max(fitting // QUERY_STEP, 1) * QUERY_STEP)
        self._right, self._count = right, count
        self._left = torch.zeros((self.rows, width))
        self._out = torch.zeros((self.rows, columns))

    def fill(self, start: int, values: npt.NDArray[Any]) -> None:
        """Put vectors in from a row on."""
        if not values.flags.writeable:  # which torch warns of, though it reads only
            values = values.copy()
        # From float16 this is many times as fast as in numpy.
        self._left[start : start + len(values)].copy_(torch.from_numpy(values))

    def scores(self) -> Floats:
        """Return the scores of what is in, float32 (rows, queries), gone with the next."""
        torch.mm(self._left, self._right, out=self._out)
        # What is no number in a vector makes every score of it none: to look at one will do.
        _require_numbers(float(self._out[:, 0].sum()))
        return self._out.numpy()[:, : self._count]


def _padded(queries: Floats) -> torch.Tensor:
    """Return queries as the right side of a product, float32 (width, a multiple of a step)."""
    count, width = queries.shape
    right = torch.zeros((width, -(-count // QUERY_STEP) * QUERY_STEP))
    right[:, :count] = torch.from_numpy(np.ascontiguousarray(queries.T))
    return right


def _require_numbers(total: float) -> None:
    if not isfinite(total):  # the sum of so few numbers no larger than 1 is one itself
        raise StoreError(
            "a vector holds what is no number", hint="Is a file damaged? Restore a backup."
        )
