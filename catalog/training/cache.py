"""The text of a snapshot as an Arrow file in the home's cache: written once, memory-mapped."""

import json
import os
from contextlib import closing
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.exporting.ordering import Members as Ordered
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.progress import silent
from catalog.snapshot import Snapshot
from catalog.verification import require_text

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("extra", pa.string())])
SCHEMA = pa.schema(
    {
        "content_hash": pa.string(),
        "messages": pa.list_(MESSAGE),
        "tools": pa.string(),
        "end": pa.int64(),
    }
)


def cached(home: Home, snapshot: Snapshot) -> Path:
    """Return the file that holds a snapshot's members, and write it if there is none.

    Raises:
        TextPurged: the text of some was destroyed.
    """
    path = home.cache / f"{snapshot.digest}.arrow"
    if not path.exists() or not _is_ours(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
        try:
            require_text(snapshot)
            _write_rows(home, snapshot, aside)
            require_text(snapshot)  # purged while it was being written
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return path


def _is_ours(path: Path) -> bool:
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        return bool(reader.schema == SCHEMA)


def _write_rows(home: Home, snapshot: Snapshot, path: Path) -> None:
    end = 0
    with (
        closing(Ordered(home, snapshot, path.parent, silent)) as members,
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, SCHEMA) as writer,
    ):
        for part in members.parts(once=True):
            # Up to where each member goes in the data set, which holds it as often as it counts.
            ends = np.cumsum(part["repeats"].to_numpy(), dtype=np.int64) + end
            end = int(ends[-1])
            held = [part[name] for name in SCHEMA.names[:-1]]
            writer.write_batch(pa.record_batch([*held, pa.array(ends)], schema=SCHEMA))


class Members:
    """The members in a cache file, each as often as it counts, without memory of their own."""

    def __init__(self, path: Path) -> None:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self._batches: list[pa.RecordBatch] = table.to_batches()
        self._ends: list[npt.NDArray[np.int64]] = [
            batch.column("end").to_numpy() for batch in self._batches
        ]
        self._last: npt.NDArray[np.int64] = np.array([ends[-1] for ends in self._ends], np.int64)

    def __len__(self) -> int:
        """Return how many there are, repeats counted."""
        return int(self._last[-1]) if len(self._last) else 0

    def __getitem__(self, position: int) -> dict[str, Any]:
        """Return the member at a position, from 0: content hash, messages and tools."""
        number = int(np.searchsorted(self._last, position, side="right"))
        row = int(np.searchsorted(self._ends[number], position, side="right"))
        [found] = self._batches[number].slice(row, 1).to_pylist()
        return {
            "content_hash": found["content_hash"],
            "messages": plain_messages(found["messages"]),
            "tools": json.loads(found["tools"] or "null"),
        }
