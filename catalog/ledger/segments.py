"""What the files of a ledger hold: Arrow IPC, one schema per kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

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
    # What could not be written, in words and numbers.
    "lost": pa.schema(
        [
            ("first_step", pa.int64()),
            ("last_step", pa.int64()),
            ("exposures", pa.int64()),
            ("reason", pa.string()),
        ]
    ),
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

Columns = dict[str, list[Any]]


def empty(kind: str) -> Columns:
    """Return the columns of a kind of segment, without rows."""
    return {name: [] for name in SCHEMAS[kind].names}


def encode(kind: str, columns: Columns, about: Mapping[str, str]) -> bytes:
    """Return a segment: the rows of one kind, and in its metadata whose they are.

    Args:
        kind: one of `SCHEMAS`.
        columns: its columns, all of one length.
        about: `run`, `attempt` and `rank`.
    """
    schema = SCHEMAS[kind]
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, schema.with_metadata({**about}), options=options) as writer:
        writer.write_table(pa.table(arrays, schema=schema))
    return bytes(sink.getvalue())


def values(given: Sequence[Any]) -> list[Any]:
    """Return plain numbers: of a list, an array or a tensor."""
    tolist = getattr(given, "tolist", None)
    return list(tolist() if tolist else given)
