"""Scores in blocks of one fixed shape, the last ones padded, on every core at once.

Every thread reads, multiplies and gives away blocks of its own with one core: none waits for
another, nothing is split between them, and so how many there are changes no bit. Where there is a
GPU, it multiplies.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Event, Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from catalog.home import Home
from catalog.model import NamedSpace
from catalog.pieces import Piece
from catalog.similarity.device import DeviceProduct, threads_for
from catalog.similarity.product import Product, padded, require_numbers
from catalog.vectors import Floats, Ids, Vectors

Positions = npt.NDArray[np.int64]
Take = Callable[[Positions, Floats], None]
"""Takes in positions of samples (n,) and their scores, float32 (n, queries)."""


class Keeper(Protocol):
    """Takes in scores, and can be given what matters of them alone, found out on a GPU."""

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in, as a `Take` does."""

    def reduced(self, scores: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return what matters of scores (queries, n)."""

    def keep(self, positions: Positions, *reduced: npt.NDArray[Any]) -> None:
        """Take that in."""


def score(
    vectors: Vectors,
    queries: Floats,
    ids: Ids,
    take: Take | Keeper,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Score every query against the chosen samples of a space, block by block.

    Args:
        vectors: of the pool.
        queries: float32 (queries, width), of length 1.
        ids: the samples to score, ascending; a position is a place in it.
        take: is given blocks of samples in any order, each sample once, by several threads at the
            same time; what a block holds is gone when it returns. A keeper is given less by a GPU.
        progress: is told how many samples were scored, now and then.

    Raises:
        StoreError: a vector holds what is no number.
    """
    require_numbers(float(queries.sum()))
    if not len(ids):
        return
    make, threads = _products(queries)
    scoring = _Scoring(vectors.pieces(), make, ids, take)
    before = torch.get_num_threads()
    with _full_precision(), ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(scoring.work) for _ in range(threads)]
        try:
            scoring.wait(working, progress)
        finally:
            scoring.ended.set()
    torch.set_num_threads(before)  # the threads set it to one, for all that are started later
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
    return scores_among(found, queries)


def scores_among(vectors: npt.NDArray[Any], queries: Floats) -> Floats:
    """Return the scores of a few vectors in memory, with the very bits that `score` gives them.

    Args:
        vectors: (vectors, width), in their stored dtype or float32.
        queries: float32 (queries, width), of length 1.

    Returns:
        float32 (vectors, queries).

    Raises:
        StoreError: a vector holds what is no number.
    """
    make, _ = _products(queries)
    scores = np.empty((len(vectors), len(queries)), np.float32)
    # One thread is enough for a few, and waits for no other on a busy machine.
    with _full_precision(), _one_thread():
        product = make()
        for start in range(0, len(vectors), product.rows):
            part = vectors[start : start + product.rows]
            product.fill(0, part)
            scores[start : start + len(part)] = product.scores(len(part))
    return scores


Make = Callable[[], Product | DeviceProduct]


def _products(queries: Floats) -> tuple[Make, int]:
    """Return what makes a thread's products, and how many threads there should be."""
    threads = torch.get_num_threads()
    if not torch.cuda.is_available():
        return partial(Product, padded(queries), len(queries)), threads
    (count, width), (free, _) = queries.shape, torch.cuda.mem_get_info()
    make = partial(DeviceProduct, queries, torch.device("cuda"))
    return make, threads_for(count, width, free, threads)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Multiply with one core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply float32 as such, whatever the process does otherwise."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class _Scoring:
    """What the threads share."""

    def __init__(self, pieces: Iterator[Piece], make: Make, ids: Ids, take: Take | Keeper) -> None:
        self.ended = Event()
        self._pieces, self._lock = pieces, Lock()
        self._make, self._take = make, take
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
        product = self._make()
        positions, filled = np.empty(product.rows, np.int64), 0
        for inside, values in self._chosen():
            start = 0
            while start < len(inside):
                rows = min(product.rows - filled, len(inside) - start)
                product.fill(filled, values[start : start + rows])
                positions[filled : filled + rows] = inside[start : start + rows]
                start, filled = start + rows, filled + rows
                if filled == product.rows:
                    self._give(positions, product)
                    filled = 0
            self._done.put(len(inside))  # not for every block: to wake who waits takes its time
        if filled and not self.ended.is_set():
            self._give(positions[:filled], product)

    def _chosen(self) -> Iterator[tuple[Positions, npt.NDArray[Any]]]:
        """Give the chosen ones of pieces that no other thread has: positions and vectors."""
        room = np.empty(0, np.uint8)
        while not self.ended.is_set():
            with self._lock:
                piece = next(self._pieces, None)
            if piece is None:
                return
            inside = self._positions(piece.ids)
            chosen = inside >= 0
            if not chosen.any():
                continue
            if len(room) < piece.room_bytes:
                room = np.empty(piece.room_bytes, np.uint8)
            values = piece.read(room)
            yield (inside, values) if chosen.all() else (inside[chosen], values[chosen])

    def _positions(self, ids: Ids) -> Positions:
        """Return the places of ids, -1 for those that are not to be scored."""
        known = np.clip(ids, 0, len(self._place) - 1)
        return np.where(ids == known, self._place[known], -1)

    def _give(self, positions: Positions, product: Product | DeviceProduct) -> None:
        take, rows = self._take, len(positions)
        if callable(take):
            take(positions, product.scores(rows))
        elif isinstance(product, DeviceProduct):
            take.keep(positions, *product.reduced(rows, take.reduced))
        else:
            take.add(positions, product.scores(rows))
