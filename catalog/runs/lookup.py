"""Content hashes as the catalog's own ids, by the million: a hash says itself where to look."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.home import Home
from catalog.ledger.segments import HASH_BYTES
from catalog.sql import load
from catalog.store import Store

Ids = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
ROWS_PER_BATCH = 500_000


MIXED_BY = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
"""Odd, so that nothing is lost. Made-up hashes may differ in their last bits alone."""


class Lookup:
    """Which sample a content hash stands for; 40 bytes of memory per sample, and exact.

    The leading bits of a number that is mixed from a hash are an index into the sorted list of
    them, and a step or two from there find each one: ten times faster than a join, which builds
    its table anew for every batch, and than a binary search.

    Args:
        hashes: as `words` gives them, shape (samples, 4); none twice.
        ids: what each stands for, shape (samples,).
    """

    def __init__(self, hashes: Words, ids: Ids) -> None:
        order = np.argsort(hashes[:, 0])
        # What is looked at together lies together: one row, one cache line.
        self._rows = np.zeros((len(ids) + 1, 5), np.uint64)
        self._rows[:-1, :4], self._rows[:-1, 4] = hashes[order], ids[order].view(np.uint64)
        self._rows[-1, 0] = 2**64 - 1
        bits = max(1, len(ids).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._starts = np.searchsorted(self._rows[:-1, 0], edges).astype(np.uint32)

    @classmethod
    def of(cls, home: Home) -> "Lookup":
        """Return one for all samples and for the hashes that have ids without a sample."""
        hashes, ids = [np.zeros((0, 4), np.uint64)], [np.zeros(0, np.int64)]
        with Store(home).read() as reader:
            for batch in reader.batches(load("runs/hashes"), ROWS_PER_BATCH):
                hashes.append(words(batch["content_hash"]))
                ids.append(batch["sample_id"].to_numpy())
        return cls(np.concatenate(hashes), np.concatenate(ids))

    def ids(self, hashes: Words) -> Ids:
        """Return the id of each hash, 0 where there is none.

        Args:
            hashes: as `words` gives them, shape (hashes, 4).
        """
        keys = np.ascontiguousarray(hashes[:, 0])
        at = self._starts[(keys >> self._shift).astype(np.int64)].astype(np.int64)
        found = self._rows[at]
        left = np.flatnonzero(found[:, 0] < keys)
        while len(left):
            at[left] += 1
            found[left] = rows = self._rows[at[left]]
            left = left[rows[:, 0] < keys[left]]
        same = _same(found, hashes)
        # Two that are mixed to one number are next to each other.
        left = np.flatnonzero((found[:, 0] == keys) & ~same)
        while len(left):
            at[left] += 1
            left = left[at[left] < len(self._rows)]
            found[left] = rows = self._rows[at[left]]
            same[left] = _same(rows, hashes[left])
            left = left[(rows[:, 0] == keys[left]) & ~same[left]]
        return np.where(same, found[:, 4].view(np.int64), 0)


def _same(rows: Words, hashes: Words) -> npt.NDArray[np.bool_]:
    """Tell which rows are of the very hashes that are looked for."""
    same: npt.NDArray[np.bool_] = rows[:, 0] == hashes[:, 0]
    for word in (1, 2, 3):
        same &= rows[:, word] == hashes[:, word]
    return same


def words(column: pa.Array | pa.ChunkedArray) -> Words:
    """Return each hash as four 64-bit words, the first of them mixed from all, shape (hashes, 4).

    The first and the other three together say all that the hash says.

    Args:
        column: binary, 32 bytes each, without nulls.

    >>> words(pa.array([bytes(31) + b"a"]))[0].tolist()
    [12898309332789100544, 0, 0, 6989586621679009792]
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(array):
        return np.zeros((0, 4), np.uint64)
    if not pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary(HASH_BYTES))
    raw = np.frombuffer(array.buffers()[1], np.uint64, 4 * len(array), HASH_BYTES * array.offset)
    found = raw.reshape(-1, 4).copy()
    found[:, 0] = found @ MIXED_BY
    return found
