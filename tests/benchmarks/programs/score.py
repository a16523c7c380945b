"""Score a home's only space against its tasks, and multiply matrices of the same shape, in turns.

HOME REPEATS; prints the seconds of every repeat of both.
"""

import json
import sys
from collections.abc import Callable
from time import perf_counter

import click

import catalog
from catalog.spaces import pool_ids, query_ids, the_space
from catalog.store import Store
from catalog.vectors import Vectors


def main(home: str, repeats: int) -> None:
    """Time both sides."""
    import torch

    from catalog.similarity import BLOCK_ROWS, BestPerTask, score

    cat = catalog.open(home)
    with Store(cat.home).read() as reader:
        ids, query_keys, named = pool_ids(reader), query_ids(reader), the_space(reader, None)
    tasks = cat.sql("select query_count from task order by task_id").to_pylist()
    sizes = [task["query_count"] for task in tasks]
    vectors = Vectors(cat.home, named.space, "sample")
    queries = Vectors(cat.home, named.space, "query").of(query_keys.tolist())
    blocks = torch.split(torch.from_numpy(vectors.of(ids.tolist())), BLOCK_ROWS)

    def ours() -> None:
        best = BestPerTask(sizes, len(ids))
        for positions, scores in score(vectors, queries, ids):
            best.add(positions, scores)

    def product() -> None:
        left = torch.from_numpy(queries)
        for block in blocks:
            torch.mm(left, block.T)

    seconds: dict[str, list[float]] = {"ours": [], "product": []}
    for _ in range(repeats):
        for name, side in (("ours", ours), ("product", product)):
            seconds[name].append(_seconds(side))
    click.echo(json.dumps(seconds))


def _seconds(side: Callable[[], None]) -> float:
    started = perf_counter()
    side()
    return perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
