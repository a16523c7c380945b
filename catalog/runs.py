"""Runs: ledgers taken into the catalog, once each, however often they are imported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from catalog import schema
from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.ledger import MANIFEST, SCHEMA, read_manifest
from catalog.snapshot import split
from catalog.sql import load
from catalog.store import Store, Transaction

SEGMENTS_PER_COMMIT = 50


@dataclass(frozen=True)
class ImportReport:
    """What taking ledgers in did.

    Attributes:
        runs: the runs looked at.
        segments: how many segments were new.
        exposures: how many exposures they held.
        unknown: how many of those name a sample that the catalog does not know; they are kept.
        problems: segments that could not be read, and what else is wrong, in words.
    """

    runs: list[str]
    segments: int
    exposures: int
    unknown: int
    problems: list[str]


def import_runs(home: Home, names: Sequence[str] = ()) -> ImportReport:
    """Take in what trainers logged.

    Args:
        home: the catalog's.
        names: runs in the home's ledger folder, or paths of run folders; none means all.

    Raises:
        UnknownName: there is no ledger of that name.
    """
    found = sorted(path.parent for path in home.ledger.glob(f"*/{MANIFEST}"))
    if names:
        found = [_folder(home, name, [folder.name for folder in found]) for name in names]
    parts = []
    for folder in found:
        try:
            parts.append(_import(home, folder))
        except InvalidInput as error:
            if names:
                raise
            parts.append(ImportReport([], 0, 0, 0, [error.message]))
    return ImportReport(
        [run for part in parts for run in part.runs],
        sum(part.segments for part in parts),
        sum(part.exposures for part in parts),
        sum(part.unknown for part in parts),
        [problem for part in parts for problem in part.problems],
    )


def _folder(home: Home, name: str, known: list[str]) -> Path:
    for folder in (home.ledger / name, Path(name)):
        if (folder / MANIFEST).is_file():
            return folder
    raise UnknownName.among("ledger", name, known, hint=f"Ledgers are in {home.ledger}.")


def _import(home: Home, folder: Path) -> ImportReport:
    manifest = read_manifest(folder / MANIFEST)
    problems: list[str] = []
    with Store(home).write("runs") as transaction:
        run_id = _run_id(transaction, manifest, problems)
        rows = transaction.rows(
            "select name, digest from ledger_segment where run_id = $r", r=run_id
        )
    known = {row["name"]: row["digest"] for row in rows}
    segments = exposures = unknown = 0
    coming = _fresh(folder, known, problems)
    while fresh := list(islice(coming, SEGMENTS_PER_COMMIT)):
        unknown += _take(home, run_id, fresh)
        segments += len(fresh)
        exposures += sum(segment.table.num_rows for segment in fresh)
    return ImportReport([manifest["run"]], segments, exposures, unknown, problems)


class _Segment(NamedTuple):
    """A file of a ledger: its name, the digest of its bytes, and what it holds."""

    name: str
    digest: str
    table: pa.Table


def _fresh(folder: Path, known: Mapping[str, str], problems: list[str]) -> Iterator[_Segment]:
    """Give the segments that are not imported yet, and note what is wrong with the others."""
    for path in sorted(folder.glob("*.arrow")):
        try:
            content = path.read_bytes()
            mark = sha256(content).hexdigest()
            if path.name not in known:
                yield _Segment(path.name, mark, _read(content))
            elif known[path.name] != mark:
                problems.append(f"{path}: changed since it was imported; left as it was")
        except (pa.ArrowException, OSError, ValueError) as error:
            problems.append(f"{path}: cannot be read, skipped: {error}")


def _read(content: bytes) -> pa.Table:
    with pa.ipc.open_file(pa.BufferReader(content)) as reader:
        table = reader.read_all()
    if table.schema != SCHEMA or any(column.null_count for column in table.columns):
        raise ValueError("it is no ledger segment")
    table.validate(full=True)
    return table


def _run_id(transaction: Transaction, manifest: dict[str, Any], problems: list[str]) -> int:
    name = manifest["run"]
    row = transaction.row("select run_id from run where name = $name", name=name)
    if row:
        return int(row["run_id"])
    started_at = datetime.fromisoformat(manifest["started_at"])
    snapshot_id = None
    if reference := manifest.get("snapshot"):
        try:
            wanted, version = split(reference)
            snapshot_id = transaction.value(
                load("runs/snapshot"), name=wanted, version=version, at=started_at
            )
        except InvalidInput as error:
            problems.append(f"run {name}: {error.message}")
        if snapshot_id is None:
            problems.append(f"run {name}: its snapshot {reference} is not in this catalog")
    run_id = transaction.next_id(schema.run)
    transaction.insert(
        schema.run,
        {
            "run_id": run_id,
            "name": name,
            "model": manifest.get("model"),
            "snapshot_id": snapshot_id,
            "manifest": manifest,
            "started_at": started_at,
        },
    )
    return run_id


def _take(home: Home, run_id: int, fresh: Sequence[_Segment]) -> int:
    """Commit segments that nobody has imported yet, and return how many hashes are unknown."""
    with Store(home).write("runs") as transaction:
        for name, mark, table in fresh:
            if transaction.value(
                "select count(*) from ledger_segment where run_id = $r and name = $n",
                r=run_id,
                n=name,
            ):
                continue
            transaction.insert_select(
                schema.exposure, load("runs/exposure"), {"run_id": run_id}, logged=table
            )
            transaction.insert(
                schema.ledger_segment,
                {"run_id": run_id, "name": name, "digest": mark, "exposures": table.num_rows},
            )
        return int(
            transaction.value(
                "select count(*) from exposure where change_id = $c and sample_id is null",
                c=transaction.change_id,
            )
        )
