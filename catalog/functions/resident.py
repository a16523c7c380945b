"""A space's vectors kept in memory while a catalog is open, so that a search need not read them."""

import os
from collections.abc import Iterator
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from catalog.home import Home
from catalog.model import NamedSpace
from catalog.pieces import Piece
from catalog.vectors import Floats, Ids, Lookup, Vectors

KEPT = "vectors"
PLACES = "places"
PIECE_ROWS = 8192
_loading = Lock()
"""Two threads that ask for the same space at the same time read it once."""

Stamp = tuple[tuple[str, int, int], ...]


class Resident:
    """All vectors of a space, as they are stored.

    Args:
        stamp: tells this version of the space from every other.
        ids: int64 (n,), of the rows.
        values: (n, width), in their stored dtype.
    """

    def __init__(self, stamp: Stamp, ids: Ids, values: npt.NDArray[Any]) -> None:
        self.stamp = stamp
        self._ids, self._values = ids, values
        self._order = np.argsort(ids, kind="stable")
        self._sorted = ids[self._order]

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return self._values.nbytes + 3 * self._ids.nbytes

    def pieces(self) -> Iterator[Piece]:
        """Give all of it, as `Vectors.pieces` does."""
        for start in range(0, len(self._ids), PIECE_ROWS):
            rows = slice(start, start + PIECE_ROWS)
            yield Piece.held(self._ids[rows], self._values[rows])

    def missing(self, wanted: Ids) -> Ids:
        """Return those of some ids, which ascend, that have no vector, ascending."""
        if np.array_equal(wanted, self._sorted):  # the usual case, found out in no time
            return np.empty(0, np.int64)
        return wanted[~self._held(wanted)]

    def of(self, ids: Ids) -> Floats:
        """Return the vectors of these ids in this order, float32 (n, width).

        Raises:
            KeyError: with those that have none.
        """
        held = self._held(ids)
        if not held.all():
            raise KeyError(sorted(set(ids[~held].tolist())))
        rows = self._order[np.searchsorted(self._sorted, ids)]
        return np.asarray(self._values[rows], np.float32)

    def _held(self, ids: Ids) -> npt.NDArray[np.bool_]:
        if not len(self._sorted):
            return np.zeros(len(ids), np.bool_)
        places = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        found: npt.NDArray[np.bool_] = self._sorted[places] == ids
        return found


def searchable(home: Home, named: NamedSpace) -> Vectors | Resident:
    """Return the vectors of a space's samples: in memory where there is room, else on disk.

    What is in memory is the version that lies on disk now: every commit, of any process, leaves a
    file of its own there, by which a newer version is known without opening it. The spaces that
    were not asked for longest make room for others.
    """
    stamp = version(home, named)
    if (held := ready(home, named, stamp)) is not None:
        return held
    with _loading:
        if (held := ready(home, named, stamp)) is not None:
            return held
        kept: dict[str, Resident] = home.kept.setdefault(KEPT, {})
        kept.pop(named.space.table_name, None)
        vectors = Vectors(home, named.space, "sample")
        row = named.space.width * np.dtype(named.space.stored_dtype).itemsize + 24
        needed = vectors.count() * row
        if needed > home.settings.resident_bytes or not stamp:
            return vectors
        while kept and needed + sum(one.size_bytes for one in kept.values()) > (
            home.settings.resident_bytes
        ):
            kept.pop(next(iter(kept)))
        found = _load(vectors, named, stamp)
        kept[named.space.table_name] = found
    return found


def by_id(home: Home, named: NamedSpace) -> Resident | Lookup:
    """Return what gives a few vectors by their ids.

    Where the vectors have no room in memory, the place of each is kept, which takes far less.
    """
    stamp = version(home, named)
    if (held := ready(home, named, stamp)) is not None:
        return held
    place = (PLACES, named.space.table_name)
    kept, found = home.kept.get(place, (None, None))
    if kept != stamp or not stamp:
        found = Vectors(home, named.space, "sample").lookup()
        if found.size_bytes <= home.settings.resident_bytes:
            home.kept[place] = stamp, found
    return cast(Lookup, found)


def ready(home: Home, named: NamedSpace, stamp: Stamp | None = None) -> Resident | None:
    """Return what is in memory of a space, if it is what lies on disk now."""
    kept: dict[str, Resident] = home.kept.get(KEPT, {})
    held = kept.get(named.space.table_name)
    if held is None or held.stamp != (stamp or version(home, named)):
        return None
    kept[named.space.table_name] = kept.pop(named.space.table_name, held)  # asked for last
    return held


def version(home: Home, named: NamedSpace) -> Stamp:
    """Return what tells the version of a space's vectors on disk from every other."""
    folder = home.vectors / f"{named.space.table_name}.lance" / "_versions"
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        found = [(one.name, one.stat()) for one in entries if one.name.endswith(".manifest")]
    return tuple(sorted((name, about.st_ino, about.st_mtime_ns) for name, about in found))


def _load(vectors: Vectors, named: NamedSpace, stamp: Stamp) -> Resident:
    """Read all of a space."""
    count, filled = vectors.count(), 0
    ids = np.empty(count, np.int64)
    values = np.empty((count, named.space.width), named.space.stored_dtype)
    room = np.empty(0, np.uint8)
    for piece in vectors.pieces():
        if len(room) < piece.room_bytes:
            room = np.empty(piece.room_bytes, np.uint8)
        there = piece.ids >= 0
        end = filled + int(there.sum())
        if end > len(ids):  # somebody added some meanwhile
            break
        ids[filled:end] = piece.ids[there]
        found = piece.read(room)
        values[filled:end] = found if there.all() else found[there]
        filled = end
    return Resident(stamp, ids[:filled], values[:filled])
