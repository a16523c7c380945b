"""Samples taken back, and brought back: they leave the pool, and what holds them is told."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from catalog import schema
from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.selecting.exclusions import read_list
from catalog.selecting.pool import read_pool
from catalog.sql import load
from catalog.store import Reader, Rows, Store
from catalog.vectors import Ids

RESTORED = "restored"


@dataclass(frozen=True)
class Selector:
    """Which samples are meant: those that fulfil all that is given.

    Attributes:
        where: an SQL condition, as `select --where` takes it, over retired samples too.
        ids: a file of content hashes or external ids, one per line, or in JSONL or Parquet rows.
        source: a source's name, or `name@revision`.
        keep_shared: leave out what other sources hold too.
    """

    where: str | None = None
    ids: str | Path | None = None
    source: str | None = None
    keep_shared: bool = False

    def __post_init__(self) -> None:
        """Check that what is given goes together.

        Raises:
            InvalidInput: it does not.
        """
        if self.keep_shared and self.source is None:
            raise InvalidInput(
                "keep_shared says what a source shares with others, and no source is given",
                hint="Add --source NAME, or leave --keep-shared out.",
            )

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is given."""
        return self.where is None and self.ids is None and self.source is None


@dataclass(frozen=True)
class Chosen:
    """The samples that a selector means.

    Attributes:
        ids: of the samples, int64, ascending.
        unknown: entries of the list of ids that name no sample.
        shared: how many of the source's samples came from other sources too.
        spared: how many of them were left out for that.
    """

    ids: Ids
    unknown: tuple[str, ...] = ()
    shared: int = 0
    spared: int = 0


@dataclass(frozen=True)
class Retirement:
    """What taking back, or bringing back, did.

    Attributes:
        retired: whether samples were retired; false if they were restored.
        samples: how many changed.
        already: how many were as asked for before.
        purged: hashes of those that cannot be restored, because their text was destroyed.
        unknown: entries of the list that name no sample.
        shared: how many of the source's samples came from other sources too.
        spared: how many of them were left as they are.
        snapshots: that hold chosen samples: snapshot, members (of these), size.
        runs: that were shown some: run, samples, exposures, first_step, last_step.
        dry_run: whether nothing was written.
    """

    retired: bool
    samples: int
    already: int
    purged: list[str]
    unknown: list[str]
    shared: int
    spared: int
    snapshots: Rows = field(default_factory=list)
    runs: Rows = field(default_factory=list)
    dry_run: bool = False


def relation(ids: Ids) -> pa.Table:
    """Return ids as the relation `chosen` of statements."""
    return pa.table({"sample_id": pa.array(ids, pa.int64())})


def choose(home: Home, selector: Selector) -> Chosen:
    """Find the samples that a selector means, among all that the catalog holds.

    Raises:
        UnknownName: there is no such source.
        InvalidInput: nothing is given, the list cannot be read, or names no sample.
        InvalidQuery: the condition is none.
    """
    if selector.is_empty:
        raise InvalidInput(
            "nothing says which samples are meant", hint="Give --where, --ids or --source."
        )
    store = Store(home)
    parts: list[Ids] = []
    unknown: tuple[str, ...] = ()
    shared = spared = 0
    with store.read() as reader:
        if selector.ids is not None:
            listed, unknown = _listed(reader, Path(selector.ids))
            parts.append(listed)
        if selector.source is not None:
            held = _of_source(reader, selector.source)
            also = held["shared"].to_numpy(zero_copy_only=False)
            parts.append(held["sample_id"].to_numpy()[~also if selector.keep_shared else ...])
            shared, spared = int(also.sum()), int(also.sum()) * selector.keep_shared
    if selector.where is not None:
        parts.append(read_pool(store, selector.where, None, among="stock").ids)
    meant = parts[0]
    for part in parts[1:]:
        meant = np.intersect1d(meant, part)
    return Chosen(np.unique(meant), unknown, shared, spared)


def _listed(reader: Reader, path: Path) -> tuple[Ids, tuple[str, ...]]:
    found = read_list(reader, path)
    hashes = pa.array(found.hashes, pa.binary())
    reader.register("hashes", pa.table({"content_hash": hashes}))
    ids = reader.arrow(load("freeze/hashed"))["sample_id"].to_numpy()
    return np.asarray(ids), found.strangers


def _of_source(reader: Reader, source: str) -> pa.Table:
    """Return a source's samples; a name may hold an @ of its own."""
    name, at, revision = source.rpartition("@")
    for given in ((source, None), (name, revision) if at else (source, None)):
        held = reader.arrow(load("retire/of_source"), name=given[0], revision=given[1])
        if held.num_rows:
            return held
    rows = reader.rows("select distinct name from source order by name")
    raise UnknownName.among("source", source, [row["name"] for row in rows])


def retire(home: Home, selector: Selector, reason: str, *, dry_run: bool = False) -> Retirement:
    """Take samples out of the pool; snapshots and runs keep them, and are told.

    Retired once more, they stay as they are, with their first reason.

    Args:
        home: the catalog's.
        selector: which samples.
        reason: kept beside each.
        dry_run: tell what would be done, and write nothing.

    Raises:
        InvalidInput: no reason is given, or nothing says which samples are meant.
    """
    if not reason.strip():
        raise InvalidInput(
            "samples are retired for a reason, and none is given",
            hint='Give --reason "…": whoever audits a run later will ask.',
        )
    return _change(home, selector, True, reason, dry_run)


def restore(
    home: Home, selector: Selector, reason: str = RESTORED, *, dry_run: bool = False
) -> Retirement:
    """Bring retired samples back into the pool; those that were purged stay out, and are named."""
    return _change(home, selector, False, reason.strip() or RESTORED, dry_run)


def _change(
    home: Home, selector: Selector, retired: bool, reason: str, dry_run: bool
) -> Retirement:
    chosen = choose(home, selector)
    store = Store(home)
    with store.read() as reader:
        reader.register("chosen", relation(chosen.ids))
        states = reader.rows(load("retire/state"))
        snapshots = reader.rows(load("retire/snapshots"))
        runs = reader.rows(load("retire/runs"))
    barred = [row["hash"] for row in states if row["purged"] and not retired]
    changing = sum(row["retired"] != retired and not row["purged"] for row in states)
    if changing and not dry_run:
        with store.write("retire" if retired else "restore") as transaction:
            changing = transaction.insert_select(
                schema.retirement,
                load("retire/changed"),
                {"retired": retired, "reason": reason},
                chosen=relation(chosen.ids),
            )
    return Retirement(
        retired,
        changing,
        len(states) - changing - len(barred),
        barred,
        list(chosen.unknown),
        chosen.shared,
        chosen.spared,
        snapshots,
        runs,
        dry_run,
    )
