"""Snapshots: frozen, ordered selections `name@version`, kept whole and checked whole."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalog import schema
from catalog.errors import Conflict, InvalidInput, SnapshotInUse, UnknownName, VerificationFailed
from catalog.home import Home
from catalog.identity import content_hash, encode_message
from catalog.jobs import software_version
from catalog.model import NamedSpace
from catalog.recipe import Recipe
from catalog.selection import Selected
from catalog.sql import load
from catalog.store import Reader, Store, Transaction

VERIFY_ROWS = 20_000


@dataclass(frozen=True)
class Snapshot:
    """A frozen selection.

    Attributes:
        home: where it is kept.
        snapshot_id: its key there.
        name: what it is called.
        version: from 1.
        method: the rule that chose it.
        rule: the statement that chose it.
        recipe: what was asked for, as `Recipe.json`.
        size: how many members it has.
        tokens: of all members together in the recipe's space; None without one.
        digest: identity of the ordered content.
        created_at: when it was frozen.
        is_new: whether the call that gave it made it, rather than found it there.
    """

    home: Home
    snapshot_id: int
    name: str
    version: int
    method: str
    rule: str
    recipe: Recipe
    size: int
    tokens: int | None
    digest: str
    pool_change_id: int
    created_at: datetime
    author: str | None
    note: str | None
    software_version: str
    is_new: bool = False

    def __str__(self) -> str:
        """Return `name@version`."""
        return f"{self.name}@{self.version}"

    def members(self) -> pa.Table:
        """Return the members in order: position, sample_id, hash, and why each was chosen."""
        with Store(self.home).read() as reader:
            return reader.arrow(load("show/members"), snapshot_id=self.snapshot_id)


def split(reference: str) -> tuple[str, int | None]:
    """Take `name` or `name@version` apart.

    Raises:
        InvalidInput: the version is no number.

    >>> split("math@2"), split("math")
    (('math', 2), ('math', None))
    """
    name, at, version = reference.partition("@")
    if at and not version.isdecimal():
        raise InvalidInput(
            f"{reference!r} names no version", hint=f"Write {name}@1, or {name} for the newest."
        )
    return name, int(version) if at else None


def find(home: Home, reference: str) -> Snapshot:
    """Return the snapshot that `name@version` stands for; `name` alone means the newest.

    Raises:
        UnknownName: there is none.
    """
    name, version = split(reference)
    with Store(home).read() as reader:
        row = reader.row(load("show/snapshot"), name=name, version=version)
        if row is None:
            known = [f"{r['name']}@{r['version']}" for r in reader.rows(load("show/snapshots"))]
            raise UnknownName.among("snapshot", reference, known)
    return _from_row(home, row)


def _from_row(home: Home, row: Mapping[str, Any], *, is_new: bool = False) -> Snapshot:
    fields = {name: row[name] for name in Snapshot.__dataclass_fields__ if name in row}
    return Snapshot(
        **{**fields, "recipe": Recipe.from_json(row["recipe"])}, home=home, is_new=is_new
    )


def existing(reader: Reader, home: Home, name: str, recipe: Recipe) -> Snapshot | None:
    """Return the newest version that came of this recipe, if the pool has not changed since."""
    row = reader.row(load("show/snapshot"), name=name, version=None)
    if row is None or json.loads(row["recipe"]) != json.loads(recipe.json()):
        return None
    clock = int(reader.value(load("show/pool_clock")))
    return _from_row(home, row) if row["pool_change_id"] == clock else None


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
        identity = _digest_of(transaction, "select content_hash from named order by position")
        row = transaction.row(load("show/snapshot"), name=name, version=None)
        if (
            row
            and row["digest"] == identity
            and json.loads(row["recipe"]) == json.loads(recipe.json())
        ):
            return _from_row(home, row)
        snapshot_id = transaction.next_id(schema.snapshot)
        transaction.insert(
            schema.snapshot,
            {
                "snapshot_id": snapshot_id,
                "name": name,
                "version": transaction.value(load("freeze/version"), name=name),
                "method": recipe.method,
                "rule": selected.rule,
                "recipe": json.loads(recipe.json()),
                "seed": recipe.seed,
                "space_id": space.space_id if space else None,
                "tasks": [vars(task) for task in recipe.tasks],
                "pool_change_id": selected.pool_change_id,
                "size": selected.members.num_rows,
                "tokens": transaction.value(
                    load("freeze/tokens"), space_id=space.space_id if space else None
                ),
                "digest": identity,
                "author": os.environ.get("USER"),
                "note": note,
                "created_at": datetime.now(UTC),
                "software_version": software_version(),
            },
        )
        transaction.insert_select(
            schema.snapshot_member,
            "select $snapshot_id as snapshot_id, * exclude (content_hash), 1 as repeats "
            "from named order by position",
            {"snapshot_id": snapshot_id},
        )
        row = transaction.row(load("show/snapshot"), name=name, version=None)
        assert row is not None
        return _from_row(home, row, is_new=True)


def _digest_of(reader: Reader, statement: str, **params: object) -> str:
    whole = sha256()
    for batch in reader.batches(statement, 100_000, **params):
        whole.update(b"".join(batch.column(0).to_pylist()))
    return whole.hexdigest()


@dataclass(frozen=True)
class Verification:
    """What checking a snapshot found; `problems` is empty if all is as it was frozen."""

    snapshot: str
    members: int
    problems: list[str]


def verify(home: Home, reference: str) -> Verification:
    """Check a snapshot against its digest, from the text up: every member is hashed anew."""
    snapshot = find(home, reference)
    problems: list[str] = []
    whole = sha256()
    count = 0
    for position, stored, recomputed in _rehash(home, snapshot):
        if position != count:
            problems.append(f"position {count} is missing")
        if stored != recomputed:
            problems.append(f"position {position}: the text is not what was frozen")
        count += 1
        whole.update(recomputed)
    if count != snapshot.size:
        problems.append(f"{count} members are stored, {snapshot.size} were frozen")
    if not problems and whole.hexdigest() != snapshot.digest:
        problems.append("the members are not those that were frozen, or not in their order")
    return Verification(str(snapshot), count, problems)


def require_verified(found: Verification) -> None:
    """Turn a failed check into an error.

    Raises:
        VerificationFailed: something is not as it was frozen.
    """
    if found.problems:
        listed = "; ".join(found.problems[:3])
        raise VerificationFailed(
            f"{found.snapshot} is not what was frozen: {listed} ({len(found.problems)} problems)",
            hint="Restore a backup with `catalog restore`, or select again.",
        )


def _rehash(home: Home, snapshot: Snapshot) -> Iterator[tuple[int, bytes, bytes]]:
    """Give every member's position, stored hash and the hash of its text, in order."""
    for start in range(0, max(snapshot.size, 1), VERIFY_ROWS):
        with Store(home).read() as reader:
            rows = reader.arrow(
                load("show/member_text"),
                snapshot_id=snapshot.snapshot_id,
                first=start,
                last=start + VERIFY_ROWS - 1,
            ).to_pylist()
        for row in rows:
            messages = [
                encode_message(m["role"], m["content"], json.loads(m["extra"] or "null"))
                for m in row["messages"]
            ]
            found = content_hash(messages, json.loads(row["tools"] or "null"))
            yield row["position"], row["content_hash"], found


def rename(home: Home, old: str, new: str) -> int:
    """Give all versions of a snapshot another name, and return how many there are.

    Raises:
        Conflict: the new name is taken.
    """
    from sqlalchemy import update

    name, version = split(old)
    if version is not None:
        raise InvalidInput(f"{old!r} is one version; all versions of a name are renamed together")
    find(home, old)
    with Store(home).write("rename") as transaction:
        if transaction.value("select count(*) from snapshot where name = $new", new=new):
            raise Conflict(f"a snapshot named {new!r} exists", hint="Choose another name.")
        table = schema.snapshot
        return transaction.run(update(table).where(table.c.name == name).values(name=new))


def delete(home: Home, reference: str) -> Snapshot:
    """Forget one version's members; its number is not used again.

    Raises:
        SnapshotInUse: a run was trained on it.
    """
    from sqlalchemy import delete as delete_rows
    from sqlalchemy import update

    snapshot = find(home, reference)
    with Store(home).write("delete") as transaction:
        _require_unused(transaction, snapshot)
        member, table = schema.snapshot_member, schema.snapshot
        mine = member.c.snapshot_id == snapshot.snapshot_id
        transaction.run(delete_rows(member).where(mine))
        transaction.run(
            update(table)
            .where(table.c.snapshot_id == snapshot.snapshot_id)
            .values(deleted_at=datetime.now(UTC))
        )
    return snapshot


def _require_unused(transaction: Transaction, snapshot: Snapshot) -> None:
    runs = transaction.rows(
        "select name from run where snapshot_id = $id order by name", id=snapshot.snapshot_id
    )
    if runs:
        names = ", ".join(row["name"] for row in runs[:5])
        raise SnapshotInUse(
            f"{snapshot} was used by {len(runs)} runs: {names}",
            hint="What a model was trained on is kept; rename it if it is in the way.",
        )
