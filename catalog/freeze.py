"""Freezing: a selection becomes the next version of a snapshot, or is found to be one already."""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from catalog import schema
from catalog.home import Home
from catalog.jobs import software_version
from catalog.model import NamedSpace
from catalog.recipe import Recipe
from catalog.selecting.choosing import NO_LISTS, Selected
from catalog.selecting.exclusions import SampleList
from catalog.snapshot import Snapshot, from_row
from catalog.sql import load
from catalog.store import Reader, Store, Transaction

HASH_BYTES = 32
HASHES = """
select
    c.position,
    s.content_hash
from chosen as c
join sample as s on s.sample_id = c.sample_id
"""
"""In no order: to sort hashes takes longer than to put them where they belong."""


def existing(reader: Reader, home: Home, name: str, recipe: Recipe) -> Snapshot | None:
    """Return the version that came of this recipe, if the pool has not changed since.

    A user's SQL and conditions may look at more than the pool, say at what was selected before:
    their answer is always computed anew, and `freeze` finds out whether it is the same.
    """
    if recipe.sql is not None or recipe.rule is not None or recipe.where is not None:
        return None
    clock = int(reader.value(load("show/pool_clock")))
    for row in reader.rows(load("show/versions"), name=name):
        if row["pool_change_id"] == clock and _is_of(row, recipe):
            return from_row(home, row)
    return None


def _is_of(row: Mapping[str, Any], recipe: Recipe) -> bool:
    return Recipe.from_json(row["recipe"]).json() == recipe.json()


def freeze(
    home: Home,
    name: str,
    recipe: Recipe,
    selected: Selected,
    space: NamedSpace | None,
    note: str | None = None,
    lists: Mapping[str, SampleList] = NO_LISTS,
) -> Snapshot:
    """Keep a selection as the next version of `name`; the same content again is the same one.

    Args:
        home: where to keep it.
        name: of the snapshot.
        recipe: what was asked for.
        selected: what that gave.
        space: of the recipe.
        note: kept with it.
        lists: of samples that were left out, by digest; kept too.
    """
    chosen = _in_order(selected.members)
    with Store(home).read() as reader:  # nothing of a sample that counts here ever changes
        identity = _digest(reader, chosen)
        space_id = space.space_id if space else None
        tokens = reader.value(load("freeze/tokens"), space_id=space_id)
    with Store(home).write("select") as transaction:
        for known in transaction.rows(load("show/versions"), name=name):
            if known["digest"] == identity and _is_of(known, recipe):
                return from_row(home, known, notices=selected.notices)
        _keep_lists(transaction, lists)
        row = _row(transaction, name, recipe, selected)
        row |= {"space_id": space_id, "tokens": tokens, "digest": identity, "note": note}
        transaction.insert(schema.snapshot, row)
        mine = pa.repeat(pa.scalar(row["snapshot_id"], pa.int64()), len(chosen))
        transaction.insert_arrow(schema.snapshot_member, chosen.append_column("snapshot_id", mine))
        kept = transaction.row(load("show/snapshot"), name=name, version=row["version"])
        assert kept is not None
        return from_row(home, kept, is_new=True, notices=selected.notices)


def _row(
    transaction: Transaction,
    name: str,
    recipe: Recipe,
    selected: Selected,
) -> dict[str, Any]:
    """Return the new version's row, but for what its members are."""
    return {
        "snapshot_id": transaction.next_id(schema.snapshot),
        "name": name,
        "version": transaction.value(load("freeze/version"), name=name),
        "method": recipe.method,
        "rule": selected.rule,
        "recipe": recipe.plain(),
        "seed": recipe.seed,
        "tasks": [vars(task) for task in recipe.tasks],
        "pool_change_id": selected.pool_change_id,
        "size": selected.members.num_rows,
        "author": _author(),
        "created_at": datetime.now(UTC),
        "software_version": software_version(),
    }


def _in_order(members: pa.Table) -> pa.Table:
    """Return the members with their positions, and how often each counts: once, if not said."""
    count = members.num_rows
    if "repeats" not in members.column_names:
        members = members.append_column("repeats", pa.repeat(pa.scalar(1, pa.int32()), count))
    return members.append_column("position", pa.array(np.arange(count)))


def _digest(reader: Reader, chosen: pa.Table) -> str:
    """Return the identity of what was chosen: a sample that counts twice is hashed twice."""
    reader.register("chosen", chosen)
    hashes = np.empty((len(chosen), HASH_BYTES), np.uint8)
    for batch in reader.batches(HASHES, 100_000):
        places, found = (batch.column(name) for name in ("position", "content_hash"))
        raw = found.cast(pa.binary(HASH_BYTES)).buffers()[1]
        hashes[places.to_numpy()] = np.frombuffer(raw, np.uint8).reshape(-1, HASH_BYTES)
    repeats = chosen["repeats"].to_numpy()
    if (repeats > 1).any():
        hashes = np.repeat(hashes, repeats, axis=0)
    return sha256(hashes.data).hexdigest()


def _author() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return None


def _keep_lists(transaction: Transaction, lists: Mapping[str, SampleList]) -> None:
    """Keep the lists of what was left out, each once, so that the selection can be done again."""
    for digest, given in lists.items():
        held = transaction.value(
            "select count(*) from sample_list where digest = $digest", digest=digest
        )
        if not held:
            hashes = pa.array(given.hashes, pa.binary())
            digests = pa.array([digest] * len(given.hashes), pa.string())
            transaction.insert_arrow(
                schema.sample_list, pa.table({"digest": digests, "content_hash": hashes})
            )
