"""Files of JSON, read as a stream of blocks: whole lines, or the elements of an array.

Nothing is parsed here beyond finding where rows begin and end, so that the expensive part can be
done elsewhere, in parallel. The blocks of one file are always the same, which lets a job that was
killed skip those it has committed.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
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

AGAIN = "Leave the file alone, and run the same command again; nothing is added twice."

Layout = Literal["lines", "array", "objects"]


@dataclass(frozen=True)
class Stretch:
    """A part of a file, to be read by whoever needs it: that may be another process."""

    path: str
    offset: int
    size: int

    def read(self) -> bytes:
        """Return what is there.

        Raises:
            UnreadableInput: it is not there any more.
        """
        try:
            with open(self.path, "rb", buffering=0) as file:
                found = os.pread(file.fileno(), self.size, self.offset)
        except OSError as error:
            raise UnreadableInput(f"cannot read {self.path}: {error}", hint=AGAIN) from error
        if len(found) < self.size:
            raise UnreadableInput(f"{self.path} became shorter while it was read", hint=AGAIN)
        return found


@dataclass(frozen=True)
class Block:
    """Some rows of one input, in order.

    Attributes:
        file: the input's name in the catalog.
        first_line: line of the first row, from 1; for tables its row number.
        data: lines as they are or where they lie (JSONL), an Arrow stream (tables), or one row each
            (array).
        table: whether `data` is an Arrow stream.
        lines: for array elements, the line each begins on.
        cut_bytes: the whole row's size, where `data` is the beginning of one too large.
        read_bytes: how far into the input's file reading has come.
    """

    file: str
    first_line: int
    data: bytes | list[bytes] | Stretch
    table: bool = False
    lines: tuple[int, ...] = ()
    cut_bytes: int = 0
    read_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """Return how much data its rows are."""
        match self.data:
            case Stretch():
                return self.data.size
            case bytes():
                return len(self.data)
            case list():
                return sum(map(len, self.data))

    @property
    def held_bytes(self) -> int:
        """Return how much of it is in memory."""
        return 0 if isinstance(self.data, Stretch) else self.size_bytes

    def loaded(self) -> "Block":
        """Return it with its rows in memory.

        Raises:
            UnreadableInput: the file changed meanwhile.
        """
        return replace(self, data=self.data.read()) if isinstance(self.data, Stretch) else self


@contextmanager
def _open(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int], bool]]:
    """Open a file; then how many of its own bytes were read is told, and whether as they are."""
    with pa.OSFile(path, "rb") as file:
        begun = file.read(4)
        file.seek(0)
        codec = next((codec for mark, codec in CODECS.items() if begun.startswith(mark)), None)
        yield pa.CompressedInputStream(file, codec) if codec else file, file.tell, not codec


def read_json(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a file of JSON: a row a line, one array of them, or rows written over several lines.

    Args:
        path: of the file, compressed or not.
        name: what the catalog calls it.
        max_row_bytes: what is beyond this of a longer row is counted, not kept.
    """
    with _open(path) as (stream, tell, plain):
        begun = stream.read(HEAD_BYTES)
        head = begun.removeprefix(BYTE_ORDER_MARK)
        _refuse_foreign(path, head)
        kind = layout(head)
        if kind == "lines":
            place = Stretch(path, len(begun) - len(head), 0) if plain else None
            for block in _line_blocks(stream, head, name, max_row_bytes, place):
                yield replace(block, read_bytes=tell())
            return
    with _open(path) as (stream, tell, _):
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


def _line_blocks(
    stream: IO[bytes], rest: bytes, name: str, limit: int, place: Stretch | None
) -> Iterator[Block]:
    """Read lines in blocks that end where a line ends; an endless line is cut, not kept.

    Args:
        stream: to read on.
        rest: what was read of it.
        name: of the input.
        limit: of a row's bytes.
        place: where in a file `rest` begins, if the stream is a file as it is.
    """
    line = 1
    while chunk := stream.read(BLOCK_BYTES):
        rest += chunk
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield Block(name, line, _at(place, cut) or rest[:cut])
            place = _after(place, cut)
            line += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
        if len(rest) > limit:
            size, after = _skip_line(stream, rest)
            yield Block(name, line, rest[:limit], cut_bytes=size)
            place, rest = _after(place, size + 1), after
            line += 1
    if rest:
        yield Block(name, line, _at(place, len(rest)) or rest)


def _at(place: Stretch | None, size: int) -> Stretch | None:
    return place and replace(place, size=size)


def _after(place: Stretch | None, size: int) -> Stretch | None:
    return place and replace(place, offset=place.offset + size)


def _skip_line(stream: IO[bytes], begun: bytes) -> tuple[int, bytes]:
    """Read on to the end of a line; return how long it is, and what was read beyond it."""
    size = len(begun)
    while chunk := stream.read(BLOCK_BYTES):
        end = chunk.find(b"\n")
        if end >= 0:
            return size + end, chunk[end + 1 :]
        size += len(chunk)
    return size, b""


def _element_blocks(stream: IO[bytes], name: str, limit: int, *, array: bool) -> Iterator[Block]:
    """Read elements in blocks; of an array that breaks off, what came before is given first."""
    rows: list[bytes] = []
    lines: list[int] = []
    size = 0
    try:
        for line, raw, full_bytes in elements(stream, limit, array=array):
            if full_bytes > len(raw):
                if rows:
                    yield _rows_block(name, lines, rows)
                    rows, lines, size = [], [], 0
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
