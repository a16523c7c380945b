"""Draws of baselines, through the engine that makes selections; nothing is frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from catalog.compare.baselines import Baseline
from catalog.compare.members import drawn
from catalog.errors import CatalogError, HomeError, StoreError, TooFewSamples
from catalog.home import Home
from catalog.progress import Progress, Tick, silent
from catalog.selecting.choosing import choose
from catalog.vectors import Ids


def draw(home: Home, planned: Sequence[Baseline], seeds: Sequence[int], progress: Progress) -> None:
    """Make the draws of every baseline; one that cannot be made says why.

    A larger draw by one seed begins with every smaller one, so the largest is made, and cut.
    """
    together: dict[tuple[str, str, str], list[Baseline]] = {}
    for line in planned:
        alike = (line.source.key, line.recipe.json(), line.budget)
        together.setdefault(alike, []).append(line)
    steps = len(together) * len(seeds)
    for number, (lines, seed) in enumerate(product(together.values(), seeds), 1):
        order = _order(home, lines[0], max(line.amount for line in lines), seed)
        for line in lines:
            if line.missing is None:
                _cut(line, order, seed)
        progress(Tick("draw", number / steps, {"draws": number}))


@dataclass(frozen=True)
class _Order:
    """Samples in the order in which a draw takes them, and whether the pool had too few."""

    ids: Ids
    is_short: bool


def _order(home: Home, line: Baseline, most: int, seed: int) -> _Order | str:
    """Return what a draw of that many samples or tokens takes, or why there is none."""
    amount = {"size" if line.budget == "samples" else "tokens": most}
    recipe = replace(line.recipe, seed=seed, **amount)  # type: ignore[arg-type]
    source, short = line.source, False
    if source.members is None:
        return source.missing or "the pool cannot be had"
    try:
        try:
            found = choose(home, recipe, source.space, silent, as_of=source.as_of)
        except TooFewSamples:
            recipe, short = replace(recipe, allow_fewer=True), True
            found = choose(home, recipe, source.space, silent, as_of=source.as_of)
    except (HomeError, StoreError):
        raise
    except CatalogError as error:
        return error.message
    return _Order(np.asarray(found.members["sample_id"].to_numpy()), short)


def _cut(line: Baseline, order: _Order | str, seed: int) -> None:
    """Give a baseline its part of the largest draw."""
    if isinstance(order, str):
        line.missing, line.draws = order, []
        return
    spent = np.arange(1, len(order.ids) + 1, dtype=np.float64)
    if line.budget == "tokens" and line.source.members is not None:
        assert line.source.tokens is not None, "a budget of tokens is counted in a space"
        places = np.searchsorted(line.source.members.ids, order.ids)
        spent = np.cumsum(line.source.tokens[places])
    if order.is_short and spent[-1] < line.amount:
        line.missing = f"there are {spent[-1]:,.0f} {line.budget} to draw from"
        line.draws = []
        return
    taken = int(np.searchsorted(spent, line.amount, side="right"))
    line.draws.append(drawn(order.ids[:taken], seed))
