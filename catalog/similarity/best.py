"""What is kept of scores, task by task: every sample's best."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.similarity.order import best_first
from catalog.similarity.places import together
from catalog.similarity.scoring import Positions
from catalog.vectors import Floats, Ids

FEW_QUERIES = 32
"""Of so few the first that is best is found fastest by looking at each sample's."""


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
        ends = np.cumsum(sizes).tolist()
        self._parts = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        self._back = np.repeat(np.arange(len(sizes)), sizes) - np.arange(sum(sizes))
        self.scores: Floats = np.full((len(sizes), samples), -np.inf, np.float32)
        self.queries = np.zeros((len(sizes), samples), np.int32)
        self.means = np.zeros((len(sizes), samples if means else 0))

    def add(self, positions: Positions, scores: Floats) -> None:
        """Take a block in."""
        where = together(positions)
        best, first = self._best(np.ascontiguousarray(scores.T))
        self.scores[:, where] = best + np.float32(0)  # of the two zeros either may be the maximum
        self.queries[:, where] = first
        if self.means.size:
            self.means[:, where] = [
                # Row by row, so that a sample's mean does not depend on where in a block it is.
                torch.from_numpy(np.ascontiguousarray(scores[:, part])).mean(
                    dim=1, dtype=torch.float64
                )
                for part in self._parts
            ]

    def reduced(self, scores: torch.Tensor) -> list[torch.Tensor]:
        """Return each task's best scores and the first queries that have them, (tasks, n) both.

        Args:
            scores: float32 (queries, n), on a GPU.
        """
        if self.means.size:
            return [scores]
        best = torch.stack([scores[part].amax(dim=0) for part in self._parts])
        first = [
            # The first of several that are best, which is said of `argmax` on any device.
            (scores[part] == one).to(torch.uint8).argmax(dim=0).to(torch.int32) + part.start
            for part, one in zip(self._parts, best, strict=True)
        ]
        return [best, torch.stack(first)]

    def keep(self, positions: Positions, *reduced: npt.NDArray[Any]) -> None:
        """Take in what `reduced` returned."""
        if self.means.size:
            self.add(positions, reduced[0].T)
            return
        where = together(positions)
        self.scores[:, where] = reduced[0] + np.float32(0)
        self.queries[:, where] = reduced[1]

    def _best(self, scores: Floats) -> tuple[Floats, npt.NDArray[np.int32]]:
        """Return each task's best scores and the first queries that have them, (tasks, n) both.

        Args:
            scores: float32 (queries, n).
        """
        if len(scores) <= FEW_QUERIES:
            return self._best_of_few(scores)
        rows = scores.shape[1]
        best = np.empty((len(self._parts), rows), np.float32)
        equal = np.empty(scores.shape, np.bool_)
        for task, part in enumerate(self._parts):
            np.max(scores[part], axis=0, out=best[task])
            np.equal(scores[part], best[task], out=equal[part])
        # To look for what equals the maximum takes less than numpy's own argmax does.
        found = np.flatnonzero(equal)
        queries = found // rows
        first = np.empty(best.shape, np.int32)
        places = found + self._back[queries] * rows
        first.ravel()[places[::-1]] = queries[::-1]  # of several the first one is written last
        return best, first

    def _best_of_few(self, scores: Floats) -> tuple[Floats, npt.NDArray[np.int32]]:
        best = np.array([scores[part].max(axis=0) for part in self._parts])
        first = [scores[part].argmax(axis=0) + part.start for part in self._parts]
        return best, np.array(first, np.int32)

    def top(self, limit: int, order_keys: Ids) -> Iterator[tuple[Positions, Floats, Ids]]:
        """Give each task's best samples, best first: positions, scores, query numbers."""
        for scores, queries in zip(self.scores, self.queries, strict=True):
            ordered = best_first(scores, limit, order_keys)
            yield ordered, scores[ordered], queries[ordered].astype(np.int64)
