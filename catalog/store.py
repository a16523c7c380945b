"""DuckDB: short reads, short atomic writes, and the sandbox that a user's SQL runs in.

No file stays open: each block opens it, works, and closes it, behind the home's lock.
Read connections can reach neither files nor the network, so one kind serves everybody.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any

import duckdb

from catalog.connection import connect, look_back, mapped_errors, reading
from catalog.errors import InvalidQuery, StoreError
from catalog.home import Home
from catalog.reader import Reader, Rows, Statement

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Executable, Table

__all__ = ["Reader", "Rows", "Statement", "Store", "Transaction", "scratch"]


class Transaction(Reader):
    """A reader that also writes; all of it is kept, or none."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, change_id: int) -> None:
        super().__init__(connection)
        self.change_id = change_id

    def run(self, statement: "Executable") -> int:
        """Run a SQLAlchemy statement and return how many rows it touched."""
        from sqlalchemy.engine.default import DefaultDialect

        compiled = statement.compile(dialect=DefaultDialect(paramstyle="numeric_dollar"))  # type: ignore[attr-defined]
        values = [_plain(compiled.params[name]) for name in compiled.positiontup or ()]
        return _touched(self._connection.execute(self._text(str(compiled)), values))

    def use_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        self._connection.execute(f"set threads = {count:d}")

    def discard(self, name: str, condition: str, **params: object) -> None:
        """Remove rows from a result that is kept."""
        self._connection.execute(f"delete from {name} where {condition}", params)

    def insert(self, table: "Table", *rows: Mapping[str, Any]) -> None:
        """Insert a few rows, each with this transaction's `change_id`."""
        from sqlalchemy import insert

        for row in rows:
            self.run(insert(table).values(**row, change_id=self.change_id))

    def next_id(self, table: "Table", key: str | None = None) -> int:
        """Return the next free key of a table, keyed by `<table>_id` if not said otherwise."""
        key = key or f"{table.name}_id"
        return int(self.value(f"select coalesce(max({key}), 0) + 1 from {table.name}"))

    def insert_arrow(self, table: "Table", rows: "pa.Table | pa.RecordBatchReader") -> int:
        """Insert many rows by column name, each with this transaction's `change_id`."""
        return self.insert_select(table, "select * from arriving", arriving=rows)

    def insert_select(
        self,
        table: "Table",
        select: Statement,
        params: Mapping[str, Any] | None = None,
        **relations: object,
    ) -> int:
        """Insert what a SELECT gives, by column name, and return how many rows that were."""
        for name, relation in relations.items():
            self.register(name, relation)
        inner = self._text(select)
        text = (
            f"insert into {table.name} by name "
            f"select given.*, {self.change_id} as change_id from (\n{inner}\n) as given"
        )
        try:
            return _touched(self._connection.execute(text, dict(params or {}) or None))
        finally:
            for name in relations:
                self._connection.unregister(name)


def _touched(result: duckdb.DuckDBPyConnection) -> int:
    [(count,)] = result.fetchall()
    return int(count)


def _plain(value: object) -> object:
    """Give DuckDB JSON as text, everything else as it is."""
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    return value


_HELD = local()
"""Readers that are open around this point of a thread, by home and by the change they look at.

No context variable: LanceDB's own thread would take the reader along, and keep it for good.
"""


class Store:
    """The home's DuckDB file.

    Args:
        home: whose file it is.
        as_of: show readers the catalog as it was after this change; None is now.
    """

    def __init__(self, home: Home, *, as_of: int | None = None) -> None:
        self._home = home
        self._as_of = as_of

    @contextmanager
    def _open(self, *, writes: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        path = self._home.database
        if not path.exists():
            raise StoreError(
                f"{path} is gone", hint="Restore a backup with `catalog restore`, or put it back."
            )
        with (
            mapped_errors(path),
            closing(connect(self._home)) if writes else reading(self._home) as connection,
        ):
            connection.execute("set timezone = 'UTC'")
            if writes:
                compression = "zstd" if self._home.settings.compress else "uncompressed"
                connection.execute(f"set force_compression = '{compression}'")
            elif (
                self._as_of is not None
                and Reader(connection).clock() > self._as_of  # else there is nothing to hide
            ):
                look_back(connection, self._as_of)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Read the catalog; take what is needed out before computing with it.

        A read inside another shares its lock, and its connection if it looks at the same change.
        """
        held: Mapping[tuple[Path, int | None], Reader] = getattr(_HELD, "readers", {})
        mine = {place: reader for place, reader in held.items() if place[0] == self._home.path}
        if (self._home.path, self._as_of) in mine:
            yield mine[self._home.path, self._as_of]
            return
        with ExitStack() as stack:
            if not mine:
                stack.enter_context(self._home.turnstile.reading())
            reader = Reader(stack.enter_context(self._open(writes=False)))
            _HELD.readers = {**held, (self._home.path, self._as_of): reader}
            try:
                yield reader
            finally:
                _HELD.readers = held

    @contextmanager
    def sandbox(self) -> Iterator[Reader]:
        """Read for a user's own SQL, keeping DuckDB's words when it fails.

        A statement must have passed `sql.check`: one SELECT can neither write nor change a setting.

        Raises:
            InvalidQuery: the statement fails; its message is DuckDB's.
        """
        with self.read() as reader:
            before, reader.listing = reader.listing, True
            try:
                yield reader
            except (duckdb.OutOfMemoryException, duckdb.IOException):
                raise
            except duckdb.Error as error:
                raise InvalidQuery(
                    str(error),
                    hint="`catalog sql` reads the catalog's own tables and views; "
                    '`catalog sql "show all tables"` lists them.',
                ) from error
            finally:
                reader.listing = before

    @contextmanager
    def write(self, kind: str, *, job_id: int | None = None) -> Iterator[Transaction]:
        """Change the catalog in one transaction, alone; an exception undoes all of it.

        Args:
            kind: what the change is, such as `ingest`; kept in `change`.
            job_id: the job it belongs to, if any.
        """
        with self._home.turnstile.writing(), self._open(writes=True) as connection:
            connection.execute("begin")
            try:
                change_id = Reader(connection).clock() + 1
                connection.execute(
                    "insert into change values ($1, $2, $3, $4)",
                    [change_id, kind, job_id, datetime.now(UTC)],
                )
                yield Transaction(connection, change_id)
                connection.execute("commit")
            except BaseException:
                with suppress(duckdb.Error):  # a failed commit has undone everything already
                    connection.execute("rollback")
                raise


@contextmanager
def scratch(relations: Mapping[str, "pa.Table"], memory_limit: str) -> Iterator[Reader]:
    """Compute in memory over Arrow relations, away from the home and its lock."""
    with (
        mapped_errors("its memory"),
        closing(duckdb.connect(config={"memory_limit": memory_limit})) as connection,
    ):
        for name, relation in relations.items():
            connection.register(name, relation)
        connection.execute("set enable_external_access = false")
        yield Reader(connection, bare=True)
