"""Snapshots: frozen, ordered selections `name@version`, kept whole and checked whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from catalog.errors import (
    Conflict,
    InvalidInput,
    SnapshotInUse,
    UnknownName,
)
from catalog.home import Home
from catalog.model import check_name
from catalog.recipe import Recipe
from catalog.sql import load
from catalog.store import Store, Transaction

if TYPE_CHECKING:
    import pyarrow as pa


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
        notices: what the call that gave it has to say of it.
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
    notices: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return `name@version`."""
        return f"{self.name}@{self.version}"

    def members(self) -> "pa.Table":
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
    if not name.isprintable():
        check_name(name)
    if at and not (version.isascii() and version.isdecimal() and len(version) < 10):
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
    return from_row(home, row)


def from_row(
    home: Home, row: Mapping[str, Any], *, is_new: bool = False, notices: tuple[str, ...] = ()
) -> Snapshot:
    """Build a snapshot from a row of the table."""
    fields = {name: row[name] for name in Snapshot.__dataclass_fields__ if name in row}
    fields["recipe"] = Recipe.from_json(row["recipe"])
    return Snapshot(**fields, home=home, is_new=is_new, notices=notices)


def rename(home: Home, old: str, new: str) -> int:
    """Give all versions of a snapshot another name, and return how many there are.

    Raises:
        Conflict: the new name is taken, if only by versions that were deleted.
    """
    from sqlalchemy import update

    from catalog import schema

    check_name(new)
    name, version = split(old)
    if version is not None:
        raise InvalidInput(
            f"{old!r} is one version; all versions of a name are renamed together",
            hint=f"Use `catalog rename {name} {new}`.",
        )
    find(home, old)
    with Store(home).write("rename") as transaction:
        _require_imported(transaction, home, name)
        if transaction.value("select count(*) from snapshot where name = $new", new=new):
            raise Conflict(
                f"a snapshot is or was named {new!r}, and no version is used again",
                hint="Choose another name.",
            )
        table = schema.snapshot
        return transaction.run(update(table).where(table.c.name == name).values(name=new))


def _require_imported(transaction: Transaction, home: Home, name: str) -> None:
    """Check that no ledger still calls a snapshot by a name that it is about to lose."""
    from catalog.ledger import ledgers

    known = {row["name"] for row in transaction.rows("select name from run")}
    for _, run, used in ledgers(home.ledger):
        if run not in known and name in {reference.partition("@")[0] for reference in used}:
            raise Conflict(
                f"the run {run!r} was trained on {', '.join(used)} and is not imported yet",
                hint="Take it in with `catalog runs import` first: its ledger uses this name.",
            )


def delete(home: Home, reference: str) -> Snapshot:
    """Forget one version's members; its number is not used again.

    Raises:
        SnapshotInUse: a run was trained on it, imported or not.
    """
    from sqlalchemy import delete as delete_rows
    from sqlalchemy import update

    from catalog import schema

    snapshot = find(home, reference)
    with Store(home).write("delete") as transaction:
        _require_unused(transaction, home, snapshot)
        member, table = schema.snapshot_member, schema.snapshot
        mine = member.c.snapshot_id == snapshot.snapshot_id
        transaction.run(delete_rows(member).where(mine))
        transaction.run(
            update(table)
            .where(table.c.snapshot_id == snapshot.snapshot_id)
            .values(deleted_at=datetime.now(UTC))
        )
    return snapshot


def _require_unused(transaction: Transaction, home: Home, snapshot: Snapshot) -> None:
    from catalog.ledger import ledgers

    runs = {
        row["name"]
        for row in transaction.rows(
            "select r.name from run as r join run_snapshot as s on s.run_id = r.run_id "
            "where s.snapshot_id = $id",
            id=snapshot.snapshot_id,
        )
    }
    for _, run, used in ledgers(home.ledger):
        if {str(snapshot), snapshot.name} & set(used):
            runs.add(run)
    if runs:
        raise SnapshotInUse(
            f"{snapshot} was used by {len(runs)} runs: {', '.join(sorted(runs)[:5])}",
            hint="What a model was trained on is kept; rename it if it is in the way.",
        )
