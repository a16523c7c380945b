"""What bars a sample during a walk: its source has its share, or it is too near to one taken.

A barred sample stays barred: caps only fill up, and what was taken stays taken.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.vectors import Floats, Ids, Lookup

AHEAD = 256
"""Samples compared at once with all that were taken: as many as come next in the walk."""

TAKEN_STEP = 4096
"""Vectors that were taken are padded to a multiple of this: same shapes, same bits."""


class Bar(Protocol):
    """One constraint on what a walk takes."""

    def admits(self, position: int) -> bool:
        """Tell whether the sample at this position of the pool may be taken now."""

    def take(self, position: int) -> None:
        """Hear that it was taken."""


class SourceCap:
    """Lets every source have so many members; a sample counts for its first source.

    Args:
        sources: of every sample of the pool, by position.
        most: members that one source may have.
    """

    def __init__(self, sources: pa.ChunkedArray, most: int) -> None:
        self._source = sources.combine_chunks().dictionary_encode().indices.to_numpy()
        self._left = np.full(int(self._source.max(initial=-1)) + 1, most)

    def admits(self, position: int) -> bool:
        """Tell whether its source has room."""
        return bool(self._left[self._source[position]] > 0)

    def take(self, position: int) -> None:
        """Count it for its source."""
        self._left[self._source[position]] -= 1


class NearDuplicates:
    """Passes over samples whose cosine to one already taken is above a threshold.

    Args:
        vectors: of the space.
        ids: of every sample of the pool, by position.
        order: positions in the order in which a walk without bars would come to them.
        cosine: the threshold.
    """

    def __init__(
        self, vectors: Lookup, ids: Ids, order: npt.NDArray[np.int64], cosine: float
    ) -> None:
        self._vectors, self._ids, self._cosine = vectors, ids, cosine
        self._order = order
        self._place = np.full(len(ids), len(order), np.int64)
        self._place[order[::-1]] = np.arange(len(order))[::-1]
        self._compared = np.full(len(ids), -1, np.int64)
        self._near = np.zeros(len(ids), np.bool_)
        self._held: dict[int, Floats] = {}
        self._taken: Floats = np.zeros((TAKEN_STEP, vectors.width), np.float32)
        self._count = 0

    def admits(self, position: int) -> bool:
        """Tell whether it is far enough from all that were taken."""
        if self._compared[position] < 0:
            self._compare_ahead(position)
        if not self._near[position] and self._compared[position] < self._count:
            since = self._taken[self._compared[position] : self._count]
            self._near[position] = bool((since @ self._held[position]).max() > self._cosine)
            self._compared[position] = self._count
        if self._near[position]:
            self._held.pop(position, None)
        return not self._near[position]

    def take(self, position: int) -> None:
        """Compare what comes later with it."""
        if self._count == len(self._taken):
            more: Floats = np.zeros_like(self._taken)
            self._taken = np.concatenate([self._taken, more])
        self._taken[self._count] = self._held.pop(position)
        self._count += 1

    def _compare_ahead(self, position: int) -> None:
        """Compare a sample, and those that come next, with all that were taken so far."""
        place = self._place[position]
        coming = self._order[place : place + 4 * AHEAD]
        coming = coming[self._compared[coming] < 0][:AHEAD]
        if position not in coming:
            coming = np.append(coming[: AHEAD - 1], position)
        block: Floats = np.zeros((AHEAD, self._taken.shape[1]), np.float32)
        block[: len(coming)] = self._vectors.of(self._ids[coming])
        best = np.full(AHEAD, -np.inf, np.float32)
        for start in range(0, self._count, TAKEN_STEP):
            scores = block @ self._taken[start : start + TAKEN_STEP].T
            scores[:, self._count - start :] = -np.inf
            best = np.maximum(best, scores.max(axis=1))
        self._near[coming] = best[: len(coming)] > self._cosine
        self._compared[coming] = self._count
        for row, one in enumerate(coming.tolist()):
            if not self._near[one]:
                self._held[one] = block[row].copy()


def admitted(bars: Sequence[Bar], position: int) -> bool:
    """Tell whether no bar stands in the way of a sample."""
    return all(bar.admits(position) for bar in bars)
