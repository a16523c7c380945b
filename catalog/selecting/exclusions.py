"""What a selection leaves out: the members of other snapshots, or the samples of a user's list."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidInput, UnknownName
from catalog.identity import digest
from catalog.references import Exclusion
from catalog.sql import load
from catalog.store import Reader
from catalog.vectors import Ids

KEYS = ("content_hash", "hash", "id", "sample")
"""Fields of a row that can name a sample, the surest first."""


@dataclass(frozen=True)
class SampleList:
    """A user's list of samples.

    Attributes:
        reference: how a recipe names it.
        hashes: content hashes, each once, sorted; those the catalog does not know are kept too.
        entries: how many entries the list has.
        unknown: how many of them name no sample here.
        strangers: these, in the order of the list.
    """

    reference: Exclusion
    hashes: list[bytes]
    entries: int
    unknown: int
    strangers: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """Say how many of its entries name no sample."""
        return (
            f"the list {self.reference.name}: {self.unknown:,} of its {self.entries:,} entries "
            "name no sample here"
        )


def read_list(reader: Reader, path: Path) -> SampleList:
    """Read a list of samples: hashes or external ids, a line each, or in JSONL or Parquet rows.

    Raises:
        InvalidInput: the file cannot be read, or names no sample of the catalog.
    """
    try:
        entries = list(_entries(path))
    except (OSError, ValueError, KeyError, EOFError, RecursionError, pa.ArrowException) as error:
        raise InvalidInput(
            f"cannot read the list {str(path)!r}: {error}",
            hint=f"Give a hash or an id on each line, or JSONL or Parquet rows with one of: "
            f"{', '.join(KEYS)}.",
        ) from error
    reader.register("listed", pa.table({"entry": pa.array(entries, pa.string())}))
    found = reader.arrow(load("freeze/listed"))
    known = int(found["known"].to_numpy().sum()) if len(found) else 0
    if not known:
        raise InvalidInput(
            f"the list {str(path)!r} has {len(entries):,} entries, and none names a sample here",
            hint="Entries are content hashes (64 digits) or external ids of ingested rows.",
        )
    hashes = sorted({row for row in found["content_hash"].to_pylist() if row is not None})
    reference = Exclusion("list", path.name, digest(hashes))
    named = set(found.filter(found["known"])["entry"].to_pylist())
    strangers = tuple(entry for entry in dict.fromkeys(entries) if entry not in named)
    return SampleList(reference, hashes, len(entries), len(strangers), strangers)


def _entries(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        keys = [key for key in KEYS if key in table.column_names]
        if not keys:
            raise ValueError(f"its columns are {', '.join(table.column_names)}")
        key = keys[0]
        yield from (_text(value) for value in table[key].to_pylist())
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _named(line.strip())
                except ValueError as error:
                    raise ValueError(f"line {number}: {error}") from error


def _named(line: str) -> str:
    """Return what a line names: itself, or the best field of a row."""
    if not line.startswith(("{", '"')):
        return line
    row: Any = json.loads(line)
    if isinstance(row, str):
        return row
    row = {**row, **(row.get("catalog") if isinstance(row.get("catalog"), Mapping) else {})}
    for key in KEYS:
        if row.get(key) is not None:
            return _text(row[key])
    raise ValueError(f"none of {', '.join(KEYS)}")


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def excluded_ids(
    reader: Reader, exclusions: Sequence[Exclusion], lists: Mapping[str, SampleList]
) -> Ids:
    """Return the ids of the samples to leave out, int64, in any order.

    Args:
        reader: of the catalog as it is now: snapshots do not change, but may come later.
        exclusions: of a recipe.
        lists: by digest, those that were just read and are not kept yet.

    Raises:
        UnknownName: a snapshot or list is not here.
    """
    parts = [np.empty(0, np.int64)]
    for exclusion in exclusions:
        known: bool = exclusion.digest in lists
        if known:
            hashes = pa.array(lists[exclusion.digest].hashes, pa.binary())
            reader.register("hashes", pa.table({"content_hash": hashes}))
            found = reader.arrow(load("freeze/hashed"))
        else:
            found = reader.arrow(load(f"freeze/excluded_{exclusion.kind}"), digest=exclusion.digest)
        if not known and found.num_rows == 0:
            raise UnknownName(
                f"the {exclusion.kind} {exclusion.name} that was left out is not here "
                f"(digest {exclusion.digest[:12]})",
                hint="It was deleted, or belongs to another home: give it with --not-in again.",
            )
        parts.append(np.asarray(found["sample_id"].to_numpy()))
    return np.concatenate(parts)
