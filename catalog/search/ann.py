"""Search by a vector index: what it finds is filtered and scored exactly."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from catalog.functions.resident import version
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.search.index import mapped, open_table
from catalog.similarity import scores_among
from catalog.vectors import Floats, Ids

KEPT = "table"
OVERSHOOT = 10
"""Asked for beyond what is wanted, since some of what an index finds may not be in the pool."""

MOST_FETCHED = 10_000
"""Further down an index's list than this, exact search is as fast."""


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
        asked = {"column": "vector", "q": vector, "k": limit, "metric": "cosine"}
        asked |= {name: self._parameters[name] for name in ("nprobes", "refine_factor")}
        with mapped("search by the index"):
            table = self._table.to_table(
                columns=["sample_id", "vector", "_distance"], nearest=asked
            )
        ids = table["sample_id"].to_numpy()
        order = np.argsort(ids)
        flat = table["vector"].combine_chunks().flatten().to_numpy()
        found = flat.reshape(-1, self._width)[order]
        return ids[order], scores_among(found, vector[None])[:, 0]

    def nearest(
        self,
        vector: Floats,
        count: int,
        allowed: Callable[[Ids], Ids],
        order_keys: Callable[[Ids], Ids],
    ) -> tuple[Ids, Floats] | None:
        """Return the nearest samples that are allowed, best first.

        Args:
            vector: float32 (width,), of length 1.
            count: how many.
            allowed: gives those of some ids, which ascend, that may be found.
            order_keys: gives what breaks ties between some ids; they are asked for only then.

        Returns:
            int64 (count,) and float32 (count,); None if too few of those that the index finds are
            allowed, which an exact search alone can answer.
        """
        limit = count + OVERSHOOT
        while limit <= MOST_FETCHED:
            ids, scores = self.find(vector, limit)
            held = allowed(ids)
            if len(held) >= count:
                scores = scores[np.searchsorted(ids, held)]
                best = np.sort(-scores)[: count + 1]
                ties = order_keys(held) if (best[1:] == best[:-1]).any() else held
                order = np.lexsort((ties, -scores))[:count]
                return held[order], scores[order]
            if len(ids) < limit:
                return None
            limit *= 4
        return None
