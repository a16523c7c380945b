"""The whole picture of a home, without torch or lance."""

from dataclasses import dataclass
from typing import Any

from catalog.backup import size_bytes
from catalog.home import Home
from catalog.jobs import overview
from catalog.migrate import current
from catalog.sql import load
from catalog.store import Store

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Status:
    """What a home holds.

    Attributes:
        home: its path.
        revision: its schema revision.
        size_bytes: of all its files.
        totals: the row of `queries/show/totals.sql`.
        sources: every source with its counts.
        tasks: every task at its newest revision.
        spaces: every embedding space, and how many samples have a vector.
        snapshots: every snapshot.
        jobs: the newest few.
    """

    home: str
    revision: str
    size_bytes: int
    totals: dict[str, Any]
    sources: Rows
    tasks: Rows
    spaces: Rows
    snapshots: Rows
    jobs: Rows


def status(home: Home) -> Status:
    """Look at everything a home holds."""
    with Store(home).read() as reader:
        [totals] = reader.rows(load("show/totals"))
        rows = {
            name: reader.rows(load(f"show/{name}"))
            for name in ("sources", "tasks", "spaces", "snapshots")
        }
    return Status(
        str(home.path),
        current(home),
        size_bytes(home.path),
        totals,
        **rows,
        jobs=overview(home)[:5],
    )
