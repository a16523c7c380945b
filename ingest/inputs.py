"""What a user names, found: files, folders, saved data sets, data sets on the hub."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from catalog.errors import InvalidInput, UnreadableInput
from ingest.formats import FORMAT_NAMES, FormatName, recognise
from ingest.json_array import BrokenArray
from ingest.parse import Refusal, Row, parse
from ingest.readers import Block, read_json
from ingest.staging import raw_rows
from ingest.tables import HUB, read_hub, read_parquet, read_saved

Read = Callable[[str, str, int], Iterator[Block]]
"""Gives the blocks of what is at a path, under a name, with at most so many bytes a row."""

READERS: dict[str, Read] = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".parquet": read_parquet,
}
"""How a file is read, by the end of its name."""

COMPRESSED = (".gz", ".zst")
ROWS_TO_RECOGNISE = 100


@dataclass(frozen=True)
class Input:
    """One file or data set to read.

    Attributes:
        name: how the catalog calls it: the path below what the user named.
        path: where it is.
        read: gives its blocks.
        stamp: changes when the content does.
        size_bytes: what reading it will cost, as far as known.
    """

    name: str
    path: str
    read: Read
    stamp: tuple[int, int]
    size_bytes: int

    def blocks(self, max_row_bytes: int) -> Iterator[Block]:
        """Read the input from its beginning.

        Raises:
            UnreadableInput: it is damaged, or not what its name says.
        """
        try:
            yield from self.read(self.path, self.name, max_row_bytes)
        except (OSError, EOFError, BrokenArray, pa.ArrowException) as error:
            raise UnreadableInput(
                f"cannot read {self.path}: {error}",
                hint="Mend the file and run the same command again; nothing is added twice.",
            ) from error

    @property
    def is_compressed(self) -> bool:
        """Tell whether it unpacks to something larger."""
        return self.path.lower().endswith(COMPRESSED)


def find(paths: Sequence[str]) -> list[Input]:
    """Return the inputs that these paths name, each once, a folder's files in order of name.

    Raises:
        UnreadableInput: a path does not exist or cannot be looked at.
        InvalidInput: a file is of no known kind.
    """
    try:
        found = [place for path in paths for place in _find(path)]
    except OSError as error:
        raise UnreadableInput(
            f"cannot look at {error.filename}: {error.strerror}",
            hint="May you read it, and the folders above?",
        ) from error
    if not found:
        raise InvalidInput("no file was named", hint="Give files, folders or hf://owner/name.")
    once: dict[str, Input] = {}
    for place in found:
        _check_name(place)
        once.setdefault(os.path.realpath(place.path), place)
    return list(once.values())


def _find(path: str) -> Iterator[Input]:
    if path.startswith(HUB):
        where = path.removeprefix(HUB)
        local = Path(where.partition(":")[0])
        stamp = _stamp(local) if local.is_dir() else ((0, 0), 0)
        yield Input(where, path, read_hub, *stamp)
        return
    place = Path(os.path.expanduser(path)).absolute()
    if not path or not place.exists():
        raise UnreadableInput(
            f"no file or folder at {path!r}", hint="Give files, folders or hf://owner/name."
        )
    if not place.is_dir():
        yield _file(place, place.name)
        return
    inside = list(_inside(place, place.parent))
    if not inside:
        raise InvalidInput(f"the folder {path!r} holds no file that can be read", hint=_known())
    yield from inside


def _inside(folder: Path, base: Path) -> Iterator[Input]:
    """Walk through a folder; one that `datasets` saved is a single input."""
    if is_saved(folder):
        yield Input(str(folder.relative_to(base)), str(folder), read_saved, *_stamp(folder))
        return
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.is_symlink():
            yield from _inside(place, base)
        elif place.is_file() and _reader(place):
            yield _file(place, str(place.relative_to(base)))


def is_saved(folder: Path) -> bool:
    """Tell whether `save_to_disk` of `datasets` wrote this folder."""
    one = (folder / "dataset_info.json").is_file() and (folder / "state.json").is_file()
    return one or (folder / "dataset_dict.json").is_file()


def _file(place: Path, name: str) -> Input:
    reader = _reader(place)
    if reader is None:
        raise InvalidInput(f"{str(place)!r} is of no known kind", hint=_known())
    if not place.is_file():
        raise InvalidInput(f"{str(place)!r} is no regular file", hint="Save it as a file first.")
    return Input(name, str(place), reader, *_stamp(place))


def _reader(place: Path) -> Read | None:
    suffix = place.suffix.lower()
    if suffix not in COMPRESSED:
        return READERS.get(suffix)
    inner = READERS.get(place.with_suffix("").suffix.lower())
    return inner if inner is read_json else None


def _known() -> str:
    return (
        f"Known: {', '.join(READERS)}, the JSON kinds also with {' or '.join(COMPRESSED)}, "
        "and data sets saved by `datasets`."
    )


def _check_name(place: Input) -> None:
    try:
        place.path.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"the name of {place.path!a} is not UTF-8", hint="Rename the file."
        ) from error


def _stamp(place: Path) -> tuple[tuple[int, int], int]:
    inside = [place] if place.is_file() else filter(Path.is_file, place.rglob("*"))
    states = [file.stat() for file in inside]
    size = sum(state.st_size for state in states)
    return (size, max((state.st_mtime_ns for state in states), default=0)), size


def recognise_format(place: Input, wanted: str, max_row_bytes: int) -> tuple[FormatName, bool]:
    """Return an input's format, and whether it was asked for or shown by its first rows.

    Raises:
        InvalidInput: `wanted` is no format.
    """
    for name in FORMAT_NAMES:
        if wanted == name:
            return name, True
    if wanted != "auto":
        raise InvalidInput(
            f"no format named {wanted!r}", hint=f"Formats: auto, {', '.join(FORMAT_NAMES)}."
        )
    found = recognise(_first_rows(place, max_row_bytes))
    return found or "messages", found is not None


def _first_rows(place: Input, max_row_bytes: int) -> Iterator[Row]:
    rows = (block for block in place.blocks(max_row_bytes) if not block.cut_bytes)
    for block in islice(rows, 1):
        for _, raw in islice(raw_rows(block, max_row_bytes), ROWS_TO_RECOGNISE):
            try:
                if not isinstance(raw, Refusal):
                    yield parse(raw) if isinstance(raw, bytes) else raw
            except Refusal:
                continue
