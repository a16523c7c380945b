"""Paraphrases: samples whose vectors lie near an item's."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from catalog.errors import MissingVectors
from catalog.home import Home
from catalog.model import NamedSpace, Task
from catalog.vectors import Floats, Ids, Vectors

QUERIES_AT_ONCE = 2048
"""More would take memory for a block's scores, fewer another pass over the pool's vectors."""


class Nearest(NamedTuple):
    """Samples near some items, each with its nearest item.

    Attributes:
        sample_ids: int64 (n,), ascending.
        query_ids: int64 (n,).
        scores: cosines, float32 (n,).
    """

    sample_ids: Ids
    query_ids: Ids
    scores: Floats


class NearSearch:
    """Looks for samples near items, in one space.

    Args:
        home: where the vectors are.
        named: the space.
        sample_ids: of the pool, ascending.
        threshold: the least cosine that counts.
    """

    def __init__(self, home: Home, named: NamedSpace, sample_ids: Ids, threshold: float) -> None:
        self.named = named
        self.threshold = threshold
        self.ids = sample_ids
        self._samples = Vectors(home, named.space, "sample")
        self._queries = Vectors(home, named.space, "query")

    def require_vectors(self, tasks: Sequence[Task], query_ids: Ids) -> None:
        """Check that nothing lacks a vector.

        Args:
            tasks: whose queries they are, for the message.
            query_ids: of the items.

        Raises:
            MissingVectors: samples or items have none.
        """
        for missing, of, what in (
            (self._samples.missing(self.ids), len(self.ids), "samples of the pool"),
            (self._queries.missing(np.sort(query_ids)), len(query_ids), "items"),
        ):
            if len(missing):
                names = ", ".join(dict.fromkeys(task.name for task in tasks))
                of_tasks = f" of {names}" if what == "items" else ""
                raise MissingVectors(
                    f"the space {self.named.name!r} has no vectors for {len(missing):,} of {of:,} "
                    f"{what}{of_tasks}",
                    hint=f"Run `catalog embed --space {self.named.name}` for what is missing, or "
                    "leave --cosine out; what has no text of the part that the space embeds gets "
                    "none.",
                )

    def passes(self, items: int) -> int:
        """Return how often the pool's vectors are read to look for so many items."""
        return -(-items // QUERIES_AT_ONCE)

    def find(self, query_ids: Ids, progress: Callable[[int], None]) -> Nearest:
        """Find the samples that are near enough to an item, and the nearest item of each.

        Args:
            query_ids: of a task's items; of two as near, the first is named.
            progress: is told how many samples were scored, in each pass.
        """
        from catalog.similarity import Positions, score

        best = np.full(len(self.ids), -np.inf, np.float32)
        nearest = np.zeros(len(self.ids), np.int64)
        for start in range(0, len(query_ids), QUERIES_AT_ONCE):
            some = query_ids[start : start + QUERIES_AT_ONCE]

            def take(positions: Positions, scores: Floats, some: Ids = some) -> None:
                first = scores.argmax(axis=1)
                found = scores[np.arange(len(first)), first]
                nearer = found > best[positions]
                best[positions[nearer]] = found[nearer]
                nearest[positions[nearer]] = some[first[nearer]]

            queries = self._queries.of(some.tolist())
            score(self._samples, queries, self.ids, take, progress)
        held = np.flatnonzero(best >= self.threshold)
        return Nearest(self.ids[held], nearest[held], np.minimum(best[held], 1))

    def catches(self, planted: Floats, query_ids: Sequence[int]) -> Iterator[bool]:
        """Tell of planted texts whether each would be found by its own item.

        Args:
            planted: their vectors, float32 (n, width), of length 1.
            query_ids: of the items they were made of.
        """
        items = self._queries.of(query_ids)
        for one, item in zip(planted, items, strict=True):
            yield bool(one @ item >= self.threshold)
