"""What is put aside in any order, by position, to be taken back part by part in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, pairwise
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Item = TypeVar("Item")
Made = TypeVar("Made")
Numbers = npt.NDArray[Any]


class Aside:
    """Batches of unlike positions, cut into parts at the same positions.

    Args:
        folder: on a disk with room for them; nothing is left in it, even by a kill.
        firsts: the position that each part begins with; the first of them is the lowest of all.
        room_bytes: how much is kept in memory, not on the disk.
    """

    def __init__(self, folder: Path, firsts: list[int], room_bytes: int) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - open until `close`
        self._cuts = firsts[1:]
        self._room_bytes = room_bytes
        self._pieces: list[list[pa.RecordBatch | tuple[int, int]]] = [[] for _ in firsts]
        self._stream: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None

    def close(self) -> None:
        """Forget what was put aside."""
        self._pieces = []
        self._file.close()

    def put(self, batch: pa.RecordBatch) -> None:
        """Put a batch aside, with a column `position`."""
        self._schema = batch.schema
        batch = ordered(batch)
        kept = batch.nbytes <= self._room_bytes
        self._room_bytes -= batch.nbytes if kept else 0
        cuts = np.searchsorted(numbers(batch["position"]), self._cuts).tolist()
        bounds = [0, *cuts, len(batch)]
        for pieces, (start, end) in zip(self._pieces, pairwise(bounds), strict=True):
            if start < end:
                piece = batch.slice(start, end - start)
                pieces.append(piece if kept else self._written(piece))
        self._file.flush()

    def _written(self, piece: pa.RecordBatch) -> tuple[int, int]:
        if not self._stream:
            self._stream = pa.ipc.new_stream(pa.PythonFile(self._file, "w"), piece.schema)
            self._stream.write_batch(piece.slice(0, 0))  # the schema goes before the first batch
        place = self._file.tell()
        self._stream.write_batch(piece)
        return place, self._file.tell() - place

    def filled(self) -> list[int]:
        """Return the numbers of the parts that hold anything, in order."""
        return [number for number, pieces in enumerate(self._pieces) if pieces]

    def part(self, number: int) -> pa.RecordBatch:
        """Return all of a part, in order of position."""
        found = [
            piece if isinstance(piece, pa.RecordBatch) else self._read(*piece)
            for piece in self._pieces[number]
        ]
        return ordered(whole(pa.Table.from_batches(found))) if len(found) > 1 else found[0]

    def _read(self, place: int, size: int) -> pa.RecordBatch:
        # Seen where the system keeps the file, it is not copied once more.
        before = place % ALLOCATIONGRANULARITY
        seen = mmap(self._file.fileno(), before + size, access=ACCESS_READ, offset=place - before)
        return pa.ipc.read_record_batch(pa.py_buffer(seen).slice(before), self._schema)


def ordered(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in order of its column `position`."""
    positions = numbers(batch["position"])
    if (positions[1:] >= positions[:-1]).all():
        return batch
    return batch.take(places(np.argsort(positions)))


# `Array.to_numpy`, `pa.array` and `pa.repeat` import pandas, which takes as long as a small export.


def numbers(column: pa.Array) -> Numbers:
    """Return a column of whole numbers without nulls as numpy sees it."""
    return np.from_dlpack(column)


def places(found: npt.NDArray[np.int64]) -> pa.Int64Array:
    """Return numbers as Arrow takes them."""
    return pa.Array.from_buffers(pa.int64(), len(found), [None, pa.py_buffer(found)])


def texts(found: Sequence[bytes]) -> pa.StringArray:
    """Return texts in UTF-8 as Arrow takes them."""
    ends = np.cumsum([0, *map(len, found)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(found), pa.py_buffer(ends), pa.py_buffer(b"".join(found))
    )


def whole(found: pa.Table) -> pa.RecordBatch:
    """Return a table of bounded size in one piece."""
    batches = found.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=found.schema)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give items; the next one is made beside while one is used."""
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(list, islice(items, 1))
        while found := coming.result():
            coming = beside.submit(list, islice(items, 1))
            yield found[0]


def side_by_side(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Give what is made of items, in their order; two are made at once, whose work holds no GIL."""
    with ThreadPoolExecutor(2) as beside:
        coming: deque[Future[Made]] = deque()
        for item in items:
            coming.append(beside.submit(make, item))
            if len(coming) > 2:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
