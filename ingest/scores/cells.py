"""A file of scores as a stream of cells: what names a sample, and what is said of it."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from catalog.errors import InvalidInput, UnreadableInput
from catalog.sql import load
from catalog.store import scratch
from ingest.inputs import find
from ingest.readers import CODECS, Block

KEYS = ("content_hash", "hash", "id", "external_id")
"""Where a sample may be named, the surest first."""

VALUES = ("score", "value", "label")
MEMORY = "1GB"
MAX_ROW_BYTES = 16 << 20
BATCH_ROWS = 100_000
SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("broken", pa.bool_()),
        ("key", pa.string()),
        ("source", pa.string()),
        ("number", pa.float64()),
        ("text", pa.string()),
    ]
)


def read_cells(path: str, keys: Sequence[str], values: Sequence[str]) -> pa.Table:
    """Read a file of scores: JSON lines or arrays, Parquet or CSV, compressed or not.

    Args:
        path: of the file.
        keys: columns that may name a sample, the surest first.
        values: columns that may hold the score, the first that is there counts.

    Returns:
        line (int64, from 1), broken (bool), key, source (string), number (double), text (string):
        a number as such, or the text of the cell.

    Raises:
        UnreadableInput: it is missing or damaged.
        InvalidInput: it is of no known kind, or a table without such columns.
    """
    name = path.lower()
    try:
        if name.endswith(".parquet"):
            parts = _parquet(path, keys, values)
        elif name.removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
            parts = _csv(path, keys, values)
        else:
            blocks = (block for place in find([path]) for block in place.blocks(MAX_ROW_BYTES))
            parts = (_json(block, keys, values) for block in blocks)
        return pa.concat_tables(chain([SCHEMA.empty_table()], parts)).combine_chunks()
    except (OSError, EOFError, KeyError, pa.ArrowException) as error:  # a column twice: KeyError
        raise UnreadableInput(
            f"cannot read {path}: {error}", hint="Give a JSONL, CSV or Parquet file."
        ) from error


def _json(block: Block, keys: Sequence[str], values: Sequence[str]) -> pa.Table:
    block = block.loaded()
    rows = block.data.split(b"\n") if isinstance(block.data, bytes) else block.data
    assert isinstance(rows, list)
    if rows and not rows[-1]:
        rows.pop()
    lines = block.lines or range(block.first_line, block.first_line + len(rows))
    raw = pa.array(rows, pa.binary())
    if block.cut_bytes or not _is_text(raw):
        raw = pa.array([row.decode(errors="replace") for row in rows])
    table = pa.table({"line": pa.array(lines, pa.int64()), "raw": raw.cast(pa.string())})
    with scratch({"raw_row": table}, MEMORY) as reader:
        return reader.arrow(
            load("score/lines"), keys=_pointers(keys), values=_pointers(values)
        ).cast(SCHEMA)


def _is_text(raw: pa.Array) -> bool:
    try:
        raw.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _pointers(names: Sequence[str]) -> list[str]:
    return ["/" + name.replace("~", "~0").replace("/", "~1") for name in names]


def _parquet(path: str, keys: Sequence[str], values: Sequence[str]) -> Iterator[pa.Table]:
    with pyarrow.parquet.ParquetFile(path) as file:
        chosen = _chosen(path, file.schema_arrow.names, keys, values)
        columns = list(dict.fromkeys(name for name in chosen if name))
        line = 1
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            yield _table(batch, line, *chosen)
            line += len(batch)


def _csv(path: str, keys: Sequence[str], values: Sequence[str]) -> Iterator[pa.Table]:
    with pa.OSFile(path, "rb") as file:
        begun = file.read(4)
    codec = next((codec for mark, codec in CODECS.items() if begun.startswith(mark)), None)
    with pa.input_stream(path, compression=codec) as stream:
        names = pyarrow.csv.open_csv(stream).schema.names
    chosen = _chosen(path, names, keys, values)
    columns = list(dict.fromkeys(name for name in chosen if name))
    convert = pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    with pa.input_stream(path, compression=codec) as stream:
        line = 2
        for batch in pyarrow.csv.open_csv(stream, convert_options=convert):
            yield _table(batch, line, *chosen)
            line += len(batch)


def _chosen(
    path: str, names: Sequence[str], keys: Sequence[str], values: Sequence[str]
) -> tuple[str, str, str]:
    """Return the columns of a table that name the sample, its source (or nothing), the score."""
    found = []
    for what, wanted in (("names a sample", keys), ("holds a score", values)):
        there = [name for name in wanted if name in names]
        if not there:
            raise InvalidInput(
                f"no column of {Path(path).name} {what}: it has {', '.join(names)}",
                hint=f"Expected {' or '.join(wanted)}; say which with --id-column and --column.",
            )
        found.append(there[0])
    return found[0], "source" if "source" in names else "", found[1]


def _table(batch: pa.RecordBatch, line: int, key: str, source: str, value: str) -> pa.Table:
    cell = _plain(batch[value])
    nothing = pa.nulls(len(batch), pa.string())
    numeric = not pa.types.is_string(cell.type)
    return pa.table(
        {
            "line": pa.array(range(line, line + len(batch)), pa.int64()),
            "broken": pa.repeat(pa.scalar(False), len(batch)),
            "key": _text(batch[key]),
            "source": _text(batch[source]) if source else nothing,
            "number": cell.cast(pa.float64()) if numeric else pa.nulls(len(batch), pa.float64()),
            "text": nothing if numeric else cell,
        },
        schema=SCHEMA,
    )


def _plain(column: pa.Array) -> pa.Array:
    """Return a column as numbers or as strings."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if number or pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64(), safe=False)
    return _text(column)


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        return pa.array([None if raw is None else raw.hex() for raw in column.to_pylist()])
    return pc.cast(column, pa.string())
