"""A raw row becomes a sample (messages, tools, hash) with where it came from, or a refusal."""

import re
from collections.abc import Callable, Mapping
from json import JSONDecoder, JSONEncoder
from math import isfinite
from typing import Any, NamedTuple

from catalog.identity import content_hash, encode_message, order_key

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
MESSAGE_FIELDS = frozenset(
    {
        "name",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "reasoning",
        "reasoning_content",
        "thinking",
        "loss",
        "loss_mask",
        "train",
        "trainable",
        "weight",
    }
)
"""What else of a message a model may be trained on; it is hashed. The rest is metadata."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Row = dict[str, Any]
Shape = Callable[[Row], tuple[list[Any], Row]]
"""Takes a row apart into messages and everything that is left."""


class Refusal(Exception):
    """Why a row is not taken in."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


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
        dataset: the row's `dataset` field, if it is a text.
        metadata: JSON text of every field that is neither content nor id, or None.
    """

    content_hash: bytes
    order_key: int
    roles: tuple[str, ...]
    contents: tuple[str | None, ...]
    extras: tuple[str | None, ...]
    tools: str | None
    characters: int
    external_id: str | None
    dataset: str | None
    metadata: str | None


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal("duplicate key", repr(twice))
    return found


def _not_a_number(text: str) -> float:
    raise Refusal("not a number", f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Refusal("not a number", f"{text} is too large")
    return value


_decode = JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_not_a_number, parse_float=_finite
).decode
_encode = JSONEncoder(ensure_ascii=False, default=str).encode


def parse(raw: bytes) -> Row:
    """Read one row of JSON, more strictly than JSON itself.

    Raises:
        Refusal: broken JSON or UTF-8, a duplicate key, NaN, a lone surrogate, or not an object.
    """
    try:
        row = _decode(raw.decode())
    except UnicodeDecodeError as error:
        raise Refusal("broken UTF-8", f"byte {error.start}: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        raise Refusal("broken JSON", str(error)) from error
    if type(row) is not dict:
        raise Refusal("wrong type", f"the row is {_kind(row)}, expected an object")
    if _SURROGATE.search(raw):
        _refuse_surrogates(row)
    return row


def _refuse_surrogates(row: Row) -> None:
    try:
        _encode(row).encode()
    except UnicodeEncodeError as error:
        found = f"U+{ord(str(error.object)[error.start]):04X}"
        raise Refusal("lone surrogate", found) from error


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "missing" if value is None else names.get(type(value), "a number")


def normalize(row: Row, shape: Shape, *, needs_answer: bool = True) -> Conversation:
    """Check one row and return what it holds.

    Args:
        row: as read; not kept.
        shape: takes the format's row apart into messages and the rest, from `ingest.formats`.
        needs_answer: refuse a conversation without an assistant turn; queries may lack one.

    Raises:
        Refusal: with the reason, one of a small closed set, and a detail.
    """
    turns, rest = shape(row)
    tools = rest.pop("tools", None)
    if tools is not None and type(tools) not in (list, str):
        raise Refusal("wrong type", f"tools is {_kind(tools)}, expected a list")
    external_id = _external_id(rest)
    messages, strays = _messages(turns)
    if strays:
        rest["message_fields"] = strays
    roles, contents, extras, encoded = zip(*messages, strict=True)
    if needs_answer and "assistant" not in roles:
        raise Refusal("no assistant turn")
    try:
        identity = content_hash(encoded, tools)
    except UnicodeEncodeError as error:
        raise Refusal("lone surrogate") from error
    dataset = rest.get("dataset")
    return Conversation(
        identity,
        order_key(identity),
        roles,
        contents,
        extras,
        None if tools is None else _json(tools),
        sum(map(len, filter(None, contents))),
        external_id,
        dataset if isinstance(dataset, str) and dataset else None,
        _json(rest) if rest else None,
    )


Encoded = tuple[str, str | None, str | None, bytes]
"""A message: role, content, extra as JSON text, and the canonical bytes of it all."""


def _messages(turns: list[Any]) -> tuple[list[Encoded], Row]:
    """Check every message and encode it; the second value holds stray fields by position."""
    if type(turns) is not list:
        raise Refusal("wrong type", f"messages is {_kind(turns)}, expected a list")
    if not turns:
        raise Refusal("no messages")
    found: list[Encoded] = []
    strays = {}
    for position, turn in enumerate(turns):
        role, content, extra, stray = _split(position, turn)
        _check(position, role, content, extra)
        if stray:
            strays[str(position)] = stray
        try:
            encoded = encode_message(role, content, extra)
        except UnicodeEncodeError as error:
            raise Refusal("lone surrogate", f"message {position}") from error
        found.append((role, content, _json(extra) if extra else None, encoded))
    return found, strays


def _split(position: int, turn: object) -> tuple[str, str | None, Row | None, Row | None]:
    """Take a message apart into role, content, what is trained on besides, and stray fields."""
    if type(turn) is not dict:
        raise Refusal("wrong type", f"message {position} is {_kind(turn)}, expected an object")
    role, content = turn.get("role"), turn.get("content")
    if type(role) is not str:
        raise Refusal("wrong type", f"role of message {position} is {_kind(role)}")
    if content is not None and type(content) is not str:
        raise Refusal("wrong type", f"content of message {position} is {_kind(content)}")
    if len(turn) == 2 and "content" in turn:
        return role, content, None, None
    others = {k: v for k, v in turn.items() if v is not None and k not in ("role", "content")}
    extra = {k: v for k, v in others.items() if k in MESSAGE_FIELDS}
    stray = {k: v for k, v in others.items() if k not in MESSAGE_FIELDS}
    return role, content, extra or None, stray or None


def _check(position: int, role: str, content: str | None, extra: Row | None) -> None:
    if role not in ROLES:
        raise Refusal("unknown role", repr(role[:40]))
    empty = not content or content.isspace()
    if empty and role == "user":
        raise Refusal("empty user content", f"message {position}")
    if empty and role == "assistant":
        calls = extra and (extra.get("tool_calls") or extra.get("function_call"))
        if not calls:
            raise Refusal("empty assistant turn", f"message {position} has no content and no call")
    if content and "\0" in content:
        raise Refusal("NUL character", f"message {position}")


def _external_id(rest: Row) -> str | None:
    """Take the row's own id, a text or a whole number; any other kind stays metadata."""
    value = rest.get("id")
    if type(value) not in (str, int):
        return None
    del rest["id"]
    text = str(value)
    if "\0" in text:
        raise Refusal("NUL character", "in the id")
    return text


def _json(value: object) -> str:
    """Return JSON text, refusing the NUL characters that DuckDB's JSON cannot hold."""
    text = _encode(value)
    if "\\u0000" in text and _holds_nul(value):
        raise Refusal("NUL character", "outside the contents")
    return text


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
