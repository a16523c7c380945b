"""Reproduce: run a snapshot's recipe again on the pool as it was, and compare to the last reason.

Nothing is written. What comes out differently is told with what can be known of its cause.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.home import Home
from catalog.identity import digest
from catalog.jobs import software_version
from catalog.progress import Progress
from catalog.recipe import Recipe
from catalog.selecting.choosing import Selected, choose
from catalog.sql import load, names
from catalog.store import Reader, Store
from catalog.why.causes import causes, rescored
from catalog.why.past import Past, past

EXAMPLES = 10


@dataclass(frozen=True)
class Reproduction:
    """What running a snapshot's recipe again gave.

    Attributes:
        snapshot: `name@version`.
        identical: the same members in the same order, each for the same reason.
        digest: of the members that were frozen.
        digest_now: of those that came out now; None if the recipe cannot be run any more.
        totals: the row of `queries/reproduce/totals.sql`; empty without a result.
        places: the first positions that differ, with hash, score and turn then and now.
        causes: what differs and why, in sentences; empty if nothing does.
        notes: what is worth knowing though nothing came of it, in sentences.
    """

    snapshot: str
    identical: bool
    digest: str
    digest_now: str | None
    totals: dict[str, Any]
    places: list[dict[str, Any]]
    causes: list[str]
    notes: list[str]


def reproduce(home: Home, reference: str, progress: Progress) -> Reproduction:
    """Run a snapshot's recipe again on the pool as it was at its change_id; nothing is written.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        progress: is told how far scoring is.

    Raises:
        UnknownName: there is no such snapshot.
    """
    seen = past(home, reference)
    best: Reproduction | None = None
    failed: CatalogError | None = None
    for recipe, as_of, note in _attempts(seen):
        try:
            selected = choose(home, recipe, seen.space, progress, as_of=as_of)
        except CatalogError as error:
            failed = failed or error
            continue
        found = _compare(seen, selected, note)
        if found.identical:
            return found
        best = best or found
    if best is not None:
        return best
    assert failed is not None
    return _impossible(seen, failed)


def _attempts(seen: Past) -> Iterator[tuple[Recipe, int, str | None]]:
    """Give what can be run again, the likeliest first: recipe, change to look back to, note."""
    recipe, clock = seen.recipe, seen.snapshot.pool_change_id
    yield recipe, clock, None
    if recipe.sql is not None or recipe.where is not None:
        # They may look at what no pool's clock counts, such as snapshots made since it last moved.
        yield recipe, seen.frozen_at - 1, None
    if recipe.method in names("select") and load(f"select/{recipe.method}").text != (
        seen.snapshot.rule
    ):
        kept = replace(recipe, rule=seen.snapshot.rule)
        yield kept, clock, "the rule shipped today is another; the one kept with it was run"


def _compare(seen: Past, selected: Selected, note: str | None) -> Reproduction:
    snapshot = seen.snapshot
    remade = _placed(selected.members)
    with Store(seen.home).read() as reader:
        reader.register("remade", remade)
        [totals] = reader.rows(load("reproduce/totals"), snapshot_id=snapshot.snapshot_id)
        places = reader.rows(
            load("reproduce/places"), snapshot_id=snapshot.snapshot_id, count=EXAMPLES
        )
        now = digest(_hashes(reader))
    same = now == snapshot.digest and not totals["places"]
    identical = same and not totals["reasons"] and not totals["drifted"]
    notes = [note] if note else []
    if identical and totals["scores"]:
        notes.append(f"{totals['scores']:,} scores differ in their last digits")
    if snapshot.software_version != software_version():
        notes.append(f"made by {snapshot.software_version}, run again by {software_version()}")
    if note is None and selected.rule != snapshot.rule:
        notes.append("the text of the rule has changed since")
    told = [] if identical else causes(seen, totals, selected, remade)
    if now == snapshot.digest and (totals["places"] or totals["repeated"]):
        told = [f"what is stored is not what was frozen: see `catalog verify {snapshot}`"]
    return Reproduction(str(snapshot), identical, snapshot.digest, now, totals, places, told, notes)


def _placed(members: pa.Table) -> pa.Table:
    """Number the members, and say how often each counts."""
    if "repeats" not in members.column_names:
        members = members.append_column("repeats", pa.repeat(1, len(members)))
    if "position" not in members.column_names:
        members = members.append_column("position", pa.array(range(len(members)), pa.int64()))
    return members


def _hashes(reader: Reader) -> Iterator[bytes]:
    for batch in reader.batches(load("reproduce/hashes"), 100_000):
        for content_hash, repeats in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            yield content_hash * repeats


def _impossible(seen: Past, error: CatalogError) -> Reproduction:
    with Store(seen.home).read() as reader:
        purged = reader.value(
            "select count(*) from snapshot_member anti join sample using (sample_id) "
            "where snapshot_id = $id",
            id=seen.snapshot.snapshot_id,
        )
    told = [f"the recipe cannot be run again: {error.message}"]
    given = rescored(seen)
    told += given or ([error.hint] if error.hint else [])
    told += [f"the text of {purged:,} members is gone"] if purged else []
    return Reproduction(str(seen.snapshot), False, seen.snapshot.digest, None, {}, [], told, [])
