"""What every search reads of the catalog, kept while a catalog is open and nothing changes it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.home import Home
from catalog.model import NamedSpace
from catalog.spaces import all_spaces
from catalog.store import Store

if TYPE_CHECKING:
    from catalog.functions.nearest import Samples
    from catalog.vectors import Ids

KEPT = "known"
POOL = "pool"
RETIRED = "retired"
Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Known:
    """The catalog as searches see it.

    Attributes:
        stamp: tells the state of the database from every other.
        clock: the newest change that it holds.
        spaces: every embedding space by its name, in order of names.
    """

    stamp: Stamp
    clock: int
    spaces: Mapping[str, NamedSpace]


def known(home: Home, as_of: int | None = None) -> Known:
    """Return what is known now, or was after a change.

    Args:
        home: the catalog's.
        as_of: the change; None is now. Only what is known now is kept.
    """
    held = home.kept.get(KEPT)
    if as_of is None and isinstance(held, Known) and held.stamp == _stamp(home):
        return held
    with Store(home, as_of=as_of).read() as reader:
        found = Known(_stamp(home), reader.clock(), all_spaces(reader))
    if as_of is None:
        home.kept[KEPT] = found
    return found


def pool(home: Home, now: Known) -> "Samples":
    """Return the samples of the pool as they were when that was known."""
    from catalog.functions.nearest import read_samples

    clock, held = home.kept.get(POOL, (None, None))
    if clock == (now.stamp, now.clock):
        found: Samples = held
        return found
    with Store(home, as_of=now.clock).read() as reader:
        found = read_samples(reader)
    if found.size_bytes <= home.settings.resident_bytes:
        home.kept[POOL] = (now.stamp, now.clock), found
    return found


def retired(home: Home, now: Known) -> "Ids":
    """Return the samples that were taken back when that was known, int64 (n,), ascending."""
    import numpy as np

    stamp, held = home.kept.get(RETIRED, (None, None))
    if stamp != now.stamp:
        with Store(home, as_of=now.clock).read() as reader:
            rows = reader.rows("select sample_id from retired order by sample_id")
        held = np.array([row["sample_id"] for row in rows], np.int64)
        home.kept[RETIRED] = now.stamp, held
    return np.asarray(held)


def _stamp(home: Home) -> Stamp:
    """Return what any write to the database changes."""
    return tuple(
        _of_file(path) for path in (home.database, home.database.with_name("catalog.duckdb.wal"))
    )


def _of_file(path: os.PathLike[str]) -> tuple[int, int, int] | None:
    try:
        about = os.stat(path)
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size
