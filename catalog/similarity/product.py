"""Products of queries and blocks of vectors: always in one shape, the last block padded."""

from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.errors import StoreError
from catalog.vectors import Floats

BLOCK_ROWS = 2048
"""Samples in a block, at most."""

BLOCK_BYTES = 1 << 22
"""What a block's vectors may take: few enough to be in the cache still when they are multiplied."""

SCORE_BYTES = 1 << 21
"""What its scores may take, which are looked at right afterwards."""

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
        rows: how many vectors a block has.
    """

    def __init__(self, left: torch.Tensor, count: int) -> None:
        columns, width = left.shape
        fitting = min(BLOCK_BYTES // (4 * width), SCORE_BYTES // (4 * columns))
        self.rows = min(BLOCK_ROWS, max(fitting // ROW_STEP, 1) * ROW_STEP)
        self._left, self._count = left, count
        self._block = torch.zeros((self.rows, width))
        self._out = torch.zeros((columns, self.rows))

    def fill(self, start: int, values: npt.NDArray[Any]) -> None:
        """Put vectors in from a row on."""
        # From float16 this is many times as fast as in numpy.
        self._block[start : start + len(values)].copy_(as_tensor(values))

    def scores(self, rows: int) -> Floats:
        """Return the scores of the first rows, float32 (rows, queries), gone with the next."""
        torch.mm(self._left, self._block.T, out=self._out)
        # What is no number in a vector makes every score of it none: to look at one will do.
        require_numbers(float(self._out[0].sum()))
        return self._out.numpy()[: self._count, :rows].T


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
