"""Mixes: parts of snapshots, taken from the top of each, become a snapshot like any other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidInput, TooFewSamples, UnknownName
from catalog.freeze import existing, freeze
from catalog.home import Home
from catalog.model import NamedSpace, check_name
from catalog.recipe import Recipe
from catalog.references import Part
from catalog.selecting.choosing import Selected
from catalog.snapshot import Snapshot, find
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Store

SHARES_SUM = 1e-9
"""How far shares may be from making 100% together."""


def mix(
    home: Home,
    name: str,
    parts: Sequence[str],
    *,
    size: int | None = None,
    tokens: int | None = None,
    repeats: int = 1,
    space: str | None = None,
    note: str | None = None,
) -> Snapshot:
    """Mix snapshots into a new one; see `Catalog.mix`."""
    check_name(name)
    with Store(home).read() as reader:
        named = the_space(reader, space) if space is not None or tokens is not None else None
    recipe = Recipe(
        method="mix",
        size=size,
        tokens=tokens,
        space=named.space.contract() if named else None,
        parts=tuple(read_part(home, part) for part in parts),
        repeats=repeats,
    )
    with Store(home).read() as reader:
        if found := existing(reader, home, name, recipe):
            return found
    return freeze(home, name, recipe, mixed(home, recipe, named), named, note)


def read_part(home: Home, text: str) -> Part:
    """Read `A@1=70%` or `A@1=500`.

    Raises:
        InvalidInput: it is written otherwise.
        UnknownName: there is no such snapshot.
    """
    reference, equals, amount = text.partition("=")
    number = amount.removesuffix("%")
    try:
        value = float(number) if amount.endswith("%") else int(number)
    except ValueError:
        value = 0
    if not equals or not reference or not 0 < value < 2**63:
        raise InvalidInput(
            f"{text!r} is no part of a mix", hint="Write SNAPSHOT=SHARE% or SNAPSHOT=COUNT."
        )
    snapshot = find(home, reference)
    if amount.endswith("%"):
        return Part(str(snapshot), snapshot.digest, share=value / 100)
    return Part(str(snapshot), snapshot.digest, count=int(value))


def mixed(home: Home, recipe: Recipe, space: NamedSpace | None) -> Selected:
    """Choose the members of a mix; nothing is written.

    A sample of several parts belongs to the first that comes to it, and the others go on to their
    next; with repeats it counts again, and a part that ends begins anew, until each sample counts
    as often as it may.

    Raises:
        TooFewSamples: a part has too little to give.
        UnknownName: a part is not here.
    """
    amounts = _amounts(recipe)
    store = Store(home)
    with store.read() as reader:
        sources = []
        for part in recipe.parts:
            params = {"digest": part.digest, "space_id": space.space_id if space else None}
            rows = reader.arrow(load("freeze/part"), **params)
            if not len(rows):
                raise UnknownName(
                    f"the part {part.snapshot} is not here (digest {part.digest[:12]})",
                    hint="It was deleted, or belongs to another home.",
                )
            sources.append(rows)
        change_id = int(reader.value(load("show/pool_clock")))
    taken = _take(recipe, sources, amounts)
    return Selected(_members(sources, taken), load("freeze/part").text, change_id)


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
    is_full: bool = False


def _take(
    recipe: Recipe, sources: Sequence[pa.Table], amounts: Sequence[int]
) -> list[tuple[int, int]]:
    """Walk all parts, each as far along as the others, and return (part, place) of every take."""
    budget = recipe.tokens is not None
    walks = []
    for rows, amount in zip(sources, amounts, strict=True):
        costs = rows["tokens"].to_pylist() if budget else [1] * len(rows)
        if None in costs:
            raise InvalidInput(
                "a token budget needs the token counts of all samples, and some have none",
                hint="Run `catalog embed` for the space first.",
            )
        walks.append(_Walk(rows["sample_id"].to_pylist(), costs, amount))
    counted: dict[int, int] = {}
    taken: list[tuple[int, int]] = []
    for number in _turns(amounts, walks):
        walk = walks[number]
        place = _next(walk, counted, recipe.repeats)
        if place is None or walk.costs[place] > walk.left:
            walk.is_full = True
            if place is None and not (recipe.allow_fewer or (budget and walk.left == 0)):
                raise _too_short(recipe, number, amounts[number], walk)
            continue
        walk.left -= walk.costs[place]
        counted[walk.ids[place]] = counted.get(walk.ids[place], 0) + 1
        taken.append((number, place))
    return taken


def _turns(amounts: Sequence[int], walks: Sequence[_Walk]) -> Iterator[int]:
    """Give whose turn it is: the part that has the least of what it is to give."""
    while True:
        open_ = [n for n, walk in enumerate(walks) if walk.left > 0 and not walk.is_full]
        if not open_:
            return
        yield min(open_, key=lambda n: ((amounts[n] - walks[n].left) / amounts[n], n))


def _next(walk: _Walk, counted: dict[int, int], most: int) -> int | None:
    """Return the place of the next sample that may still count, beginning anew if allowed."""
    while True:
        while walk.place < len(walk.ids):
            place = walk.place
            walk.place += 1
            if counted.get(walk.ids[place], 0) < most:
                return place
        if walk.round >= most:
            return None
        walk.place, walk.round = 0, walk.round + 1


def _too_short(recipe: Recipe, number: int, amount: int, walk: _Walk) -> TooFewSamples:
    part, unit = recipe.parts[number], "tokens" if recipe.tokens is not None else "samples"
    return TooFewSamples(
        f"{part.snapshot} is to give {amount:,} {unit}, and has {amount - walk.left:,} that are "
        "not in another part already",
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
