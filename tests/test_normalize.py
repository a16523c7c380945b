"""A row becomes a sample or is refused for one of a closed set of reasons."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats import FORMATS
from ingest.normalize import MAX_DEPTH, MESSAGE_FIELDS, ROLES, Conversation, normalize
from ingest.parse import Refusal, Row
from tests.conftest import talk

REASONS = {
    "NUL character",
    "empty assistant turn",
    "empty user content",
    "lone surrogate",
    "nested too deeply",
    "no assistant turn",
    "no messages",
    "no source",
    "not a number",
    "unknown role",
    "wrong type",
}
USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def taken(row: Row, **options: Any) -> Conversation:
    """Normalize a copy of a row of messages."""
    return normalize(
        json.loads(json.dumps(row)), FORMATS["messages"][0], **{"source": "s"} | options
    )


def refused(row: Row, **options: Any) -> tuple[str, str]:
    with pytest.raises(Refusal) as found:
        taken(row, **options)
    return found.value.reason, found.value.detail


def test_a_plain_row_is_taken_apart() -> None:
    found = taken(talk("hi", "yo", id="x1", dataset="d", meta={"k": [1, None, "é"]}))
    assert found.roles == ["user", "assistant"]
    assert found.contents == ["hi", "yo"]
    assert found.extras == [None, None]
    assert found.tools is None
    assert found.characters == 4
    assert found.external_id == "x1"
    assert found.source == "s"
    assert found.metadata == '{"dataset": "d", "meta": {"k": [1, null, "é"]}}'
    assert found.content_hash.hex() == (
        "d02bd41818d4776dc644f783c8ec6e9874838524f4183ac6a1874bb1e3c08de9"
    )


def test_a_row_without_other_fields_has_no_metadata() -> None:
    assert taken(talk("hi")).metadata is None


def test_a_row_names_its_source_if_nobody_else_does() -> None:
    found = taken(talk("hi", dataset="dolly"), source=None)
    assert (found.source, found.metadata) == ("dolly", None)


@pytest.mark.parametrize(
    ("dataset", "reason", "detail"),
    [
        (None, "no source", "`dataset` is null or missing, and no --source was given"),
        ("", "no source", "`dataset` is empty, and no --source was given"),
        ("  ", "no source", "`dataset` is empty, and no --source was given"),
        (5, "no source", "`dataset` is a number, and no --source was given"),
        ("a\0", "NUL character", "in the dataset"),
    ],
)
def test_a_row_without_a_source_is_refused(dataset: Any, reason: str, detail: str) -> None:
    assert refused(talk("hi", dataset=dataset), source=None) == (reason, detail)


def conversation(*messages: Any, **fields: Any) -> Row:
    return {"messages": list(messages), **fields}


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({}, "no messages", "the row's fields: none"),
        ({"text": "x"}, "no messages", "the row's fields: 'text'"),
        (conversation(), "no messages", ""),
        ({"messages": None}, "no messages", "the row's fields: none"),
        ({"messages": "x"}, "wrong type", "messages is a string, expected a list"),
        ({"messages": {}}, "wrong type", "messages is an object, expected a list"),
        (conversation(1), "wrong type", "message 0 is a number, expected an object"),
        (conversation(USER, []), "wrong type", "message 1 is a list, expected an object"),
        (conversation({"content": "x"}), "wrong type", "role of message 0 is null or missing"),
        (conversation({"role": ["user"]}), "wrong type", "role of message 0 is a list"),
        (
            conversation(USER, {"role": "assistant", "content": 5}),
            "wrong type",
            "content of message 1 is a number",
        ),
        (
            conversation({"role": "user", "content": ["x"]}),
            "wrong type",
            "content of message 0 is a list",
        ),
        (conversation({"role": "User", "content": "x"}), "unknown role", "'User'"),
        (conversation({"role": "x" * 99, "content": "x"}), "unknown role", repr("x" * 40)),
        (conversation({"role": "user", "content": ""}), "empty user content", "message 0"),
        (conversation({"role": "user", "content": " \n\t"}), "empty user content", "message 0"),
        (conversation({"role": "user"}), "empty user content", "message 0"),
        (
            conversation(USER, {"role": "assistant", "content": None}),
            "empty assistant turn",
            "message 1 has no content and no call",
        ),
        (
            conversation(USER, ASSISTANT | {"content": "", "tool_calls": []}),
            "empty assistant turn",
            "message 1 has no content and no call",
        ),
        (conversation(USER), "no assistant turn", ""),
        (conversation({"role": "user", "content": "a\0"}), "NUL character", "message 0"),
        (conversation(USER, ASSISTANT, id="a\0"), "NUL character", "in the id"),
        (conversation(USER, ASSISTANT | {"name": "\0"}), "NUL character", "outside the contents"),
        (conversation(USER, ASSISTANT, tools=["\0"]), "NUL character", "outside the contents"),
        (conversation(USER, ASSISTANT, meta={"a\0": 1}), "NUL character", "outside the contents"),
        (
            conversation(USER, ASSISTANT, meta=[{"a": ["\0"]}]),
            "NUL character",
            "outside the contents",
        ),
        (
            conversation(USER, ASSISTANT, tools={}),
            "wrong type",
            "tools is an object, expected a list",
        ),
        (
            conversation(USER, ASSISTANT, tools=deep(MAX_DEPTH + 1)),
            "nested too deeply",
            "the limit is 100 levels",
        ),
        (
            conversation(USER, ASSISTANT, meta=deep(MAX_DEPTH)),
            "nested too deeply",
            "the limit is 100 levels",
        ),
        (
            conversation(USER, ASSISTANT | {"tool_calls": deep(MAX_DEPTH)}),
            "nested too deeply",
            "the limit is 100 levels",
        ),
    ],
)
def test_a_row_is_refused_for_a_reason(row: Row, reason: str, detail: str) -> None:
    assert reason in REASONS
    assert refused(row) == (reason, detail)


def test_a_row_may_be_nested_up_to_the_limit() -> None:
    row = conversation(USER, ASSISTANT, tools=deep(MAX_DEPTH), meta=deep(MAX_DEPTH - 1))
    assert taken(row).tools == "[" * MAX_DEPTH + "]" * MAX_DEPTH


def test_numbers_that_only_a_table_can_hold_are_refused() -> None:
    row = conversation(USER, ASSISTANT) | {"score": float("nan")}
    with pytest.raises(Refusal) as found:
        normalize(row, FORMATS["messages"][0], source="s")
    assert (found.value.reason, found.value.detail) == ("not a number", "NaN or infinite")


@pytest.mark.parametrize(
    "row", [{"tools": [b"\xff"]}, {"messages": [USER, ASSISTANT | {"name": b"\xff"}]}]
)
def test_bytes_that_only_a_table_can_hold_are_no_content(row: Row) -> None:
    with pytest.raises(Refusal) as found:
        normalize(conversation(USER, ASSISTANT) | row, FORMATS["messages"][0], source="s")
    assert found.value.reason == "wrong type"


def test_bytes_may_be_metadata() -> None:
    row = conversation(USER, ASSISTANT) | {"digest": b"\xff\x00"}
    assert normalize(row, FORMATS["messages"][0], source="s").metadata == '{"digest": "ff00"}'


def test_a_query_may_lack_its_answer() -> None:
    assert taken(conversation(USER), needs_answer=False).roles == ["user"]


def test_a_conversation_may_end_on_a_user_turn() -> None:
    assert taken(conversation(USER, ASSISTANT, USER)).roles == ["user", "assistant", "user"]


def test_all_roles_and_turns_are_kept_in_order() -> None:
    found = taken(
        conversation(
            {"role": "system", "content": ""},
            {"role": "developer", "content": None},
            USER,
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "4", "tool_call_id": "1"},
            {"role": "function", "content": "5", "name": "f"},
            ASSISTANT,
            tools=[{"type": "function"}],
        )
    )
    assert set(found.roles) == ROLES
    assert found.contents == ["", None, "q", None, "4", "5", "a"]
    assert found.extras == [
        None,
        None,
        None,
        '{"tool_calls": [{"id": "1"}]}',
        '{"tool_call_id": "1"}',
        '{"name": "f"}',
        None,
    ]
    assert found.tools == '[{"type": "function"}]'


@pytest.mark.parametrize("field", sorted(MESSAGE_FIELDS))
def test_what_a_model_may_be_trained_on_is_part_of_the_hash(field: str) -> None:
    plain = taken(conversation(USER, ASSISTANT))
    other = taken(conversation(USER, ASSISTANT | {field: "x"}))
    null = taken(conversation(USER, ASSISTANT | {field: None}))
    assert other.content_hash != plain.content_hash == null.content_hash


def test_null_content_is_not_empty_content() -> None:
    call = {"role": "assistant", "tool_calls": [1]}
    missing, null, empty = (
        taken(conversation(USER, call | content)).content_hash
        for content in ({}, {"content": None}, {"content": ""})
    )
    assert missing == null != empty


def test_other_fields_of_a_message_are_metadata_by_position() -> None:
    row = conversation(USER, ASSISTANT | {"lang": "en", "score": None}, source_url="u")
    found = taken(row)
    assert found.content_hash == taken(conversation(USER, ASSISTANT)).content_hash
    assert found.metadata == '{"source_url": "u", "message_fields": {"1": {"lang": "en"}}}'


def test_a_row_that_uses_the_name_for_stray_fields_keeps_its_own() -> None:
    found = taken(conversation(USER | {"lang": "en"}, ASSISTANT, message_fields=5))
    assert found.metadata == '{"message_fields": 5, "message_fields_": {"0": {"lang": "en"}}}'


@pytest.mark.parametrize(
    ("given", "external_id", "metadata"),
    [
        ("", "", None),
        (7, "7", None),
        (10**30, "1" + "0" * 30, None),
        (1.5, None, '{"id": 1.5}'),
        (True, None, '{"id": true}'),
        (None, None, '{"id": null}'),
        (["a"], None, '{"id": ["a"]}'),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(
    given: Any, external_id: str | None, metadata: str | None
) -> None:
    found = taken(talk("hi", id=given))
    assert (found.external_id, found.metadata) == (external_id, metadata)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
roughly_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from([*sorted(ROLES), "alien"]) | anything},
        optional={
            "content": st.text(max_size=4) | anything,
            **dict.fromkeys(("name", "tool_calls", "weight", "stray"), anything),
        },
    )
    | anything,
    max_size=3,
)
OTHER_FIELDS = (
    *("id", "dataset", "tools", "meta", "system", "instruction", "input", "output"),
    *("history", "prompt", "completion", "response"),
)
rough_rows = st.fixed_dictionaries(
    {},
    optional={
        "messages": roughly_messages | anything,
        "conversations": roughly_messages | anything,
        **dict.fromkeys(OTHER_FIELDS, anything),
    },
)


@given(rough_rows, st.sampled_from(sorted(FORMATS)))
def test_whatever_a_row_holds_it_is_taken_or_refused(row: Row, name: Any) -> None:
    try:
        found = normalize(row, FORMATS[name][0], source="s", needs_answer=False)
    except Refusal as refusal:
        assert refusal.reason in REASONS
    except UnicodeEncodeError:
        pass  # a lone surrogate, which no reader lets through
    else:
        assert len(found.roles) == len(found.contents) == len(found.extras) > 0
        assert found.characters == sum(len(content or "") for content in found.contents)
        for text in (found.tools, found.metadata, *found.extras):
            assert text is None or json.loads(text) is not None
