"""First turns: when a walk over ranked lists, one place of each in turn, comes to every sample."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from catalog.similarity import Positions
from catalog.vectors import Floats, Ids

NEVER = np.iinfo(np.int64).max


class FirstTurns:
    """The earliest turn of every sample, and what it was met with there; lists are not kept.

    The place of rank r in list l has the turn r times lists plus l. What it takes grows with the
    pool, and not with how many lists there are or how long they are.

    Args:
        samples: of the pool.
        lists: how many take turns.

    Attributes:
        turns: int64 (samples,), by position; `NEVER` where no list came to it.
        scores: float32 (samples,): in the list of that turn.
        queries: int32 (samples,): the number of the query that gives the score.
    """

    def __init__(self, samples: int, lists: int) -> None:
        self._lists = lists
        self.turns: Ids = np.full(samples, NEVER)
        self.scores: Floats = np.zeros(samples, np.float32)
        self.queries: npt.NDArray[np.int32] = np.zeros(samples, np.int32)

    def add_all(self, lists: Iterable[tuple[Positions, Floats, Ids]]) -> None:
        """Take all lists in, in order: of each its positions best first, scores, query numbers."""
        for number, (positions, scores, queries) in enumerate(lists):
            turns = number + self._lists * np.arange(len(positions))
            earlier = turns < self.turns[positions]
            met = positions[earlier]
            self.turns[met] = turns[earlier]
            self.scores[met] = scores[earlier]
            self.queries[met] = queries[earlier]

    @property
    def met(self) -> int:
        """How many samples any list came to."""
        return int(np.count_nonzero(self.turns != NEVER))

    def first(self, size: int) -> Positions:
        """Return the positions of so many samples, or of all that were met, by turn."""
        met = np.flatnonzero(self.turns != NEVER)
        turns = self.turns[met]
        if size < len(met):
            among = turns < np.partition(turns, size)[size]
            met, turns = met[among], turns[among]
        return met[np.argsort(turns)]
