"""What the files of a ledger hold: Arrow IPC, one schema per kind."""

from array import array
from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat
from operator import index
from typing import Any

import pyarrow as pa

from catalog.errors import InvalidInput

HASH_BYTES = 32
SCHEMAS = {
    # One row per piece of a sample in a forward pass of training.
    "exposures": pa.schema(
        [
            ("step", pa.int64()),  # the optimizer step
            ("micro_step", pa.int32()),  # the forward pass of the step, from 0
            ("position", pa.int32()),  # the place in the forward pass, from 0
            ("epoch", pa.int32()),
            ("content_hash", pa.binary(HASH_BYTES)),
            ("dataset_position", pa.int64()),  # where the data set holds it
            ("batch_row", pa.int32()),  # the row of the batch
            ("row_start", pa.int32()),  # its first token in that row
            ("sample_start", pa.int32()),  # the first of its own tokens, if it is a piece
            ("tokens", pa.int32()),  # how many are in the row
            ("truncated_tokens", pa.int32()),  # how many were cut off before
            ("loss_tokens", pa.int32()),  # how many have a loss
            ("repeated", pa.bool_()),  # given again by a sampler, only to fill a batch
        ]
    ),
    # What could not be written or named, in words and numbers.
    "lost": pa.schema(
        [
            ("first_step", pa.int64()),
            ("last_step", pa.int64()),
            ("exposures", pa.int64()),
            ("reason", pa.string()),
        ]
    ),
    # One row per optimizer step, told when it is over.
    "steps": pa.schema(
        [
            ("step", pa.int64()),
            ("exposures", pa.int64()),  # how many rows of the above belong to it
            ("applied", pa.bool_()),  # false if it was skipped
            ("reason", pa.string()),
            ("digest", pa.binary()),  # of token ids and loss mask
        ]
    ),
    "checkpoints": pa.schema([("step", pa.int64()), ("path", pa.string())]),
    # Samples that never reached the model, and why.
    "dropped": pa.schema([("content_hash", pa.binary(HASH_BYTES)), ("reason", pa.string())]),
}
"""The kinds of segments, in the order of writing: a step is told after what it was shown."""

TOLD = (
    "dataset_position",
    "batch_row",
    "row_start",
    "sample_start",
    "tokens",
    "truncated_tokens",
    "loss_tokens",
    "repeated",
)
"""What may be said of an exposure beyond its hash."""
INTEGERS = {pa.int32(): "i", pa.int64(): "q"}
"""Whole numbers, as the standard library's arrays name their sizes."""

Columns = dict[str, Sequence[Any]]


def encode(kind: str, columns: Mapping[str, Sequence[Any]], about: Mapping[str, str]) -> bytes:
    """Return a segment: the rows of one kind, and in its metadata whose they are.

    Args:
        kind: one of `SCHEMAS`.
        columns: its columns, all of one length: lists, ranges or the standard library's arrays.
        about: `run`, `attempt` and `rank`.
    """
    schema = SCHEMAS[kind].with_metadata({**about})
    arrays = [_arrow(field.type, columns[field.name]) for field in schema]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())


def _arrow(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    """Return a column from its buffers: `pa.array` would import pandas, where there is one."""
    count = len(values)
    lacks = None in values
    if lacks and not any(value is not None for value in values):
        return pa.nulls(count, kind)
    buffers: list[Any] = [_bits([value is not None for value in values]) if lacks else None]
    if kind == pa.bool_():
        buffers.append(_bits(values))
    elif kind in INTEGERS:
        buffers.append(array(INTEGERS[kind], [value or 0 for value in values] if lacks else values))
    elif kind == pa.binary(HASH_BYTES):
        buffers.append(b"".join(values))
    else:
        texts = [b"" if value is None else value for value in values]
        texts = [text.encode() if isinstance(text, str) else text for text in texts]
        buffers += [array("i", accumulate(map(len, texts), initial=0)), b"".join(texts)]
    held = [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    return pa.Array.from_buffers(kind, count, held)


def _bits(values: Sequence[Any]) -> bytes:
    """Return one bit each, in Arrow's order: the first is the lowest of the first byte."""
    digits = "".join("1" if value else "0" for value in reversed(values))
    return int(digits or "0", 2).to_bytes(len(values) // 8 + 1, "little")


def joined(kind: str, parts: Sequence[Columns]) -> Columns:
    """Return the columns of a kind from parts in order; what a part does not say is null."""
    whole: dict[str, list[Any]] = {name: [] for name in SCHEMAS[kind].names}
    for part in parts:
        rows = len(next(iter(part.values())))
        for name, column in whole.items():
            column.extend(part.get(name) or repeat(None, rows))
    return {**whole}


def checked(name: str, given: Sequence[Any], count: int) -> Sequence[Any]:
    """Return what is told of samples as plain values that surely fit their column.

    Args:
        name: one of `TOLD`.
        given: a list, an array or a tensor, of whole numbers or None.
        count: how many samples they are of.

    Raises:
        InvalidInput: the name is none, or they do not fit.
    """
    hint = f"One whole number or None each, for any of: {', '.join(TOLD)}."
    if name not in TOLD:
        raise InvalidInput(f"{name!r} is nothing that is told of samples", hint=hint)
    try:
        values = _plain(name, given)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name!r} does not fit: {error}", hint=hint) from error
    if len(values) != count:
        raise InvalidInput(f"{name!r} has {len(values)} values for {count} samples", hint=hint)
    return values


CODES = {field.name: INTEGERS.get(field.type) for field in SCHEMAS["exposures"]}


def _plain(name: str, given: Sequence[Any]) -> Sequence[Any]:
    tolist = getattr(given, "tolist", None)
    plain = tolist() if tolist else list(given)
    code = CODES.get(name)
    if code is None:
        return [None if value is None else bool(value) for value in plain]
    # Such an array checks types and sizes at a tenth of what Arrow's costs, and is copied as fast.
    if None not in plain:
        return array(code, plain)
    array(code, [value for value in plain if value is not None])
    return [None if value is None else index(value) for value in plain]


def content_hash(given: str | bytes) -> bytes:
    """Return the bytes of a content hash, given as such or in hexadecimal digits.

    Raises:
        InvalidInput: it is none.
    """
    if type(given) is bytes and len(given) == HASH_BYTES:
        return given
    try:
        found = bytes.fromhex(given) if isinstance(given, str) else memoryview(given).tobytes()
    except (ValueError, TypeError):
        found = b""
    if len(found) != HASH_BYTES:
        raise InvalidInput(
            f"{given!r} is no content hash",
            hint=f"One has {HASH_BYTES} bytes, or {2 * HASH_BYTES} hexadecimal digits.",
        )
    return found


def plain_text(given: object) -> str:
    """Return a text that can be written as UTF-8: the name of a path may hold anything."""
    return str(given).encode(errors="replace").decode()
