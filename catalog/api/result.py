"""What a statement gave."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.store import Rows


def _told_apart(names: Sequence[str]) -> list[str]:
    """Number the columns whose names come twice, since a row is a dictionary to many.

    >>> _told_apart(["name", "size", "name"])
    ['name', 'size', 'name_1']
    """
    told: list[str] = []
    for name in names:
        number, free = 0, name
        while free in told:
            number += 1
            free = f"{name}_{number}"
        told.append(free)
    return told


class Result:
    """What a statement gave, out of the catalog and away from its lock."""

    def __init__(self, table: "pa.Table") -> None:
        self._table = table.rename_columns(_told_apart(table.column_names))

    def to_arrow(self) -> "pa.Table":
        """Return it as an Arrow table."""
        return self._table

    def to_pylist(self) -> "Rows":
        """Return it as dictionaries."""
        rows: Rows = self._table.to_pylist()
        return rows
