"""The purge of retired samples: erased, the database written anew, vectors and copies removed.

Every step may be done again: a purge that is killed is finished by the next one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog import schema
from catalog.errors import HomeBusy
from catalog.home import Home
from catalog.jobs import Counts, is_alive, job
from catalog.progress import Progress, Tick, silent
from catalog.purging.beyond import beyond
from catalog.purging.erasing import erase
from catalog.purging.files import removable, remove
from catalog.purging.rewriting import require_room, rewrite
from catalog.purging.sweeping import sweep
from catalog.purging.vectors import clear
from catalog.retire import Selector, choose, relation
from catalog.sql import load
from catalog.store import Reader, Rows, Store
from catalog.vectors import Ids

STEPS = ("looking for the text", "erasing", "writing the database anew", "vectors")


@dataclass(frozen=True)
class PurgePlan:
    """What a purge would do.

    Attributes:
        samples: how many would lose their text and vectors.
        unfinished: whether an earlier purge was cut short; the next one finishes it.
        snapshots: that hold some of them: snapshot, members (of these), size.
        runs: that were shown some: run, samples, exposures, first_step, last_step.
        beyond: where text may be that a purge cannot reach or leaves on purpose, in words.
    """

    samples: int
    unfinished: bool
    snapshots: Rows
    runs: Rows
    beyond: list[str]


@dataclass(frozen=True)
class Purge:
    """What a purge did.

    Attributes:
        samples: how many lost their text and vectors now.
        emptied: rows of the database, by table and columns.
        vectors: rows taken out, by LanceDB table.
        indexes: spaces whose vector index was dropped, since it held copies.
        removed: files and folders.
        bytes_before: of the database.
        bytes_after: of the database.
        beyond: where text may be that it cannot reach or leaves on purpose, in words.
    """

    samples: int
    emptied: dict[str, int]
    vectors: dict[str, int]
    indexes: list[str]
    removed: list[Path]
    bytes_before: int
    bytes_after: int
    beyond: list[str]


def plan(home: Home, selector: Selector) -> PurgePlan:
    """Tell what a purge would destroy.

    Args:
        home: the catalog's.
        selector: which of the retired samples; an empty one means all.
    """
    ids = _targets(home, selector)
    with Store(home).read() as reader:
        reader.register("chosen", relation(ids))
        snapshots = reader.rows(load("retire/snapshots"))
        runs = reader.rows(load("retire/runs"))
        unfinished = bool(reader.rows(_UNFINISHED))
    return PurgePlan(len(ids), unfinished, snapshots, runs, beyond(home, ids))


_UNFINISHED = "select job_id from job where kind = 'purge' and status != 'finished'"


def _targets(home: Home, selector: Selector) -> Ids:
    """Return the ids of retired samples that still have text and are meant, ascending."""
    with Store(home).read() as reader:
        ids = np.asarray(reader.arrow(load("purge/retired"))["sample_id"].to_numpy())
    return ids if selector.is_empty else np.intersect1d(ids, choose(home, selector).ids)


def purge(home: Home, selector: Selector, *, progress: Progress = silent) -> Purge:
    """Destroy the text and vectors of retired samples everywhere in the home.

    Args:
        home: the catalog's.
        selector: which of the retired samples; an empty one means all.
        progress: is told how far it is.

    Raises:
        HomeBusy: a job is at work, which may have read the text already.
        StoreError: the disk has no room for a second database, or a store failed.
    """
    ids = _targets(home, selector)
    _require_quiet(home)
    require_room(home)
    with job(home, "purge", {}, "purge") as running:
        progress(Tick(f"purge: {STEPS[0]}", None, {}))
        told, repeats = beyond(home, ids), sweep(home, ids)
        progress(Tick(f"purge: {STEPS[1]}", None, {}))
        with Store(home).write("purge", job_id=running.job_id) as transaction:
            emptied = erase(transaction, ids, repeats)
            running.advance(transaction, 1, Counts(retired=emptied["samples"]))
        progress(Tick(f"purge: {STEPS[2]}", None, {}))
        with home.turnstile.writing():
            before, after = rewrite(home)
        with Store(home).read() as reader:
            removed = removable(home, reader)
        remove(removed)
        progress(Tick(f"purge: {STEPS[3]}", None, {}))
        vectors, indexes, stray = _clear_vectors(home, running.resumed)
        with Store(home).write("purge", job_id=running.job_id) as transaction:
            running.finish(transaction)
    samples = emptied.pop("samples")
    return Purge(samples, emptied, vectors, indexes, removed + stray, before, after, told)


def _require_quiet(home: Home) -> None:
    """Check that no job is at work.

    Raises:
        HomeBusy: one is.
    """
    with Store(home).read() as reader:
        rows = reader.rows("select job_id, kind from job where status = 'running' order by job_id")
    for row in rows:
        if is_alive(home, row["job_id"]):
            raise HomeBusy(
                f"job {row['job_id']} ({row['kind']}) is at work, and may have read what is to go",
                hint="Let it finish, or stop it, then run the same command again.",
            )


def _clear_vectors(home: Home, resumed: bool) -> tuple[dict[str, int], list[str], list[Path]]:
    with Store(home).read() as reader:
        purged = _ids(reader, "select distinct sample_id from purge")
        known = _ids(reader, "select sample_id from sample")
        spaces = {
            row["table_name"]: row["name"]
            for row in reader.rows("select table_name, name from embedding_space")
        }
    rows: dict[str, int] = {}
    indexes: list[str] = []
    stray: list[Path] = []
    for cleared in clear(home, purged, known, all_tables=resumed):
        rows[cleared.table] = cleared.rows
        stray += cleared.stray
        if cleared.index_dropped:
            indexes.append(spaces.get(cleared.table, cleared.table))
    _forget_indexes(home, indexes)
    return rows, indexes, stray


def _forget_indexes(home: Home, spaces: list[str]) -> None:
    from sqlalchemy import delete

    if not spaces:
        return
    kept = schema.vector_index
    with Store(home).write("index") as transaction:
        for row in transaction.rows("select space_id, name from embedding_space"):
            if row["name"] in spaces:
                transaction.run(delete(kept).where(kept.c.space_id == row["space_id"]))


def _ids(reader: Reader, statement: str) -> Ids:
    return np.asarray(reader.arrow(statement)["sample_id"].to_numpy())
