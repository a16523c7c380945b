"""Tables: Parquet files and data sets of `datasets`, read as blocks of Arrow, and their rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import UnreadableInput
from ingest.parse import Refusal, Row
from ingest.readers import BLOCK_BYTES, Block

BATCH_ROWS = 4096
BUFFER_BYTES = 1 << 20
HUB = "hf://"


def read_parquet(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a Parquet file batch by batch."""
    size = Path(path).stat().st_size
    with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
        total = max(1, file.metadata.num_rows)
        width = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
        rows = max(1, min(BATCH_ROWS, BLOCK_BYTES * total // max(1, width)))
        yield from _blocks(file.iter_batches(batch_size=rows), name, size, total)


def read_saved(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a data set that `datasets` saved to disk; of several splits, the name ends in each."""
    from datasets import DatasetDict, load_from_disk

    try:
        found = load_from_disk(path)
    except Exception as error:
        raise UnreadableInput(
            f"cannot load the data set saved at {path}: {error}",
            hint="Expected a folder that `save_to_disk` of `datasets` wrote.",
        ) from error
    if isinstance(found, DatasetDict):
        for split in sorted(found):
            yield from _blocks(_batches(found[split]), f"{name}/{split}")
    else:
        yield from _blocks(_batches(found), name)


def read_hub(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read `hf://owner/name[:split]` through `datasets`, from the hub or a local folder."""
    from datasets import load_dataset

    where, _, split = path.removeprefix(HUB).partition(":")
    try:
        found = load_dataset(where, split=split or "train")
    except Exception as error:
        raise UnreadableInput(
            f"cannot load {path}: {error}",
            hint="Expected hf://owner/name or hf://owner/name:split; is the hub reachable?",
        ) from error
    yield from _blocks(_batches(found), name)


def _batches(dataset: Any) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    for table in dataset.with_format("arrow").iter(batch_size=BATCH_ROWS):
        yield from table.combine_chunks().to_batches()


def _blocks(
    batches: Iterator[pa.RecordBatch], name: str, file_bytes: int = 0, file_rows: int = 1
) -> Iterator[Block]:
    """Make blocks of about the usual size, however many rows a batch has."""
    row = 0
    for batch in map(_decoded, batches):
        _refuse_equal_names(name, batch.schema.names)
        rows = max(1, BLOCK_BYTES * batch.num_rows // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, rows):
            piece = batch.slice(start, rows)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, piece.schema) as writer:
                writer.write_batch(piece)
            read = file_bytes * (row + piece.num_rows) // file_rows
            yield Block(name, row + 1, sink.getvalue().to_pybytes(), table=True, read_bytes=read)
            row += piece.num_rows


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write dictionaries out: each block would carry the whole of them."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _refuse_equal_names(name: str, columns: list[str]) -> None:
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise UnreadableInput(
            f"{name} has several columns named {', '.join(map(repr, twice))}",
            hint="Rename them: a row cannot hold two values under one name.",
        )


def table_rows(data: bytes, max_row_bytes: int) -> Iterator[Row | Refusal]:
    """Give the rows of a block of Arrow as JSON would hold them, each or why it is refused."""
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    if len(data) <= max_row_bytes:
        try:
            yield from [plain(row) for row in table.to_pylist()]
            return
        except (ValueError, ArithmeticError, pa.ArrowException):
            pass  # some value has no equal in Python: look at each row by itself
    for position in range(table.num_rows):
        yield _row(table.slice(position, 1), max_row_bytes)


def _row(table: pa.Table, max_row_bytes: int) -> Row | Refusal:
    if table.nbytes > max_row_bytes:
        detail = f"{table.nbytes} bytes, the limit is {max_row_bytes}"
        return Refusal("row too large", detail, _text(table))
    try:
        [row] = table.to_pylist()
        found: Row = plain(row)
        return found
    except UnicodeDecodeError as error:
        return Refusal("broken UTF-8", f"byte {error.start}: {error.reason}", _text(table))
    except (ValueError, ArithmeticError, pa.ArrowException) as error:
        return Refusal("wrong type", str(error), _text(table))


def _text(table: pa.Table) -> str:
    return as_text({name: _anything(table.column(name)) for name in table.column_names})


def as_text(row: Row) -> str:
    """Return a row as text, whatever it holds."""
    return json.dumps(row, ensure_ascii=False, default=_written)


def _written(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _anything(column: pa.ChunkedArray) -> object:
    try:
        return plain(column[0].as_py())
    except (ValueError, ArithmeticError, pa.ArrowException):
        pass
    try:
        return column.cast(_with_bytes(column.type))[0].as_py()
    except (ValueError, ArithmeticError, pa.ArrowException) as error:
        return f"unreadable: {error}"


def _with_bytes(kind: pa.DataType) -> pa.DataType:
    """Return the type that holds text as mere bytes."""
    if pa.types.is_list(kind):
        return pa.list_(_with_bytes(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _with_bytes(field.type)) for field in kind])
    return pa.binary() if pa.types.is_string(kind) else kind


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a table's value as JSON would hold it, without the nulls that fill in for absence.

    >>> plain({"messages": [{"role": "user", "content": "hi", "name": None}], "id": None})
    {'messages': [{'role': 'user', 'content': 'hi'}]}
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {key: plain(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [plain(item) for item in value]
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return value
    return str(value)
