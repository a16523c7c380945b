"""Files of JSON are cut into blocks whose rows are exactly the file's, whatever it looks like."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import UnreadableInput
from ingest import readers
from ingest.readers import BYTE_ORDER_MARK, Block, Stretch, layout, read_json
from ingest.staging import raw_rows

Read = Callable[..., list[Block]]
LIMIT = 1 << 20


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write bytes as a file and read its blocks."""

    def blocks(content: bytes, name: str = "x.jsonl", limit: int = LIMIT) -> list[Block]:
        path = tmp_path / name
        path.write_bytes(content)
        return list(read_json(str(path), name, limit))

    return blocks


def rows(blocks: list[Block], limit: int = LIMIT) -> list[tuple[int, object]]:
    return [row for block in blocks for row in raw_rows(block, limit)]


def lines(content: bytes) -> list[tuple[int, bytes]]:
    """What the rows of lines must be: every line that is not blank."""
    numbered = enumerate(content.split(b"\n"), 1)
    return [(number, line) for number, line in numbered if line and not line.isspace()]


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Blocks of 64 bytes after a head of 16, so that small files have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK_BYTES", 64)
        patch.setattr(readers, "HEAD_BYTES", 16)
        yield


def cut(content: bytes, limit: int = LIMIT) -> list[Block]:
    """The blocks of lines read as a stream, which are the same as those left in a file."""
    rest = content[16:]
    held = list(readers._line_blocks(io.BytesIO(rest), content[:16], "x", limit, None))
    with NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        place = Stretch(file.name, 0, 0)
        left = readers._line_blocks(io.BytesIO(rest), content[:16], "x", limit, place)
        assert [block.loaded() for block in left] == held
    return held


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=12))
def test_lines_come_out_with_their_numbers_wherever_blocks_end(given: list[bytes]) -> None:
    content = b"\n".join(given)
    blocks = cut(content)
    assert rows(blocks) == lines(content)
    assert (
        b"".join(bytes(block.data) for block in blocks if isinstance(block.data, bytes)) == content
    )


@given(
    st.lists(st.integers(0, 300), max_size=12),
    st.sampled_from([1, 50, 64, 65, 100, 200]),
)
def test_a_line_over_the_limit_is_cut_and_its_neighbours_are_whole(
    lengths: list[int], limit: int
) -> None:
    content = b"\n".join(b"%d" % (number % 10) * length for number, length in enumerate(lengths))
    blocks = cut(content, limit)
    found = rows(blocks)
    too_long = {block.first_line: block for block in blocks if block.cut_bytes}
    assert [line for line, _ in found] == [line for line, _ in lines(content)]
    for (line, raw), (_, whole) in zip(found, lines(content), strict=True):
        if line in too_long:
            assert (raw, too_long[line].cut_bytes) == (whole[:limit], len(whole))
            assert len(whole) > limit
        else:
            assert raw == whole


def test_an_endless_line_is_not_held_in_memory(read: Read) -> None:
    found = read(b'{"a": 1}\n' + b"x" * 10_000 + b"\n" + b'{"b": 2}', limit=100)
    assert max(block.size_bytes for block in found) <= 200
    assert [(block.first_line, block.cut_bytes) for block in found if block.cut_bytes] == [
        (2, 10_000)
    ]
    assert rows(found)[-1] == (3, b'{"b": 2}')


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n \n\r\n", []),
        (b'{"a": 1}', [(1, b'{"a": 1}')]),
        (BYTE_ORDER_MARK + b'{"a": 1}\n', [(1, b'{"a": 1}')]),
        (b'{"a": 1}\r\n\r\n{"b": 2}\r\n', [(1, b'{"a": 1}\r'), (3, b'{"b": 2}\r')]),
        (b'{\n  "a": 1\n}\n', [(1, b'{\n  "a": 1\n}')]),
        (b'{\n"a": 1}\n{\n"b": 2}', [(1, b'{\n"a": 1}'), (3, b'{\n"b": 2}')]),
        (b'\n[\n{"a": 1},\n{"b": 2}]', [(3, b'{"a": 1}'), (4, b'{"b": 2}')]),
        (BYTE_ORDER_MARK + b'["a", 1]', [(1, b'"a"'), (1, b"1")]),
        (b'[{"a": 1}]\n[{"b": 2}]\n', [(1, b'[{"a": 1}]'), (2, b'[{"b": 2}]')]),
    ],
)
def test_rows_are_found_however_they_are_written(
    read: Read, content: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert rows(read(content)) == expected


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_in_many_blocks_is_read_whole(read: Read, indent: int | None) -> None:
    given = [{"id": number, "text": "x" * (number % 50)} for number in range(100)]
    found = read(json.dumps(given, indent=indent).encode(), "x.json")
    assert len(found) > 10
    assert [
        json.loads(str(raw, "utf-8")) for _, raw in rows(found) if isinstance(raw, bytes)
    ] == given


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "lines"),
        (b'{"a": [', "lines"),
        (b"{", "lines"),
        (b"{ \r\n", "objects"),
        (b"\n\n{\n", "objects"),
        (b"[", "array"),
        (b"[\n", "array"),
        (b'[{"a": 1}]\n', "array"),
        (b'[{"a": 1},\n{"b"', "array"),
        (b'[1]\n{"a": 1}\n', "lines"),
        (b"text", "lines"),
    ],
)
def test_the_beginning_of_a_file_tells_how_it_is_written(head: bytes, kind: str) -> None:
    assert layout(head) == kind


GIVEN = b'{"a": 1}\n{"b": 2}\n' * 50
ZSTD = pa.Codec("zstd").compress(GIVEN, asbytes=True)


@pytest.mark.parametrize(
    "content",
    [
        GIVEN,
        gzip.compress(GIVEN, mtime=0),
        gzip.compress(GIVEN[:77], mtime=0) + gzip.compress(GIVEN[77:], mtime=0),
        ZSTD,
    ],
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_what_a_file_holds_counts_and_not_its_name(read: Read, content: bytes, name: str) -> None:
    assert rows(read(content, name)) == lines(GIVEN)


def test_reading_tells_how_far_into_the_file_it_is(read: Read) -> None:
    packed = gzip.compress(GIVEN)
    told = [block.read_bytes for block in read(packed)]
    assert told == sorted(told)
    assert told[-1] == len(packed)


def test_a_file_is_read_by_who_needs_its_rows_and_a_packed_one_at_once(read: Read) -> None:
    assert {block.held_bytes for block in read(GIVEN)} == {0}
    assert sum(block.held_bytes for block in read(gzip.compress(GIVEN))) == len(GIVEN)


def test_a_file_that_changes_while_it_is_read_is_told(read: Read, tmp_path: Path) -> None:
    *_, last = read(GIVEN)
    (tmp_path / "x.jsonl").write_bytes(GIVEN[:-1])
    with pytest.raises(UnreadableInput, match=r"x\.jsonl became shorter while it was read"):
        last.loaded()
    (tmp_path / "x.jsonl").unlink()
    with pytest.raises(UnreadableInput, match="No such file"):
        last.loaded()


@pytest.mark.parametrize(
    "content", [gzip.compress(GIVEN, mtime=0)[:-9], ZSTD[:-9], b"\x1f\x8bnot gzip"]
)
def test_a_damaged_file_is_an_error(read: Read, content: bytes) -> None:
    with pytest.raises(OSError):
        read(content)


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"PAR1....", "no JSON, but a Parquet file", "It is a Parquet file: name it *.parquet."),
        (b"PK\x03\x04..", "no JSON, but a zip archive", "It is a zip archive: unpack it."),
        (
            gzip.compress(b"PK\x03\x04", mtime=0),
            "no JSON, but a zip archive",
            "It is a zip archive: unpack it.",
        ),
        (b"\x89PNG\r\n", "no JSON, but a picture", "Leave it out."),
        (
            '{"a": 1}'.encode("utf-16"),
            "no JSON, but text in UTF-16",
            "It is text in UTF-16: convert it with `iconv -f utf-16 -t utf-8`.",
        ),
    ],
)
def test_a_foreign_file_is_named_for_what_it_is(
    read: Read, content: bytes, message: str, hint: str
) -> None:
    with pytest.raises(UnreadableInput) as found:
        read(content)
    assert found.value.message.endswith(message)
    assert found.value.hint == hint
