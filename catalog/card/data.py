"""The data file of a card: one Parquet file whose columns every reader takes as they are."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from catalog.exporting.arrow import REASON, batches, schema_of
from catalog.exporting.plain import write_batches
from catalog.exporting.writing import Writing

REASONS = [field.name for field in REASON if field.name != "content_hash"]


def write_data(writing: Writing, path: Path) -> pa.Schema:
    """Write the members' rows, why each was chosen in columns of its own.

    Returns:
        The schema: `id`, `dataset`, `content_hash`, `messages`, `tools` where any row has some,
        then `snapshot`, `position`, `repeats`, `score`, `task`, `query`, `rank`, `sources`.
    """
    nested = schema_of(writing.members.odd_parts())
    schema = _flat(nested)
    found = batches(writing.parts(), nested, writing.snapshot)
    write_batches(_flattened(found, schema), schema, path)
    return schema


def _flat(nested: pa.Schema) -> pa.Schema:
    names = [name for name in nested.names if name != "catalog"]
    fields = [nested.field(name) for name in names]
    fields.insert(2, REASON.field("content_hash"))
    return pa.schema([*fields, *(REASON.field(name) for name in REASONS)])


def _flattened(found: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in found:
        reason = batch.column("catalog")
        columns = [
            batch.column(name) if name in batch.schema.names else reason.field(name)
            for name in schema.names
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
