"""The documented views: what a statement can read beside the tables."""

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


def make_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make them in a connection, for as long as it lasts; none is computed before it is read."""
    connection.execute(
        ";\n".join(f"create temp view {name} as {load(f'view/{name}').text}" for name in VIEWS)
    )
