"""Members whole and in order, however many they are and however long their text is.

Samples lie in the database in order of ingest, so members that follow each other in a snapshot lie
all over it, and every few of them would cost a reading of nearly all. Sorting them all at once
would take the memory of all their text, and the lock for as long. So they are read in the order
that they lie in, a run at a time, and put aside cut into parts at the same positions. A part of the
result is then all that was put aside for it, sorted once more.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.exporting.aside import Aside, ahead, numbers, places, whole
from catalog.home import Home
from catalog.progress import Progress, Tick
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store

RUN_CHARACTERS = 400_000_000
"""Text that is read under one lock: in a second or so, and short of what an Arrow array holds."""
BATCH_CHARACTERS = 16_000_000
PART_CHARACTERS = 24_000_000
"""Text of a batch and of a part; a few of them are held in memory at once."""
ROW_CHARACTERS = 256
"""What a row has beside its text, or more."""
STRETCH = 256
"""Positions, or sample ids, that no cut goes between."""
TEXT_BYTES = 192_000_000
FACT_BYTES = 64_000_000
"""What is kept in memory where it is put aside, before the disk is used."""
LAST_ID = 2**63 - 1
COLUMNS = (
    *("id", "dataset", "messages", "tools", "content_hash"),
    *("position", "repeats", "score", "task", "query", "rank", "sources"),
)


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
        with self._store.read() as reader:
            found = reader.arrow(
                load("export/stretches"),
                snapshot_id=snapshot.snapshot_id,
                length=STRETCH,
            )
        firsts, _ = _cuts(found, "position", PART_CHARACTERS)
        self._texts = Aside(folder, firsts, TEXT_BYTES)
        self._facts = Aside(folder, firsts, FACT_BYTES)
        starts, rows = _cuts(found, "sample_id", RUN_CHARACTERS)
        ends = [*(start - 1 for start in starts[1:]), LAST_ID]
        done = 0
        for run in zip(starts, ends, rows, strict=True):
            for texts in self._read(*run):
                self._texts.put(texts)
                extra = texts["messages"].values.field("extra")
                self.plain &= _is_empty(extra) and _is_empty(texts["tools"])
                done += len(texts)
                progress(Tick("read", done / snapshot.size, {}))

    def close(self) -> None:
        """Forget what was read."""
        self._texts.close()
        self._facts.close()

    def parts(self, *, once: bool = False) -> Iterator[pa.RecordBatch]:
        """Give all members in order, each as often as it counts.

        Args:
            once: give each once, however often it counts.

        Returns:
            Parts of bounded size, of columns id, dataset, messages (list of struct of role,
            content and extra, JSON text or null), tools (JSON text or null), content_hash (in
            hexadecimal), position, repeats, score, task, query, rank and sources.
        """
        merged = (self._merged(part) for part in self._texts.filled())
        return ahead(merged if once else chain.from_iterable(map(_repeated, merged)))

    def odd_parts(self) -> Iterator[pa.RecordBatch]:
        """Give the members that are not plain, in the same way."""
        if not self.plain:
            for part in self.parts():
                yield odd(part)

    def _read(self, first: int, last: int, rows: int) -> Iterator[pa.RecordBatch]:
        """Give the texts of some sample ids, while the facts of them are read beside."""
        within = {"snapshot_id": self._snapshot.snapshot_id, "first": first, "last": last}
        with (
            self._store.read() as reader,
            reader.beside() as other,
            ThreadPoolExecutor(1) as beside,
        ):
            facts = beside.submit(other.arrow, load("export/facts"), **within)
            yield from ahead(reader.batches(load("export/texts"), rows, **within))
            self._facts.put(whole(facts.result()))

    def _merged(self, number: int) -> pa.RecordBatch:
        texts, facts = self._texts.part(number), self._facts.part(number)
        made = {
            **dict(zip(facts.schema.names, facts.columns, strict=True)),
            **dict(zip(texts.schema.names, texts.columns, strict=True)),
            "id": pc.coalesce(facts["external_id"], texts["content_hash"]),
        }
        return pa.RecordBatch.from_arrays([made[name] for name in COLUMNS], COLUMNS)


def _repeated(part: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Give members as often as they count, no more text at once than a part should hold."""
    repeats = numbers(part["repeats"])
    if (repeats == 1).all():
        yield part
        return
    rows = np.repeat(np.arange(len(part)), repeats)
    within = np.cumsum(_characters(part)[rows]) // PART_CHARACTERS
    for own in np.split(rows, np.flatnonzero(np.diff(within)) + 1):
        yield part.take(places(own))


def _characters(part: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return how much text each member has, and what is beside it."""
    messages = part["messages"]
    inner = messages.flatten()
    lengths = np.add.reduce([_lengths(inner.field(name)) for name in ("role", "content", "extra")])
    ends = np.cumsum([0, *lengths])[np.cumsum([0, *numbers(messages.value_lengths())])]
    found: npt.NDArray[np.int64] = np.diff(ends) + _lengths(part["tools"]) + ROW_CHARACTERS
    return found


def _lengths(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = numbers(pc.coalesce(pc.binary_length(texts), 0)).astype(np.int64)
    return found


def odd(part: pa.RecordBatch) -> pa.RecordBatch:
    """Return the members that have tools, or messages with more than a role and a content."""
    messages = part["messages"]
    extra = messages.flatten().field("extra")
    found = [
        pc.list_parent_indices(messages).filter(extra.is_valid()),
        places(np.arange(len(part))).filter(part["tools"].is_valid()),
    ]
    return part.take(places(np.unique(np.concatenate([numbers(rows) for rows in found]))))


def _is_empty(column: pa.Array) -> bool:
    return bool(column.null_count == len(column))


def _cuts(stretches: pa.Table, key: str, characters: int) -> tuple[list[int], list[int]]:
    """Return where parts begin that hold about so much text, the first of them where all begins.

    Returns:
        Beside it, how many rows of a part make a batch.
    """
    found = whole(stretches.filter(pc.is_valid(stretches[key])))
    texts = numbers(found["characters"])
    parts = np.cumsum(texts) // characters
    _, starts = np.unique(parts, return_index=True)
    if not len(starts):
        return [], []
    mean = np.add.reduceat(texts, starts) / np.add.reduceat(numbers(found["members"]), starts)
    rows = np.maximum(BATCH_CHARACTERS // mean, 1).astype(np.int64)
    return numbers(found[key])[starts].tolist(), rows.tolist()
