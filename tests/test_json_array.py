"""Rows are found in a stream of JSON wherever it is cut, whatever they hold."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import json_array
from ingest.json_array import BrokenArray, elements

tricky = st.text(st.sampled_from('a"\\[]{},\n é☕'), max_size=6)
rows = st.dictionaries(tricky, tricky | st.lists(tricky, max_size=2), max_size=3)


def split(
    text: bytes, *, chunk: int = 1 << 20, limit: int = 1 << 20, array: bool = True
) -> list[Any]:
    """Split with chunks of a given size."""

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(chunk)

    return list(elements(Slow(text), limit, array=array))


@given(
    st.lists(rows, max_size=4),
    st.sampled_from([None, 0, 2]),
    st.integers(1, 9),
    st.sampled_from([b"", b"\n ", b"\xef\xbb\xbf"]),
    st.booleans(),
)
def test_the_elements_of_an_array_come_out_as_they_were(
    given: list[Any], indent: int | None, chunk: int, before: bytes, escaped: bool
) -> None:
    text = before + json.dumps(given, indent=indent, ensure_ascii=escaped).encode() + b"\n"
    found = split(text, chunk=chunk)
    assert [json.loads(raw) for _, raw, _ in found] == given
    assert all(size == len(raw) for _, raw, size in found)


@given(
    st.lists(rows, max_size=4), st.sampled_from([None, 2]), st.sampled_from([b"", b"\n", b"\n\n"])
)
def test_rows_one_after_the_other_come_out_as_they_were(
    given: list[Any], indent: int | None, between: bytes
) -> None:
    text = between.join(json.dumps(row, indent=indent).encode() for row in given)
    found = split(text, chunk=5, array=False)
    assert [json.loads(raw) for _, raw, _ in found] == given


def test_an_element_knows_the_line_it_begins_on() -> None:
    text = b'[\n  {"a": 1},\n\n  {"b":\n 2}, {"c": "\n"},\n{"d": 4}\n]\n'
    assert [(line, raw) for line, raw, _ in split(text, chunk=3)] == [
        (2, b'{"a": 1}'),
        (4, b'{"b":\n 2}'),
        (5, b'{"c": "\n"}'),
        (7, b'{"d": 4}'),
    ]


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_an_element_over_the_limit_is_counted_and_cut(chunk: int) -> None:
    large = b'{"a": "' + b"x" * 50 + b'"}'
    assert split(b'[{"a": 1},' + large + b',{"b": 2}]', chunk=chunk, limit=20) == [
        (1, b'{"a": 1}', 8),
        (1, large[:20], 59),
        (1, b'{"b": 2}', 8),
    ]


@pytest.mark.parametrize(
    ("text", "found", "message"),
    [
        (b"[", [], "the JSON array is cut off at line 1"),
        (b'[{"a": 1}', [b'{"a": 1}'], "the JSON array is cut off at line 1"),
        (b'[{"a": 1},\n{"b', [b'{"a": 1}', b'{"b'], "the JSON array is cut off at line 2"),
        (b'[{"a": "\\', [b'{"a": "\\'], "the JSON array is cut off at line 1"),
        (b'[{"a": 1}]\n{', [b'{"a": 1}'], "line 2: something follows the end of the JSON array"),
        (b"[1]]", [b"1"], "line 1: something follows the end of the JSON array"),
        (b"[1] [2]", [b"1"], "line 1: something follows the end of the JSON array"),
    ],
)
def test_a_broken_array_gives_what_came_before(
    text: bytes, found: list[bytes], message: str
) -> None:
    given = []
    with pytest.raises(BrokenArray) as error:
        for _, raw, _ in elements(io.BytesIO(text), 1 << 20):
            given.append(raw)
    assert (given, str(error.value)) == (found, message)


def test_what_is_no_row_comes_out_too() -> None:
    assert [raw for _, raw, _ in split(b'[1, "a,b", null,, [2, {}],]')] == [
        b"1",
        b'"a,b"',
        b"null",
        b"",
        b"[2, {}]",
    ]


def test_a_string_longer_than_many_chunks_takes_linear_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_array, "CHUNK_BYTES", 1 << 16)
    text = b'[{"a": "' + b"x\\n" * (1 << 20) + b'"}]'
    [(line, raw, size)] = elements(io.BytesIO(text), 1 << 10)
    assert (line, len(raw), size) == (1, 1 << 10, len(text) - 2)
