"""Connections to a home's DuckDB file: their settings, their errors, the past."""

import atexit
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock

import duckdb

from catalog.errors import CatalogError, HomeBusy, InvalidInput, StoreError
from catalog.home import SETTINGS, Home

ROW_GROUP_ROWS = 30_720
"""Of tables, in what is added to them; a quarter of DuckDB's own.

A row group that is not full is compressed again whenever rows are added to it, under the lock: one
of long text must not take long.
"""


@contextmanager
def mapped_errors(path: object) -> Iterator[None]:
    """Turn DuckDB's errors about the file or the machine into ours."""
    try:
        yield
    except duckdb.Error as error:
        if mapped := _mapped(error, path):
            raise mapped from error
        raise


def _mapped(error: duckdb.Error, path: object) -> CatalogError | None:
    """Return our error for one of DuckDB's, by its text where it has no kind of its own."""
    text = str(error)
    if "Could not set lock" in text:
        return HomeBusy(
            f"another program has {path} open: {text}", hint="Close it, then try again."
        )
    if "No space left" in text:
        return StoreError(
            f"the disk is full: {text}",
            hint="Free some space and run the same command again; what was committed is kept.",
        )
    if isinstance(error, duckdb.OutOfMemoryException) or "failed to pin block" in text:
        return StoreError(
            f"DuckDB ran out of memory: {text}",
            hint=f"Raise memory_limit in {SETTINGS} of the home; what was committed is kept.",
        )
    damaged = isinstance(error, duckdb.FatalException | duckdb.SerializationException)
    if damaged or isinstance(error, duckdb.IOException) or "Corrupt database file" in text:
        return StoreError(
            f"DuckDB cannot use {path}: {text}",
            hint="If the file is damaged, restore a backup with `catalog restore`.",
        )
    return None


LOGS = (".wal", ".wal.checkpoint", ".wal.recovery")
"""What DuckDB looks for beside a file, after whoever wrote to it was killed."""


class _Engine:
    """One DuckDB for all that reads a home: starting it takes six times as long as opening a file.

    The file is attached as long as somebody reads it and no longer, so that writers find it closed.
    What reads can reach nothing else.
    """

    def __init__(self, home: Home) -> None:
        path = str(home.database)
        self._connection = _configured(home, ":memory:")
        allowed = [duckdb.ConstantExpression(path + end) for end in ("", *LOGS)]
        self._connection.execute(f"set allowed_paths = [{', '.join(map(str, allowed))}]")
        self._connection.execute("set enable_external_access = false")
        self._attach = f"attach {allowed[0]} as catalog (read_only)"
        self._readers, self._lock = 0, Lock()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection."""
        with self._lock:
            if not self._readers:
                self._connection.execute(self._attach)
            self._readers += 1
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute("use catalog")
                yield cursor
        finally:
            with self._lock, suppress(duckdb.Error):  # after a fatal one nothing can be detached
                self._readers -= 1
                if not self._readers:
                    self._connection.execute("detach catalog")


_ENGINES: dict[object, _Engine] = {}
"""That of the home which was read last."""

# What a process starts by forking has none of the threads that these wait for.
os.register_at_fork(before=_ENGINES.clear)
atexit.register(_ENGINES.clear)


@contextmanager
def reading(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a home's file to read it; the caller holds its lock.

    Raises:
        InvalidInput: a setting of the home is nothing that DuckDB understands.
    """
    key = (home.database, home.settings.memory_limit)
    engine = _ENGINES.get(key) or _Engine(home)
    _ENGINES.clear()
    _ENGINES[key] = engine
    try:
        with engine.reading() as connection:
            yield connection
    except (duckdb.FatalException, duckdb.InternalException, duckdb.IOException):
        _ENGINES.pop(key, None)
        raise


def connect(home: Home) -> duckdb.DuckDBPyConnection:
    """Open a home's file to write to it; the caller holds its lock alone.

    Raises:
        InvalidInput: a setting of the home is nothing that DuckDB understands.
    """
    connection = _configured(home, ":memory:")
    try:
        connection.execute(attachment(home.database, "catalog"))
        connection.execute("use catalog")
    except BaseException:
        connection.close()
        raise
    return connection


def attachment(path: Path, name: str) -> str:
    """Return the statement that opens a file to write to it; if there is none, one is made.

    A file that is opened in another way, by its name say, has its row groups made into larger ones
    by the next checkpoint.
    """
    place = duckdb.ConstantExpression(str(path))
    return f"attach {place} as {name} (row_group_size {ROW_GROUP_ROWS})"


def _configured(home: Home, database: str) -> duckdb.DuckDBPyConnection:
    # DuckDB makes one folder to spill into, and none above it.
    home.staging.mkdir(exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": home.settings.memory_limit,
        "temp_directory": str(home.staging / "duckdb"),
    }
    try:
        return duckdb.connect(database, config=config)
    except (duckdb.ParserException, duckdb.InvalidInputException) as error:
        raise InvalidInput(
            f"memory_limit is {home.settings.memory_limit!r} in {home.path / SETTINGS}: {error}",
            hint='Write it as "1GB" or "500MB".',
        ) from error


def look_back(connection: duckdb.DuckDBPyConnection, change_id: int) -> None:
    """Hide every row that a later change wrote, behind views of the tables' own names."""
    clocked = connection.execute(
        "select database_name, table_name from duckdb_columns() "
        "where column_name = 'change_id' and not internal order by table_name"
    ).fetchall()
    connection.execute(
        ";\n".join(
            f"create temp view {table} as "
            f"select * from {database}.main.{table} where change_id <= {int(change_id)}"
            for database, table in clocked
        )
    )
