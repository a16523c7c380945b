"""Products of queries and blocks of vectors on a GPU.

Every thread has a block of its own in pinned memory, and a stream: while the block of one is copied
and multiplied, others read theirs. All products have one shape, whatever memory is free and however
many queries there are, since that decides how a GPU adds up, and so the bits. They are those of
float32, but not those of a CPU.

What is here was run on a CPU, as tests do, and not yet on a GPU.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy.typing as npt
import torch

from catalog.similarity.product import as_tensor, padded, require_numbers
from catalog.vectors import Floats

BLOCK_ROWS = 16384
"""Samples in a block, at most."""

BLOCK_BYTES = 1 << 26
"""What its vectors may take in float32."""

QUERIES = 128
"""Queries in one product."""

SHARE = 0.5
"""Of the memory that is free, how much may be taken."""

MOST_THREADS = 8

Reduce = Callable[[torch.Tensor], Sequence[torch.Tensor]]


class DeviceProduct:
    """Multiplies blocks with the queries, in the same memory again and again.

    Args:
        queries: float32 (queries, width).
        device: to compute on.

    Attributes:
        rows: how many vectors a block has.
    """

    def __init__(self, queries: Floats, device: torch.device) -> None:
        self._count, width = queries.shape
        self.rows = block_rows(width)
        self._on_gpu = device.type == "cuda"
        self._stream: Any = None
        if self._on_gpu:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        with self._streaming():
            self._left = padded(queries, QUERIES).to(device)
            self._block = torch.zeros((self.rows, width), device=device)
            self._out = torch.zeros((len(self._left), self.rows), device=device)
        self._staged = self._raw = torch.zeros(0)

    def fill(self, start: int, values: npt.NDArray[Any]) -> None:
        """Put vectors in from a row on, in the dtype of the first ones."""
        given = as_tensor(values)
        if not len(self._staged):
            shape = self._block.shape
            self._staged = torch.zeros(shape, dtype=given.dtype, pin_memory=self._on_gpu)
            with self._streaming():
                self._raw = torch.zeros(shape, dtype=given.dtype, device=self._block.device)
        self._staged[start : start + len(values)].copy_(given)

    def scores(self, rows: int) -> Floats:
        """Return the scores of the first rows, float32 (rows, queries)."""
        [scores] = self.reduced(rows, lambda scores: [scores])
        return scores.T

    def reduced(self, rows: int, reduce: Reduce) -> list[npt.NDArray[Any]]:
        """Return what becomes of the scores of the first rows, (queries, rows), on the device."""
        with self._streaming():
            # Copied as they are stored: what is converted on the way is converted before.
            self._raw.copy_(self._staged, non_blocking=True)
            self._block.copy_(self._raw)
            for start in range(0, len(self._left), QUERIES):
                part = slice(start, start + QUERIES)
                torch.mm(self._left[part], self._block.T, out=self._out[part])
            total = self._out[0].sum()
            found = reduce(self._out[: self._count, :rows])
            given = [one.cpu().numpy() for one in found]  # which waits for all before it
        require_numbers(float(total))
        return given

    def _streaming(self) -> AbstractContextManager[Any]:
        return torch.cuda.stream(self._stream) if self._stream else nullcontext()


def block_rows(width: int) -> int:
    """Return how many vectors a block has.

    >>> block_rows(384), block_rows(4096)
    (16384, 4096)
    """
    return max(min(BLOCK_ROWS, BLOCK_BYTES // (4 * width)) // QUERIES, 1) * QUERIES


def threads_for(count: int, width: int, free_bytes: int, threads: int) -> int:
    """Return how many threads may have a block of their own, of so many, at least one.

    >>> [threads_for(949, 384, free, 16) for free in (10**9, 10**11)]
    [2, 8]
    """
    columns = max(-(-count // QUERIES), 1) * QUERIES
    # Vectors as they are stored and in float32, scores, and as much again to look at them.
    each = block_rows(width) * 8 * (width + columns)
    return max(min(int(free_bytes * SHARE // each), MOST_THREADS, threads), 1)
