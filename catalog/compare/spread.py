"""What a few draws tell of chance, and how far that can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Literal

Verdict = Literal["above", "below", "within", "unknown"]

MOST_DRAWS = 10
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t that 95% of values stay within, for 1 to 9 degrees of freedom."""


@dataclass(frozen=True)
class Spread:
    """A figure over some draws; of a snapshot there is one.

    Attributes:
        mean: over the draws.
        low: the lowest draw.
        high: the highest draw.
        draws: how many there are.
        expected: where one more draw would lie 19 times of 20, if draws are about normal; None
            for fewer than two draws. It is wider than low to high: of three draws, a fourth lies
            outside every second time.
    """

    mean: float
    low: float
    high: float
    draws: int
    expected: tuple[float, float] | None

    def verdict(self, value: float) -> Verdict:
        """Tell where a value lies to what one more draw would be expected to give.

        >>> chance = spread([0.10, 0.11, 0.12])
        >>> chance.verdict(0.14), chance.verdict(0.17), spread([0.1]).verdict(0.9)
        ('within', 'above', 'unknown')
        """
        if self.expected is None:
            return "unknown"
        slack = 1e-9 * max(abs(value), abs(self.mean))
        if value < self.expected[0] - slack:
            return "below"
        return "above" if value > self.expected[1] + slack else "within"


def spread(values: Sequence[float], members: int | None = None) -> Spread:
    """Return the spread of a figure over draws.

    Args:
        values: one per draw.
        members: for a share of that many members. Few draws of a rare thing may agree by accident:
            their deviation is then not taken to be less than chance itself makes it.
    """
    mean = fmean(values)
    return Spread(mean, min(values), max(values), len(values), _expected(values, mean, members))


def _expected(
    values: Sequence[float], mean: float, members: int | None
) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    deviation = stdev(values)
    if members:
        rate = min(max(mean, 1 / members), 1 - 1 / members)
        deviation = max(deviation, sqrt(max(rate * (1 - rate), 0) / members))
    reach = STUDENT[len(values) - 2] * deviation * sqrt(1 + 1 / len(values))
    return mean - reach, mean + reach
