"""The order in which a rule without lists would take the whole pool: where samples stand in it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.progress import Progress
from catalog.selecting.choosing import choose
from catalog.vectors import Ids
from catalog.why.past import Past


class Whole:
    """What a rule gives if it is asked for everything, without constraints.

    Args:
        seen: the snapshot and what it saw.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the recipe cannot be run any more.
    """

    def __init__(self, seen: Past, progress: Progress) -> None:
        recipe = seen.recipe
        wanted = max(seen.fitting.samples.num_rows, 1)
        takes_all = recipe.sql is not None and "size" not in seen.rule.query.params
        recipe = replace(
            recipe,
            size=None if takes_all else wanted,
            tokens=None,
            max_per_source=None,
            skip_near_duplicates=None,
            skip_missing=True,
            allow_fewer=True,
        )
        selected = choose(
            seen.home, recipe, seen.space, progress, as_of=seen.snapshot.pool_change_id
        )
        places = pa.array(range(len(selected.members)), pa.int64())
        self._order = selected.members.append_column("place", places)

    def __len__(self) -> int:
        """Return how many samples the rule gives."""
        return int(self._order.num_rows)

    def of(self, sample_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Return samples' places with score, task, query_id, rank and turn; those given at all."""
        wanted = pa.array(sorted(set(sample_ids)), pa.int64())
        rows = self._order.filter(pc.is_in(self._order["sample_id"], value_set=wanted))
        return {row["sample_id"]: row for row in rows.to_pylist()}

    def first(self, count: int) -> Ids:
        """Return the ids of the first samples, in order."""
        return np.asarray(self._order["sample_id"].slice(0, count).to_numpy())

    def window(self, place: int, around: int) -> list[dict[str, Any]]:
        """Return the samples about a place, in order."""
        first = max(place - around, 0)
        rows: list[dict[str, Any]] = self._order.slice(
            first, place + around + 1 - first
        ).to_pylist()
        return rows
