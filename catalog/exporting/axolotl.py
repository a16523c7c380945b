"""Axolotl's `chat_template` data sets: a Parquet file, and the entry of `datasets:` in YAML.

Axolotl drops nulls before it reads a row, so one schema with all fields alters nothing; it parses
arguments of calls and parameters of tools that are JSON text, so these keep their exact form.
"""

import json
from pathlib import Path

import pyarrow as pa

from catalog.exporting.conversation import LOSS_FIELDS, calls_of, parsed_object, tools_of
from catalog.exporting.plain import write_rows
from catalog.exporting.tally import Row, Unfit
from catalog.exporting.writing import Writing, write_text

TEXTS = ("role", "content", "name", "tool_call_id", "reasoning", "reasoning_content", "thinking")
CALL_FUNCTION = pa.struct([("name", pa.string()), ("arguments", pa.string())])
CALL = pa.struct([("id", pa.string()), ("type", pa.string()), ("function", CALL_FUNCTION)])
FUNCTION = pa.struct(
    [
        ("name", pa.string()),
        ("description", pa.string()),
        ("parameters", pa.string()),
        ("strict", pa.bool_()),
    ]
)
TOOL = pa.struct([("type", pa.string()), ("function", FUNCTION)])


def write_axolotl(writing: Writing, aside: Path) -> None:
    """Write a Parquet file, and a YAML file whose `datasets:` names it by its full path."""
    import yaml

    used = {"role", "content"}
    has_tools = False
    for row in writing.look(convert):
        has_tools = has_tools or row["tools"] is not None
        used.update(*row["messages"])
    file = f"{writing.name}.parquet"
    rows = writing.converted(convert)
    write_rows(rows, _schema(used, has_tools), aside / file)
    entry = {
        "path": str(writing.output / file),
        "ds_type": "parquet",
        "split": "train",
        "type": "chat_template",
        "field_messages": "messages",
        **({"field_tools": "tools"} if has_tools else {}),
        "message_property_mappings": {"role": "role", "content": "content"},
        **({"message_field_training": "training"} if "training" in used else {}),
    }
    text = f"# {writing.snapshot}, digest {writing.snapshot.digest}\n"
    text += yaml.safe_dump({"datasets": [entry]}, sort_keys=False, allow_unicode=True, width=1000)
    write_text(text, aside / f"{writing.name}.yaml")


def _schema(used: set[str], has_tools: bool) -> pa.Schema:
    types = {name: pa.string() for name in TEXTS}
    types |= {"tool_calls": pa.list_(CALL), "training": pa.bool_()}
    message = pa.struct([(name, kind) for name, kind in types.items() if name in used])
    fields = [(name, pa.string()) for name in ("id", "dataset", "content_hash")]
    fields.append(("messages", pa.list_(message)))
    return pa.schema(fields + [("tools", pa.list_(TOOL))] * has_tools)


def convert(row: Row, notes: set[str]) -> Row:
    """Return a row as Axolotl takes it."""
    tools = tools_of(row)
    return {
        "id": row["id"],
        "dataset": row["dataset"],
        "content_hash": row["catalog"]["content_hash"],
        "messages": [_message(message, notes) for message in row["messages"]],
        "tools": None if tools is None else [_tool(tool) for tool in tools],
    }


def _message(message: Row, notes: set[str]) -> Row:
    if "function_call" in message:
        raise Unfit("function_call, the old form, which chat templates do not read")
    if message["role"] in ("developer", "function"):
        notes.add(f"the role {message['role']} is left to the model's chat template")
    made = {name: message[name] for name in TEXTS if name in message}
    for name in made.keys() - {"content"}:
        if not isinstance(made[name], str):
            raise Unfit(f"a field {name} that is no text")
    if "tool_calls" in message:
        made["tool_calls"] = [_call(call) for call in calls_of(message)]
    training = _training(message, notes)
    return made if training is None else {**made, "training": training}


def _training(message: Row, notes: set[str]) -> bool | None:
    """Return whether a message is trained on, None if it does not say."""
    said: set[bool] = set()
    for name in LOSS_FIELDS:
        value = message.get(name)
        if name in message and value in (0, 1):
            said.add(bool(value))
        elif name in message:
            notes.add(f"axolotl cannot be told a {name} that is neither 0 nor 1")
    if len(said) > 1:
        raise Unfit("fields that contradict each other on whether a message is trained on")
    return said.pop() if said else None


def _call(call: Row) -> Row:
    function = call["function"]
    _require_only(call, {"id", "type", "function"}, "a tool call")
    _require_only(function, {"name", "arguments"}, "a tool call's function")
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = json.dumps(arguments, ensure_ascii=False)
    elif not isinstance(arguments, str) or parsed_object(arguments) is None:
        raise Unfit("arguments of a call that are no JSON object")
    _require_texts(call, ("id", "type"), "a tool call")
    return {**call, "function": {"name": function["name"], "arguments": arguments}}


def _tool(tool: Row) -> Row:
    function = tool.get("function")
    if not isinstance(function, dict):
        raise Unfit("a tool without a function")
    _require_only(tool, {"type", "function"}, "a tool")
    _require_only(function, {"name", "description", "parameters", "strict"}, "a tool's function")
    _require_texts(tool, ("type",), "a tool")
    _require_texts(function, ("name", "description"), "a tool's function")
    if not isinstance(function.get("strict"), bool | None):
        raise Unfit("a tool's function with a strict that is neither true nor false")
    if not isinstance(parameters := function.get("parameters"), dict | None):
        raise Unfit("parameters of a tool that are no object")
    text = {} if parameters is None else {"parameters": json.dumps(parameters, ensure_ascii=False)}
    return {**tool, "function": {**function, **text}}


def _require_only(value: Row, known: set[str], what: str) -> None:
    for name in sorted(value.keys() - known):
        raise Unfit(f"{what} with the field {name}")


def _require_texts(value: Row, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if not isinstance(value.get(name), str | None):
            raise Unfit(f"{what} with a {name} that is no text")
