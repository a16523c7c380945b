"""Choose by round robin among scores that are there, in turns with numpy.

HOME REPEATS SIZE TASK…; or limits FOLDER SAMPLES WIDTH QUERIES, to do only what is timed last.

With one task lists are kept of what its queries' scores are given, block by block; with several,
each task's best scores are ranked. Prints the seconds of every repeat of each, and for the whole
command the seconds of the least that nobody can leave out: multiplying and reading.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

import catalog
from catalog.home import Home
from catalog.progress import silent
from catalog.selecting.members import members
from catalog.selecting.pool import Pool, read_pool
from catalog.selecting.ranking import Ranker
from catalog.selecting.turns import FirstTurns
from catalog.similarity import TopPerQuery, score
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Store, scratch
from catalog.tasks import resolve, task_queries
from catalog.vectors import Vectors

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
BLOCK_ROWS = 2048
CHUNK_ROWS = 32_768
"""Samples that numpy is given at once: it does better with more than one block."""

READ_BYTES = 1 << 23


def main(home: str, repeats: int, size: int, names: Sequence[str]) -> None:
    """Time all of it."""
    cat = catalog.open(home)
    with Store(cat.home).read() as reader:
        named = the_space(reader, None)
        tasks = [task_queries(reader, resolve(reader, name)) for name in names]
    pool = read_pool(Store(cat.home), None, named, facts=())
    ranker = Ranker(cat.home, named, pool, tasks, silent)
    vectors = Vectors(cat.home, named.space, "sample")
    queries = sum(len(one.query_ids) for one in tasks)
    seconds: dict[str, list[float]] = {}
    for _ in range(repeats):
        if len(tasks) > 1:
            found = several_tasks(cat.home, ranker, pool, size)
            found |= limits(cat.home.vectors, len(pool.ids), named.space.width, queries)
        else:
            lookup = Vectors(cat.home, named.space, "query").lookup()
            matrix = lookup.of(np.array(tasks[0].query_ids, np.int64))
            found = one_task(cat.home, ranker, pool, vectors, matrix, size)
        for name, taken in found.items():
            seconds.setdefault(name, []).append(taken)
    click.echo(json.dumps(seconds))


def several_tasks(home: Home, ranker: Ranker, pool: Pool, size: int) -> dict[str, float]:
    """Choose by the tasks' best scores."""
    scores = ranker.best().scores
    return {
        "ours": _seconds(lambda: by_rule(home, ranker.first_places(size), pool, size)),
        "numpy": _seconds(lambda: by_numpy(scores, size)),
    }


def by_rule(home: Home, places: pa.Table, pool: Pool, size: int) -> None:
    """Run the shipped rule, and bring what it gives into the form that is frozen."""
    rule = load("select/round_robin")
    with scratch({"ranking": places}, home.settings.memory_limit) as reader:
        assert len(members(reader.arrow(rule, size=size), rule.name, pool.ids)) == size


def by_numpy(scores: Floats, size: int) -> Ids:
    """Rank every list, and take the smallest turns."""
    lists, samples = scores.shape
    turns = np.full(samples, np.iinfo(np.int64).max)
    for number, own in enumerate(scores):
        order = np.argsort(-own)
        turns[order] = np.minimum(turns[order], np.arange(samples) * lists + number)
    return np.argsort(turns)[:size]


def one_task(
    home: Home, ranker: Ranker, pool: Pool, vectors: Vectors, matrix: Floats, size: int
) -> dict[str, float]:
    """Choose by each query's best samples; making the scores does not count."""
    limit = ranker.first_limit(size)
    top = TopPerQuery(len(matrix), limit, pool.samples["order_key"].to_numpy())
    peer = _Numpy(len(matrix), min(-(-2 * size // len(matrix)), len(pool.ids)))
    taken = {"ours": 0.0, "numpy": 0.0}

    def take(positions: Ids, scores: Floats) -> None:
        taken["ours"] += _seconds(lambda: top.add(positions, scores))
        taken["numpy"] += peer.add(positions, scores)

    torch.set_num_threads(1)  # one thread gives blocks, so that each side is timed alone
    score(vectors, matrix, pool.ids, take)

    def ours() -> None:
        turns = FirstTurns(len(pool.ids), len(matrix))
        turns.add_all(top.top())
        assert turns.met >= size, "lists were too short for this pool"
        first = turns.first(size)
        ranks, numbers = np.divmod(turns.turns[first], len(matrix))
        found = (turns.scores[first], turns.queries[first])
        by_rule(home, ranker.places(numbers.astype(np.int32), ranks, first, *found), pool, size)

    taken["ours"] += _seconds(ours)
    taken["numpy"] += _seconds(lambda: peer.chosen(len(pool.ids), size))
    return taken


class _Numpy:
    """What somebody with numpy would do: the best of every chunk, and of these the best."""

    def __init__(self, queries: int, limit: int) -> None:
        self._limit, self._filled = limit, 0
        self._chunk = np.empty((CHUNK_ROWS + BLOCK_ROWS, queries), np.float32)
        self._places = np.empty(CHUNK_ROWS + BLOCK_ROWS, np.int64)
        self._kept: list[tuple[Ids, Floats]] = []

    def add(self, positions: Ids, scores: Floats) -> float:
        """Take a block in, and return the seconds of looking at a chunk if one is full."""
        end = self._filled + len(positions)
        self._chunk[self._filled : end], self._places[self._filled : end] = scores, positions
        self._filled = end
        return _seconds(self._reduce) if end >= CHUNK_ROWS else 0.0

    def _reduce(self) -> None:
        scores = np.ascontiguousarray(self._chunk[: self._filled].T)
        limit = min(self._limit, self._filled)
        best = np.argpartition(scores, self._filled - limit, axis=1)[:, self._filled - limit :]
        self._kept.append((self._places[best], np.take_along_axis(scores, best, axis=1)))
        self._filled = 0

    def chosen(self, samples: int, size: int) -> Ids:
        """Return what round robin takes."""
        if self._filled:
            self._reduce()
        places, scores = (np.concatenate(part, axis=1) for part in zip(*self._kept, strict=True))
        order = np.argsort(-scores, axis=1)[:, : self._limit]
        turns = np.full(samples, np.iinfo(np.int64).max)
        for number, own in enumerate(np.take_along_axis(places, order, axis=1)):
            turns[own] = np.minimum(turns[own], np.arange(len(own)) * len(order) + number)
        return np.argsort(turns)[:size]


def limits(folder: Path, samples: int, width: int, queries: int) -> dict[str, float]:
    """Return the seconds of multiplying and of reading."""
    return {
        "product": _seconds(lambda: multiply(samples, width, queries)),
        "reading": _seconds(lambda: read(folder)),
    }


def multiply(samples: int, width: int, queries: int) -> None:
    """Multiply as many numbers as scoring has to."""
    random = np.random.default_rng(0)
    left = torch.from_numpy(random.standard_normal((BLOCK_ROWS, width), np.float32))
    right = torch.from_numpy(random.standard_normal((width, queries), np.float32))
    product = torch.zeros((BLOCK_ROWS, queries))
    for _ in range(-(-samples // BLOCK_ROWS)):
        torch.mm(left, right, out=product)


def read(folder: Path) -> None:
    """Read all vectors' files, and do nothing with them."""
    room = bytearray(READ_BYTES)
    for path in folder.rglob("*.lance"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(room):
                    pass


def _seconds(step: Callable[[], object]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1] == "limits":
        click.echo(json.dumps(limits(Path(sys.argv[2]), *map(int, sys.argv[3:]))))
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
