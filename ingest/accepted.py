"""Rows accepted, collected field by field, and the Arrow table that they become."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.normalize import Conversation

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
ROWS_PER_BLOCK = 1 << 32
"""Ordinals of block n begin at n times this, so they follow the order of the input."""

HASH_BYTES = 32


class Accepted:
    """Rows in order; of each message, field by field, in one list for all rows.

    Lists of plain values become Arrow arrays several times sooner than lists of rows would.
    """

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.sources: list[str] = []
        self.external_ids: list[str | None] = []
        self.metadata: list[str | None] = []
        self.hashes: list[bytes] = []
        self.turns: list[int] = []
        self.roles: list[str] = []
        self.contents: list[str | None] = []
        self._extras: dict[int, str] = {}  # by the message's place among all
        self._tools: dict[int, str] = {}  # by the row's

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.lines)

    def add(self, line: int, found: Conversation) -> None:
        """Add a row."""
        if found.tools is not None:
            self._tools[len(self.lines)] = found.tools
        for place, extra in enumerate(found.extras, len(self.roles)):
            if extra is not None:
                self._extras[place] = extra
        self.roles += found.roles
        self.contents += found.contents
        self.add_row(
            line,
            found.source,
            found.external_id,
            found.metadata,
            found.content_hash,
            len(found.roles),
        )

    def add_row(
        self,
        line: int,
        source: str,
        external_id: str | None,
        metadata: str | None,
        content_hash: bytes,
        turns: int,
    ) -> None:
        """Add a row whose messages were added to `roles` and `contents` before."""
        self.lines.append(line)
        self.sources.append(source)
        self.external_ids.append(external_id)
        self.metadata.append(metadata)
        self.hashes.append(content_hash)
        self.turns.append(turns)

    def table(self, file: str, format_name: str, number: int) -> pa.Table:
        """Return the rows, at least one, as a table with the columns of `STAGED`."""
        rows = len(self)
        turns = np.array(self.turns, np.int32)
        starts = np.zeros(rows + 1, np.int32)
        np.cumsum(turns, out=starts[1:])
        contents = pa.array(self.contents, pa.string())
        lengths = pc.fill_null(pc.utf8_length(contents), 0).to_numpy(zero_copy_only=False)
        whole = b"".join(self.hashes)
        arrays: dict[str, Any] = {
            "ordinal": np.arange(rows, dtype=np.int64) + number * ROWS_PER_BLOCK,
            "line": np.array(self.lines, np.int64),
            "file": pa.repeat(pa.scalar(file), rows),
            "source": _repeated(self.sources),
            "format": pa.repeat(pa.scalar(format_name), rows),
            "external_id": self.external_ids,
            "metadata": self.metadata,
            "content_hash": _hash_array(whole, rows),
            # The first eight bytes, as `catalog.identity.order_key` has it.
            "order_key": np.frombuffer(whole, ">i8")[:: HASH_BYTES // 8].astype(np.int64),
            "messages": self._messages(starts, contents),
            "tools": _sparse(self._tools, rows),
            "turns": turns,
            "characters": np.add.reduceat(lengths, starts[:-1], dtype=np.int64),
        }
        return pa.table([arrays[name] for name in STAGED.names], schema=STAGED)

    def _messages(self, starts: Any, contents: pa.Array) -> pa.ListArray:  # noqa: ANN401
        fields = [
            pa.array(self.roles, pa.string()),
            contents,
            _sparse(self._extras, len(self.roles)),
        ]
        messages = pa.StructArray.from_arrays(fields, fields=list(MESSAGE))
        return pa.ListArray.from_arrays(pa.array(starts), messages)


def _hash_array(whole: bytes, rows: int) -> pa.Array:
    offsets = np.arange(rows + 1, dtype=np.int32) * HASH_BYTES
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(whole)]
    return pa.Array.from_buffers(pa.binary(), rows, buffers)


def _repeated(texts: list[str]) -> pa.Array:
    """Return texts that are mostly all the same."""
    if texts.count(texts[0]) == len(texts):
        return pa.repeat(pa.scalar(texts[0]), len(texts))
    return pa.array(texts, pa.string())


def _sparse(values: dict[int, str], size: int) -> pa.Array:
    """Return texts by their place, all others null."""
    if not values:
        return pa.nulls(size, pa.string())
    return pa.array([values.get(place) for place in range(size)], pa.string())
