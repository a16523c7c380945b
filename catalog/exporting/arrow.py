"""Exported rows as Arrow: one schema for all, whatever fields the messages have."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.exporting.aside import texts
from catalog.snapshot import Snapshot

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


def schema_of(parts: Iterable[pa.RecordBatch]) -> pa.Schema:
    """Return a schema that holds all members, given those that are not plain.

    A message's further fields become columns of the message: of their own type if it is the same
    plain one everywhere, else JSON text. So are the tools. JSONL keeps every row as it came.
    """
    kinds: dict[str, set[str]] = {}
    tools = False
    for part in parts:
        tools = tools or part["tools"].null_count < len(part)
        for text in part["messages"].flatten().field("extra").drop_null().to_pylist():
            for name, value in json.loads(text).items():
                kinds.setdefault(name, set()).add(_kind(value))
    fields = [("role", pa.string()), ("content", pa.string())]
    fields += [(name, _type(found)) for name, found in sorted(kinds.items())]
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


def batches(
    parts: Iterable[pa.RecordBatch], schema: pa.Schema, snapshot: Snapshot
) -> Iterator[pa.RecordBatch]:
    """Give parts of `Members` as batches of a schema that `schema_of` made for them."""
    for part in parts:
        made = {
            "messages": _messages(part["messages"], schema.field("messages").type),
            "tools": _tools(part["tools"]),
            "catalog": _reason(part, str(snapshot)),
        }
        columns = [made[name] if name in made else part[name] for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _messages(stored: pa.ListArray, kind: pa.ListType) -> pa.ListArray:
    fields = list(kind.value_type)
    found = stored.values
    more = _more(found.field("extra"), fields[2:])
    columns = [found.field("role"), found.field("content"), *more]
    turns = pa.StructArray.from_arrays(columns, fields=fields)
    return pa.ListArray.from_arrays(stored.offsets, turns, type=kind)


def _more(extras: pa.StringArray, fields: list[pa.Field]) -> Iterator[pa.Array]:
    """Give a column for each further field: null in messages that lack it."""
    if not fields:
        return
    values: dict[str, list[Any]] = {field.name: [] for field in fields}
    places: dict[str, list[int]] = {field.name: [] for field in fields}
    texts = {field.name for field in fields if field.type == pa.string()}
    there = np.flatnonzero(extras.is_valid())
    for place, extra in zip(there.tolist(), extras.drop_null().to_pylist(), strict=True):
        for name, value in json.loads(extra).items():
            values[name].append(_text(value) if name in texts else value)
            places[name].append(place)
    for field in fields:
        taken = np.full(len(extras), -1)
        taken[places[field.name]] = np.arange(len(places[field.name]))
        found = pa.array(values[field.name], field.type)
        yield found.take(pa.array(taken, mask=taken < 0))


def _tools(stored: pa.StringArray) -> pa.StringArray:
    there = stored.is_valid()
    found = stored.filter(there).to_pylist()
    return pc.replace_with_mask(
        stored, there, texts([_text(json.loads(t)).encode() for t in found])
    )


def _reason(part: pa.RecordBatch, snapshot: str) -> pa.StructArray:
    columns = [
        texts([snapshot.encode()] * len(part))
        if field.name == "snapshot"
        else part.column(field.name).cast(field.type)
        for field in REASON
    ]
    return pa.StructArray.from_arrays(columns, fields=list(REASON))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
