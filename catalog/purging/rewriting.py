"""The database as a new file: what was deleted stays in an old one, whatever is done to it."""

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.backup import size_bytes
from catalog.connection import attachment, connect, mapped_errors
from catalog.errors import StoreError
from catalog.home import Home

if TYPE_CHECKING:
    import duckdb

FRESH = ".catalog.rewritten.duckdb"
"""Hidden, so that no backup takes it; what a killed rewrite left is removed by the next."""


def fresh_path(home: Home) -> Path:
    """Return where the new file grows."""
    return home.path / FRESH


def wal(path: Path) -> Path:
    """Return where DuckDB puts what it has not moved into a file yet."""
    return path.with_name(f"{path.name}.wal")


def require_room(home: Home) -> None:
    """Check that the disk has room for a second database, or a second table of vectors.

    Raises:
        StoreError: it has not.
    """
    tables = (size_bytes(folder) for folder in home.vectors.glob("*.lance"))
    needed = max(home.database.stat().st_size, *tables, 0)
    free = shutil.disk_usage(home.path).free
    if free < needed:
        raise StoreError(
            f"{needed / 1e9:.1f} GB are needed at {home.path} to write the data anew, "
            f"{free / 1e9:.1f} GB are free",
            hint="Free some space and run the same command again.",
        )


def rewrite(home: Home) -> tuple[int, int]:
    """Write the database into a new file and put it in the old one's place.

    The caller has the room alone (`Turnstile.writing`). Killed at any moment, the home has the old
    file or the new one, each whole.

    Returns:
        The bytes of the file before and after.

    Raises:
        StoreError: there is no room, or the old file cannot be read.
    """
    require_room(home)
    fresh = fresh_path(home)
    for left in (fresh, wal(fresh)):
        left.unlink(missing_ok=True)
    before = home.database.stat().st_size
    with mapped_errors(home.database):
        with closing(connect(home)) as connection:
            compression = "zstd" if home.settings.compress else "uncompressed"
            connection.execute("checkpoint")
            connection.execute(f"set force_compression = '{compression}'")
            connection.execute(attachment(fresh, "fresh"))
            connection.execute("copy from database catalog to fresh")
            connection.execute("checkpoint fresh")
            _require_same(connection)
            connection.execute("detach fresh")
        # The new file must never meet what was to be moved into the old one.
        if wal(home.database).exists() or wal(fresh).exists():
            raise StoreError(
                f"DuckDB left {wal(home.database)} behind", hint="Run the same command again."
            )
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    fresh.replace(home.database)
    _sync(home.path)
    return before, home.database.stat().st_size


def _require_same(connection: "duckdb.DuckDBPyConnection") -> None:
    """Check that every table arrived with all its rows.

    Raises:
        StoreError: one did not.
    """
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'catalog' and not internal "
        "order by table_name"
    ).fetchall()
    for (table,) in tables:
        [(same,)] = connection.execute(
            f'select (select count(*) from catalog.main."{table}") '
            f'= (select count(*) from fresh.main."{table}")'
        ).fetchall()
        if not same:
            raise StoreError(
                f"the new database lacks rows of {table}",
                hint="The old one is untouched; run the same command again.",
            )


def _sync(folder: Path) -> None:
    """Have the disk know a file's new name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
