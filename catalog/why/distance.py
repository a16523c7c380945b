"""How far a snapshot was from taking samples that were in its pool."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
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


def distances(seen: Past, sample_ids: Sequence[int], progress: Progress) -> dict[int, Distance]:
    """Return how far samples were from being members; those the rule does not give are left out.

    Args:
        seen: the snapshot and what it saw.
        sample_ids: of samples of its pool.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the rule cannot be run again.
    """
    with Store(seen.home).read() as reader:
        [extent] = reader.rows(load("explain/extent"), snapshot_id=seen.snapshot.snapshot_id)
        [last] = reader.rows(
            load("explain/members"),
            snapshot_id=seen.snapshot.snapshot_id,
            first=extent["last_position"],
            last=extent["last_position"],
        )
    if seen.rule.walks:
        standings = Walk(seen, extent["last_turn"], 0, progress).standings(sample_ids)
        return {
            key: Distance(entries[0].turn, extent["last_turn"], entries[0].score)
            for key, entries in standings.items()
        }
    whole = Whole(seen, progress)
    end = whole.of([last["sample_id"]])
    cut = end[last["sample_id"]]["place"] if end else extent["last_position"]
    return {
        key: Distance(row["place"], cut, row["score"]) for key, row in whole.of(sample_ids).items()
    }
