"""Select as the official scripts do, in Python's own lists and dicts: SAMPLES POOL SHARE QUERIES…

QUERIES says how many each task has. Scores are kept in one dict per query, and a task's best in
one per task; its samples are sorted, and the tasks take turns popping the first of theirs. The
former is timed with few samples and all queries, the latter with a larger pool; prints both.
"""

import json
import sys
from random import Random
from time import perf_counter

import click


def main(samples: int, pool: int, share: float, sizes: list[int]) -> None:
    """Time both steps."""
    random = Random(0)
    given = [[[random.random() for _ in range(samples)] for _ in range(size)] for size in sizes]
    started = perf_counter()
    for task in given:
        ranked(task)
    scored = perf_counter() - started
    orders = [sorted(range(pool), key=lambda _: random.random()) for _ in sizes]
    started = perf_counter()
    assert len(popped(orders, int(pool * share))) == int(pool * share)
    click.echo(json.dumps({"ranking": scored, "popping": perf_counter() - started}))


def ranked(task: list[list[float]]) -> list[tuple[int, float]]:
    """Return a task's samples by their best score over its queries."""
    scores = {
        query: {sample: own[sample] for sample in range(len(own))} for query, own in enumerate(task)
    }
    best: dict[int, float] = {}
    for own in scores.values():
        for sample, value in own.items():
            best[sample] = max(best.get(sample, value), value)
    return sorted(best.items(), key=lambda entry: entry[1], reverse=True)


def popped(orders: list[list[int]], size: int) -> list[int]:
    """Let the lists take turns until there are enough."""
    taken: dict[int, None] = {}
    while len(taken) < size:
        for order in orders:
            if order and len(taken) < size:
                taken.setdefault(order.pop(0))
    return list(taken)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), list(map(int, sys.argv[4:])))
