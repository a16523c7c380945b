"""The bytes of a row are read more strictly than JSON itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse import Refusal, kind, parse

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
rows = st.dictionaries(texts, values, max_size=4)


def refused(raw: bytes) -> tuple[str, str]:
    with pytest.raises(Refusal) as found:
        parse(raw)
    return found.value.reason, found.value.detail


@given(rows, st.booleans())
def test_a_row_is_read_as_it_was_written(row: dict[str, Any], escaped: bool) -> None:
    assert parse(json.dumps(row, ensure_ascii=escaped).encode()) == row


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused(raw: bytes) -> None:
    try:
        assert type(parse(raw)) is dict
    except Refusal as refusal:
        assert refusal.reason in {"broken JSON", "broken UTF-8", "wrong type", "not a number"}


@given(rows, st.data())
def test_a_row_that_breaks_off_is_broken(row: dict[str, Any], data: st.DataObject) -> None:
    raw = json.dumps(row).encode()
    cut = data.draw(st.integers(0, len(raw) - 1))
    assert refused(raw[:cut])[0] == "broken JSON"


@given(rows, texts, st.integers(0, 3))
def test_a_key_given_twice_is_found_at_any_depth(row: dict[str, Any], key: str, depth: int) -> None:
    name = json.dumps(key)
    twice = f"{{{name}: 1, {name}: 2}}"
    for _ in range(depth):
        twice = f'{{"deeper": [{twice}]}}'
    rest = json.dumps({f"other {name}": value for name, value in row.items()})[1:-1]
    raw = f'{{"first": {twice}{", " * bool(rest)}{rest}}}'.encode()
    assert refused(raw) == ("duplicate key", repr(key))


@pytest.mark.parametrize(
    ("raw", "reason", "detail"),
    [
        (b"", "broken JSON", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": 1} {"b": 2}', "broken JSON", "more follows at character 8"),
        (b'{"a": 1}x', "broken JSON", "more follows at character 8"),
        (
            b"{'a': 1}",
            "broken JSON",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (b'{"a": "\x01"}', "broken JSON", "Invalid control character at: line 1 column 8 (char 7)"),
        (b"\xc2\xa0{}", "broken JSON", "Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "wrong type", "the row is a list, expected an object"),
        (b'"text"', "wrong type", "the row is a string, expected an object"),
        (b"7", "wrong type", "the row is a number, expected an object"),
        (b"true", "wrong type", "the row is a boolean, expected an object"),
        (b"null", "wrong type", "the row is null or missing, expected an object"),
        (b'{"a": NaN}', "not a number", "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "not a number", "-Infinity is not JSON"),
        (b'{"a": 1e999}', "not a number", "1e999 is too large"),
        (b'{"a": ' + b"9" * 4001 + b"}", "not a number", "a number of 4001 digits is too large"),
        (b'{"a": "\xff"}', "broken UTF-8", "byte 7: invalid start byte"),
        (b'{"a": "\xed\xa0\x80"}', "broken UTF-8", "byte 7: invalid continuation byte"),
        (b'{"a": "\\ud83d"}', "lone surrogate", "U+D83D"),
        (b'{"\\uDe00": 1}', "lone surrogate", "U+DE00"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply", ""),
    ],
)
def test_a_row_is_refused_for_a_reason(raw: bytes, reason: str, detail: str) -> None:
    assert refused(raw) == (reason, detail)


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        (b'  {"a": 1}\r', {"a": 1}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\\\ud83d"}', {"a": "\\ud83d"}),
        (b'{"a": ' + b"9" * 4000 + b"}", {"a": int("9" * 4000)}),
        (b'{"a": 1.5, "A": -0.0}', {"a": 1.5, "A": -0.0}),
        (b'{"a": [[[[[[1]]]]]]}', {"a": [[[[[[1]]]]]]}),
    ],
)
def test_what_only_looks_odd_is_read(raw: bytes, row: dict[str, Any]) -> None:
    assert parse(raw) == row


def test_kinds_have_the_names_that_json_gives_them() -> None:
    found = [kind(value) for value in ({}, [], "", True, 1, 1.5, None, b"")]
    assert found == [
        "an object",
        "a list",
        "a string",
        "a boolean",
        "a number",
        "a number",
        "null or missing",
        "bytes that are no UTF-8",
    ]
