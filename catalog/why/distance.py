"""How far a snapshot was from taking samples that were in its pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids
from catalog.why.past import Past
from catalog.why.walk import Walk
from catalog.why.whole import Whole


@dataclass(frozen=True)
class Distance:
    """Where a sample stood, and where the cut was.

    Attributes:
        turn: its best turn, or its place in the rule's order.
        cut: the last that was taken; above `turn` if the sample was passed over on the way.
        score: that gave it this turn, or None.
    """

    turn: int
    cut: int
    score: float | None


class Ruler:
    """Measures how far a snapshot was from taking samples of its pool.

    Args:
        seen: the snapshot and what it saw.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the rule cannot be run again.
    """

    def __init__(self, seen: Past, progress: Progress) -> None:
        with Store(seen.home).read() as reader:
            [extent] = reader.rows(load("explain/extent"), snapshot_id=seen.snapshot.snapshot_id)
        self._walk = Walk(seen, extent["last_turn"], 0, progress) if seen.rule.walks else None
        self._whole = None if self._walk else Whole(seen, progress)
        self._cut = extent["last_turn"] if self._walk else self._last_place(extent)

    def _last_place(self, extent: dict[str, Any]) -> int:
        assert self._whole is not None
        last = self._whole.of([extent["last_sample_id"]])
        return int(last[extent["last_sample_id"]]["place"] if last else extent["last_position"])

    def come_to(self) -> Ids:
        """Return the ids of all samples that the selection came to, ascending."""
        if self._walk is not None:
            return self._walk.come_to()
        assert self._whole is not None
        return np.sort(self._whole.first(self._cut + 1))

    def distances(self, sample_ids: Sequence[int]) -> dict[int, Distance]:
        """Return how far samples were from being taken; those the rule does not give are absent."""
        if self._walk is not None:
            return {
                key: Distance(entries[0].turn, self._cut, entries[0].score)
                for key, entries in self._walk.standings(sample_ids).items()
            }
        assert self._whole is not None
        return {
            key: Distance(row["place"], self._cut, row["score"])
            for key, row in self._whole.of(sample_ids).items()
        }
