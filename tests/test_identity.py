"""What a sample is: the encoding is unambiguous, and its hashes never change."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.identity import (
    content_hash,
    digest,
    encode,
    encode_message,
    order_key,
    plain_messages,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def decode(raw: bytes) -> tuple[Any, bytes]:
    """Read one encoded value back, and give what follows it."""
    kind, rest = raw[:1], raw[1:]
    if kind in b"ntf":
        return {b"n": None, b"t": True, b"f": False}[kind], rest
    count, _, rest = rest.partition(b":")
    size = int(count)
    if kind in b"sid":
        read = {b"s": str, b"i": int, b"d": float}[kind]
        return read(rest[:size].decode()), rest[size:]
    items = []
    for _ in range(size * 2 if kind == b"o" else size):
        item, rest = decode(rest)
        items.append(item)
    return (dict(zip(items[::2], items[1::2], strict=True)) if kind == b"o" else items), rest


@given(values)
def test_a_value_can_be_read_back_from_its_encoding(value: Any) -> None:
    found, rest = decode(encode(value))
    assert rest == b""
    assert repr(sorted_keys(found)) == repr(sorted_keys(value))


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(texts, values, min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert encode(dict(reversed(value.items()))) == encode(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (None, ""),
        ("", []),
        ([], {}),
        ("1", 1),
        (["ab"], ["a", "b"]),
    ],
)
def test_values_that_only_look_alike_are_encoded_differently(one: Any, other: Any) -> None:
    assert encode(one) != encode(other)


def test_lengths_are_counted_in_bytes() -> None:
    assert encode("né") == b"s3:n\xc3\xa9"


def test_what_is_no_json_is_not_encoded() -> None:
    with pytest.raises(TypeError, match="bytes is no JSON"):
        encode([b"raw"])  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        encode("\ud800")


HELLO = [("user", "hi", None), ("assistant", "hello", None)]


@pytest.mark.parametrize(
    ("messages", "tools", "expected"),
    [
        (HELLO, None, "258b2049d08ccad4ba681c9ef6ba41712224f6485f44d32d5bc3952a005a8bfc"),
        (
            [("system", "", None), *HELLO],
            None,
            "88b05896a1747cdfca0d5ad0a59865bd3edb7dc8ad309b15d7f00cd0102fd5b9",
        ),
        (
            [("user", "café ☕", None), ("assistant", " hello\n", None)],
            None,
            "869dde633b229b9928e53a72f5385fb5b8913bae49907ab65ad12425f5514321",
        ),
        (
            [HELLO[0], ("assistant", None, {"tool_calls": [{"id": "1", "n": 1.5}]})],
            None,
            "2441caea8991a81c1abc32060d06f705bcbc04f3e0a7dfa90b95fd29deda3411",
        ),
        (
            [HELLO[0], ("assistant", "hello", {"weight": 0, "name": "ann"})],
            None,
            "f3fa35917edd1f941d534adbff95852e1b911575d686264961e06664c89beddf",
        ),
        (
            HELLO,
            [{"type": "function"}],
            "1f32d76b43359dbeb49911fc9701a105e2489290b8404f8461e5c6ef2cab356f",
        ),
        (HELLO, [], "eed839415246a5ff52252682f736471e0ca504a700165eeb9aa60462ff5cfcce"),
    ],
)
def test_content_hashes_are_what_they_always_were(
    messages: list[tuple[str, str | None, Any]], tools: Any, expected: str
) -> None:
    encoded = [encode_message(*message) for message in messages]
    assert content_hash(encoded, tools).hex() == expected


def test_the_encoding_of_a_conversation_is_what_it_always_was() -> None:
    assert encode_message("user", "hi", None) == b"m4:users2:hin"
    assert encode_message("user", None, None) == b"m4:usernn"
    assert encode_message("user", "", {"name": "x"}) == b"m4:users0:o1:s4:names1:x"


messages = st.tuples(
    st.sampled_from(["user", "assistant"]),
    st.none() | texts,
    st.none() | st.dictionaries(texts, values, min_size=1, max_size=2),
)


@given(st.lists(messages, max_size=3), st.lists(messages, max_size=3))
def test_conversations_share_a_hash_only_if_they_are_equal(
    one: list[Any], other: list[Any]
) -> None:
    def hashed(conversation: list[Any]) -> bytes:
        return content_hash(encode_message(*message) for message in conversation)

    same = [encode_message(*m) for m in one] == [encode_message(*m) for m in other]
    assert (hashed(one) == hashed(other)) == same


@given(st.binary(min_size=32, max_size=32))
def test_an_order_key_is_a_signed_64_bit_number_that_keeps_the_first_bytes(raw: bytes) -> None:
    key = order_key(raw)
    assert -(2**63) <= key < 2**63
    assert key.to_bytes(8, "big", signed=True) == raw[:8]


def test_a_digest_depends_on_the_order() -> None:
    assert digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest([b"a" * 32, b"b" * 32]) != digest([b"b" * 32, b"a" * 32])


@given(st.lists(messages, max_size=3))
def test_messages_come_back_as_they_were_written(conversation: list[Any]) -> None:
    stored = [
        {"role": role, "content": content, "extra": json.dumps(extra) if extra else None}
        for role, content, extra in conversation
    ]
    assert plain_messages(stored) == [
        {"role": role, "content": content} | (extra or {}) for role, content, extra in conversation
    ]
