"""Which rows of a batch a sampler gave again, only so that every process has as many."""

from collections.abc import Callable
from typing import Any


def real_rows(loader: Any) -> Callable[[int], int] | None:  # noqa: ANN401
    """Return how many rows of this process's n-th batch of an epoch (from 0) are no repeats.

    As `accelerate` shards batches, place `p` of the sampler's order is in batch `p // size`, and
    places past the end are the beginning given again. None where the loader does not work so.

    Args:
        loader: as `accelerate` prepared it.
    """
    shard: Any = getattr(loader, "batch_sampler", None)
    sampler = getattr(getattr(shard, "batch_sampler", None), "sampler", None)
    size = getattr(shard, "batch_size", None)
    if not getattr(shard, "even_batches", False) or sampler is None or not size:
        return None
    total, processes, process = len(sampler), shard.num_processes, shard.process_index
    if shard.split_batches:
        part = size // processes
        return lambda number: max(min(total - number * size - process * part, part), 0)
    return lambda number: max(min(total - (number * processes + process) * size, size), 0)
