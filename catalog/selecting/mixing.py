"""Mixes: parts of snapshots, taken from the top of each; nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InvalidInput, TooFewSamples, UnknownName
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.recipe import Recipe
from catalog.sql import load
from catalog.store import Store

SHARES_SUM = 1e-9
"""How far shares may be from making 100% together."""


def mixed(
    home: Home, recipe: Recipe, space: NamedSpace | None, *, as_of: int | None = None
) -> tuple[pa.Table, int]:
    """Choose the members of a mix; what was retired by the change `as_of`, or now, is left out.

    A sample of several parts belongs to the first in the recipe, and the others go on to their
    next; with repeats it counts again, and a part that ends begins anew, until each sample counts
    as often as it may.

    Returns:
        The members in order, each with its repeats and as rank its place in its part; and the last
        change of the pool.

    Raises:
        TooFewSamples: a part has too little to give.
        UnknownName: a part is not here.
    """
    amounts = _amounts(recipe)
    with Store(home, as_of=as_of).read() as reader:
        retired = reader.arrow("select sample_id from retired order by sample_id")["sample_id"]
    with Store(home).read() as reader:
        sources = []
        for part in recipe.parts:
            params = {"digest": part.digest, "space_id": space.space_id if space else None}
            rows = reader.arrow(load("freeze/part"), **params)
            if not len(rows):
                raise UnknownName(
                    f"the part {part.snapshot} is not here (digest {part.digest[:12]})",
                    hint="It was deleted, or belongs to another home.",
                )
            gone = pc.is_in(rows["sample_id"], value_set=retired)
            sources.append(rows.filter(pc.invert(gone)))
        change_id = int(reader.value(load("show/pool_clock")))
    taken = _take(recipe, sources, amounts)
    return _members(sources, taken), change_id


def _amounts(recipe: Recipe) -> list[int]:
    """Return how many samples, or tokens, each part gives."""
    shares = [part.share for part in recipe.parts if part.share is not None]
    whole = recipe.size if recipe.tokens is None else recipe.tokens
    if not shares:
        counts = [part.count or 0 for part in recipe.parts]
        if whole is not None and (recipe.tokens is not None or sum(counts) != whole):
            raise InvalidInput(
                f"the parts count {sum(counts):,} samples together, and "
                f"{'--tokens' if recipe.tokens is not None else '--size'} says {whole:,}",
                hint="Leave --size and --tokens out, or give shares in %.",
            )
        return counts
    if len(shares) < len(recipe.parts):
        raise InvalidInput(
            "some parts have a share and some a count", hint="Give all in %, or all as counts."
        )
    if abs(sum(shares) - 1) > SHARES_SUM:
        raise InvalidInput(
            f"the shares make {sum(shares):.6g} of the whole together",
            hint="They must make 100%.",
        )
    if whole is None:
        raise InvalidInput("shares of what? no size was given", hint="Say --size N, or --tokens N.")
    exact = [share * whole for share in shares]
    floors = [int(amount + SHARES_SUM) for amount in exact]
    # What rounding down left goes to the largest remainders, the first of equals.
    by_rest = sorted(range(len(exact)), key=lambda part: (floors[part] - exact[part], part))
    for part in by_rest[: whole - sum(floors)]:
        floors[part] += 1
    return floors


@dataclass
class _Walk:
    """One part on its way: what it may still give, and where it is."""

    ids: list[int]
    costs: list[int]
    left: int
    place: int = 0
    round: int = 1

    def next(self, counted: dict[int, int], most: int) -> int | None:
        """Return the place of the next sample that may still count, beginning anew if allowed."""
        while True:
            while self.place < len(self.ids):
                self.place += 1
                if counted.get(self.ids[self.place - 1], 0) < most:
                    return self.place - 1
            if self.round >= most:
                return None
            self.place, self.round = 0, self.round + 1


def _take(
    recipe: Recipe, sources: Sequence[pa.Table], amounts: Sequence[int]
) -> list[tuple[int, int]]:
    """Walk the parts one after another, and return (part, place) of every take, interleaved.

    In the mix each part is always about as far along as the others, so that its beginning is
    mixed as the whole is.
    """
    budget = recipe.tokens is not None
    counted: dict[int, int] = {}
    taken: list[tuple[float, int, int]] = []
    for number, (rows, amount) in enumerate(zip(sources, amounts, strict=True)):
        costs = rows["tokens"].to_pylist() if budget else [1] * len(rows)
        if None in costs:
            raise InvalidInput(
                f"a token budget needs the token counts of all samples, and some of "
                f"{recipe.parts[number].snapshot} have none",
                hint="Run `catalog embed` for the space first.",
            )
        walk = _Walk(rows["sample_id"].to_pylist(), costs, amount)
        while walk.left > 0:
            place = walk.next(counted, recipe.repeats)
            if place is None:
                if recipe.allow_fewer:
                    break
                raise _too_short(recipe, number, amount, walk)
            if walk.costs[place] > walk.left:
                if walk.left == amount:
                    raise TooFewSamples(
                        f"not one sample of {recipe.parts[number].snapshot} fits into its "
                        f"{amount:,} tokens",
                        hint="Ask for more tokens, or give it a larger share.",
                    )
                break
            taken.append(((amount - walk.left) / amount, number, place))
            walk.left -= walk.costs[place]
            counted[walk.ids[place]] = counted.get(walk.ids[place], 0) + 1
    return [(number, place) for _, number, place in sorted(taken, key=lambda one: one[:2])]


def _too_short(recipe: Recipe, number: int, amount: int, walk: _Walk) -> TooFewSamples:
    part, unit = recipe.parts[number], "tokens" if recipe.tokens is not None else "samples"
    return TooFewSamples(
        f"{part.snapshot} is to give {amount:,} {unit}, and has {amount - walk.left:,} that are "
        "neither retired nor in another part already",
        hint="Ask for less, or let samples count more than once with --repeats.",
    )


def _members(sources: Sequence[pa.Table], taken: Sequence[tuple[int, int]]) -> pa.Table:
    """Return each sample once, where it was taken first, and how often it counts."""
    whole = pa.concat_tables(sources)
    starts = np.cumsum([0, *map(len, sources)])
    rows = np.array([starts[part] + place for part, place in taken], np.int64)
    ids = whole["sample_id"].to_numpy()[rows]
    _, first, repeats = np.unique(ids, return_index=True, return_counts=True)
    order = np.argsort(first)
    table = whole.take(pa.array(rows[first[order]])).drop_columns(["tokens"])
    table = table.append_column("turn", pa.array(first[order]))
    return table.append_column("repeats", pa.array(repeats[order], pa.int32()))
