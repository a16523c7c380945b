"""Greedy walks: what a selection takes when samples can be barred on the way, or tokens run out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catalog.selecting.bars import Bar, admitted

Positions = npt.NDArray[np.int64]


@dataclass
class Goal:
    """When a walk has enough.

    Attributes:
        size: samples to take, or None.
        tokens: token budget, or None; a sample that would exceed it ends the walk.
        token_counts: int64 (samples of the pool,), by position; empty without a budget.
        taken: how many were taken.
        spent: their tokens.
        is_full: whether a sample was met that the budget had no room for.
    """

    size: int | None
    tokens: int | None
    token_counts: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    taken: int = 0
    spent: int = 0
    is_full: bool = False

    def has_room(self, position: int) -> bool:
        """Tell whether one more sample may be taken."""
        if self.tokens is None:
            return not self.is_reached
        self.is_full = self.spent + int(self.token_counts[position]) > self.tokens
        return not self.is_full

    @property
    def is_reached(self) -> bool:
        """Whether the size is reached; a token budget is only known to be by the next sample."""
        return self.size is not None and self.taken >= self.size

    def take(self, position: int) -> None:
        """Count a sample."""
        self.taken += 1
        if self.tokens is not None:
            self.spent += int(self.token_counts[position])


class TooShort(Exception):
    """A list ended before the walk had enough, and goes on beyond its cut."""


def walk_down(order: Positions, bars: Sequence[Bar], goal: Goal) -> Positions:
    """Walk one ranked list of positions, and return the places in it that were taken."""
    chosen = []
    for place, position in enumerate(order.tolist()):
        if goal.is_reached:
            break
        if not admitted(bars, position):
            continue
        if not goal.has_room(position):
            break
        goal.take(position)
        for bar in bars:
            bar.take(position)
        chosen.append(place)
    return np.array(chosen, np.int64)


def walk_lists(
    lists: Sequence[Positions], bars: Sequence[Bar], goal: Goal, *, complete: bool
) -> list[tuple[int, int, int]]:
    """Let every list in turn take its next-best sample.

    A sample already taken uses up the turn; a barred one is passed over and the list keeps it.

    Args:
        lists: positions in the pool, each list best first.
        bars: that stand in the way of samples.
        goal: when it is enough.
        complete: whether the lists hold the whole pool, rather than its best.

    Returns:
        Of each sample taken, in order: list, rank in it, turn.

    Raises:
        TooShort: a list ended, and is not complete.
    """
    chosen: list[tuple[int, int, int]] = []
    orders = [order.tolist() for order in lists]
    ranks = [0] * len(orders)
    taken: set[int] = set()
    turn, ended = 0, 0
    while ended < len(orders) and not goal.is_reached:
        number = turn % len(orders)
        if number == 0:
            ended = 0
        order, rank = orders[number], ranks[number]
        while rank < len(order) and order[rank] not in taken and not admitted(bars, order[rank]):
            rank += 1
        ranks[number] = rank + 1
        if rank >= len(order):
            if not complete:
                raise TooShort
            ended += 1
        elif (position := order[rank]) not in taken:
            if not goal.has_room(position):
                break
            goal.take(position)
            for bar in bars:
                bar.take(position)
            taken.add(position)
            chosen.append((number, rank, turn))
        turn += 1
    return chosen
