"""The members of a snapshot as rows to be written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.errors import TextPurged
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store

CHUNK_ROWS = 20_000
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


def rows(home: Home, snapshot: Snapshot) -> Iterator[Row]:
    """Give every member that has its text as a row, as often as it counts; read in chunks.

    Returns:
        Rows of `id`, `dataset`, `messages`, `tools` where there are any, and in `catalog` the
        content hash, in hexadecimal, and why the member was chosen.
    """
    for start in range(0, snapshot.size, CHUNK_ROWS):
        with Store(home).read() as reader:
            found = reader.arrow(
                load("export/members"),
                snapshot_id=snapshot.snapshot_id,
                first=start,
                last=start + CHUNK_ROWS - 1,
            )
        for batch in found.to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                for _ in range(row["repeats"]):
                    yield _row(row, str(snapshot))


def _row(row: Row, snapshot: str) -> Row:
    content_hash = row["content_hash"].hex()
    tools = {} if row["tools"] is None else {"tools": json.loads(row["tools"])}
    return {
        "id": row["external_id"] or content_hash,
        "dataset": row["source"],
        "messages": plain_messages(row["messages"]),
        **tools,
        "catalog": {
            "content_hash": content_hash,
            "snapshot": snapshot,
            **{name: row[name] for name in REASONS},
        },
    }
