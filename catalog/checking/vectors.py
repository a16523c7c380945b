"""LanceDB held against DuckDB: vectors without samples, spaces without tables, and the reverse."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Ids

PURGE = "catalog purge --yes takes them out"


@dataclass
class _Known:
    """What DuckDB says of vectors: ids, and by LanceDB table the space and whose vectors it has."""

    samples: Ids
    purged: Ids
    queries: Ids
    tables: dict[str, tuple[str, str, int, str]] = field(default_factory=dict)


def broken_vectors(home: Home) -> Faults:
    """Give what is wrong with the vectors of every space."""
    with Store(home).read() as reader:
        known = _known(reader)
        indexed = reader.rows(
            "select e.name, e.table_name from vector_index as i "
            "join embedding_space as e on e.space_id = i.space_id order by e.name"
        )
    folders = {path.stem: path for path in sorted(home.vectors.glob("*.lance"))}
    strays = [path for name, path in folders.items() if name not in known.tables]
    if strays:
        listed = shlex.join(map(str, strays[:5]))
        yield Fault.of(
            "vectors", "LanceDB tables of no space", f"remove them: rm -r {listed}", strays
        )
    for name, (space, key, width, dtype) in known.tables.items():
        again = (
            f"rm -r {shlex.quote(f'{home.vectors / name}.lance')}; "
            f"catalog embed --space {shlex.quote(space)}"
        )
        if name not in folders:
            if key == "sample_id":
                yield Fault(
                    "vectors",
                    f"the space {space!r} has no LanceDB table {name}",
                    f"catalog embed --space {space}",
                )
            continue
        yield from _table_faults(folders[name], space, key, (width, dtype), known, again)
    for row in indexed:
        if row["table_name"] in folders and not _has_index(folders[row["table_name"]]):
            yield Fault(
                "vectors",
                f"the index of the space {row['name']!r} is gone from LanceDB",
                f"catalog index build --space {row['name']}",
            )


def _known(reader: Reader) -> _Known:
    found = _Known(
        _ids(reader, "select sample_id as id from sample"),
        _ids(reader, "select distinct sample_id as id from purge"),
        _ids(reader, "select query_id as id from query"),
    )
    for row in reader.rows(load("show/spaces")):
        space = the_space(reader, row["name"]).space
        kind = (space.width, space.stored_dtype)
        found.tables[space.table_name] = (row["name"], "sample_id", *kind)
        found.tables[f"{space.table_name}_query"] = (row["name"], "query_id", *kind)
    return found


def _ids(reader: Reader, statement: str) -> Ids:
    return np.asarray(reader.arrow(statement)["id"].to_numpy())


def _table_faults(
    folder: Path, space: str, key: str, kind: tuple[int, str], known: _Known, again: str
) -> Iterator[Fault]:
    noun = key.removesuffix("_id")
    nouns = "samples" if noun == "sample" else "queries"
    where = f"the {noun} vectors of the space {space!r}"
    try:
        dataset = _dataset(folder)
        schema = dataset.schema
        held = dataset.to_table(columns=[key])[key].to_numpy()
        vectors = sum(batch.num_rows for batch in dataset.to_batches(columns=["vector"]))
    except (OSError, RuntimeError, ValueError, KeyError, pa.ArrowException) as error:
        line = str(error).splitlines()[0]
        yield Fault("vectors", f"{where} cannot be read: {line}", again)
        return
    wanted = pa.list_(pa.from_numpy_dtype(np.dtype(kind[1])), kind[0])
    if schema.field("vector").type != wanted:
        yield Fault(
            "vectors", f"{where} are {schema.field('vector').type}, expected {wanted}", again
        )
    if vectors != len(held):
        yield Fault("vectors", f"{where}: {len(held):,} ids and {vectors:,} vectors", again)
    ids, counts = np.unique(held, return_counts=True)
    if (counts > 1).any():
        twice = ids[counts > 1].tolist()
        yield Fault.of("vectors", f"{where}: {nouns} that have several", again, twice)
    there = known.samples if key == "sample_id" else known.queries
    if len(strange := np.setdiff1d(ids, there)):
        mend = PURGE if key == "sample_id" else again
        yield Fault.of("vectors", f"{where}: of {nouns} that are not there", mend, strange.tolist())
    if key == "sample_id" and len(gone := np.intersect1d(ids, known.purged)):
        yield Fault.of("vectors", f"{where}: of purged samples", PURGE, gone.tolist())


def _dataset(folder: Path) -> Any:  # noqa: ANN401
    import lancedb

    return lancedb.connect(folder.parent).open_table(folder.stem).to_lance()


def _has_index(folder: Path) -> bool:
    try:
        return bool(_dataset(folder).list_indices())
    except (OSError, RuntimeError, ValueError):
        return True  # told already: it cannot be read
