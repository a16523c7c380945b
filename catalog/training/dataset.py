"""Training on a snapshot: a data set that knows the identity of everything it gives out."""

import json
import os
from operator import index
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
from torch.utils.data import Dataset

from catalog.home import Home
from catalog.identity import plain_messages
from catalog.migrate import require_newest
from catalog.snapshot import Snapshot, find
from catalog.sql import load
from catalog.store import Store

CACHE_ROWS = 20_000


class Example(TypedDict):
    """One member of a snapshot, as a trainer gets it.

    Attributes:
        content_hash: 64 hexadecimal digits; hand it to the ledger.
        position: its place in the snapshot.
        messages: role, content and what else a message has.
        tools: what the model was offered, or None.
    """

    content_hash: str
    position: int
    messages: list[dict[str, Any]]
    tools: Any


class SnapshotDataset(Dataset[Example]):
    """A snapshot as a torch map-style data set, in the snapshot's order.

    The text is written once into the home's cache and memory-mapped from there, so that it takes no
    memory of its own in any number of workers.

    Args:
        reference: `name@version`, or `name` for the newest.
        home: the catalog's folder.
    """

    def __init__(self, reference: str, home: str | Path = ".catalog") -> None:
        place = Home.at(home)
        require_newest(place)
        self.snapshot: Snapshot = find(place, reference)
        path = place.cache / f"{self.snapshot.digest}.arrow"
        if not path.exists():
            _write_cache(place, self.snapshot, path)
        self._path = path
        self._table: pa.Table | None = None

    def __len__(self) -> int:
        """Return how many members the snapshot has."""
        return self.snapshot.size

    def __getitem__(self, position: int) -> Example:
        """Return the member at a position."""
        position = index(position)
        if not -len(self) <= position < len(self):
            raise IndexError(f"position {position} of {len(self)} members")
        if self._table is None:
            self._table = pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()
        [row] = self._table.slice(position % len(self), 1).to_pylist()
        return Example(
            content_hash=row["content_hash"].hex(),
            position=row["position"],
            messages=plain_messages(row["messages"]),
            tools=json.loads(row["tools"] or "null"),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapping out of what goes to a worker: it opens its own."""
        return self.__dict__ | {"_table": None}


def _write_cache(home: Home, snapshot: Snapshot, path: Path) -> None:
    """Write the members' text aside, in chunks, and put it in place when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_rows(home, snapshot, aside)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_rows(home: Home, snapshot: Snapshot, path: Path) -> None:
    writer = None
    try:
        for start in range(0, snapshot.size, CACHE_ROWS):
            with Store(home).read() as reader:
                rows = reader.arrow(
                    load("show/member_text"),
                    snapshot_id=snapshot.snapshot_id,
                    first=start,
                    last=start + CACHE_ROWS - 1,
                )
            writer = writer or pa.ipc.new_file(str(path), rows.schema)
            writer.write_table(rows)
    finally:
        if writer:
            writer.close()
