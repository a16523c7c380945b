"""A run's row: found by the mark that its ledger bears, or made from what the ledger says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from catalog import schema
from catalog.errors import Conflict, InvalidInput
from catalog.home import Home
from catalog.snapshot import split
from catalog.sql import load
from catalog.store import Reader, Store, Transaction

Manifest = Mapping[str, Any]


class Registered(NamedTuple):
    """A run's key, what it is called here, and whether it was not here before."""

    run_id: int
    name: str
    is_new: bool


def register(
    home: Home, manifest: Manifest, name_as: str | None, problems: list[str]
) -> Registered:
    """Return the run that a manifest describes; a new one is added.

    Args:
        home: the catalog's.
        manifest: what its ledger says.
        name_as: what it is to be called here; None as its ledger says, or as it is known already.
        problems: told, once, of snapshots that are not here.

    Raises:
        Conflict: another run has that name, or this run is known by another one.
    """
    with Store(home).read() as reader:
        found = _find(reader, manifest, name_as)
        if found:
            return Registered(int(found["run_id"]), str(found["name"]), False)
    with Store(home).write("runs") as transaction:
        found = _find(transaction, manifest, name_as)
        if found is None:
            run_id = _add(transaction, manifest, name_as or manifest["run"])
            problems += _unknown_snapshots(transaction, run_id)
            return Registered(run_id, name_as or manifest["run"], True)
    return Registered(int(found["run_id"]), str(found["name"]), False)


def _find(reader: Reader, manifest: Manifest, name_as: str | None) -> dict[str, Any] | None:
    """Return the run's row, if it is here."""
    uid, name = str(manifest.get("uid") or ""), name_as or manifest["run"]
    mine = reader.row("select * from run where uid = $uid", uid=uid) if uid else None
    if mine:
        if name_as not in (None, mine["name"]):
            raise Conflict(
                f"the run {manifest['run']!r} is here already, as {mine['name']!r}",
                hint="Leave --as out: one ledger is one run.",
            )
        return mine
    other = reader.row("select * from run where name = $name", name=name)
    if other and (uid or other["uid"]):
        raise Conflict(
            f"another run is called {name!r} here: this ledger was begun "
            f"{manifest['started_at'][:19]}, that one {other['started_at']:%Y-%m-%dT%H:%M:%S}",
            hint="Give this one another name: catalog runs import LEDGER --as NAME",
        )
    return other


def _add(transaction: Transaction, manifest: Manifest, name: str) -> int:
    started_at = datetime.fromisoformat(manifest["started_at"])
    run_id = transaction.next_id(schema.run)
    config = manifest.get("config")
    tags = manifest.get("tags")
    transaction.insert(
        schema.run,
        {
            "run_id": run_id,
            "name": name,
            "uid": str(manifest.get("uid") or "") or None,
            "model": manifest.get("model"),
            "tags": tags if isinstance(tags, dict) else {},
            "config": config if config else None,
            "manifest": dict(manifest),
            "started_at": started_at,
        },
    )
    for position, reference in enumerate(references(manifest)):
        found = find_snapshot(transaction, reference, started_at)
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
    return run_id


def references(manifest: Manifest) -> list[str]:
    """Return the snapshots that a manifest names; older ledgers name one at most.

    >>> references({"snapshots": ["a@1"]}), references({"snapshot": "b"}), references({})
    (['a@1'], ['b'], [])
    """
    one = manifest.get("snapshot")
    return list(manifest.get("snapshots") or ([one] if isinstance(one, str) else []))


def find_snapshot(reader: Reader, reference: str, at: datetime) -> dict[str, Any] | None:
    """Return the snapshot that a run names: the version, or the newest there was at a moment."""
    try:
        name, version = split(reference)
    except InvalidInput:
        return None
    return reader.row(load("runs/snapshot"), name=name, version=version, at=at)


def _unknown_snapshots(reader: Reader, run_id: int) -> list[str]:
    rows = reader.rows(
        "select r.name, s.reference from run_snapshot as s join run as r using (run_id) "
        "where s.run_id = $r and s.snapshot_id is null order by s.position",
        r=run_id,
    )
    return [
        f"run {row['name']}: its snapshot {row['reference']} is not in this catalog" for row in rows
    ]
