"""Runs: ledgers taken into the catalog, once each, however often they are imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from catalog import schema
from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.ledger import MANIFEST, read_manifest
from catalog.runs.segments import Segment, fresh_segments
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
    coming = fresh_segments(folder, manifest["run"], known, problems)
    while fresh := list(islice(coming, SEGMENTS_PER_COMMIT)):
        unknown += _take(home, run_id, fresh)
        segments += len(fresh)
        exposures += sum(s.table.num_rows for s in fresh if s.kind == "exposures")
    return ImportReport([manifest["run"]], segments, exposures, unknown, problems)


def _run_id(transaction: Transaction, manifest: dict[str, Any], problems: list[str]) -> int:
    name = manifest["run"]
    row = transaction.row("select run_id from run where name = $name", name=name)
    if row:
        return int(row["run_id"])
    started_at = datetime.fromisoformat(manifest["started_at"])
    run_id = transaction.next_id(schema.run)
    transaction.insert(
        schema.run,
        {
            "run_id": run_id,
            "name": name,
            "uid": manifest.get("uid"),
            "model": manifest.get("model"),
            "tags": manifest.get("tags") or {},
            "config": manifest.get("config"),
            "manifest": manifest,
            "started_at": started_at,
        },
    )
    for position, reference in enumerate(manifest.get("snapshots", [])):
        _add_snapshot(transaction, run_id, position, reference, started_at, problems)
    return run_id


def _add_snapshot(
    transaction: Transaction,
    run_id: int,
    position: int,
    reference: str,
    started_at: datetime,
    problems: list[str],
) -> None:
    found = None
    try:
        wanted, version = split(reference)
        found = transaction.row(load("runs/snapshot"), name=wanted, version=version, at=started_at)
    except InvalidInput as error:
        problems.append(error.message)
    if found is None:
        problems.append(f"the snapshot {reference} is not in this catalog")
    transaction.insert(
        schema.run_snapshot,
        {
            "run_id": run_id,
            "position": position,
            "snapshot_id": found["snapshot_id"] if found else None,
            "reference": reference,
            "digest": found["digest"] if found else None,
        },
    )


ROWS = {
    "exposures": (schema.exposure, "runs/exposure"),
    "steps": (schema.training_step, "runs/step"),
    "checkpoints": (schema.checkpoint, "runs/checkpoint"),
    "dropped": (schema.dropped_sample, "runs/dropped"),
    "lost": (schema.lost_exposure, "runs/lost"),
}
"""Where the rows of each kind of segment go, and the statement that makes them."""


def _take(home: Home, run_id: int, fresh: Sequence[Segment]) -> int:
    """Commit segments that nobody has imported yet, and return how many hashes are unknown."""
    with Store(home).write("runs") as transaction:
        for segment in fresh:
            if transaction.value(
                "select count(*) from ledger_segment where run_id = $r and name = $n",
                r=run_id,
                n=segment.name,
            ):
                continue
            if "content_hash" in segment.table.column_names:
                transaction.insert_select(
                    schema.unknown_sample, load("runs/unknown"), {}, logged=segment.table
                )
            table, statement = ROWS[segment.kind]
            wanted = {"run_id": run_id, "attempt": segment.attempt, "rank": segment.rank}
            query = load(statement)
            transaction.insert_select(
                table,
                query,
                {name: wanted[name] for name in query.params},
                logged=segment.table,
            )
            transaction.insert(
                schema.ledger_segment,
                {
                    "run_id": run_id,
                    "name": segment.name,
                    "kind": segment.kind,
                    "digest": segment.digest,
                    "rows": segment.table.num_rows,
                },
            )
        return int(
            transaction.value(
                "select count(*) from exposure where change_id = $c and sample_id < 0",
                c=transaction.change_id,
            )
        )
