"""Members that another snapshot does not hold: why not, and how far it was from them."""

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CatalogError
from catalog.progress import Progress
from catalog.why.absence import absences
from catalog.why.distance import Ruler
from catalog.why.past import Past


class Absent:
    """Members of one snapshot that another does not hold.

    Args:
        rows: sample_id and position, one row per member.
        other: the snapshot that does not hold them, and what it saw.
        progress: is told how far scoring is.
        notes: takes in what cannot be told.
    """

    def __init__(self, rows: pa.Table, other: Past, progress: Progress, notes: list[str]) -> None:
        self._rows, self._other, self._progress, self._notes = rows, other, progress, notes

    @cached_property
    def _ruler(self) -> Ruler | None:
        try:
            return Ruler(self._other, self._progress)
        except CatalogError as error:
            self._notes.append(
                f"how far {self._other.snapshot} was cannot be computed: {error.message}"
            )
            return None

    def reasoned(self) -> pa.Table:
        """Return the rows with why the other snapshot does not hold each, its `reason`."""
        if not len(self._rows):
            return self._rows.append_column("reason", pa.array([], pa.string()))
        ids = np.asarray(self._rows["sample_id"].to_numpy())
        try:
            reasons = absences(self._other, ids)["reason"]
        except CatalogError as error:
            self._notes.append(
                f"the pool of {self._other.snapshot} cannot be looked at: {error.message}"
            )
            return self._rows.append_column("reason", pa.array(["unknown"] * len(ids)))
        told = reasons.fill_null(self._otherwise())
        if self._other.constrained and self._ruler is not None:
            passed = pa.array(np.isin(ids, self._ruler.come_to()))
            told = pc.if_else(pc.and_(reasons.is_null(), passed), "passed_over", told)
        return self._rows.append_column("reason", told)

    def _otherwise(self) -> str:
        """Return the reason of samples that were in the pool and not chosen."""
        recipe = self._other.recipe
        if recipe.parts:
            return "not_taken"
        return "not_given" if recipe.sql is not None or recipe.rule is not None else "beyond"

    def measure(self, examples: list[dict[str, Any]]) -> None:
        """Add to examples how far the other snapshot was from taking them."""
        wanted = [row["sample_id"] for row in examples if row["reason"] in ("beyond", "not_given")]
        if not wanted or self._ruler is None:
            return
        found = self._ruler.distances(wanted)
        for row in examples:
            if row["sample_id"] in found and row["sample_id"] in wanted:
                row["distance"] = vars(found[row["sample_id"]])
