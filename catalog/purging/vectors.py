"""Vectors out of every LanceDB table, its old versions and its indexes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from catalog.errors import HomeBusy, StoreError
from catalog.home import Home
from catalog.vectors import Ids

IDS_AT_ONCE = 10_000
KEY = "sample_id"


@dataclass(frozen=True)
class Cleared:
    """What was taken out of one table.

    Attributes:
        table: its name in LanceDB.
        rows: vectors of samples that are purged, or are not in the catalog.
        index_dropped: whether it had an index, which held copies.
        stray: files that no version of the table named.
    """

    table: str
    rows: int
    index_dropped: bool
    stray: list[Path]


def clear(home: Home, purged: Ids, known: Ids, *, all_tables: bool) -> Iterator[Cleared]:
    """Take the vectors of purged samples out, and leave no file that holds them.

    Args:
        home: the catalog's.
        purged: ids of purged samples, int64.
        known: ids of all samples of the catalog, int64.
        all_tables: clean up also where there is nothing to take out: an earlier call that was
            killed may have done the first half only.

    Raises:
        HomeBusy: another process is changing a table.
        StoreError: LanceDB failed.
    """
    if not any(home.vectors.glob("*.lance")):
        return
    import lancedb

    with _mapped():
        database = lancedb.connect(home.vectors)
    for name in sorted(path.stem for path in home.vectors.glob("*.lance")):
        with _mapped():
            table = database.open_table(name)
            if KEY not in table.schema.names:
                continue
            held = table.to_lance().to_table(columns=[KEY])[KEY].to_numpy()
        doomed = held[np.isin(held, purged) | ~np.isin(held, known)]
        if len(doomed) or all_tables:
            with _alone(home, name), _mapped():
                yield _cleared(home, table, name, np.unique(doomed))


def _cleared(home: Home, table: Any, name: str, doomed: Ids) -> Cleared:  # noqa: ANN401
    before = int(table.count_rows())
    for start in range(0, len(doomed), IDS_AT_ONCE):
        listed = ", ".join(map(str, doomed[start : start + IDS_AT_ONCE].tolist()))
        table.delete(f"{KEY} in ({listed})")
    indexes = [index.name for index in table.list_indices()]
    for index in indexes:
        table.drop_index(index)
    table.checkout_latest()
    rows = before - int(table.count_rows())
    # By default Lance leaves a few deleted rows where they are.
    table.to_lance().optimize.compact_files(
        materialize_deletions=True, materialize_deletions_threshold=0.0
    )
    table.checkout_latest()
    dataset = table.to_lance()
    for tag in dataset.tags.list():
        dataset.tags.delete(tag)  # a tag would keep an old version, with all that it holds
    dataset.cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)
    return Cleared(name, rows, bool(indexes), _remove_stray(home.vectors / f"{name}.lance", table))


def _remove_stray(folder: Path, table: Any) -> list[Path]:  # noqa: ANN401
    """Remove data files that the only version left does not name: a killed writer's."""
    table.checkout_latest()
    named = {
        file.path for fragment in table.to_lance().get_fragments() for file in fragment.data_files()
    }
    stray = [path for path in sorted(folder.glob("data/*")) if path.name not in named]
    for path in stray:
        path.unlink()
    return stray


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"LanceDB failed to take vectors out: {str(error).splitlines()[0]}",
            hint="Is the disk full, or a file damaged? Run the same command again afterwards; "
            "`catalog check` looks closer.",
        ) from error


@contextmanager
def _alone(home: Home, table: str) -> Iterator[None]:
    try:
        with home.lock(table).held(exclusive=True, timeout_seconds=0):
            yield
    except HomeBusy as error:
        if repr(table) not in error.message:
            raise
        raise HomeBusy(
            f"another process is changing the vectors: {error.message}",
            hint="Let it finish, then run the same command again: it goes on where it was.",
        ) from error
