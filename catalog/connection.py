"""Connections to a home's DuckDB file: their settings, their errors, the past."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from catalog.errors import CatalogError, HomeBusy, InvalidInput, StoreError
from catalog.home import SETTINGS, Home


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


def connect(home: Home, *, writes: bool) -> duckdb.DuckDBPyConnection:
    """Open a home's file; the caller holds its lock.

    In one process all connections to a file must be configured alike, so all are made here.

    Raises:
        InvalidInput: a setting of the home is nothing that DuckDB understands.
    """
    # DuckDB makes one folder to spill into, and none above it.
    home.staging.mkdir(exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": home.settings.memory_limit,
        "temp_directory": str(home.staging / "duckdb"),
    }
    try:
        return duckdb.connect(str(home.database), read_only=not writes, config=config)
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
