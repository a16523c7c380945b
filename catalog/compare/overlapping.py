"""What sets of samples have in common, beside what chance would give them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from catalog.compare.comparison import Overlap
from catalog.compare.members import Members
from catalog.compare.spread import spread
from catalog.vectors import Ids

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """A column whose overlaps are wanted.

    Attributes:
        key: of the column.
        draws: what it holds; one for a snapshot.
        pool: what they were chosen from, or None if that is not known.
    """

    key: str
    draws: Sequence[Members]
    pool: Members | None


def overlaps(entries: Sequence[Entry], ids: Ids) -> Iterator[Overlap]:
    """Give what every pair of columns has in common.

    Draws of one seed are no two draws: by any rule they begin with the same samples, so they are
    not held against each other.

    Args:
        entries: the columns.
        ids: of all samples in them and their pools, ascending.
    """
    draws = [[_bits(one, ids) for one in entry.draws] for entry in entries]
    pools: dict[int, Bits] = {}
    for entry in entries:
        if entry.pool is not None and id(entry.pool) not in pools:
            pools[id(entry.pool)] = _bits(entry.pool, ids)
    for (one, mine), (other, theirs) in combinations(zip(entries, draws, strict=True), 2):
        pairs = [
            (len(a.ids), len(b.ids), _count(mine[i] & theirs[j]))
            for (i, a), (j, b) in product(enumerate(one.draws), enumerate(other.draws))
            if a.seed is None or a.seed != b.seed
        ]
        if not pairs:
            continue
        by_chance = None
        if one.pool is not None and other.pool is not None:
            both = _count(pools[id(one.pool)] & pools[id(other.pool)])
            pooled = len(one.pool.ids) * len(other.pool.ids)
            by_chance = both * float(np.mean([a * b for a, b, _ in pairs])) / pooled
        yield Overlap(
            one.key,
            other.key,
            spread([shared for _, _, shared in pairs]),
            spread([shared / min(a, b) for a, b, shared in pairs]),
            spread([shared / (a + b - shared) for a, b, shared in pairs]),
            by_chance,
        )


def _bits(members: Members, ids: Ids) -> Bits:
    """Return which of the ids a set holds, packed: uint8 (n / 8,)."""
    held = np.zeros(len(ids), bool)
    held[np.searchsorted(ids, members.ids)] = True
    return np.packbits(held)


def _count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
