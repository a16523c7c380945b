"""Runs of words as 64-bit hashes, whole arrays at a time, and tables that find them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

WordIds = npt.NDArray[np.int32]
"""Words by number; 0 is a word of no item, or a border between texts."""

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SIEVE_BITS = 25
_EXPANDED = 1 << 16
"""Places that are paired with items at once: a run may stand in many items."""


def codes(ids: WordIds) -> Hashes:
    """Return a 64-bit code for every word number, the same on every machine (SplitMix64)."""
    code = (ids.astype(np.uint64) + np.uint64(1)) * _STEP
    code = (code ^ (code >> np.uint64(30))) * _MIX[0]
    code = (code ^ (code >> np.uint64(27))) * _MIX[1]
    return np.asarray(code ^ (code >> np.uint64(31)))


def rolling(ids: WordIds, lengths: list[int]) -> Iterator[tuple[int, Hashes]]:
    """Hash every run of some lengths, the shorter ones on the way to the longer.

    Args:
        ids: words, int32 (n,).
        lengths: in words, ascending.

    Yields:
        A length and a uint64 array (n - length + 1,), by the position at which a run begins; empty
        where the text is shorter. The array is used again for the next length.
    """
    code = codes(ids)
    whole = np.zeros(len(ids), np.uint64)
    for offset in range(min(max(lengths, default=0), len(ids))):
        whole[: len(ids) - offset] *= _STEP
        whole[: len(ids) - offset] += code[offset:]
        if offset + 1 in lengths:
            yield offset + 1, whole[: len(ids) - offset]


def inside(ids: WordIds, length: int) -> npt.NDArray[np.bool_]:
    """Tell for every run of a length whether all its words are known, bool (n - length + 1,)."""
    before = np.concatenate([[0], np.cumsum(ids == 0, dtype=np.int64)])
    return np.asarray(before[length:] == before[: len(ids) - length + 1])


class Table:
    """Runs of one length among the words of items, found by what they say.

    Args:
        ids: the items' words, int32.
        length: of the runs, in words.
        starts: where in `ids` the runs begin, int64.
    """

    def __init__(self, ids: WordIds, length: int, starts: Positions) -> None:
        self.length = length
        self._ids = ids
        hashes = np.zeros(0, np.uint64)
        for _, whole in rolling(ids, [length]):
            hashes = whole[starts]
        order = np.argsort(hashes, kind="stable")
        self._starts = starts[order]
        self._hashes, self._first, self._count = np.unique(
            hashes[order], return_index=True, return_counts=True
        )
        # Few runs of the pool get past the sieve to the search, which is much slower.
        bits = min(_SIEVE_BITS, 4 + len(self._hashes).bit_length())
        self._shift = np.uint64(64 - bits)
        self._sieve = np.zeros(1 << bits, np.bool_)
        self._sieve[self._hashes >> self._shift] = True

    def find(self, ids: WordIds, hashes: Hashes) -> Iterator[tuple[Positions, Positions]]:
        """Find the table's runs in a text; words are compared, so that no chance hash counts.

        Args:
            ids: the text's words, int32 (n,), by the same numbers.
            hashes: of its runs, as `rolling` gives them.

        Yields:
            Positions in the text and, beside each, where the same run begins among the items.
        """
        places = np.flatnonzero(self._sieve[hashes >> self._shift])
        if not len(places) or not len(self._hashes):
            return
        slots = np.searchsorted(self._hashes, hashes[places])
        slots[slots == len(self._hashes)] = 0
        same = self._hashes[slots] == hashes[places]
        places, slots = places[same], slots[same]
        for some in np.array_split(np.arange(len(places)), len(places) // _EXPANDED + 1):
            yield self._expand(ids, places[some], slots[some])

    def _expand(
        self, ids: WordIds, places: Positions, slots: Positions
    ) -> tuple[Positions, Positions]:
        """Pair every place with all runs of its slot that hold the very words."""
        count = self._count[slots]
        ends = np.cumsum(count)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
        places = np.repeat(places, count)
        starts = self._starts[np.repeat(self._first[slots], count) + within]
        same = np.ones(len(places), np.bool_)
        for offset in range(self.length):
            same &= ids[places + offset] == self._ids[starts + offset]
        return places[same], starts[same]
