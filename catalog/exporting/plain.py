"""Formats for people and other tools: JSONL, Parquet, a saved data set of `datasets`."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from os import fsync
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.exporting.arrow import BATCH_ROWS, batches, schema_of
from catalog.exporting.tally import Row
from catalog.exporting.writing import Writing, write_lines


def write_jsonl(writing: Writing, aside: Path) -> None:
    """Write a JSON object a line, each as the sample came."""
    write_lines(writing.plain(), aside)


def write_parquet(writing: Writing, aside: Path) -> None:
    """Write one Parquet file, of one schema."""
    schema = schema_of(writing.look(lambda row, _: row))
    write_batches(batches(writing.plain(), schema), schema, aside)


def write_data_set(writing: Writing, aside: Path) -> None:
    """Write a folder that `datasets.load_from_disk` reads."""
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(dir=aside.parent) as folder:
        table = Path(folder) / "members.parquet"
        write_parquet(writing, table)
        found = datasets.Dataset.from_parquet(str(table), cache_dir=folder)
        found.save_to_disk(str(aside))
        del found


def write_batches(found: Iterator[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write batches as one Parquet file, safe on the disk when this returns."""
    with path.open("wb") as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for batch in found:
                writer.write_batch(batch)
        stream.flush()
        fsync(stream.fileno())


def write_rows(rows: Iterator[Row], schema: pa.Schema, path: Path) -> None:
    """Write rows that have a schema's types as one Parquet file."""
    write_batches(_batched(rows, schema), schema, path)


def _batched(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(rows, BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(chunk, schema=schema)
