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
SAMPLES_PER_BUCKET = 2
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
        self._first, self._second = hashes[order, 0], hashes[order, 1]
        self._ids = ids[order]
        bits = max(1, (len(ids) // SAMPLES_PER_BUCKET).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(2**bits, dtype=np.uint64) << self._shift
        self._starts = np.searchsorted(self._first, edges)

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
        first, second = np.ascontiguousarray(hashes[:, 0]), hashes[:, 1]
        at = self._starts[(first >> self._shift).astype(np.int64)]
        left = np.flatnonzero(at < len(self._ids))
        while len(left):
            found = self._first[at[left]]
            passed = (found == first[left]) & (self._second[at[left]] != second[left])
            left = left[(found < first[left]) | passed]
            at[left] += 1
            left = left[at[left] < len(self._ids)]
        known = np.flatnonzero(at < len(self._ids))
        place = at[known]
        same = (self._first[place] == first[known]) & (self._second[place] == second[known])
        ids = np.zeros(len(hashes), np.int64)
        ids[known[same]] = self._ids[place[same]]
        return ids


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
