"""One block of raw rows becomes Parquet files on disk: the rows accepted, and those refused."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.formats import FORMATS, FormatName
from ingest.normalize import Conversation, Refusal, Row, normalize, parse
from ingest.readers import Block

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("extra", pa.string())])
STAGED = pa.schema(
    [
        ("ordinal", pa.int64()),
        ("line", pa.int64()),
        ("file", pa.string()),
        ("source", pa.string()),
        ("format", pa.string()),
        ("external_id", pa.string()),
        ("metadata", pa.string()),
        ("content_hash", pa.binary()),
        ("order_key", pa.int64()),
        ("messages", pa.list_(MESSAGE)),
        ("tools", pa.string()),
        ("turns", pa.int32()),
        ("characters", pa.int64()),
    ]
)
REFUSED = pa.schema(
    [
        ("line", pa.int64()),
        ("file", pa.string()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.string()),
    ]
)
ROWS_PER_BLOCK = 1 << 32
"""Ordinals of block n begin at n times this, so they follow the order of the input."""


@dataclass(frozen=True)
class Plan:
    """How every block of a job is to be read.

    Attributes:
        folder: where the staged files go.
        source: the source of every row, or None if each row's `dataset` names its own.
        max_row_bytes: larger rows are refused.
        needs_answer: refuse conversations without an assistant turn.
    """

    folder: str
    source: str | None
    max_row_bytes: int
    needs_answer: bool = True


@dataclass(frozen=True)
class Staged:
    """What became of one block.

    Attributes:
        number: the block's number in the job.
        accepted: rows accepted.
        reasons: how many rows were refused, by reason.
        first_refusals: a few of them, as (file, line, reason, detail).
    """

    number: int
    accepted: int
    reasons: Counter[str] = field(default_factory=Counter)
    first_refusals: tuple[tuple[str, int, str, str], ...] = ()

    def path(self, folder: str, kind: str) -> str:
        """Return where this block's `rows` or `refused` were put."""
        return str(Path(folder) / f"{self.number:08d}.{kind}.parquet")


def raw_rows(block: Block) -> Iterator[tuple[int, bytes | Row]]:
    """Take a block apart into rows with their line numbers; blank lines are no rows."""
    if block.table:
        assert isinstance(block.data, bytes)
        with pa.ipc.open_stream(block.data) as reader:
            rows = reader.read_all().to_pylist()
        yield from enumerate(map(prune, rows), block.first_line)
    elif isinstance(block.data, list):
        yield from zip(block.lines, block.data, strict=True)
    else:
        for line, raw in enumerate(block.data.split(b"\n"), block.first_line):
            if not raw.isspace() and raw:
                yield line, raw


def prune(value: Any) -> Any:  # noqa: ANN401
    """Drop the nulls that Arrow fills in where rows have different fields.

    >>> prune({"messages": [{"role": "user", "content": "hi", "name": None}], "id": None})
    {'messages': [{'role': 'user', 'content': 'hi'}]}
    """
    if isinstance(value, dict):
        return {key: prune(item) for key, item in value.items() if item is not None}
    return [prune(item) for item in value] if isinstance(value, list) else value


def stage(block: Block, number: int, format_name: FormatName, plan: Plan) -> Staged:
    """Check a block's rows and write what came of them below the plan's folder."""
    shape = FORMATS[format_name][0]
    accepted: list[tuple[int, str, Conversation]] = []
    refused: list[tuple[int, str, str | None, str, str, str]] = []
    for line, raw in raw_rows(block):
        source = plan.source
        try:
            _check_size(raw, block.cut_bytes, plan.max_row_bytes)
            row = parse(raw) if isinstance(raw, bytes) else raw
            found = normalize(row, shape, needs_answer=plan.needs_answer)
            source = source or found.dataset
            if source is None:
                raise Refusal("no source", "the row has no `dataset` and no --source was given")
            accepted.append((line, source, found))
        except Refusal as refusal:
            text = _as_text(raw)
            refused.append((line, block.file, source, refusal.reason, refusal.detail, text))
    staged = Staged(
        number,
        len(accepted),
        Counter(row[3] for row in refused),
        tuple((file, line, reason, detail) for line, file, _, reason, detail, _ in refused[:3]),
    )
    if accepted:
        _write(_table(accepted, block.file, format_name, number), staged.path(plan.folder, "rows"))
    if refused:
        columns = [list(column) for column in zip(*refused, strict=True)]
        _write(pa.table(columns, schema=REFUSED), staged.path(plan.folder, "refused"))
    return staged


def _check_size(raw: bytes | Row, cut_bytes: int, limit: int) -> None:
    size = cut_bytes or (len(raw) if isinstance(raw, bytes) else 0)
    if size > limit:
        raise Refusal("row too large", f"{size} bytes, the limit is {limit}")


def _as_text(raw: bytes | Row) -> str:
    if isinstance(raw, bytes):
        return raw.decode(errors="backslashreplace").replace("\0", "\\x00")
    return str(raw).replace("\0", "\\x00").encode(errors="backslashreplace").decode()


def _table(
    accepted: list[tuple[int, str, Conversation]], file: str, format_name: str, number: int
) -> pa.Table:
    lines, sources, found = zip(*accepted, strict=True)
    columns = [list(column) for column in zip(*found, strict=True)]
    named = dict(zip(Conversation._fields, columns, strict=True))
    first = number * ROWS_PER_BLOCK
    arrays = {
        "ordinal": pa.array(range(first, first + len(found))),
        "line": lines,
        "file": pa.repeat(pa.scalar(file), len(found)),
        "source": sources,
        "format": pa.repeat(pa.scalar(format_name), len(found)),
        "messages": messages_array(named["roles"], named["contents"], named["extras"]),
        "turns": list(map(len, named["roles"])),
    }
    return pa.table([arrays.get(name, named.get(name)) for name in STAGED.names], schema=STAGED)


def messages_array(
    roles: list[tuple[str, ...]],
    contents: list[tuple[str | None, ...]],
    extras: list[tuple[str | None, ...]],
) -> pa.ListArray:
    """Return conversations' messages, given by field, as one Arrow list array."""
    offsets = pa.array([0, *accumulate(map(len, roles))], pa.int32())
    fields = [
        pa.array(chain.from_iterable(field), pa.string()) for field in (roles, contents, extras)
    ]
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(fields, fields=list(MESSAGE))
    )


def _write(table: pa.Table, path: str) -> None:
    pq.write_table(table, path, compression="lz4", use_dictionary=False, write_statistics=False)
