"""LLaMA-Factory's sharegpt format: a data file, and its entry in `dataset_info.json`.

Its `openai` format is not used: that adds words of its own to system prompts. Conversations whose
roles do not alternate as its reader wants them are skipped there with a warning, so they are
refused here.
"""

import json
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput, OutputExists
from catalog.exporting.conversation import calls_of, note_unread, parsed_object, tools_of
from catalog.exporting.tally import Row, Unfit
from catalog.exporting.writing import Writing, write_lines, write_text

TRAINER = "LLaMA-Factory"
INFO = "dataset_info.json"
ROLES = {"user": "user", "assistant": "assistant", "tool": "observation", "function": "observation"}
ASKING = ("user", "observation")
ANSWERING = ("assistant", "function_call")
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


def write_llama_factory(writing: Writing, aside: Path) -> None:
    """Write a data file, and the folder's `dataset_info.json` with an entry for it."""
    known = _known(writing.output / INFO)
    file = aside / f"{writing.name}.jsonl"
    has_tools = False

    def seen(row: Row, notes: set[str]) -> Row:
        nonlocal has_tools
        made = convert(row, notes)
        has_tools = has_tools or made["tools"] != ""
        return made

    write_lines(writing.converted(seen), file)
    columns = {"messages": "messages"} | ({"tools": "tools"} if has_tools else {})
    entry = {"file_name": file.name, "formatting": "sharegpt", "columns": columns, "tags": TAGS}
    if known.get(writing.name) == entry:
        return
    if writing.name in known and not writing.overwrite:
        raise OutputExists(
            f"{writing.output / INFO} has another entry {writing.name!r}",
            hint="Use --overwrite to replace it, or another --output.",
        )
    text = json.dumps(known | {writing.name: entry}, ensure_ascii=False, indent=2) + "\n"
    write_text(text, aside / INFO)
    writing.merged.add(INFO)


def _known(path: Path) -> dict[str, Any]:
    """Return the entries that a folder has already."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(
            f"{path} is no JSON: {error}", hint="Mend it, or name another --output."
        ) from error
    if not isinstance(found, dict):
        raise InvalidInput(
            f"{path} holds no JSON object of data sets", hint="Name another --output."
        )
    return found


def convert(row: Row, notes: set[str]) -> Row:
    """Return a row as LLaMA-Factory takes it: messages of a role and a text, and nothing else."""
    note_unread(row, {"role", "content", "tool_calls", "function_call"}, TRAINER, notes)
    messages = row["messages"]
    system = messages[:1] if messages[0]["role"] == "system" else []
    if system and not system[0]["content"]:
        notes.add("an empty system message counts as none, so the template's own may be used")
    turns = [_turn(message) for message in messages[len(system) :]]
    for position, turn in enumerate(turns):
        if turn["role"] not in (ANSWERING if position % 2 else ASKING):
            raise Unfit("messages that do not alternate between asking and answering")
    if len(turns) % 2:
        raise Unfit("a last message that is no answer")
    return {
        "id": row["id"],
        "dataset": row["dataset"],
        "content_hash": row["catalog"]["content_hash"],
        "messages": [{"role": "system", "content": _text(one)} for one in system] + turns,
        "tools": _tools(row),
    }


def _turn(message: Row) -> Row:
    role = message["role"]
    if role == "assistant" and (message.get("tool_calls") or message.get("function_call")):
        return {"role": "function_call", "content": _calls(message)}
    if role == "system":
        raise Unfit("a system message that is not the first")
    if role not in ROLES:
        raise Unfit(f"the role {role}")
    return {"role": ROLES[role], "content": _text(message)}


def _text(message: Row) -> str:
    content = message["content"]
    if not isinstance(content, str):
        raise Unfit(f"a {message['role']} message without a text")
    return content


def _calls(message: Row) -> str:
    """Return calls as the JSON text that stands for the content of a `function_call`."""
    if message["content"]:
        raise Unfit("a text beside tool calls")
    functions = [call["function"] for call in calls_of(message)]
    if "function_call" in message:
        functions.append(message["function_call"])
    return json.dumps([_function(function) for function in functions], ensure_ascii=False)


def _function(function: object) -> Row:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Unfit("a function call without a name")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = parsed_object(arguments)
    if not isinstance(arguments, dict):
        raise Unfit("arguments of a call that are no JSON object")
    return {"name": function["name"], "arguments": arguments}


def _tools(row: Row) -> str:
    """Return the tools as JSON text, empty if there are none."""
    tools = tools_of(row)
    if tools is None:
        return ""
    for tool in tools:
        function = tool.get("function") if tool.get("type") == "function" else tool
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Unfit("a tool without a name")
    return json.dumps(tools, ensure_ascii=False)
