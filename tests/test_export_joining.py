"""Files joined to one are the file that one writer would have written, byte for byte."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.exporting.joining import join

WIDE = pa.schema(
    [
        pa.field("text", pa.string(), metadata={"said": "Ünïcode"}),
        *((f"number-{number}", pa.int64()) for number in range(20)),
        ("truth", pa.bool_()),
        ("share", pa.float64()),
        ("inner", pa.list_(pa.struct([("a", pa.string()), ("b", pa.float32())]))),
    ],
    metadata={"long": "x" * 300},
)


def parquet(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    """What one writer makes of batches, a row group each."""
    stream = BytesIO()
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=len(batch))
    return stream.getvalue()


def joined(files: list[bytes]) -> bytes:
    stream = BytesIO()
    join(files, stream)
    return stream.getvalue()


def batch(texts: list[str | None]) -> pa.RecordBatch:
    rows = [
        {
            "text": text,
            **{f"number-{number}": -number * 2**50 for number in range(20)},
            "truth": text is None,
            "share": len(text or "") / 7,
            "inner": [{"a": text, "b": 0.5}] * (len(text or "") % 3),
        }
        for text in texts
    ]
    return pa.RecordBatch.from_pylist(rows, schema=WIDE)


@given(st.lists(st.lists(st.none() | st.text(), min_size=1, max_size=5), max_size=20))
@settings(max_examples=25, deadline=None)
def test_row_groups_written_apart_and_joined_are_what_one_writer_writes(
    drawn: list[list[str | None]],
) -> None:
    batches = [batch(texts) for texts in drawn]
    files = [parquet(WIDE, []), *(parquet(WIDE, [one]) for one in batches)]
    assert joined(files) == parquet(WIDE, batches)


@pytest.mark.parametrize("groups", [0, 1, 14, 15, 16, 200])
def test_a_joined_file_is_read_back_whatever_the_number_of_its_row_groups(groups: int) -> None:
    batches = [batch([f"row {number}", None]) for number in range(groups)]
    halves = [parquet(WIDE, batches[: groups // 2]), parquet(WIDE, batches[groups // 2 :])]
    found = pq.ParquetFile(pa.BufferReader(joined(halves)))
    assert found.metadata.num_row_groups == groups
    assert found.read().equals(pa.Table.from_batches(batches, WIDE))
