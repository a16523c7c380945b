"""A raw row becomes a sample (messages, tools, hash) with where it came from, or a refusal."""

from collections.abc import Callable, Mapping
from json import JSONEncoder
from typing import Any, Literal, NamedTuple, get_args

from catalog.identity import MESSAGE_FIELDS, content_hash, encode_message, order_key
from ingest.parse import Refusal, Row, kind

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
ROLES: frozenset[str] = frozenset(get_args(Role))
MAX_DEPTH = 100
"""Lists and objects within each other; far beyond what real rows have, far below Python's limit."""

Shape = Callable[[Row], list[Any]]
"""Takes the messages out of a row and leaves everything else in it."""


class Conversation(NamedTuple):
    """A row that was accepted.

    Attributes:
        content_hash: 32 bytes over all that a model could be trained on.
        order_key: signed 64-bit key from the hash.
        roles: of the messages, in order.
        contents: of the messages; None where a message has none.
        extras: of the messages: JSON text of what else a model may be trained on, or None.
        tools: JSON text, or None.
        characters: of all contents together.
        external_id: the row's own `id`, as text.
        source: where it came from.
        metadata: JSON text of every field that is neither content nor id, or None.
    """

    content_hash: bytes
    order_key: int
    roles: list[str]
    contents: list[str | None]
    extras: list[str | None]
    tools: str | None
    characters: int
    external_id: str | None
    source: str
    metadata: str | None


def normalize(
    row: Row, shape: Shape, *, source: str | None = None, needs_answer: bool = True
) -> Conversation:
    """Check one row and return what it holds.

    Args:
        row: as read; it is taken apart.
        shape: takes the messages out of the row, from `ingest.formats`.
        source: where the row comes from; None if its `dataset` field says so.
        needs_answer: refuse a conversation without an assistant turn; queries may lack one.

    Raises:
        Refusal: with the reason, one of a small closed set, and a detail.
    """
    turns = shape(row) if needs_answer else _without_empty_answer(shape(row))
    tools = row.pop("tools", None)
    if tools is not None and type(tools) not in (list, str):
        raise Refusal("wrong type", f"tools is {kind(tools)}, expected a list")
    external_id = _external_id(row)
    messages = _messages(turns)
    if messages.strays:
        row[_free_name(row)] = messages.strays
    if needs_answer and "assistant" not in messages.roles:
        raise Refusal("no assistant turn")
    tools_text = None if tools is None else _json(tools)
    try:
        identity = content_hash(messages.encoded, tools)
    except TypeError as error:
        raise Refusal("wrong type", f"in tools: {error}") from error
    return Conversation(
        identity,
        order_key(identity),
        messages.roles,
        messages.contents,
        messages.extras,
        tools_text,
        sum(map(len, filter(None, messages.contents))),
        external_id,
        source or _take_source(row),
        _json(row) if row else None,
    )


def _take_source(row: Row) -> str:
    """Take the name of its source out of a row.

    Raises:
        Refusal: it has none.
    """
    name = row.pop("dataset", None)
    if type(name) is not str or not name.strip():
        found = "empty" if type(name) is str else kind(name)
        raise Refusal("no source", f"`dataset` is {found}, and no --source was given")
    if "\0" in name:
        raise Refusal("NUL character", "in the dataset")
    return name


def _free_name(row: Row) -> str:
    """Return where to keep the messages' stray fields: `message_fields`, unless the row has one."""
    name = "message_fields"
    while name in row:
        name += "_"
    return name


class _Messages(NamedTuple):
    """The messages of a row, field by field: `encoded` are the canonical bytes of each.

    What no model is trained on is in `strays`, by position.
    """

    roles: list[str]
    contents: list[str | None]
    extras: list[str | None]
    encoded: list[bytes]
    strays: Row


def _messages(turns: list[Any]) -> _Messages:
    """Check every message and encode it."""
    if not turns:
        raise Refusal("no messages")
    found = _Messages([], [], [], [], {})
    for position, turn in enumerate(turns):
        if type(turn) is not dict:
            raise Refusal("wrong type", f"message {position} is {kind(turn)}, expected an object")
        role: Any = turn.get("role")
        content: Any = turn.get("content")
        extra = None
        if len(turn) > 2 or "content" not in turn:
            extra, stray = _others(turn)
            if stray:
                found.strays[str(position)] = stray
        _check(position, role, content, extra)
        found.roles.append(role)
        found.contents.append(content)
        found.extras.append(_json(extra) if extra else None)
        try:
            found.encoded.append(encode_message(role, content, extra))
        except TypeError as error:
            raise Refusal("wrong type", f"message {position}: {error}") from error
    return found


def _others(turn: Row) -> tuple[Row | None, Row]:
    """Return a message's other fields: what is trained on besides, and what is not."""
    others = {k: v for k, v in turn.items() if v is not None and k not in ("role", "content")}
    extra = {k: v for k, v in others.items() if k in MESSAGE_FIELDS}
    stray = {k: v for k, v in others.items() if k not in MESSAGE_FIELDS}
    return extra or None, stray


def _check(position: int, role: object, content: object, extra: Row | None) -> None:
    if type(role) is not str:
        raise Refusal("wrong type", f"role of message {position} is {kind(role)}")
    if role not in ROLES:
        raise Refusal("unknown role", repr(role[:40]))
    if content is not None and type(content) is not str:
        raise Refusal("wrong type", f"content of message {position} is {kind(content)}")
    if not content or content.isspace():
        _check_empty(position, role, extra)
    elif "\0" in content:
        raise Refusal("NUL character", f"message {position}")


def _check_empty(position: int, role: str, extra: Row | None) -> None:
    if role == "user":
        raise Refusal("empty user content", f"message {position}")
    calls = extra and (extra.get("tool_calls") or extra.get("function_call"))
    if role == "assistant" and not calls:
        raise Refusal("empty assistant turn", f"message {position} has no content and no call")


def _without_empty_answer(turns: list[Any]) -> list[Any]:
    """Leave out a last turn of the assistant's that says nothing: the query has no answer."""
    last = turns[-1] if isinstance(turns, list) and turns else None
    if last in ({"role": "assistant", "content": ""}, {"role": "assistant", "content": None}):
        return turns[:-1]
    return turns


def _external_id(row: Row) -> str | None:
    """Take the row's own id, a text or a whole number; any other kind stays metadata."""
    value = row.get("id")
    if type(value) not in (str, int):
        return None
    del row["id"]
    text = str(value)
    if "\0" in text:
        raise Refusal("NUL character", "in the id")
    return text


def _hexadecimal(value: object) -> str:
    """Write bytes, the one kind of value that a table may hold and JSON may not."""
    return value.hex() if isinstance(value, bytes) else str(value)


_encode = JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, default=_hexadecimal
).encode


def _json(value: Any) -> str:  # noqa: ANN401
    """Return JSON text, refusing what must not be stored: NUL, NaN, and endless nesting."""
    try:
        text = _encode(value)
    except RecursionError as error:
        raise Refusal("nested too deeply") from error
    except ValueError as error:
        raise Refusal("not a number", "NaN or infinite") from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(value)
    if "\\u0000" in text and _holds_nul(value):
        raise Refusal("NUL character", "outside the contents")
    return text


def _refuse_depth(value: Any) -> None:  # noqa: ANN401
    level = [value]
    for _ in range(MAX_DEPTH):
        items = [item.values() if type(item) is dict else item for item in level]
        level = [item for inner in items for item in inner if type(item) in (dict, list)]
        if not level:
            return
    raise Refusal("nested too deeply", f"the limit is {MAX_DEPTH} levels")


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
