"""How near the members of a set lie to one another, exactly, in blocks of one fixed shape.

Vectors are streamed once from the space for all sets together. What is held are the members that
are checked; they are held against every member of their set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.compare.members import Members, Numbers
from catalog.progress import Progress, Tick
from catalog.vectors import Floats, Ids, Vectors

HELD_BYTES = 512 << 20
"""What the checked members of all sets may take together, as float32."""

MOST_CHECKED_OF_SNAPSHOT, MOST_CHECKED_OF_DRAW = 100_000, 3_000
"""Members of one set that are checked; of larger sets a seeded sample."""

MOST_PAIRS_OF_SNAPSHOT, MOST_PAIRS_OF_DRAW = 10**10, 10**9 * 5 // 2
"""Pairs of one set that are looked at: fewer members are checked where each has more to be held
against, so that a set of millions takes minutes and not hours."""

FEWEST_CHECKED = 1_000

ROWS = 512
CANDIDATES = 1024


@dataclass(frozen=True)
class Nearest:
    """The nearest other member of those that were checked.

    Attributes:
        cosines: float64 (checked,): of every checked member to its nearest other one.
        without_vector: members that have none.
        exact: whether every member with a vector was checked.
    """

    cosines: Numbers
    without_vector: int
    exact: bool


class _Set:
    """One set: the members that are checked, and the candidates that wait for a full block."""

    def __init__(self, ids: Ids, checked: Ids, width: int) -> None:
        self.ids, self.checked = ids, checked
        self.rows: Floats = np.zeros((-(-len(checked) // ROWS) * ROWS, width), np.float32)
        self.has_row = np.zeros(len(checked), bool)
        self.seen = 0
        self._best: Floats = np.full(len(self.rows), -np.inf, np.float32)
        self._block: Floats = np.zeros((CANDIDATES, width), np.float32)
        self._block_ids = np.full(CANDIDATES, -1, np.int64)
        self._filled = 0

    def hold(self, ids: Ids, vectors: Floats) -> None:
        """Keep the vectors of checked members."""
        places, mine = _inside(self.checked, ids)
        self.rows[places] = vectors[mine]
        self.has_row[places] = True

    def add(self, ids: Ids, vectors: Floats, product: Floats) -> None:
        """Hold checked members against those of the vectors that are members."""
        _, mine = _inside(self.ids, ids)
        self.seen += len(mine)
        while len(mine):
            room = CANDIDATES - self._filled
            taken = slice(self._filled, self._filled + len(mine[:room]))
            self._block[taken], self._block_ids[taken] = vectors[mine[:room]], ids[mine[:room]]
            mine, self._filled = mine[room:], taken.stop
            if self._filled == CANDIDATES:
                self._multiply(product)

    def _multiply(self, product: Floats) -> None:
        self._block_ids[self._filled :] = -1
        own, columns = _inside(self.checked, self._block_ids)
        for start in range(0, len(self.rows), ROWS):
            np.matmul(self.rows[start : start + ROWS], self._block.T, out=product)
            mine = (own >= start) & (own < start + ROWS)
            product[own[mine] - start, columns[mine]] = -np.inf
            best = product[:, : self._filled].max(axis=1)
            np.maximum(self._best[start : start + ROWS], best, out=self._best[start : start + ROWS])
        self._filled = 0

    def nearest(self, product: Floats) -> Nearest:
        """Return what was found, once every vector was seen."""
        if self._filled:
            self._multiply(product)
        best = self._best[: len(self.checked)][self.has_row].astype(np.float64)
        cosines = np.clip(best, -1, 1) if self.seen > 1 else np.empty(0)
        whole = len(self.checked) == len(self.ids)
        return Nearest(cosines, len(self.ids) - self.seen, whole)


def nearest(
    vectors: Vectors,
    width: int,
    sets: Sequence[Members],
    order_keys: Callable[[Ids], Ids],
    progress: Progress,
) -> list[Nearest]:
    """Return for every set how near its members lie to one another.

    Args:
        vectors: of the space.
        width: numbers per vector.
        sets: to look at; draws are checked less closely than snapshots.
        order_keys: of samples, so that what is drawn from them is the same on every machine.
        progress: is told how far it is.
    """
    limits = _limits(sets, width)
    held = [
        _Set(one.ids, _sampled(one.ids, order_keys, limit), width)
        for one, limit in zip(sets, limits, strict=True)
    ]
    product: Floats = np.empty((ROWS, CANDIDATES), np.float32)
    for ids, values in vectors.scan():
        single = values.astype(np.float32)
        for one in held:
            one.hold(ids, single)
    total, seen = sum(len(one.ids) for one in sets), 0
    for ids, values in vectors.scan():
        single = values.astype(np.float32)
        for one in held:
            one.add(ids, single, product)
        seen = sum(one.seen for one in held)
        progress(Tick("near", seen / max(total, 1), {"members": seen}))
    return [one.nearest(product) for one in held]


def _limits(sets: Sequence[Members], width: int) -> list[int]:
    """Return how many members of every set may be checked; draws take what they need first."""
    room, limits = HELD_BYTES // (4 * width), [0] * len(sets)
    order = sorted(range(len(sets)), key=lambda number: sets[number].seed is None)
    for done, number in enumerate(order):
        one = sets[number]
        most, pairs = (
            (MOST_CHECKED_OF_SNAPSHOT, MOST_PAIRS_OF_SNAPSHOT)
            if one.seed is None
            else (MOST_CHECKED_OF_DRAW, MOST_PAIRS_OF_DRAW)
        )
        most = min(most, max(pairs // max(len(one.ids), 1), FEWEST_CHECKED))
        limits[number] = max(min(len(one.ids), most, room // (len(sets) - done)), 1)
        room -= limits[number]
    return limits


def _sampled(ids: Ids, order_keys: Callable[[Ids], Ids], limit: int) -> Ids:
    """Return so many of the ids, drawn by seed 0 from their order by key, ascending."""
    if limit >= len(ids):
        return ids
    ordered = ids[np.argsort(order_keys(ids), kind="stable")]
    return np.sort(np.random.default_rng(0).choice(ordered, limit, replace=False))


def _inside(held: Ids, ids: Ids) -> tuple[Ids, Ids]:
    """Return the places in `held`, ascending ids, of those of `ids` that it has, and theirs."""
    if not len(held):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(held, ids), len(held) - 1)
    mine = np.flatnonzero(held[places] == ids)
    return places[mine], mine
