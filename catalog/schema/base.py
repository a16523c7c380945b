"""What every table is declared with: kinds of columns, and the clock."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class Messages(UserDefinedType[list[dict[str, Any]]]):
    """A conversation: its messages in order; `extra` holds what else a model may be trained on."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type as DuckDB writes it."""
        return "STRUCT(role VARCHAR, content VARCHAR, extra JSON)[]"


def moment() -> DateTime:
    """Return the type of a moment, with its zone."""
    return DateTime(timezone=True)


def table(name: str, *columns: Column[Any], clock: bool = True) -> Table:
    """Declare a table; columns are required unless they say `nullable=True`."""
    last = [Column("change_id", BigInteger, nullable=False)] if clock else []
    return Table(name, metadata, *columns, *last)


def column(name: str, kind: Any, *, nullable: bool = False) -> Column[Any]:  # noqa: ANN401
    """Declare a column."""
    return Column(name, kind, nullable=nullable)
