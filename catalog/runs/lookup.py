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


class Lookup:
    """Which sample a content hash stands for; 24 bytes of memory per sample.

    Hashes are evenly spread, so their leading bits are an index into their sorted list, and a few
    steps from there find each one: ten times faster than a join, which builds its table anew for
    every batch, and than a binary search. Half of the 32 bytes decide: SHA-256 has no two alike.

    Args:
        hashes: as `words` gives them, shape (samples, 2); none twice.
        ids: what each stands for, shape (samples,).
    """

    def __init__(self, hashes: Words, ids: Ids) -> None:
        order = np.argsort(hashes[:, 0])
        # What is looked at together lies together: one row, one cache line.
        self._rows = np.empty((len(ids) + 1, 3), np.uint64)
        self._rows[:-1, :2], self._rows[:-1, 2] = hashes[order], ids[order].view(np.uint64)
        self._rows[-1] = (2**64 - 1, 0, 0)
        bits = max(1, len(ids).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._starts = np.searchsorted(self._rows[:-1, 0], edges).astype(np.uint32)

    @classmethod
    def of(cls, home: Home) -> "Lookup":
        """Return one for all samples and for the hashes that have ids without a sample."""
        hashes, ids = [np.zeros((0, 2), np.uint64)], [np.zeros(0, np.int64)]
        with Store(home).read() as reader:
            for batch in reader.batches(load("runs/hashes"), ROWS_PER_BATCH):
                hashes.append(words(batch["content_hash"]))
                ids.append(batch["sample_id"].to_numpy())
        return cls(np.concatenate(hashes), np.concatenate(ids))

    def ids(self, hashes: Words) -> Ids:
        """Return the id of each hash, 0 where there is none.

        Args:
            hashes: as `words` gives them, shape (hashes, 2).
        """
        first, second = np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
        at = self._starts[(first >> self._shift).astype(np.int64)].astype(np.int64)
        found = self._rows[at]
        left = np.flatnonzero(_is_before(found, first, second))
        while len(left):
            at[left] += 1
            left = left[at[left] < len(self._rows)]
            found[left] = rows = self._rows[at[left]]
            left = left[_is_before(rows, first[left], second[left])]
        same = (found[:, 0] == first) & (found[:, 1] == second)
        return np.where(same, found[:, 2].view(np.int64), 0)


def _is_before(rows: Words, first: Words, second: Words) -> npt.NDArray[np.bool_]:
    """Tell which rows come before the hashes that are looked for, or only begin like them."""
    alike = (rows[:, 0] == first) & (rows[:, 1] != second)
    before: npt.NDArray[np.bool_] = (rows[:, 0] < first) | alike
    return before


def words(column: pa.Array | pa.ChunkedArray) -> Words:
    """Return the first half of each hash as two 64-bit words, shape (hashes, 2).

    Args:
        column: binary, 32 bytes each, without nulls.

    >>> words(pa.array([bytes(7) + b"a" + bytes(24)]))[0].tolist()
    [97, 0]
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(array):
        return np.zeros((0, 2), np.uint64)
    if not pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary(HASH_BYTES))
    raw = np.frombuffer(array.buffers()[1], ">u8", 4 * len(array), HASH_BYTES * array.offset)
    return raw.reshape(-1, 4)[:, :2].astype(np.uint64)
