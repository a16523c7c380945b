"""Select by round robin, step by step, each step in turns with the least that it could take.

HOME REPEATS SIZE TASK…; prints the seconds of every repeat of each.
"""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import perf_counter

import click
import numpy as np
import pyarrow as pa

import catalog
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import silent
from catalog.selecting.pool import Pool, read_pool
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Reader, Store, scratch
from catalog.tasks import TaskQueries, resolve, task_queries
from catalog.vectors import Vectors


def main(home: str, repeats: int, size: int, names: Sequence[str]) -> None:
    """Time all steps."""
    cat = catalog.open(home)
    with Store(cat.home).read() as reader:
        named = the_space(reader, None)
        tasks = [task_queries(reader, resolve(reader, name)) for name in names]
    pool = read_pool(Store(cat.home), None, named)
    steps = {**scoring(cat.home, named, pool, tasks, size), **choosing(cat.home, size)}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            seconds[name].append(_seconds(step))
    click.echo(json.dumps(seconds))


ranked: list[pa.Table] = []
"""What the last scoring gave, for the rule to choose from."""


def scoring(
    home: Home, named: NamedSpace, pool: Pool, tasks: Sequence[TaskQueries], size: int
) -> dict[str, Callable[[], None]]:
    """Return how we score, and the two things that nobody could leave out."""
    import torch

    from catalog.selecting.ranking import Ranker
    from catalog.similarity.scoring import BLOCK_ROWS

    vectors = Vectors(home, named.space, "sample")
    queries = sum(len(entry.query_ids) for entry in tasks)
    random = np.random.default_rng(0)
    width = named.space.width
    left = torch.from_numpy(random.standard_normal((BLOCK_ROWS, width), np.float32))
    right = torch.from_numpy(random.standard_normal((width, queries), np.float32))
    product = torch.zeros((BLOCK_ROWS, queries))

    def ours() -> None:
        ranker = Ranker(home, named, pool, tasks, silent)
        ranked[:] = [ranker.rank(-(-2 * size // ranker.lists))]

    def products() -> None:
        for _ in range(-(-len(pool.ids) // BLOCK_ROWS)):
            torch.mm(left, right, out=product)

    def reading() -> None:
        for _ in vectors.scan():
            pass

    return {"scoring": ours, "product": products, "reading": reading}


def choosing(home: Home, size: int) -> dict[str, Callable[[], None]]:
    """Return the rule in SQL, with DuckDB running or not yet, and in numpy, over the same lists."""
    rule = load("select/round_robin")
    opened = ExitStack()  # closed as the program ends

    def in_sql() -> None:
        if not open_:
            open_.append(opened.enter_context(scratch({}, home.settings.memory_limit)))
        open_[0].register("ranking", ranked[0])
        assert open_[0].arrow(rule, size=size).num_rows == size

    def started() -> None:
        with scratch({"ranking": ranked[0]}, home.settings.memory_limit) as reader:
            assert reader.arrow(rule, size=size).num_rows == size

    open_: list[Reader] = []

    def in_numpy() -> None:
        table = ranked[0]
        lists, ids, keys, scores = (
            table[name].to_numpy() for name in ("list", "sample_id", "order_key", "score")
        )
        count = int(table["lists"][0].as_py())
        turns = np.full(int(ids.max()) + 1, np.iinfo(np.int64).max)
        for number in range(count):
            rows = slice(*np.searchsorted(lists, [number, number + 1]))
            ordered = ids[rows][np.lexsort((keys[rows], -scores[rows]))]
            own = np.arange(len(ordered)) * count + number
            turns[ordered] = np.minimum(turns[ordered], own)
        assert turns[np.argsort(turns)[:size]].max() < np.iinfo(np.int64).max

    return {"sql": in_sql, "sql with start": started, "numpy": in_numpy}


def _seconds(step: Callable[[], None]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
