"""Snapshots and runs held against what they are made of."""

from hashlib import sha256
from typing import Any

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.sql import load
from catalog.store import Store

ROWS = 100_000


def frozen(home: Home) -> list[dict[str, Any]]:
    """Return every snapshot: snapshot_id, snapshot, size, digest."""
    with Store(home).read() as reader:
        return reader.rows(load("show/frozen"))


def altered_snapshot(home: Home, row: dict[str, Any]) -> Faults:
    """Give the fault, if a snapshot's members are not those of its digest."""
    whole = sha256()
    with Store(home).read() as reader:
        batches = reader.batches(load("show/member_hashes"), ROWS, snapshot_id=row["snapshot_id"])
        for batch in batches:
            hashes, repeats = batch["content_hash"].to_pylist(), batch["repeats"].to_pylist()
            for content_hash, times in zip(hashes, repeats, strict=True):
                whole.update(content_hash * times)
    if whole.hexdigest() != row["digest"]:
        yield Fault(
            "snapshots",
            f"the members of {row['snapshot']} are not those that were frozen",
            f"catalog verify {row['snapshot']} names the places; restore a backup",
        )


def wrong_coverage(home: Home) -> Faults:
    """Give the runs whose stored coverage is not what their steps and exposures amount to."""
    wrong: list[str] = []
    with Store(home).read() as reader:
        runs = reader.rows("select run_id, name from run order by name")
        for run in runs:
            stored = {
                row["attempt"]: row
                for row in reader.rows(
                    "select * from run_coverage where run_id = $run_id order by attempt",
                    run_id=run["run_id"],
                )
            }
            computed = reader.rows(load("runs/coverage"), run_id=run["run_id"])
            if {row["attempt"] for row in computed} != stored.keys():
                wrong.append(f"{run['name']}: of other attempts than it has")
            for row in computed:
                kept = stored.get(row["attempt"], {})
                fields = [name for name in row if name in kept and row[name] != kept[name]]
                wrong += [
                    f"{run['name']}, attempt {row['attempt']}: {name} is {kept[name]}, "
                    f"should be {row[name]}"
                    for name in fields
                ]
    if wrong:
        yield Fault.of(
            "coverage",
            "stored coverage of runs does not match what is stored of their steps",
            "work it out again: catalog runs import --anew",
            wrong,
        )
