"""Approximate nearest samples: Lance's index over a space's vectors, and how good it is.

An index is only for people who look around: a selection never uses one. What it finds is scored
exactly, so it can miss a sample and never gives one a wrong score; how often it misses is measured
when it is built, and told with every answer.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from catalog.errors import HomeBusy, StoreError, UnknownName
from catalog.functions.known import known
from catalog.functions.resident import version
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Rows, Store
from catalog.vectors import Vectors

IndexKind = Literal["hnsw_sq", "rq", "flat"]

KEPT = "index"

RECALL_AT = 10
STEPS: tuple[Mapping[str, int], ...] = (
    {"nprobes": 20, "refine_factor": 5},
    {"nprobes": 40, "refine_factor": 10},
    {"nprobes": 80, "refine_factor": 20},
    {"nprobes": 160, "refine_factor": 40},
    {"nprobes": 320, "refine_factor": 100},
)
"""How hard to look: an index is given the first of these that reaches the recall that is wanted."""


@dataclass(frozen=True)
class Index:
    """An index of a space, as it was measured.

    Attributes:
        space: the space's name.
        kind: of index.
        samples: how many vectors it held when it was built.
        later: how many vectors came since; they are searched one by one.
        recall: share of the exact nearest that it finds; None if it was never measured.
        recall_at: among how many nearest.
        queries: on how many queries that was measured.
        parameters: how hard it looks, which queries it was measured on, and its name in Lance.
        built_at: when; None if it was never measured.
    """

    space: str
    kind: str
    samples: int
    later: int
    recall: float | None
    recall_at: int
    queries: int
    parameters: Mapping[str, Any]
    built_at: datetime | None

    @property
    def stale(self) -> bool:
        """Return whether so many vectors came since that it should be built again."""
        return self.later * 10 > self.samples


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn what Lance raises into our error."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"LanceDB failed to {what}: {str(error).splitlines()[0]}",
            hint="Is the disk full, or a file damaged? Without --ann nothing uses the index.",
        ) from error


def open_table(home: Home, named: NamedSpace) -> Any:  # noqa: ANN401
    """Open the Lance table of a space's samples, making it where there is none yet."""
    import lance  # not LanceDB's own package, which takes a second longer to import

    Vectors(home, named.space, "sample")
    with mapped("open the vectors"):
        return lance.dataset(str(home.vectors / f"{named.space.table_name}.lance"))


def index_names(table: Any) -> list[str]:  # noqa: ANN401
    """Return the names of a table's vector indexes; one, or two while one takes over."""
    with mapped("list the indexes"):
        found = table.describe_indices()
    return [one.name for one in found if one.field_names == ["vector"]]


def indexes(home: Home) -> list[Index]:
    """Return every index there is, by the names of their spaces."""
    with Store(home).read() as reader:
        spaces = [the_space(reader, row["name"]) for row in reader.rows(load("show/spaces"))]
        rows = reader.rows(load("show/indexes"))
    found = (_index(home, named, rows) for named in spaces)
    return [index for index in found if index is not None]


def find_index(home: Home, named: NamedSpace) -> Index:
    """Return the index of a space.

    Raises:
        UnknownName: it has none.
    """
    place, stamp = (KEPT, named.space.table_name), (known(home).stamp, version(home, named))
    kept: tuple[object, Index | None] = home.kept.get(place, (None, None))
    found = kept[1]
    if kept[0] != stamp:
        with Store(home).read() as reader:
            rows = reader.rows(load("show/indexes"))
        found = _index(home, named, rows)
        home.kept[place] = stamp, found
    if found is None:
        raise UnknownName(
            f"the space {named.name!r} has no index",
            hint=f"Build one with `catalog index build --space {named.name}`, or leave --ann out: "
            "the search is exact then.",
        )
    return found


def _index(home: Home, named: NamedSpace, rows: Rows) -> Index | None:
    """Put together what Lance has and what was measured of it."""
    table = open_table(home, named)
    names = index_names(table)
    if not names:
        return None
    held = int(table.count_rows())
    for row in rows:
        parameters = json.loads(row["parameters"])
        if row["space"] == named.name and parameters["name"] in names:
            row = {**row, "parameters": parameters}
            return Index(**row, later=max(held - row["samples"], 0))
    # Its build was cut short between the index and its measure.
    kind = names[0].split("-")[0]
    with mapped("look at the index"):
        [about] = [one for one in table.describe_indices() if one.name == names[0]]
    covered = int(about.num_rows_indexed)
    return Index(named.name, kind, covered, held - covered, None, RECALL_AT, 0, {**STEPS[-1]}, None)


def drop_index(home: Home, space: str | None) -> str:
    """Forget the index of a space and return the space's name.

    Raises:
        UnknownName: there is no such space, or it has none.
    """
    with Store(home).read() as reader:
        named = the_space(reader, space)
    find_index(home, named)
    with alone(home, named):
        table = open_table(home, named)
        for name in index_names(table):
            with mapped("drop the index"):
                table.drop_index(name)
        with Store(home).write("index") as transaction:
            from sqlalchemy import delete

            from catalog import schema

            kept = schema.vector_index
            transaction.run(delete(kept).where(kept.c.space_id == named.space_id))
    return named.name


@contextmanager
def alone(home: Home, named: NamedSpace) -> Iterator[None]:
    """Keep others from changing a space's vectors meanwhile."""
    lock = home.lock(named.space.table_name)
    try:
        with lock.held(exclusive=True, timeout_seconds=0):
            yield
    except HomeBusy as error:
        if named.space.table_name not in error.message:
            raise
        raise HomeBusy(
            f"another process is changing the vectors of {named.name!r}: {error.message}",
            hint="Let it finish, then run this again.",
        ) from error
