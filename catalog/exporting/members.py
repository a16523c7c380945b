"""The members of a snapshot as rows to be written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalog.errors import TextPurged
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store

BATCH_ROWS = 1024
REASONS = ("position", "repeats", "score", "task", "query", "rank", "sources")
Row = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """What a snapshot has to give.

    Attributes:
        rows: it has when written out, each member as often as it counts.
        purged_rows: of these, how many have no text any more.
        purged_members: of how many members that is.
    """

    rows: int
    purged_rows: int
    purged_members: int


def held(home: Home, snapshot: Snapshot) -> Held:
    """Count what a snapshot has to give."""
    with Store(home).read() as reader:
        [row] = reader.rows(load("export/rows"), snapshot_id=snapshot.snapshot_id)
    return Held(**row)


def require_text(snapshot: Snapshot, found: Held) -> None:
    """Check that every member still has its text.

    Raises:
        TextPurged: some were purged.
    """
    if found.purged_members:
        raise TextPurged(
            f"{snapshot} cannot be written whole: the text of {found.purged_members:,} of its "
            f"{snapshot.size:,} members was purged",
            hint=f"Write the others with --skip-purged, or select again: "
            f"catalog show {snapshot} --recipe > again.yaml, "
            f"catalog select {snapshot.name} --recipe again.yaml",
        )


def rows(parts: Iterable[pa.RecordBatch], snapshot: Snapshot) -> Iterator[Row]:
    """Give the members in parts of `Members` as rows.

    Returns:
        Rows of `id`, `dataset`, `messages`, `tools` where there are any, and in `catalog` the
        content hash, in hexadecimal, and why the member was chosen.
    """
    name = str(snapshot)
    for part in parts:
        for start in range(0, len(part), BATCH_ROWS):
            for row in part.slice(start, BATCH_ROWS).to_pylist():
                yield _row(row, name)


def _row(row: Row, snapshot: str) -> Row:
    tools = {} if row["tools"] is None else {"tools": json.loads(row["tools"])}
    return {
        "id": row["id"],
        "dataset": row["dataset"],
        "messages": plain_messages(row["messages"]),
        **tools,
        "catalog": {
            "content_hash": row["content_hash"],
            "snapshot": snapshot,
            **{name: row[name] for name in REASONS},
        },
    }
