"""Which exports there are: what a purge cannot reach, and says."""

from datetime import UTC, datetime
from pathlib import Path

from catalog.home import Home
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store


def record(
    home: Home, snapshot: Snapshot, format: str, path: Path, rows: int, *, known: bool
) -> None:
    """Keep what was exported where to.

    Called when the file is in place: a kill in between leaves an export that the same command,
    given again, records.

    Args:
        home: the catalog's.
        snapshot: what was exported.
        format: its format.
        path: the file or folder that holds it, absolute.
        rows: it has.
        known: it was there before, so it may be recorded already.
    """
    place = {
        "snapshot_id": snapshot.snapshot_id,
        "format": format,
        "path": str(path),
    }
    if known:
        with Store(home).read() as reader:
            if reader.value(load("export/known"), **place):
                return
    with Store(home).write("export") as transaction:
        # Not through `schema`: SQLAlchemy takes longer to import than a small export to write.
        transaction.append(
            "export",
            load("export/record"),
            **place,
            rows=rows,
            exported_at=datetime.now(UTC),
            change_id=transaction.change_id,
        )
