"""The order of scores: better ones first, ties by the samples' order keys."""

import numpy as np
import numpy.typing as npt

from catalog.vectors import Floats, Ids

Numbers = npt.NDArray[np.uint64]
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


def turned(scores: Floats) -> npt.NDArray[np.uint32]:
    """Return float32 as numbers in the opposite order; the two zeros are one.

    >>> turned(np.array([1, 0, -0.0, -1], np.float32)).argsort(kind="stable").tolist()
    [0, 1, 2, 3]
    """
    bits = (scores + np.float32(0)).view(np.int32)
    # All ones above a negative's sign, all of them but the sign above the others'.
    return (bits ^ (~(bits >> 31) & np.int32(0x7FFFFFFF))).view(np.uint32)


def turned_back(numbers: npt.NDArray[np.uint32]) -> Floats:
    """Return the scores that such numbers stand for."""
    bits = numbers.view(np.int32)
    return (bits ^ (~(bits >> 31) & np.int32(0x7FFFFFFF))).view(np.float32)


def best_first(scores: Floats, limit: int, order_keys: Ids) -> Ids:
    """Return where the best scores are, best first, ties by order key.

    Args:
        scores: float32 (n,), n below 2**32; no two with the same order key.
        limit: how many at most.
        order_keys: int64 (n,).

    Returns:
        int64 (min(limit, n),).
    """
    limit = min(limit, len(scores))
    if not limit:
        return np.empty(0, np.int64)
    better = turned(scores)
    chosen = np.arange(len(scores), dtype=np.uint64)
    if limit < len(scores):
        worst = np.partition(better, limit - 1)[limit - 1]
        chosen = np.flatnonzero(better <= worst).astype(np.uint64)
    # One number sorts many times as fast as two keys do; what ties is put right afterwards.
    numbers = better[chosen].astype(np.uint64) << HALF | chosen
    numbers.sort()
    found, scored = (numbers & LOW).astype(np.int64), numbers >> HALF
    ties = scored[1:] == scored[:-1]
    if ties.any():
        tied = np.flatnonzero(np.append(ties, False) | np.append(False, ties))
        own = found[tied]
        found[tied] = own[np.lexsort((order_keys[own], scored[tied]))]
    return found[:limit]
