"""Files of JSON, read as a stream of blocks: whole lines, or the elements of an array.

Nothing is parsed here beyond finding where rows begin and end, so that the expensive part can be
done elsewhere, in parallel. The blocks of one file are always the same, which lets a job that was
killed skip those it has committed.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Literal

import pyarrow as pa

from catalog.errors import UnreadableInput
from ingest.json_array import BrokenArray, elements

BLOCK_BYTES = 4 << 20
HEAD_BYTES = 1 << 16
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CODECS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""How compressed files begin: what is in a file counts, not what its name says."""

FOREIGN = {
    b"PAR1": "a Parquet file: name it *.parquet",
    b"ARROW1": "an Arrow file: save it as Parquet",
    b"PK\x03\x04": "a zip archive: unpack it",
    b"BZh": "compressed by bzip2: unpack it",
    b"\xfd7zXZ\x00": "compressed by xz: unpack it",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"\xff\xfe": "text in UTF-16: convert it with `iconv -f utf-16 -t utf-8`",
    b"\xfe\xff": "text in UTF-16: convert it with `iconv -f utf-16 -t utf-8`",
}
"""How files begin that no row could be found in, and what they are."""

Layout = Literal["lines", "array", "objects"]


@dataclass(frozen=True)
class Block:
    """Some rows of one input, in order.

    Attributes:
        file: the input's name in the catalog.
        first_line: line of the first row, from 1; for tables its row number.
        data: lines as they are (JSONL), an Arrow stream (tables), or one row each (array).
        table: whether `data` is an Arrow stream.
        lines: for array elements, the line each begins on.
        cut_bytes: the whole row's size, where `data` is the beginning of one too large.
        read_bytes: how far into the input's file reading has come.
    """

    file: str
    first_line: int
    data: bytes | list[bytes]
    table: bool = False
    lines: tuple[int, ...] = ()
    cut_bytes: int = 0
    read_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Return how much data it holds."""
        return len(self.data) if isinstance(self.data, bytes) else sum(map(len, self.data))


@contextmanager
def _open(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """Open a file; the second value tells how many of its own bytes were read."""
    with pa.OSFile(path, "rb") as file:
        begun = file.read(4)
        file.seek(0)
        codec = next((codec for mark, codec in CODECS.items() if begun.startswith(mark)), None)
        yield pa.CompressedInputStream(file, codec) if codec else file, file.tell


def read_json(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a file of JSON: a row a line, one array of them, or rows written over several lines.

    Args:
        path: of the file, compressed or not.
        name: what the catalog calls it.
        max_row_bytes: what is beyond this of a longer row is counted, not kept.
    """
    with _open(path) as (stream, tell):
        head = stream.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
        _refuse_foreign(path, head)
        kind = layout(head)
        if kind == "lines":
            for block in _line_blocks(stream, head, name, max_row_bytes):
                yield replace(block, read_bytes=tell())
            return
    with _open(path) as (stream, tell):
        for block in _element_blocks(stream, name, max_row_bytes, array=kind == "array"):
            yield replace(block, read_bytes=tell())


def _refuse_foreign(path: str, head: bytes) -> None:
    for mark, what in FOREIGN.items():
        if head.startswith(mark):
            raise UnreadableInput(
                f"{path} is no JSON, but {what.partition(':')[0]}",
                hint=f"It is {what}." if ":" in what else "Leave it out.",
            )


def layout(head: bytes) -> Layout:
    r"""Tell from its beginning how a file's rows are written.

    >>> layout(b'{"messages": []}\n'), layout(b'[{"messages": []}]'), layout(b'{\n  "messages": [')
    ('lines', 'array', 'objects')
    """
    first, end, more = head.lstrip().partition(b"\n")
    if first.startswith(b"["):
        whole_line = end and more.strip() and _parses(first)
        return "lines" if whole_line else "array"
    return "objects" if re.fullmatch(rb"\{\s*", first) and end else "lines"


def _parses(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _line_blocks(stream: IO[bytes], rest: bytes, name: str, limit: int) -> Iterator[Block]:
    """Read lines in blocks that end where a line ends; an endless line is cut, not kept."""
    line = 1
    while chunk := stream.read(BLOCK_BYTES):
        rest += chunk
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield Block(name, line, rest[:cut])
            line += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
        if len(rest) > limit:
            rest = yield from _skip_line(stream, rest, name, line, limit)
            line += 1
    if rest:
        yield Block(name, line, rest)


def _skip_line(
    stream: IO[bytes], begun: bytes, name: str, line: int, limit: int
) -> Generator[Block, None, bytes]:
    """Read on to the end of a line that is too large, keeping only its beginning."""
    size, rest = len(begun), b""
    while chunk := stream.read(BLOCK_BYTES):
        end = chunk.find(b"\n")
        if end >= 0:
            size, rest = size + end, chunk[end + 1 :]
            break
        size += len(chunk)
    yield Block(name, line, begun[:limit], cut_bytes=size)
    return rest


def _element_blocks(stream: IO[bytes], name: str, limit: int, *, array: bool) -> Iterator[Block]:
    """Read elements in blocks; of an array that breaks off, what came before is given first."""
    rows: list[bytes] = []
    lines: list[int] = []
    size = 0
    try:
        for line, raw, full_bytes in elements(stream, limit, array=array):
            if full_bytes > len(raw):
                yield Block(name, line, raw, cut_bytes=full_bytes)
                continue
            rows.append(raw)
            lines.append(line)
            size += len(raw)
            if size >= BLOCK_BYTES:
                yield _rows_block(name, lines, rows)
                rows, lines, size = [], [], 0
    except BrokenArray:
        if rows:
            yield _rows_block(name, lines, rows)
        raise
    if rows:
        yield _rows_block(name, lines, rows)


def _rows_block(name: str, lines: list[int], rows: list[bytes]) -> Block:
    return Block(name, lines[0], rows, lines=tuple(lines))
