"""TRL's conversational format, for `SFTTrainer`: JSON lines, or Parquet by the output's name.

TRL hands messages to the model's chat template as `datasets` gives them. That loader types the
columns of JSON lines by the first 10 MB alone, and rounds numbers inside objects of mixed fields:
what would not survive it is refused here.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.errors import InvalidInput
from catalog.exporting.conversation import LOSS_FIELDS, calls_of, parsed_object, tools_of
from catalog.exporting.plain import write_batches, write_rows
from catalog.exporting.tally import Row, Unfit
from catalog.exporting.writing import Writing, write_lines

LOADER_BATCH_BYTES = 10 << 20
PLAIN = frozenset({"role", "content"})
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
BATCH_ROWS = 1000


def write_trl(writing: Writing, aside: Path) -> None:
    """Write what `load_dataset("json", …)`, or `"parquet"`, gives `SFTTrainer`."""
    has_tools = has_fields = False
    for row in writing.look(convert):
        has_tools = has_tools or row["tools"] is not None
        has_fields = has_fields or any(message.keys() != PLAIN for message in row["messages"])
    columns = None if has_tools else "tools"
    rows = (
        {name: value for name, value in row.items() if name != columns}
        for row in writing.converted(convert)
    )
    if writing.output.suffix == ".parquet":
        _write_parquet(rows, aside, has_tools, has_fields)
    else:
        write_lines(_early(rows, writing, has_tools, has_fields), aside)


def convert(row: Row, notes: set[str]) -> Row:
    """Return a row as TRL takes it."""
    tools = tools_of(row)
    return {
        "id": row["id"],
        "dataset": row["dataset"],
        "content_hash": row["catalog"]["content_hash"],
        "messages": [_message(message, notes) for message in row["messages"]],
        "tools": None if tools is None else json.dumps(tools, ensure_ascii=False),
    }


def _message(message: Row, notes: set[str]) -> Row:
    if "function_call" in message:
        raise Unfit("function_call, the old form, which chat templates do not read")
    if message["role"] in ("developer", "function"):
        notes.add(f"the role {message['role']} is left to the model's chat template")
    for name in message.keys() & set(LOSS_FIELDS):
        notes.add(f"TRL does not read the field {name}")
    if calls := calls_of(message):
        message = {**message, "tool_calls": [_call(call, notes) for call in calls]}
    for name in message.keys() - PLAIN:
        _require_exact(message[name])
    return message


def _call(call: Row, notes: set[str]) -> Row:
    """Return a call with its arguments as an object, as TRL and most chat templates take them."""
    arguments = call["function"].get("arguments")
    if not isinstance(arguments, str):
        return call
    parsed = parsed_object(arguments)
    if parsed is None:
        notes.add("arguments of a call that are no JSON object stay text")
        return call
    notes.add("arguments of calls that were JSON text are objects, as chat templates take them")
    return {**call, "function": {**call["function"], "arguments": parsed}}


def _require_exact(value: Any) -> None:  # noqa: ANN401
    """Check that all numbers in a value survive the loader of `datasets`.

    Raises:
        Unfit: one does not.
    """
    match value:
        case dict():
            for item in value.values():
                _require_exact(item)
        case list():
            for item in value:
                _require_exact(item)
        case int() if not -(2**63) <= value < 2**63:
            raise Unfit("a whole number beyond 64 bits, which the loader of `datasets` cannot hold")
        case float() if not _survives(value):
            raise Unfit("a number of more digits than the loader of `datasets` keeps")


def _survives(number: float) -> bool:
    from datasets.utils.json import ujson_dumps, ujson_loads

    read = ujson_loads(json.dumps(number))
    return bool(read == number and ujson_loads(ujson_dumps(read)) == number)


def _early(rows: Iterator[Row], writing: Writing, tools: bool, fields: bool) -> Iterator[Row]:
    """Pass rows on, if what is not in all of them shows early enough for the loader.

    Raises:
        InvalidInput: the file is longer than what the loader looks at, and it does not.
    """
    shapes: set[frozenset[str]] = set()
    tools_seen, size = False, 0
    for row in rows:
        if size < LOADER_BATCH_BYTES:
            shapes |= {frozenset(message) for message in row["messages"]}
            tools_seen = tools_seen or row.get("tools") is not None
        size += len(json.dumps(row, ensure_ascii=False).encode()) + len(os.linesep)
        yield row
    late = ["tools"] * (tools and not tools_seen)
    late += ["fields of messages"] * (fields and len(shapes) < 2)
    if size > LOADER_BATCH_BYTES and late:
        raise InvalidInput(
            f"{' and '.join(late)} come only after the first 10 MB of JSON lines, too late for "
            "the loader of `datasets`",
            hint=f"Write Parquet: --output {writing.output.with_suffix('.parquet').name}",
        )


def _write_parquet(rows: Iterator[Row], path: Path, has_tools: bool, has_fields: bool) -> None:
    """Write Parquet: messages are structs if all are plain, else JSON, which `datasets` decodes."""
    message = pa.json_() if has_fields else MESSAGE
    names = ("id", "dataset", "content_hash")
    fields = [(name, pa.string()) for name in names] + [("messages", pa.list_(message))]
    schema = pa.schema(fields + [("tools", pa.string())] * has_tools)
    if has_fields:
        write_batches(_as_json(rows, schema), schema, path)
    else:
        write_rows(rows, schema, path)


def _as_json(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    from itertools import islice

    texts = pa.schema([field if field.name != "messages" else TEXTS for field in schema])
    while chunk := list(islice(rows, BATCH_ROWS)):
        for row in chunk:
            row["messages"] = [json.dumps(m, ensure_ascii=False) for m in row["messages"]]
        batch = pa.RecordBatch.from_pylist(chunk, schema=texts)
        position = texts.get_field_index("messages")
        plain = batch.column(position)
        decoded = pa.ExtensionArray.from_storage(pa.json_(), plain.values)
        columns = batch.columns
        columns[position] = pa.ListArray.from_arrays(plain.offsets, decoded)
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


TEXTS = pa.field("messages", pa.list_(pa.string()))
