"""The documented views: what a statement can read beside the tables."""

import re
from collections.abc import Iterable, Set
from functools import cache, lru_cache

import duckdb

from catalog.sql import load

VIEWS = (
    "retired",
    "purged",
    "appearance",
    "stock",
    "pool",
    "member",
    "known",
    "seen",
    "branch",
    "score",
    "contaminated",
    "evaluated",
    "head",
    "reached",
    "effective",
    "first_source",
    "run_samples",
    "run_sources",
    "sample_runs",
    "source_runs",
    "run_contamination",
    "run_overlap",
    "run_checkpoints",
    "coverage",
    "lineage",
)
"""The documented views, `queries/view/*.sql`, each after those it reads."""


def make_views(
    connection: duckdb.DuckDBPyConnection, names: Iterable[str], taken: Set[str]
) -> set[str]:
    """Make views in a connection, for as long as it lasts; none is computed before it is read.

    A short statement would wait longer for all of them than for its answer.

    Args:
        connection: where.
        names: which; what they read is made, too.
        taken: those that are there, or whose names something else bears.

    Returns:
        Those that were made.
    """
    wanted = {name for needed in names for name in _with_theirs(needed)} - taken
    if wanted:
        connection.execute(
            ";\n".join(
                f"create temp view {name} as {load(f'view/{name}').text}"
                for name in VIEWS
                if name in wanted
            )
        )
    return wanted


@lru_cache(4096)
def views_in(text: str) -> frozenset[str]:
    """Return the views that a statement may read: those whose names stand in it, anywhere.

    >>> sorted(views_in("select * from POOL where 'retired' = headless"))
    ['pool', 'retired']
    """
    return frozenset(_NAMES.findall(text.lower()))


def lists(text: str) -> bool:
    """Tell whether a statement may ask what there is to be read.

    >>> lists("show all tables"), lists("select * from pool")
    (True, False)
    """
    return _LISTS.search(text) is not None


_LISTS = re.compile(
    r"\b(?:show|describe|desc|summarize|information_schema|sqlite_\w+|duckdb_\w+|pragma_\w+|pg_\w+)\b",
    re.IGNORECASE,
)
_NAMES = re.compile(rf"\b(?:{'|'.join(VIEWS)})\b")


@cache
def _with_theirs(name: str) -> frozenset[str]:
    """Return a view and those that it reads, all the way."""
    found = {name}
    for other in views_in(load(f"view/{name}").text) - {name}:
        if VIEWS.index(other) < VIEWS.index(name):
            found |= _with_theirs(other)
    return frozenset(found)
