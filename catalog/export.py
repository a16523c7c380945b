"""Members out: JSONL, Parquet or a Hugging Face data set, whole or not at all."""

import filecmp
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import InvalidInput, OutputExists
from catalog.exported import batches, schema_of
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.progress import Progress, Tick, silent
from catalog.snapshot import Snapshot, find
from catalog.sql import load
from catalog.store import Store

ExportFormat = Literal["jsonl", "parquet", "hf"]
CHUNK_ROWS = 20_000
Row = dict[str, Any]


@dataclass(frozen=True)
class ExportReport:
    """What an export did: which snapshot, where to, how many rows, and whether it wrote them."""

    snapshot: str
    output: Path
    rows: int
    written: bool


def export(
    home: Home,
    reference: str,
    output: str | Path,
    *,
    format: ExportFormat = "jsonl",
    overwrite: bool = False,
    progress: Progress = silent,
) -> ExportReport:
    """Write a snapshot's members in order, with their identity and why each was chosen.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        output: the file to write; for `hf` a folder.
        format: `jsonl`, `parquet`, or `hf` for a folder that `datasets.load_from_disk` reads.
        overwrite: replace what is there, if it is something else.
        progress: is told how many rows are written.

    Raises:
        OutputExists: the output holds other content.
    """
    if format not in get_args(ExportFormat):
        raise InvalidInput(
            f"no export format {format!r}", hint=f"Formats: {', '.join(get_args(ExportFormat))}."
        )
    snapshot = find(home, reference)
    path = Path(output).expanduser().absolute()
    try:
        _require_replaceable(path, format)
        with Store(home).read() as reader:
            rows = int(reader.value(load("export/rows"), snapshot_id=snapshot.snapshot_id))
        told = _told(_rows(home, snapshot), rows, progress)
        written = _write(home, snapshot, told, path, format, overwrite)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {path}: {error}", hint="Is there room, and may you write there?"
        ) from error
    return ExportReport(str(snapshot), path, rows, written)


def _write(
    home: Home,
    snapshot: Snapshot,
    rows: Iterator[Row],
    path: Path,
    format: ExportFormat,
    overwrite: bool,
) -> bool:
    """Write aside, put it in place if it differs from what is there, and return whether it did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.parent / f".{path.name}.{os.getpid()}.partial"
    try:
        if format == "jsonl":
            _write_jsonl(rows, aside)
        elif format == "parquet":
            _write_parquet(rows, schema_of(_rows(home, snapshot)), aside)
        else:
            _write_data_set(rows, schema_of(_rows(home, snapshot)), aside)
        if _same(path, aside):
            return False
        _put_in_place(aside, path, overwrite)
        return True
    finally:
        _remove(aside)


def _require_replaceable(path: Path, format: ExportFormat) -> None:
    """Check that nothing but an export could be lost: overwriting is no way to delete a folder.

    Raises:
        OutputExists: what is at the path is of another kind.
    """
    if format == "hf":
        fits = path.is_dir() and (not any(path.iterdir()) or (path / "state.json").is_file())
        kind = "a data set's folder"
    else:
        fits, kind = path.is_file(), "a file"
    if path.exists() and not fits:
        raise OutputExists(
            f"{path} exists and is not {kind}, so it is not replaced",
            hint="Name another --output, or move it away yourself.",
        )


def _told(rows: Iterator[Row], total: int, progress: Progress) -> Iterator[Row]:
    for count, row in enumerate(rows, 1):
        yield row
        if count % 1000 == 0 or count == total:
            progress(Tick("export", count / total, {"rows": count}))


def _rows(home: Home, snapshot: Snapshot) -> Iterator[Row]:
    """Give every member as an exported row, as often as it counts; read in chunks."""
    for start in range(0, snapshot.size, CHUNK_ROWS):
        with Store(home).read() as reader:
            found = reader.arrow(
                load("export/members"),
                snapshot_id=snapshot.snapshot_id,
                first=start,
                last=start + CHUNK_ROWS - 1,
            )
        for row in found.to_pylist():
            for _ in range(row["repeats"]):
                yield _row(row, str(snapshot))


def _row(row: Row, snapshot: str) -> Row:
    content_hash = row["content_hash"].hex()
    tools = {} if row["tools"] is None else {"tools": json.loads(row["tools"])}
    reasons = ("position", "repeats", "score", "task", "query", "rank", "sources")
    return {
        "id": row["external_id"] or content_hash,
        "dataset": row["source"],
        "messages": plain_messages(row["messages"]),
        **tools,
        "catalog": {
            "content_hash": content_hash,
            "snapshot": snapshot,
            **{name: row[name] for name in reasons},
        },
    }


def _write_jsonl(rows: Iterator[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _write_parquet(rows: Iterator[Row], schema: pa.Schema, path: Path) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches(rows, schema):
            writer.write_batch(batch)


def _write_data_set(rows: Iterator[Row], schema: pa.Schema, path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        table = Path(folder) / "members.parquet"
        _write_parquet(rows, schema, table)
        found = datasets.Dataset.from_parquet(str(table), cache_dir=folder)
        found.save_to_disk(str(path))
        del found


def _same(old: Path, new: Path) -> bool:
    """Tell whether two files, or two data sets' tables, hold the same bytes."""
    if old.is_dir() and new.is_dir():
        tables = sorted(file.name for file in new.glob("*.arrow"))
        if sorted(file.name for file in old.glob("*.arrow")) != tables:
            return False
        return all(_same(old / name, new / name) for name in tables)
    return old.is_file() and new.is_file() and filecmp.cmp(old, new, shallow=False)


def _put_in_place(aside: Path, path: Path, overwrite: bool) -> None:
    if path.exists():
        if not overwrite:
            raise OutputExists(
                f"{path} exists and holds other content",
                hint="Use --overwrite to replace it, or another --output.",
            )
        if path.is_dir() or aside.is_dir():
            # A folder cannot be renamed onto another: the old one steps aside first.
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            aside.rename(path)
            _remove(old)
            return
    aside.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
