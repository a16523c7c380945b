"""What reads from a connection: rows, Arrow tables, streams; and the views that it reads."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from catalog.sql import Query
from catalog.views import VIEWS, lists, make_views, views_in

if TYPE_CHECKING:
    import pyarrow as pa

Rows = list[dict[str, Any]]
Statement = str | Query


class Reader:
    """A connection to read from: plain rows, Arrow tables or a stream of Arrow batches.

    Attributes:
        listing: whether a statement may ask what there is to be read, and is to see every view.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, bare: bool = False) -> None:
        self._connection = connection
        self._taken = set(VIEWS) if bare else set()  # names of views that are made, or hidden
        self.listing = False

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return DuckDB's own connection, where every view is made."""
        self._taken |= make_views(self._connection, VIEWS, self._taken)
        return self._connection

    def _text(self, statement: Statement) -> str:
        """Return a statement's text; the views that it may read are made, and no others."""
        text = statement.text if isinstance(statement, Query) else statement
        needed = VIEWS if self.listing and lists(text) else views_in(text)
        self._taken |= make_views(self._connection, needed, self._taken)
        return text

    def _run(self, statement: Statement, params: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        text = self._text(statement)
        try:
            return self._connection.execute(text, dict(params) or None)
        except duckdb.CatalogException:
            return self._all_seen().execute(text, dict(params) or None)

    def _relation(self, statement: Statement, params: Mapping[str, Any]) -> duckdb.DuckDBPyRelation:
        """Return the result unread: Arrow taken from a relation is not copied once more."""
        text = self._text(statement)
        try:
            return self._connection.sql(text, params=dict(params) or None)
        except duckdb.CatalogException:
            return self._all_seen().sql(text, params=dict(params) or None)

    def _all_seen(self) -> duckdb.DuckDBPyConnection:
        """Return the connection with every view, so that DuckDB can say which name was meant."""
        return self.connection if self.listing else self._connection

    @contextmanager
    def beside(self) -> Iterator["Reader"]:
        """Lend another reader of the same file for another thread; it sees nothing made here."""
        with closing(self._connection.cursor()) as connection:
            connection.execute("use catalog")
            yield Reader(connection)

    def arrow(self, statement: Statement, **params: object) -> "pa.Table":
        """Return the whole result as an Arrow table."""
        return self._relation(statement, params).to_arrow_table()

    def batches(self, statement: Statement, size: int, **params: object) -> "pa.RecordBatchReader":
        """Return the result as a stream of Arrow batches of at most `size` rows."""
        return self._relation(statement, params).to_arrow_reader(size)

    def rows(self, statement: Statement, **params: object) -> Rows:
        """Return the whole result as dictionaries: for small results."""
        cursor = self._run(statement, params)
        columns = [column[0] for column in cursor.description or []]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def row(self, statement: Statement, **params: object) -> dict[str, Any] | None:
        """Return the only row of a result, or None if it has none."""
        found = self.rows(statement, **params)
        return found[0] if found else None

    def value(self, statement: Statement, **params: object) -> Any:  # noqa: ANN401
        """Return the only value of a result."""
        [(value,)] = self._run(statement, params).fetchall()
        return value

    def register(self, name: str, relation: object) -> None:
        """Make an Arrow table or reader visible under a name."""
        self._connection.register(name, relation)
        self._taken.add(name)

    def make(self, name: str, statement: Statement, **params: object) -> None:
        """Keep a result under a name until the connection closes."""
        text = self._text(statement)
        self._connection.execute(f"create or replace temp table {name} as {text}", params or None)
        self._taken.add(name)

    def append(self, name: str, statement: Statement, **params: object) -> None:
        """Add a result to one that is kept."""
        text = self._text(statement)
        self._connection.execute(f"insert into {name} by name {text}", params or None)

    def define(self, statement: str) -> None:
        """Make a macro known, or a setting, until the connection closes."""
        self._connection.execute(statement)

    def interrupt(self) -> None:
        """End what the connection works on, from another thread."""
        self._connection.interrupt()

    def clock(self) -> int:
        """Return the newest `change_id`, 0 in a new home."""
        return int(self.value("select coalesce(max(change_id), 0) from change"))
