"""Parts of a conversation that trainers read in a form of their own: tool calls and tools."""

import json
from typing import Any

from catalog.exporting.tally import Row, Unfit

LOSS_FIELDS = ("loss", "loss_mask", "train", "trainable", "weight")
"""Fields of a message that say whether, or how much, it is trained on."""

NO_CALLS = "tool calls that are no list of functions with names"
NO_TOOLS = "tools that are no list of objects"


def calls_of(message: Row) -> list[Row]:
    """Return the tool calls of a message, each with a function that has a name.

    Raises:
        Unfit: they are something else.
    """
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(map(_is_call, calls)):
        raise Unfit(NO_CALLS)
    return calls


def _is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def tools_of(row: Row) -> list[Row] | None:
    """Return the tools of a row, also if they came as JSON text; None if it has none.

    Raises:
        Unfit: they are no list of objects.
    """
    tools = row.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except ValueError as error:
            raise Unfit(NO_TOOLS) from error
    if tools is None:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise Unfit(NO_TOOLS)
    return tools


def parsed_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, or None if it is not exactly one.

    >>> parsed_object('{"a": 1}'), parsed_object('{"a": 1, "a": 2}'), parsed_object("[1]")
    ({'a': 1}, None, None)
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(name: str) -> None:
    raise ValueError(name)


def note_unread(row: Row, known: set[str], trainer: str, notes: set[str]) -> None:
    """Note the fields of a row's messages that a trainer does not read."""
    for message in row["messages"]:
        for name in message.keys() - known:
            notes.add(f"{trainer} does not read the field {name}")
