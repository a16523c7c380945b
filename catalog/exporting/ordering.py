"""Members whole and in order, however many they are and however long their text is.

Samples lie in the database in order of ingest, so members that follow each other in a snapshot lie
all over it, and every few of them would cost a reading of nearly all. Sorting them all at once
would take the memory of all their text, and the lock for as long. So they are read in the order
that they lie in, a run at a time; each run is sorted, cut into parts at the same positions as all
others, and put aside. A part of the result is then the same part of every run, sorted once more.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.home import Home
from catalog.progress import Progress, Tick
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store

RUN_CHARACTERS = 128_000_000
PART_CHARACTERS = 48_000_000
"""Text of a run and of a part; two or three of them are held in memory at once."""
STRETCH = 256
"""Positions, or sample ids, that no cut goes between."""
LAST_ID = 2**63 - 1

Item = TypeVar("Item")


class Members:
    """All members of a snapshot that have their text, read once, to be gone through several times.

    Attributes:
        plain: no member has tools, nor messages with more than a role and a content.
    """

    def __init__(self, home: Home, snapshot: Snapshot, folder: Path, progress: Progress) -> None:
        """Read them.

        Args:
            home: the catalog's.
            snapshot: whose members.
            folder: on a disk with room for their text; nothing is left in it, even by a kill.
            progress: is told how far the reading is.
        """
        self.plain = True
        self._store = Store(home)
        self._snapshot = snapshot
        self._schema: pa.Schema | None = None
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - open until `close`
        with self._store.read() as reader:
            found = reader.arrow(
                load("export/stretches"),
                snapshot_id=snapshot.snapshot_id,
                length=STRETCH,
            )
        firsts = _cuts(found, "position", PART_CHARACTERS)
        starts = _cuts(found, "sample_id", RUN_CHARACTERS)
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in firsts]
        ends = [*(start - 1 for start in starts[1:]), LAST_ID]
        runs = (self._read(first, last) for first, last in zip(starts, ends, strict=True))
        for done, run in enumerate(ahead(runs), 1):
            self._put_aside(run, firsts)
            progress(Tick("read", done / len(starts), {}))

    def close(self) -> None:
        """Forget what was read."""
        self._file.close()

    def parts(self) -> Iterator[pa.RecordBatch]:
        """Give all members in order, each as often as it counts.

        Returns:
            Parts of bounded size, of columns id, dataset, messages (list of struct of role,
            content and extra, JSON text or null), tools (JSON text or null), content_hash (in
            hexadecimal), position, repeats, score, task, query, rank and sources.
        """
        return ahead(self._merged(pieces) for pieces in self._pieces if pieces)

    def odd_parts(self) -> Iterator[pa.RecordBatch]:
        """Give the members that are not plain, in the same way."""
        if not self.plain:
            for part in self.parts():
                yield part.filter(pa.array(odd(part)))

    def _read(self, first: int, last: int) -> pa.RecordBatch:
        """Return the members of some sample ids, in order of position."""
        with self._store.read() as reader:
            found = reader.arrow(
                load("export/members"),
                snapshot_id=self._snapshot.snapshot_id,
                first=first,
                last=last,
            )
        run = whole(found)
        return run.take(pa.array(np.argsort(run["position"])))

    def _put_aside(self, run: pa.RecordBatch, firsts: list[int]) -> None:
        self._schema = run.schema
        extra = run["messages"].values.field("extra")
        self.plain &= extra.null_count == len(extra) and run["tools"].null_count == len(run)
        bounds = [0, *np.searchsorted(run["position"], firsts[1:]).tolist(), len(run)]
        for pieces, start, end in zip(self._pieces, bounds, bounds[1:], strict=False):
            if start < end:
                place = self._file.tell()
                pieces.append((place, self._file.write(run.slice(start, end - start).serialize())))
        self._file.flush()

    def _merged(self, pieces: list[tuple[int, int]]) -> pa.RecordBatch:
        found = [
            pa.ipc.read_record_batch(
                pa.py_buffer(os.pread(self._file.fileno(), size, place)), self._schema
            )
            for place, size in pieces
        ]
        table = pa.Table.from_batches(found)
        order = np.argsort(table["position"].to_numpy())
        repeats = table["repeats"].to_numpy()[order]
        return whole(whole(table).take(pa.array(np.repeat(order, repeats))))


def odd(part: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Tell of every member whether it has tools, or messages with more than role and content."""
    more = part["messages"].values.field("extra").is_valid().to_numpy(zero_copy_only=False)
    before = np.concatenate(([0], np.cumsum(more)))[part["messages"].offsets.to_numpy()]
    tools = part["tools"].is_valid().to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.bool_] = tools | (np.diff(before) > 0)
    return found


def _cuts(stretches: pa.Table, key: str, characters: int) -> list[int]:
    """Return where parts begin that hold about so much text, the first of them where all begins."""
    found = stretches.filter(pc.is_valid(stretches[key]))
    parts = np.cumsum(found["characters"].to_numpy()) // characters
    _, places = np.unique(parts, return_index=True)
    cuts: list[int] = found[key].to_numpy()[places].tolist()
    return cuts


def whole(found: "pa.Table | pa.RecordBatch") -> pa.RecordBatch:
    """Return a table of bounded size in one piece."""
    if isinstance(found, pa.RecordBatch):
        return found
    batches = found.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=found.schema)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give items; the next one is made beside while one is used."""
    end = object()
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = beside.submit(next, items, end)
            yield item  # type: ignore[misc]
