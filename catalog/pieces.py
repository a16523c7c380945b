"""A space's vectors, piece by piece: from where they lie in Lance's files, or as Lance gives them.

Lance copies what it reads into memory that is new each time, which takes several times as long as
reading. Where a file holds nothing but the numbers, one row after another, they are read from there
into memory that is used again and again. What is laid out in any other way is left to Lance.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.errors import StoreError

PIECE_BYTES = 1 << 21
"""What is read at once: few enough to be in a cache still when it is looked at."""

AHEAD_BYTES = 1 << 25
"""How far ahead the system is told to read from a disk."""

Ids = npt.NDArray[np.int64]
Values = npt.NDArray[Any]

PLAIN = (
    "PageLayout{layout:Some(FullZipLayout(FullZipLayout{bits_rep:0,bits_def:0,num_items:{rows},"
    "num_visible_items:{rows},value_compression:Some(CompressiveEncoding{compression:Some("
    "FixedSizeList(FixedSizeList{items_per_value:{width},has_validity:false,values:Some("
    "CompressiveEncoding{compression:Some(Flat(Flat{bits_per_value:{bits},data:None,},),),},),},),"
    "),},),layers:[RepdefAllValidItem,],details:Some(BitsPerValue({row_bits},),),},),),}"
)
"""How Lance describes rows of numbers with nothing between them."""


@dataclass(frozen=True)
class Piece:
    """Some rows of a space.

    Attributes:
        ids: int64 (n,), of the rows; -1 for one that is deleted.
        room_bytes: how much memory reading needs.
        read: gives the vectors, (n, width) in their stored dtype; they may lie in the memory that
            it is given.
    """

    ids: Ids
    room_bytes: int
    read: Callable[[npt.NDArray[np.uint8]], Values]

    @classmethod
    def held(cls, ids: Ids, values: Values) -> "Piece":
        """Return one whose vectors are in memory already."""
        return cls(ids, 0, lambda room: values)


@dataclass(frozen=True)
class _Run:
    """Rows that lie one after another in a file."""

    offset: int
    rows: int


@dataclass(frozen=True)
class Layout:
    """What the rows of a space are.

    Attributes:
        key: the column of ids.
        width: numbers per vector.
        stored: their dtype.
        folder: of the data files.
    """

    key: str
    width: int
    stored: np.dtype[Any]
    folder: Path

    @property
    def row_bytes(self) -> int:
        """What a vector takes."""
        return self.width * self.stored.itemsize


def pieces(dataset: Any, layout: Layout, scan_rows: int) -> Iterator[Piece]:  # noqa: ANN401
    """Give every row of a dataset once, in any order.

    Args:
        dataset: of Lance, at one version.
        layout: of its rows.
        scan_rows: how many rows Lance is to give at once, where it has to.
    """
    left = []
    for fragment, runs, ids in _prepared(dataset.get_fragments(), layout):
        if runs is None:
            left.append(fragment)
        else:
            yield from _read(fragment, runs, ids, layout)
    if left:
        scanner = dataset.scanner(
            columns=[layout.key, "vector"], batch_size=scan_rows, fragments=left
        )
        for batch in scanner.to_batches():
            values = batch.column(1).flatten().to_numpy().reshape(-1, layout.width)
            yield Piece.held(batch.column(0).to_numpy(), values)


def _prepared(
    fragments: Sequence[Any], layout: Layout
) -> Iterator[tuple[Any, list[_Run] | None, Ids]]:
    """Give every fragment, where its vectors lie and its ids: found out while others are read."""

    def prepare(fragment: Any) -> tuple[Any, list[_Run] | None, Ids]:  # noqa: ANN401
        runs = _runs(fragment, layout)
        if runs is None:
            return fragment, None, np.empty(0, np.int64)
        with _path(fragment, layout).open("rb", buffering=0) as file:
            for run in runs[:1]:
                _announce(file.fileno(), run.offset, AHEAD_BYTES)
        return fragment, runs, _ids(fragment, layout.key)

    with ThreadPoolExecutor(1) as preparing:
        coming: Future[tuple[Any, list[_Run] | None, Ids]] | None = None
        for fragment in fragments:
            ready, coming = coming, preparing.submit(prepare, fragment)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()


def _runs(fragment: Any, layout: Layout) -> list[_Run] | None:  # noqa: ANN401
    """Return where a fragment's vectors lie, in order; None if only Lance can tell."""
    from lance.file import LanceFileReader

    files = fragment.data_files()
    if len(files) != 1 or getattr(fragment.metadata, "overlays", None):
        return None
    path = layout.folder / files[0].path
    if not path.is_file():
        return None
    about = LanceFileReader(str(path)).metadata()
    names = about.schema.names
    if len(about.columns) != len(names):
        return None
    runs = []
    for page in about.columns[names.index("vector")].pages:
        rows, rest = divmod(sum(buffer.size for buffer in page.buffers), layout.row_bytes)
        described = re.sub(r"\s", "", page.encoding)
        if rest or len(page.buffers) != 1 or described != _described(rows, layout):
            return None
        runs.append(_Run(page.buffers[0].position, rows))
    return runs if sum(run.rows for run in runs) == fragment.physical_rows else None


def _described(rows: int, layout: Layout) -> str:
    bits = 8 * layout.stored.itemsize
    numbers = {"rows": rows, "width": layout.width, "bits": bits, "row_bits": bits * layout.width}
    return re.sub(r"\{(\w+)\}", lambda found: str(numbers[found[1]]), PLAIN)


def _path(fragment: Any, layout: Layout) -> Path:  # noqa: ANN401
    [file] = fragment.data_files()
    return layout.folder / str(file.path)


def _read(
    fragment: Any,  # noqa: ANN401
    runs: Sequence[_Run],
    ids: Ids,
    layout: Layout,
) -> Iterator[Piece]:
    """Give the pieces of one fragment."""
    path = _path(fragment, layout)
    rows, first = max(PIECE_BYTES // layout.row_bytes, 1), 0
    for run in runs:
        for start in range(0, run.rows, rows):
            count = min(rows, run.rows - start)
            offset = run.offset + start * layout.row_bytes
            own = ids[first + start : first + start + count]
            yield Piece(own, count * layout.row_bytes, _reader(path, offset, count, layout))
        first += run.rows


def _ids(fragment: Any, key: str) -> Ids:  # noqa: ANN401
    """Return the ids of a fragment's rows as they lie, -1 for those that are deleted."""
    if fragment.metadata.deletion_file is None:
        return np.asarray(fragment.to_table(columns=[key])[key].to_numpy())
    found = fragment.to_table(columns=[key], with_row_address=True)
    ids = np.full(fragment.physical_rows, -1, np.int64)
    ids[found["_rowaddr"].to_numpy() & 0xFFFFFFFF] = found[key].to_numpy()
    return ids


def _reader(
    path: Path, offset: int, rows: int, layout: Layout
) -> Callable[[npt.NDArray[np.uint8]], Values]:
    """Return what reads some rows of a file."""

    def read(room: npt.NDArray[np.uint8]) -> Values:
        part = room[: rows * layout.row_bytes]
        with _reading(path) as file:
            _announce(file, offset + AHEAD_BYTES, len(part))
            _fill(part, file, offset)
        return part.view(layout.stored).reshape(-1, layout.width)

    return read


@contextmanager
def _reading(path: Path) -> Iterator[int]:
    """Lend a file to read from; tell of what goes wrong with it."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file.fileno()
    except OSError as error:
        raise StoreError(
            f"vectors cannot be read from {path.name}: {error}",
            hint="Is the file damaged? Restore a backup.",
        ) from error


def _fill(part: npt.NDArray[np.uint8], file: int, offset: int) -> None:
    """Read as much as there is room for."""
    done = 0
    while done < len(part):
        got = os.preadv(file, [part[done:].data], offset + done)
        if not got:
            raise OSError("it is cut short")
        done += got


def _announce(file: int, offset: int, count: int) -> None:
    """Tell the system what will be read soon, where one can."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, offset, count, os.POSIX_FADV_WILLNEED)
