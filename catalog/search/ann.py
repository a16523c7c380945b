"""Search by a vector index: what it finds is filtered and scored exactly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from catalog.functions.nearest import Samples
from catalog.functions.resident import version
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.pieces import Piece
from catalog.search.index import mapped, open_table
from catalog.similarity import Positions, score
from catalog.vectors import Floats, Ids, Vectors

KEPT = "table"
OVERSHOOT = 10
"""Asked for beyond what is wanted, since some of what an index finds may not be in the pool."""

MOST_FETCHED = 10_000
"""Further down an index's list than this, exact search is as fast."""


@dataclass(frozen=True)
class _Found:
    """What an index found: as much of a space as `score` has to see."""

    ids: Ids
    vectors: npt.NDArray[Any]

    def pieces(self) -> Iterator[Piece]:
        """Give all of it, as `Vectors.pieces` does."""
        yield Piece.held(self.ids, self.vectors)


def _opened(home: Home, named: NamedSpace) -> Any:  # noqa: ANN401
    """Open a space's table; while a catalog is open and nobody adds to it, once."""
    stamp = version(home, named)
    held, table = home.kept.get((KEPT, named.space.table_name), (None, None))
    if held != stamp or not stamp:
        table = open_table(home, named)
        home.kept[KEPT, named.space.table_name] = stamp, table
    return table


class Approximate:
    """Asks the index of a space.

    Args:
        home: where the vectors are.
        named: the space.
        parameters: how hard to look: nprobes, refine_factor.
    """

    def __init__(self, home: Home, named: NamedSpace, parameters: Mapping[str, int]) -> None:
        self._table = _opened(home, named)
        self._width = named.space.width
        self._parameters = parameters

    def find(self, vector: Floats, limit: int) -> tuple[Ids, Floats]:
        """Return the nearest samples that the index finds, and their exact scores.

        Args:
            vector: float32 (width,), of length 1.
            limit: how many.

        Returns:
            int64 (n,) ascending, float32 (n,); n is at most `limit`.
        """
        with mapped("search by the index"):
            search = self._table.search(
                vector, query_type="vector", vector_column_name="vector"
            ).distance_type("cosine")
            search = search.limit(limit).nprobes(self._parameters["nprobes"])
            search = search.refine_factor(self._parameters["refine_factor"])
            table = search.select(["sample_id", "vector", "_distance"]).to_arrow()
        ids = table["sample_id"].to_numpy()
        order = np.argsort(ids)
        flat = table["vector"].combine_chunks().flatten().to_numpy()
        found = _Found(ids[order], flat.reshape(-1, self._width)[order])
        scores = np.empty(len(ids), np.float32)

        def take(positions: Positions, block: Floats) -> None:
            scores[positions] = block[:, 0]

        score(cast(Vectors, found), vector[None], found.ids, take)
        return found.ids, scores

    def nearest(
        self, vector: Floats, count: int, allowed: Callable[[Ids], Samples]
    ) -> tuple[Ids, Floats] | None:
        """Return the nearest samples that are allowed, best first.

        Args:
            vector: float32 (width,), of length 1.
            count: how many.
            allowed: gives those of some ids that may be found.

        Returns:
            int64 (count,) and float32 (count,); None if too few of those that the index finds are
            allowed, which an exact search alone can answer.
        """
        limit = count + OVERSHOOT
        while limit <= MOST_FETCHED:
            ids, scores = self.find(vector, limit)
            samples = allowed(ids)
            if len(samples.ids) >= count:
                scores = scores[np.searchsorted(ids, samples.ids)]
                order = np.lexsort((samples.order_keys, -scores))[:count]
                return samples.ids[order], scores[order]
            if len(ids) < limit:
                return None
            limit *= 4
        return None
