"""Why samples were not in the pool that a selection chose from, if they were not."""

import numpy as np
import pyarrow as pa

from catalog.errors import UnknownName
from catalog.scorers import scorer_of
from catalog.selecting.exclusions import excluded_ids
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids, Vectors
from catalog.why.past import Past

ABSENCES = {
    "added_later": "came into the catalog later",
    "retired": "was retired then",
    "where": "does not fit the condition of --where",
    "not_in": "is in what was left out with --not-in",
    "contaminated": "is marked as contaminated, and those were excluded",
    "no_vector": "has no vector in the space",
    "no_score": "has no score of a scorer that the rule needs",
}
"""Reasons, in the order in which they are told: a sample has the first that holds."""


def absences(seen: Past, ids: Ids) -> pa.Table:
    """Tell for some samples why the selection could not choose them.

    Args:
        seen: the snapshot and what it saw.
        ids: int64 (n,), of samples that are in the catalog now.

    Returns:
        sample_id (int64) and reason, one of `ABSENCES` or null if it could; one row per id,
        ascending.
    """
    asked = np.unique(ids)
    recipe = seen.recipe
    with seen.store.read() as reader:
        needed = [scorer_of(reader, recipe.scores[name], name) for name in recipe.scores]
        scorers = sorted({scorer.scorer_id for scorer in needed if scorer is not None})
        reader.register("asked", pa.table({"sample_id": asked}))
        state = reader.arrow(load("explain/state"), scorers=scorers)
    held = {name: state[name].to_numpy(zero_copy_only=False) for name in ("known", "scored")}
    marked = state["contaminated"].to_numpy(zero_copy_only=False)
    unfit = ~np.isin(asked, seen.fitting.ids) if recipe.where else np.zeros(len(asked), bool)
    holds = {
        "added_later": ~held["known"],
        "retired": np.asarray(state["retired"].is_valid()),
        "where": unfit,
        "not_in": np.isin(asked, _left_out(seen)),
        "contaminated": marked & recipe.exclude_contaminated,
        "no_vector": np.isin(asked, _without_vector(seen, asked)),
        "no_score": ~held["scored"],
    }
    names = [*holds]
    first = np.stack([*holds.values(), np.ones(len(asked), bool)]).argmax(axis=0)
    reasons = pa.array([*names, None]).take(pa.array(first))
    return pa.table({"sample_id": asked, "reason": reasons})


def _left_out(seen: Past) -> Ids:
    found = [np.empty(0, np.int64)]
    with Store(seen.home).read() as reader:
        for exclusion in seen.recipe.not_in:
            try:
                found.append(excluded_ids(reader, [exclusion], {}))
            except UnknownName:  # it was deleted since: what it held cannot be told
                continue
    return np.concatenate(found)


def _without_vector(seen: Past, ids: Ids) -> Ids:
    if seen.space is None:
        return np.empty(0, np.int64)
    return Vectors(seen.home, seen.space.space, "sample").missing(ids)
