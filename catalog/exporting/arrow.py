"""Exported rows as Arrow: one schema for all, whatever fields the messages have."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

Row = dict[str, Any]

REASON = pa.struct(
    [
        ("content_hash", pa.string()),
        ("snapshot", pa.string()),
        ("position", pa.int64()),
        ("repeats", pa.int32()),
        ("score", pa.float32()),
        ("task", pa.string()),
        ("query", pa.string()),
        ("rank", pa.int64()),
        ("sources", pa.list_(pa.string())),
    ]
)
JSON_TEXT = "json"
BATCH_ROWS = 4096


def schema_of(rows: Iterable[Row]) -> pa.Schema:
    """Return a schema that holds all these rows.

    A message's further fields become columns of the message: of their own type if it is the same
    plain one everywhere, else JSON text. So are the tools. JSONL keeps every row as it came.
    """
    kinds: dict[str, set[str]] = {}
    tools = False
    for row in rows:
        tools = tools or "tools" in row
        for message in row["messages"]:
            if len(message) > 2:
                for name, value in message.items():
                    kinds.setdefault(name, set()).add(_kind(value))
    fields = [("role", pa.string()), ("content", pa.string())]
    fields += [(n, _type(k)) for n, k in sorted(kinds.items()) if n not in ("role", "content")]
    columns = [
        ("id", pa.string()),
        ("dataset", pa.string()),
        ("messages", pa.list_(pa.struct(fields))),
    ]
    columns += [("tools", pa.string())] if tools else []
    return pa.schema([*columns, ("catalog", REASON)])


def _kind(value: object) -> str:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return JSON_TEXT
    names = {str: "string", bool: "bool", int: "int64", float: "double"}
    return names.get(type(value), JSON_TEXT)


def _type(kinds: set[str]) -> pa.DataType:
    if kinds == {"int64", "double"}:
        return pa.float64()
    if len(kinds) == 1 and JSON_TEXT not in kinds:
        return pa.type_for_alias(kinds.pop())
    return pa.string()


def batches(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Give rows as batches of a schema that `schema_of` made for them."""
    message = schema.field("messages").type.value_type
    texts = {
        message.field(i).name
        for i in range(2, message.num_fields)
        if message.field(i).type == pa.string()
    }
    while chunk := list(islice(rows, BATCH_ROWS)):
        for row in chunk:
            if "tools" in row:
                row["tools"] = _text(row["tools"])
            for turn in row["messages"]:
                for name in turn.keys() & texts:
                    turn[name] = _text(turn[name])
        yield pa.RecordBatch.from_pylist(chunk, schema=schema)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
