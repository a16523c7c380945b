"""Inputs, read as a stream of blocks: raw lines, elements of a JSON array, or Arrow batches.

Nothing is parsed here beyond finding where rows begin and end, so that the expensive part can be
done elsewhere, in parallel. The blocks of one file are always the same, which lets a job that was
killed skip those it has committed.
"""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import InvalidInput, UnreadableInput
from ingest.json_array import elements

BLOCK_BYTES = 4 << 20
BATCH_ROWS = 4096
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
HUB = "hf://"


@dataclass(frozen=True)
class Block:
    """Some rows of one input, in order.

    Attributes:
        file: the input's name in the catalog.
        first_line: line of the first row, from 1; for tables its row number.
        data: lines as they are (JSONL), an Arrow stream (tables), or one row each (array).
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


@dataclass(frozen=True)
class Input:
    """One file or data set to read.

    Attributes:
        name: how the catalog calls it: the path below what the user named.
        path: where it is.
        read: gives its blocks; takes the largest size of a row in bytes.
        stamp: changes when the content does.
        size_bytes: what reading it will cost, as far as known.
    """

    name: str
    path: str
    read: Callable[[str, str, int], Iterator[Block]]
    stamp: tuple[int, int]
    size_bytes: int

    def blocks(self, max_row_bytes: int) -> Iterator[Block]:
        """Read the input from its beginning.

        Raises:
            UnreadableInput: it is damaged, or not what its name says.
        """
        try:
            yield from self.read(self.path, self.name, max_row_bytes)
        except (OSError, EOFError, pa.ArrowException) as error:
            raise UnreadableInput(
                f"cannot read {self.path}: {error}",
                hint="What came before is kept; mend the file and run the same command again.",
            ) from error


@contextmanager
def _open(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """Open a file; the second value tells how many of its own bytes were read."""
    with pa.OSFile(path, "rb") as file:
        codec = COMPRESSED.get(Path(path).suffix)
        yield pa.CompressedInputStream(file, codec) if codec else file, file.tell


def read_jsonl(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read lines in blocks that end where a line ends; an endless line is cut, not kept."""
    with _open(path) as (stream, tell):
        head = stream.read(1 << 16)
        if re.match(rb"(\xef\xbb\xbf)?\s*\[\s*[{\]]", head):
            yield from read_json_array(path, name, max_row_bytes)
            return
        begun = head.removeprefix(b"\xef\xbb\xbf")
        for block in _line_blocks(stream, begun, name, max_row_bytes):
            yield replace(block, read_bytes=tell())


def _line_blocks(stream: IO[bytes], rest: bytes, name: str, limit: int) -> Iterator[Block]:
    line = 1
    while chunk := stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest += chunk
            if len(rest) > limit:
                rest = yield from _skip_line(stream, rest, name, line, limit)
                line += 1
            continue
        yield Block(name, line, block := rest + chunk[:cut])
        line += block.count(b"\n")
        rest = chunk[cut:]
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


def read_json_array(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read the elements of one top-level JSON array."""
    with _open(path) as (stream, tell):
        rows: list[bytes] = []
        lines: list[int] = []
        size = 0
        for line, raw, full_bytes in elements(stream, max_row_bytes):
            if full_bytes > len(raw):
                yield Block(name, line, raw, cut_bytes=full_bytes, read_bytes=tell())
                continue
            rows.append(raw)
            lines.append(line)
            size += len(raw)
            if size >= BLOCK_BYTES:
                yield Block(name, lines[0], rows, lines=tuple(lines), read_bytes=tell())
                rows, lines, size = [], [], 0
        if rows:
            yield Block(name, lines[0], rows, lines=tuple(lines))


def read_parquet(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a Parquet file batch by batch."""
    with pq.ParquetFile(path) as file:
        yield from _table_blocks(file.iter_batches(batch_size=BATCH_ROWS), name)


def _table_blocks(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[Block]:
    row = 1
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        yield Block(name, row, sink.getvalue().to_pybytes(), table=True)
        row += batch.num_rows


READERS = {".jsonl": read_jsonl, ".ndjson": read_jsonl, ".json": read_jsonl}
"""How a file is read, by the end of its name; any of these may be compressed (COMPRESSED)."""


def read_saved(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read a data set that `datasets` saved to disk; of several splits, `path` ends in one."""
    from datasets import DatasetDict, load_from_disk

    found = load_from_disk(path)
    if isinstance(found, DatasetDict):
        for split in sorted(found):
            yield from _table_blocks(_batches(found[split]), f"{name}/{split}")
    else:
        yield from _table_blocks(_batches(found), name)


def read_hub(path: str, name: str, max_row_bytes: int) -> Iterator[Block]:
    """Read `hf://owner/name[:split]` through `datasets`, from the hub or a local folder."""
    from datasets import load_dataset

    where, _, split = path.removeprefix(HUB).partition(":")
    try:
        found = load_dataset(where, split=split or "train")
    except Exception as error:
        raise UnreadableInput(
            f"cannot load {path}: {error}",
            hint="Expected hf://owner/name or hf://owner/name:split; is the hub reachable?",
        ) from error
    yield from _table_blocks(_batches(found), name)


def _batches(dataset: object) -> Iterator[pa.RecordBatch]:
    for table in dataset.with_format("arrow").iter(batch_size=BATCH_ROWS):  # type: ignore[attr-defined]
        yield from table.combine_chunks().to_batches()


def find(paths: list[str]) -> list[Input]:
    """Return the inputs that these paths name, a folder's files in order of name.

    Raises:
        UnreadableInput: a path does not exist.
        InvalidInput: a file is of no known kind.
    """
    return [found for path in paths for found in _find(path)]


def _find(path: str) -> list[Input]:
    if path.startswith(HUB):
        return [Input(path.removeprefix(HUB), path, read_hub, (0, 0), 0)]
    place = Path(path).expanduser().absolute()
    if not place.exists():
        raise UnreadableInput(
            f"no file or folder at {path!r}", hint="Give files, folders or hf://owner/name."
        )
    if not place.is_dir():
        return [_file(place, place.name)]
    if (place / "dataset_info.json").exists() or (place / "dataset_dict.json").exists():
        return [Input(place.name, str(place), read_saved, *_stamp(place))]
    inside = sorted(file for file in place.rglob("*") if file.is_file() and _reader(file))
    if not inside:
        raise InvalidInput(f"the folder {path!r} holds no file that can be read", hint=_known())
    return [_file(file, str(file.relative_to(place.parent))) for file in inside]


def _file(place: Path, name: str) -> Input:
    reader = _reader(place)
    if reader is None:
        raise InvalidInput(f"{str(place)!r} is of no known kind", hint=_known())
    return Input(name, str(place), reader, *_stamp(place))


def _reader(place: Path) -> Callable[[str, str, int], Iterator[Block]] | None:
    if place.suffix == ".parquet":
        return read_parquet
    bare = place.with_suffix("") if place.suffix in COMPRESSED else place
    return READERS.get(bare.suffix)


def _known() -> str:
    return (
        f"Known: {', '.join([*READERS, '.parquet'])}, the JSON kinds also with "
        f"{' or '.join(COMPRESSED)}, and data sets saved by `datasets`."
    )


def _stamp(place: Path) -> tuple[tuple[int, int], int]:
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return (size, max(file.stat().st_mtime_ns for file in files)), size
