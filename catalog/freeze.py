"""Freezing: a selection becomes the next version of a name, or is found to be the newest one."""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalog import schema
from catalog.home import Home
from catalog.jobs import software_version
from catalog.model import NamedSpace
from catalog.recipe import Recipe
from catalog.selection import Selected
from catalog.snapshot import Snapshot, from_row
from catalog.sql import load
from catalog.store import Reader, Store, Transaction


def existing(reader: Reader, home: Home, name: str, recipe: Recipe) -> Snapshot | None:
    """Return the newest version that came of this recipe, if the pool has not changed since.

    A user's SQL may look at more than the pool, say at what was selected before: its answer is
    always computed anew, and `freeze` finds out whether it is the same.
    """
    if recipe.sql is not None or recipe.where is not None:
        return None
    row = reader.row(load("show/snapshot"), name=name, version=None)
    if row is None or not _is_of(row, recipe):
        return None
    clock = int(reader.value(load("show/pool_clock")))
    return from_row(home, row) if row["pool_change_id"] == clock else None


def _is_of(row: Mapping[str, Any], recipe: Recipe) -> bool:
    return Recipe.from_json(row["recipe"]).json() == recipe.json()


def freeze(
    home: Home,
    name: str,
    recipe: Recipe,
    selected: Selected,
    space: NamedSpace | None,
    note: str | None = None,
) -> Snapshot:
    """Keep a selection as the next version of `name`; the same content again is the same one."""
    with Store(home).write("select") as transaction:
        positions = pa.array(range(selected.members.num_rows), pa.int64())
        transaction.register("chosen", selected.members.append_column("position", positions))
        transaction.make("named", load("freeze/named"))
        identity = _digest(transaction)
        newest = transaction.row(load("show/snapshot"), name=name, version=None)
        if newest and newest["digest"] == identity and _is_of(newest, recipe):
            return from_row(home, newest)
        row = _row(transaction, name, recipe, selected, space)
        row |= {"digest": identity, "note": note}
        transaction.insert(schema.snapshot, row)
        transaction.insert_select(
            schema.snapshot_member, load("freeze/members"), {"snapshot_id": row["snapshot_id"]}
        )
        kept = transaction.row(load("show/snapshot"), name=name, version=row["version"])
        assert kept is not None
        return from_row(home, kept, is_new=True)


def _row(
    transaction: Transaction,
    name: str,
    recipe: Recipe,
    selected: Selected,
    space: NamedSpace | None,
) -> dict[str, Any]:
    """Return the new version's row, but for what its members are."""
    space_id = space.space_id if space else None
    return {
        "snapshot_id": transaction.next_id(schema.snapshot),
        "name": name,
        "version": transaction.value(load("freeze/version"), name=name),
        "method": recipe.method,
        "rule": selected.rule,
        "recipe": recipe.plain(),
        "seed": recipe.seed,
        "space_id": space_id,
        "tasks": [vars(task) for task in recipe.tasks],
        "pool_change_id": selected.pool_change_id,
        "size": selected.members.num_rows,
        "tokens": transaction.value(load("freeze/tokens"), space_id=space_id),
        "author": _author(),
        "created_at": datetime.now(UTC),
        "software_version": software_version(),
    }


def _digest(transaction: Transaction) -> str:
    whole = sha256()
    for batch in transaction.batches("select content_hash from named order by position", 100_000):
        whole.update(b"".join(batch.column(0).to_pylist()))
    return whole.hexdigest()


def _author() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return None
