"""Formats for people and other tools: JSONL, Parquet, a saved data set of `datasets`."""

import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from os import fsync
from pathlib import Path

import pyarrow as pa

from catalog.exporting.arrow import batches, schema_of
from catalog.exporting.aside import ahead, side_by_side
from catalog.exporting.joining import join
from catalog.exporting.lines import lines
from catalog.exporting.tally import Row
from catalog.exporting.writing import Writing

BATCH_ROWS = 4096
UNIQUE = frozenset({"id", "content_hash", "content", "position"})
"""Columns whose values hardly repeat."""


def write_jsonl(writing: Writing, aside: Path) -> None:
    """Write a JSON object a line, each as the sample came."""
    with aside.open("wb") as stream:
        for text in lines(writing.parts(), writing.snapshot, writing.home.settings.memory_limit):
            stream.write(text)
        stream.flush()
        fsync(stream.fileno())


def write_parquet(writing: Writing, aside: Path) -> None:
    """Write one Parquet file, of one schema."""
    schema = schema_of(writing.members.odd_parts())
    write_batches(batches(writing.parts(), schema, writing.snapshot), schema, aside)


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
    """Write batches as one Parquet file, a row group each, safe on the disk when this returns."""
    # The first file holds no row group: there may be none at all.
    groups = side_by_side(partial(_parquet, schema), chain([None], ahead(found)))
    with path.open("wb") as stream:
        join(groups, stream)
        stream.flush()
        fsync(stream.fileno())


def _parquet(schema: pa.Schema, batch: pa.RecordBatch | None) -> memoryview:
    """Return a Parquet file of one row group, or of none."""
    import pyarrow.parquet as pq

    stream = pa.BufferOutputStream()
    with pq.ParquetWriter(
        stream,
        schema,
        compression="zstd",
        # Looking for repetitions in text that has none takes longer than writing it.
        use_dictionary=[leaf for leaf in _leaves(schema) if leaf.split(".")[-1] not in UNIQUE],
    ) as writer:
        if batch is not None:
            writer.write_batch(batch, row_group_size=len(batch))
    return memoryview(stream.getvalue())


def _leaves(schema: pa.Schema) -> Iterator[str]:
    """Give the paths of a schema's columns, as Parquet names them."""
    for field in schema:
        yield from _paths(field.name, field.type)


def _paths(path: str, kind: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _paths(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _paths(f"{path}.list.element", kind.value_type)
    else:
        yield path


def write_rows(rows: Iterator[Row], schema: pa.Schema, path: Path) -> None:
    """Write rows that have a schema's types as one Parquet file."""
    write_batches(_batched(rows, schema), schema, path)


def _batched(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(rows, BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(chunk, schema=schema)
