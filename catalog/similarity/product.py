"""Products of queries and blocks of vectors: always in one shape, the last block padded."""

from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.errors import StoreError
from catalog.vectors import Floats

BLOCK_ROWS = 2048
"""Samples in a product, at most."""

BLOCK_BYTES = 1 << 22
"""What their vectors may take: few enough to be in the cache still when they are multiplied."""

SCORE_BYTES = 1 << 21
"""What scores may take, which are looked at right afterwards."""

MOST_BLOCKS = 8
"""Products whose scores are looked at together: of few queries every look costs more than it."""

ROW_STEP = 16
QUERY_STEP = 8
"""Queries are padded to a multiple of this, at which a product is fastest."""


class Product:
    """Multiplies blocks with the queries, in the same memory again and again.

    The queries are the left side: a product with few of them is twice as fast so, and every query's
    scores lie side by side, as looking for the best of them wants it.

    Args:
        left: of `padded`.
        count: how many queries it holds.

    Attributes:
        rows: how many vectors there is room for.
    """

    def __init__(self, left: torch.Tensor, count: int) -> None:
        columns, width = left.shape
        fitting = min(BLOCK_BYTES // (4 * width), SCORE_BYTES // (4 * columns))
        self._step = min(BLOCK_ROWS, max(fitting // ROW_STEP, 1) * ROW_STEP)
        blocks = min(SCORE_BYTES // (4 * columns * self._step), MOST_BLOCKS)
        self.rows = self._step * max(blocks, 1)
        self._left, self._count = left, count
        self._block = torch.zeros((self._step, width))
        self._out = torch.zeros((columns, self.rows))

    def fill(self, start: int, values: npt.NDArray[Any]) -> None:
        """Put vectors in from a row on, right behind those put in before."""
        given = as_tensor(values)
        for place in range(start - start % self._step, start + len(values), self._step):
            part = given[max(place - start, 0) : place - start + self._step]
            first = max(start - place, 0)
            # From float16 this is many times as fast as in numpy.
            self._block[first : first + len(part)].copy_(part)
            if first + len(part) == self._step:
                self._multiply(place)

    def scores(self, rows: int) -> Floats:
        """Return the scores of the first rows, float32 (rows, queries), gone with the next."""
        if rest := rows % self._step:
            self._multiply(rows - rest)
        # What is no number in a vector makes every score of it none: to look at one will do.
        require_numbers(float(self._out[0, :rows].sum()))
        return self._out.numpy()[: self._count, :rows].T

    def _multiply(self, place: int) -> None:
        torch.mm(self._left, self._block.T, out=self._out[:, place : place + self._step])


def as_tensor(values: npt.NDArray[Any]) -> torch.Tensor:
    """Return an array as what torch works on, in the same memory where it may be."""
    if not values.flags.writeable:  # which torch warns of, though it reads only
        values = values.copy()
    return torch.from_numpy(values)


def padded(queries: Floats, step: int = QUERY_STEP) -> torch.Tensor:
    """Return queries as the left side of a product, float32 (a multiple of the step, width)."""
    count, width = queries.shape
    left = torch.zeros((max(-(-count // step), 1) * step, width))
    left[:count] = torch.from_numpy(np.ascontiguousarray(queries))
    return left


def require_numbers(total: float) -> None:
    """Check a sum of scores.

    Raises:
        StoreError: what was summed up holds what is no number.
    """
    if not isfinite(total):  # the sum of so few numbers no larger than 1 is one itself
        raise StoreError(
            "a vector holds what is no number", hint="Is a file damaged? Restore a backup."
        )
