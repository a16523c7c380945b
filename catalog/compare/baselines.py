"""Baselines: random and balanced draws from the pool that a snapshot was chosen from.

They come of the snapshot's own recipe, with another rule and without its tasks, through the same
engine: the same filters, the pool as it was then, and nothing is frozen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import Any, Literal

import pyarrow as pa

from catalog.compare.members import Members, Numbers, drawn, numbers
from catalog.errors import CatalogError, HomeError, StoreError
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.recipe import Recipe
from catalog.scorers import scorer_of
from catalog.selecting.choosing import pool_of
from catalog.snapshot import Snapshot
from catalog.store import Reader, Store

METHODS = ("random", "balanced")
WITHOUT_FILTERS = ("sql", "mix")
"""Methods whose recipe does not say what they chose from: the whole pool is held against them."""

Budget = Literal["samples", "tokens"]


@dataclass(frozen=True)
class Chosen:
    """A snapshot, what it holds, and what its baselines need.

    Attributes:
        key: of its column.
        snapshot: the snapshot.
        members: what it holds.
        space: that its recipe names, or else the comparison's, or None.
        tokens: its tokens there, repeats counted; None if that is not known.
    """

    key: str
    snapshot: Snapshot
    members: Members
    space: NamedSpace | None
    tokens: int | None


@dataclass
class Source:
    """A pool that snapshots were chosen from, with all that narrowed it.

    Attributes:
        key: of its column.
        recipe: a random draw from it, its size left open.
        space: that the recipe names.
        as_of: the change up to which the pool goes.
        members: the pool itself, or None if it cannot be had.
        tokens: float64, of every sample of the pool in the space, or None without one.
        missing: why, in words.
        chosen: the snapshots that were chosen from it.
    """

    key: str
    recipe: Recipe
    space: NamedSpace | None
    as_of: int
    members: Members | None = None
    tokens: Numbers | None = None
    missing: str | None = None
    chosen: list[Chosen] = field(default_factory=list)


@dataclass
class Baseline:
    """Draws by one method with one budget from one pool.

    Attributes:
        key: of its column.
        recipe: of the draws, but for their size and seed.
        budget: what it has as much of as its snapshots.
        amount: how much that is.
        source: what it draws from.
        beside: the keys of the snapshots it stands beside.
        draws: what was drawn, one for each seed.
        missing: why nothing could be drawn, or None.
    """

    key: str
    recipe: Recipe
    budget: Budget
    amount: int
    source: Source
    beside: list[str]
    draws: list[Members] = field(default_factory=list)
    missing: str | None = None

    @property
    def method(self) -> str:
        """`random` or `balanced`."""
        return self.recipe.method

    @property
    def name(self) -> str:
        """What the draws are."""
        recipe = self.recipe
        named = [f"{recipe.method}, {self.amount:,} {self.budget}"]
        if recipe.max_per_source is not None:
            named.append(f"at most {recipe.max_per_source:,} of a source")
        if recipe.skip_near_duplicates is not None:
            named.append(f"none nearer than {recipe.skip_near_duplicates:g}")
        return ", ".join(named)


def sources(home: Home, chosen: Sequence[Chosen]) -> list[Source]:
    """Return the pools that some snapshots were chosen from, each once, and read."""
    found: list[Source] = []
    pools: dict[tuple[str, int], tuple[Source, pa.Table | None]] = {}
    with Store(home).read() as reader:
        recipes = [filters(reader, one.snapshot.recipe, one.space) for one in chosen]
    for one, recipe in zip(chosen, recipes, strict=True):
        as_of, name = one.snapshot.pool_change_id, recipe.json()
        if (name, as_of) not in pools:
            source = Source(f"P{len(found) + 1}", recipe, one.space, as_of)
            rows = _read(home, source)
            # Changes in between may have left the pool as it was.
            same = [
                known
                for (other, _), (known, pool) in pools.items()
                if other == name and rows is not None and pool is not None and rows.equals(pool)
            ]
            pools[name, as_of] = (same[0] if same else source), rows
            found += [] if same else [source]
        pools[name, as_of][0].chosen.append(one)
    return found


def _read(home: Home, source: Source) -> pa.Table | None:
    """Read a pool, where it can be had."""
    try:
        pool = pool_of(home, source.recipe, source.space, as_of=source.as_of)
    except (HomeError, StoreError):
        raise
    except CatalogError as error:
        source.missing = error.message
        return None
    source.members = drawn(pool.ids, None)
    if source.space is not None:
        source.tokens = numbers(pool.samples["tokens"])
    return pool.samples


def filters(reader: Reader, recipe: Recipe, space: NamedSpace | None) -> Recipe:
    """Return the random draw, of no size yet, from the pool that a recipe's own filters leave."""
    contract = space.space.contract() if space else None
    if recipe.method in WITHOUT_FILTERS:
        return Recipe("random", space=contract)
    return replace(
        recipe,
        method="random",
        size=None,
        tokens=None,
        rule=None,
        tasks=(),
        space=contract,
        where=_where(reader, recipe),
        seed=0,
        params={},
        scores={},
        max_per_source=None,
        skip_near_duplicates=None,
        allow_fewer=False,
    )


def _where(reader: Reader, recipe: Recipe) -> str | None:
    """Return a recipe's condition, and that nothing is missing if it left out what is.

    Rules that look at no vector or score would not miss any: every vector brings a token count.
    """
    scorers = [scorer_of(reader, recipe.scores[name], name) for name in sorted(recipe.scores)]
    needed = [f'"{scorer.name}" is not null' for scorer in scorers if scorer is not None]
    budgeted = recipe.tokens is not None or recipe.skip_near_duplicates is not None
    if recipe.tasks or budgeted or recipe.method == "length":
        needed.insert(0, "tokens is not null")
    if not recipe.skip_missing or not needed:
        return recipe.where
    own = [] if recipe.where is None else [f"(\n{recipe.where}\n)"]
    return " and ".join([*own, *needed])


def baselines(found: Sequence[Source]) -> list[Baseline]:
    """Return the baselines that some snapshots need, each once: same samples, then same tokens."""
    planned: dict[tuple[object, ...], Baseline] = {}
    numbered = {method: count(1) for method in METHODS}
    budgets: tuple[Budget, ...] = ("samples", "tokens")
    for budget in budgets:
        for source in found:
            for one in source.chosen:
                for method in METHODS:
                    amount = _amount(one, budget)
                    bars = _bars(one.snapshot.recipe)
                    identity = (source.key, *bars.values(), method, budget, amount)
                    if identity not in planned and amount:
                        key = f"{method[0]}{next(numbered[method])}"
                        recipe = replace(source.recipe, method=method, **bars)
                        planned[identity] = Baseline(key, recipe, budget, amount, source, [])
                    if amount:
                        planned[identity].beside.append(one.key)
    return list(planned.values())


def _bars(recipe: Recipe) -> dict[str, Any]:
    """Return what bars samples on the way, rather than narrow the pool before."""
    names = ("max_per_source", "skip_near_duplicates")
    own = recipe.method not in WITHOUT_FILTERS
    return {name: getattr(recipe, name) if own else None for name in names}


def _amount(one: Chosen, budget: Budget) -> int:
    if budget == "samples":
        return one.members.samples
    return one.tokens or 0


def seeds(chosen: Sequence[Chosen], draws: int) -> list[int]:
    """Return seeds for the draws: from 0, but none that a compared snapshot was drawn with."""
    taken = {one.snapshot.recipe.seed for one in chosen if one.snapshot.method in METHODS}
    return [*islice((seed for seed in count() if seed not in taken), draws)]
