"""Members as JSON lines, exactly as Python's own json writes them.

DuckDB writes the lines of plain conversations, many times faster; those that it would write
otherwise are left to Python.
"""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.exporting.aside import ahead, texts
from catalog.exporting.members import rows
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Reader, scratch

BATCH_ROWS = 8192
"""Rows that one thread of DuckDB writes at a time."""


def lines(
    parts: Iterator[pa.RecordBatch], snapshot: Snapshot, memory_limit: str
) -> Iterator[memoryview]:
    """Give the lines of each part of `Members`, in UTF-8, each with its end of line."""
    with scratch({}, memory_limit) as reader:
        for written in ahead(_lines(reader, part, snapshot) for part in parts):
            yield from written


def _lines(reader: Reader, part: pa.RecordBatch, snapshot: Snapshot) -> list[memoryview]:
    reader.register("part", pa.Table.from_batches(_slices(part)))
    found, done = [], 0
    for batch in reader.arrow(load("export/lines"), snapshot=str(snapshot)).to_batches():
        found.append(_text(batch["line"], part.slice(done, len(batch)), snapshot))
        done += len(batch)
    return found


def _text(found: pa.StringArray, part: pa.RecordBatch, snapshot: Snapshot) -> memoryview:
    if found.null_count:
        left = found.is_null()
        others = rows([part.filter(left)], snapshot)
        written = [f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in others]
        found = pc.replace_with_mask(found, left, texts(written))
    _, offsets, data = found.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[found.offset, found.offset + len(found)]]
    return memoryview(data)[first:last]


def _slices(part: pa.RecordBatch) -> list[pa.RecordBatch]:
    return [part.slice(start, BATCH_ROWS) for start in range(0, len(part), BATCH_ROWS)]
