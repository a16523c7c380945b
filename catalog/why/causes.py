"""Why a recipe gives something else than it gave: what can be known of it, in sentences."""

from typing import Any

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.scorers import scorer_of, scorers
from catalog.selecting.choosing import Selected
from catalog.sql import columns, load
from catalog.store import Store
from catalog.why.past import Past

LOOKED_AT = 256
"""Members that went out whose scores are computed again."""

UNCLOCKED = {
    "snapshot": "snapshots",
    "snapshot_member": "snapshots",
    "member": "snapshots",
    "run": "runs",
    "exposure": "runs",
    "seen": "runs",
    "evaluation": "runs",
    "ledger_segment": "runs",
    "run_snapshot": "runs",
    "attempt": "runs",
    "training_step": "runs",
    "unknown_sample": "runs",
    "dropped_sample": "runs",
    "checkpoint": "runs",
    "lost_exposure": "runs",
    "run_coverage": "runs",
    "branch": "runs",
    "known": "runs",
    "export": "exports",
    "job": "jobs",
    "rejection": "jobs",
    "change": "the log of changes",
    "vector_index": "vector indexes",
}
"""What a statement may look at, though the pool's clock does not count it."""


def causes(seen: Past, totals: dict[str, Any], selected: Selected, remade: pa.Table) -> list[str]:
    """Say what differs, and what is known of why.

    Args:
        seen: the snapshot and what it saw.
        totals: the row of `queries/reproduce/totals.sql`.
        selected: what came out now.
        remade: its members with position and repeats.
    """
    told = []
    if totals["purged"]:
        told.append(f"the text of {totals['purged']:,} members is gone from the catalog")
    if selected.rule != seen.snapshot.rule:
        told.append("the rule's text is another than the one kept with the snapshot")
    told += _scores(seen, totals, remade)
    told += rescored(seen)
    told += _filled(seen, remade)
    if tables := _unclocked(seen):
        told.append(
            f"its {'statement' if seen.recipe.sql else 'condition'} looks at "
            f"{' and '.join(tables)}, which may have changed since"
        )
    if not totals["came"] + totals["went"] and selected.rule == seen.recipe.sql:
        told.append("the same members in another order: let the statement give a turn, or order by")
    if told:
        return told
    if not totals["places"]:
        return [
            f"{totals['reasons']:,} of the same members came for another reason: vectors of "
            "samples that were not members have changed, or what is stored of the members has"
        ]
    if seen.space is not None:
        return [
            "no text, task, rule or member's score changed: vectors of samples that were not "
            f"members must have, in the space {seen.space.name!r}"
        ]
    return ["nothing that the catalog keeps has changed: please report this as a fault"]


def _scores(seen: Past, totals: dict[str, Any], remade: pa.Table) -> list[str]:
    drifted = totals["drifted"] + _drifted_away(seen, remade)
    if drifted:
        made = f"vectors in the space {seen.space.name!r}" if seen.space else "scores"
        return [
            f"the scores of {drifted:,} member{'s' if drifted > 1 else ''} differ by more than a "
            f"millionth: their {made}, or those of their queries, were made anew"
        ]
    if totals["near_ties"] and not totals["far_apart"]:
        return [
            f"all {totals['places']:,} differing places are near-ties: scores closer than a "
            "millionth, whose order another machine may turn round"
        ]
    return []


def rescored(seen: Past) -> list[str]:
    """Tell of scores that a recipe looks at and that samples of its pool were given only since.

    One that replaced another took it out of the past.
    """
    recipe = seen.recipe
    mentioned = columns(recipe.where) if recipe.where else []
    with Store(seen.home).read() as reader:
        used = [scorer_of(reader, recipe.scores[name], name) for name in recipe.scores]
        used += [scorer for scorer in scorers(reader) if scorer.name in mentioned]
        rows = reader.rows(
            load("reproduce/rescored"),
            scorers=sorted({scorer.scorer_id for scorer in used if scorer is not None}),
            clock=seen.snapshot.pool_change_id,
        )
    return [
        f"{row['samples']:,} samples of that pool were given their score of {row['name']} since: "
        "where it replaced another, that one is gone"
        for row in rows
    ]


def _drifted_away(seen: Past, remade: pa.Table) -> int:
    """Count members that went out with another score than they came in with."""
    if seen.space is None or not seen.rule.walks:
        return 0
    from catalog.similarity import scores_of  # torch, which other rules do not need

    with Store(seen.home).read() as reader:
        reader.register("remade", remade)
        rows = reader.rows(
            load("reproduce/went"), snapshot_id=seen.snapshot.snapshot_id, count=LOOKED_AT
        )
    if not rows:
        return 0
    samples = sorted({row["sample_id"] for row in rows})
    queries = sorted({row["query_id"] for row in rows})
    try:
        scores = scores_of(seen.home, seen.space, samples, queries)
    except (CatalogError, KeyError):  # vectors that are gone are told of otherwise
        return 0
    return sum(
        abs(float(scores[samples.index(row["sample_id"]), queries.index(row["query_id"])])
            - row["score"]) > 1e-6 * abs(row["score"])
        for row in rows
    )  # fmt: skip


def _filled(seen: Past, remade: pa.Table) -> list[str]:
    """Tell of members that got their vector only after the snapshot was made."""
    if seen.space is None:
        return []
    with Store(seen.home).read() as reader:
        reader.register("remade", remade)
        late = reader.value(
            load("reproduce/late"),
            space_id=seen.space.space_id,
            clock=seen.snapshot.pool_change_id,
        )
    if not late:
        return []
    return [f"{late:,} members had no vector in the space {seen.space.name!r} then"]


def _unclocked(seen: Past) -> list[str]:
    """Return what a statement or condition of the user's reads that is not kept by change."""
    recipe = seen.recipe
    condition = f"select 1 where (\n{recipe.where}\n)" if recipe.where else None
    with Store(seen.home).read() as reader:
        read = {
            name
            for text in (recipe.sql, recipe.rule, condition)
            if text is not None
            for name in reader.connection.get_table_names(text)
        }
    return list(dict.fromkeys(UNCLOCKED[name] for name in sorted(read) if name in UNCLOCKED))
