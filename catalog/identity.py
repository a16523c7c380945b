"""What a sample is: one canonical encoding, its hash, and the keys drawn from it.

Everything a model could be trained on counts, unstripped and in order: roles, contents (null is not
empty), tool calls, names, reasoning, loss flags and tools. Lengths are counted in bytes, so no two
conversations share an encoding.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

ENCODING = b"conversation/1"

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

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def encode(value: Json) -> bytes:
    r"""Return the canonical bytes of a JSON value: typed, length-prefixed, keys sorted.

    >>> encode({"b": [1, 1.0, None], "a": "é"})
    b'o2:s1:as2:\xc3\xa9s1:bl3:i1:1d3:1.0n'

    Raises:
        UnicodeEncodeError: a string holds a lone surrogate.
        TypeError: something in it is no JSON.
    """
    match value:
        case None:
            return b"n"
        case bool():
            return b"t" if value else b"f"
        case str():
            raw = value.encode()
            return b"s%d:%b" % (len(raw), raw)
        case int() | float():
            raw = repr(value).encode()
            return b"%b%d:%b" % (b"i" if isinstance(value, int) else b"d", len(raw), raw)
        case Mapping():
            items = sorted((encode(key), encode(item)) for key, item in value.items())
            return b"o%d:%b" % (len(items), b"".join(key + item for key, item in items))
        case list() | tuple():
            return b"l%d:%b" % (len(value), b"".join(map(encode, value)))
    raise TypeError(f"{type(value).__name__} is no JSON")


def encode_message(role: str, content: str | None, extra: Mapping[str, Json] | None) -> bytes:
    """Return the canonical bytes of one message; `extra` is None or not empty."""
    name = role.encode()
    if content is None:
        head = b"m%d:%bn" % (len(name), name)
    else:
        text = content.encode()
        head = b"m%d:%bs%d:%b" % (len(name), name, len(text), text)
    return head + encode(extra) if extra else head + b"n"


def content_hash(messages: Iterable[bytes], tools: Json = None) -> bytes:
    """Return the SHA-256 digest (32 bytes) that identifies a conversation.

    Args:
        messages: each message as `encode_message` gives it, in order.
        tools: the tools offered to the model, as they came; None if there were none.

    >>> hello = [encode_message("user", "hi", None), encode_message("assistant", "hello", None)]
    >>> content_hash(hello).hex()[:16]
    '258b2049d08ccad4'
    """
    parts = list(messages)
    whole = b"%b;%d:%b%b" % (ENCODING, len(parts), b"".join(parts), encode(tools))
    return sha256(whole).digest()


def hash_of(messages: Iterable[Mapping[str, Any]], tools: Json = None) -> str:
    """Return the content hash of a conversation as people write it, 64 hexadecimal digits.

    Args:
        messages: each with role and content; a further field that is None counts as absent.
        tools: the tools offered to the model; None if there were none.

    >>> hash_of([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}])[:16]
    '258b2049d08ccad4'
    """
    encoded = []
    for message in messages:
        extra = {k: v for k, v in message.items() if v is not None and k in MESSAGE_FIELDS}
        encoded.append(encode_message(message["role"], message.get("content"), extra or None))
    return content_hash(encoded, tools).hex()


def order_key(content_hash: bytes) -> int:
    """Return the signed 64-bit key that breaks ties the same way on every machine.

    >>> order_key(bytes([255] * 32)), order_key(bytes(31) + bytes([1]))
    (-1, 0)
    """
    return int.from_bytes(content_hash[:8], "big", signed=True)


def digest(content_hashes: Iterable[bytes]) -> str:
    """Return the identity of an ordered selection: same samples, same order, same digest.

    Args:
        content_hashes: 32 bytes each, in order of position.

    >>> digest([b"a" * 32, b"b" * 32]) == digest([b"b" * 32, b"a" * 32])
    False
    """
    whole = sha256()
    for content_hash in content_hashes:
        whole.update(content_hash)
    return whole.hexdigest()


def plain_messages(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as people write them: what is kept in `extra` back among the fields.

    >>> plain_messages([{"role": "user", "content": "hi", "extra": '{"name": "ann"}'}])
    [{'role': 'user', 'content': 'hi', 'name': 'ann'}]
    """
    return [
        {"role": message["role"], "content": message["content"]}
        | (json.loads(message["extra"]) if message.get("extra") else {})
        for message in stored
    ]
