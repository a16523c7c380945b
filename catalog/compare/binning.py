"""Distributions over shared bins, so that columns can be held against each other."""

from collections.abc import Iterable

import numpy as np

from catalog.compare.comparison import Distribution
from catalog.compare.members import Numbers

BINS = 48
PERCENTILES = (5, 25, 50, 75, 95)
BY_FACTOR = frozenset({"tokens", "characters"})
"""Numbers whose bins grow by a factor, from 1."""

OUTER = (0.1, 99.9)
"""Percentiles that the bins span; what lies outside is counted in the first and last."""


def edges(name: str, values: Iterable[Numbers]) -> tuple[float, ...]:
    """Return the edges of the bins for some sets of one number; none if there is no value.

    >>> edges("turns", [np.array([2.0, 4.0])])
    (1.5, 2.5, 3.5, 4.5)
    """
    known = [part[np.isfinite(part)] for part in values]
    whole = np.concatenate([np.empty(0), *known])
    if not len(whole):
        return ()
    low, high = (float(end) for end in np.percentile(whole, OUTER))
    if name == "turns":
        first, last = int(np.floor(low)), int(np.ceil(high))
        count = min(last - first + 1, BINS)
        return tuple(float(edge) for edge in np.linspace(first - 0.5, last + 0.5, count + 1))
    if name in BY_FACTOR:
        found = np.geomspace(max(low, 1.0), max(high, low + 1, 2.0), BINS + 1)
    else:
        high = high if high > low else low + max(abs(low), 1.0) * 1e-3
        found = np.linspace(low, high, BINS + 1)
    return tuple(float(edge) for edge in found)


def distribution(values: Numbers, bins: tuple[float, ...]) -> Distribution | None:
    """Return how some values are spread, or None if there is none.

    Args:
        values: float64 (n,); those that are not finite do not count.
        bins: the edges; values beyond the outer ones count in the outer bins.

    >>> distribution(np.array([1.0, 2.0, 2.0, np.nan]), (0.5, 1.5, 2.5)).shares
    (0.3333333333333333, 0.6666666666666666)
    """
    known = values[np.isfinite(values)]
    if not len(known) or not bins:
        return None
    counts, _ = np.histogram(np.clip(known, bins[0], bins[-1]), bins)
    five = [float(value) for value in np.percentile(known, PERCENTILES)]
    return Distribution(
        len(known),
        float(known.mean()),
        (five[0], five[1], five[2], five[3], five[4]),
        tuple(float(share) for share in counts / len(known)),
    )
