"""What is kept of scores, task by task: every sample's best."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from catalog.similarity.scoring import Positions
from catalog.vectors import Floats, Ids


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
