"""Snapshots are compared: found, given baselines, measured and held against each other."""

from collections.abc import Callable, Sequence

from catalog.compare.baselines import (
    Baseline,
    Chosen,
    Source,
    baselines,
    seeds,
    sources,
)
from catalog.compare.columns import columns
from catalog.compare.comparison import Comparison
from catalog.compare.drawing import draw
from catalog.compare.facts import Facts, read_facts
from catalog.compare.finding import findings
from catalog.compare.measuring import Material
from catalog.compare.members import Members, letters, read_members, union
from catalog.compare.nearness import Nearest, nearest
from catalog.compare.overlapping import Entry, overlaps
from catalog.compare.spread import MOST_DRAWS
from catalog.compare.towards import goals, towards
from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import Progress
from catalog.snapshot import Snapshot, find
from catalog.spaces import find_space, the_space
from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Vectors


def compare(
    home: Home,
    references: Sequence[str],
    *,
    space: str | None,
    draws: int,
    near: float,
    progress: Progress,
) -> Comparison:
    """Hold snapshots side by side, beside random and balanced draws of the same size and tokens.

    Args:
        home: the catalog's.
        references: `name@version`, or `name` for the newest.
        space: embedding space to measure tokens and vectors in; None for the one that the
            snapshots were chosen in, or the only one there is.
        draws: of every baseline.
        near: the cosine above which two members are near-duplicates.
        progress: is told how far it is.

    Raises:
        UnknownName: there is no such snapshot, or no such space.
        InvalidInput: no snapshot is named, or a number is out of range.
    """
    _check(references, draws, near)
    snapshots = {str(one): one for one in (find(home, name) for name in references)}
    notes: list[str] = []
    with Store(home).read() as reader:
        own = {name: _space_of(reader, one) for name, one in snapshots.items()}
        named = _common(reader, space, list(own.values()), notes.append)
        chosen = [
            _chosen(reader, key, snapshots[name], own[name] or named)
            for key, name in zip(letters(), snapshots, strict=False)
        ]
        wanted = goals(reader, [one.recipe for one in snapshots.values()], notes.append)
    pools = sources(home, chosen)
    planned = baselines(pools)
    draw(home, planned, seeds(chosen, draws), progress)
    _note(chosen, pools, planned, named, notes.append)
    sets = [one.members for one in chosen] + [d for line in planned for d in line.draws]
    members, whole = union(sets), union([*sets, *(p.members for p in pools if p.members)])
    with Store(home).read() as reader:
        facts = read_facts(reader, whole, members, named.space_id if named else None)
    near_of: dict[int, Nearest] = {}
    toward = {}
    if named is not None:
        near_of = _nearest(home, named, sets, facts, progress)
        if sampled := [one for one in near_of.values() if not one.exact]:
            fewest = min(len(one.cosines) for one in sampled)
            notes.append(
                f"near-duplicates of {len(sampled)} large sets are those of a seeded sample, of "
                f"{fewest:,} members or more, each held against the whole set"
            )
        found = towards(home, named, wanted, members, progress, notes.append)
        toward = {task: facts.spread_out(members, row) for task, row in found.items()}
    measured, shared = columns(chosen, pools, planned, Material(facts, toward, near), near_of)
    return Comparison(
        named.name if named else None,
        near,
        draws,
        tuple(toward),
        measured,
        tuple(overlaps(_entries(chosen, pools, planned), whole)),
        tuple(findings(measured)),
        shared,
        tuple(dict.fromkeys(notes)),
    )


def _check(references: Sequence[str], draws: int, near: float) -> None:
    if not references:
        raise InvalidInput(
            "no snapshot was named", hint="Name one or several; `catalog snapshots` lists them."
        )
    if not 1 <= draws <= MOST_DRAWS:
        raise InvalidInput(
            f"{draws} draws were asked for, expected 1 to {MOST_DRAWS}", hint="Use --draws 3."
        )
    if not -1 <= near <= 1:
        raise InvalidInput(
            f"{near} is no cosine: expected a number from -1 to 1", hint="Use --near 0.95."
        )


def _space_of(reader: Reader, snapshot: Snapshot) -> NamedSpace | None:
    row = reader.row(load("compare/spaces"), snapshot_id=snapshot.snapshot_id)
    return find_space(reader, row["name"]) if row and row["name"] is not None else None


def _common(
    reader: Reader, name: str | None, own: Sequence[NamedSpace | None], tell: Callable[[str], None]
) -> NamedSpace | None:
    """Return the space to measure in: the one named, else the only one that comes into question."""
    if name is not None:
        return the_space(reader, name)
    used = sorted({one.name for one in own if one is not None})
    known = used or [row["name"] for row in reader.rows(load("show/spaces"))]
    if len(known) == 1:
        return find_space(reader, known[0])
    tell(
        f"no tokens, near-duplicates or similarities: the embedding space could be "
        f"{', '.join(known[:-1])} or {known[-1]}; name one with --space"
        if known
        else "no tokens, near-duplicates or similarities: there is no embedding space"
    )
    return None


def _chosen(reader: Reader, key: str, snapshot: Snapshot, space: NamedSpace | None) -> Chosen:
    space_id = space.space_id if space else None
    members, tokens = read_members(reader, snapshot.snapshot_id, space_id)
    return Chosen(key, snapshot, members, space, tokens)


def _note(
    chosen: Sequence[Chosen],
    pools: Sequence[Source],
    planned: Sequence[Baseline],
    named: NamedSpace | None,
    tell: Callable[[str], None],
) -> None:
    """Tell what a reader of the figures has to know to read them rightly."""
    for one in chosen:
        if one.space and named and one.space != named:
            tell(f"{one.snapshot} was chosen in {one.space.name} and is measured in {named.name}")
        if one.snapshot.method in ("sql", "mix"):
            tell(f"{one.snapshot} is held against the whole pool: its recipe tells no filters")
        if one.tokens is None and named:
            tell(
                f"{one.snapshot} has no baseline of the same tokens: not all of its members have "
                f"a token count in {(one.space or named).name}"
            )
    for pool in pools:
        if pool.members is None:
            tell(f"the pool {pool.key} cannot be had any more: {pool.missing}")
    for line in planned:
        if line.missing is not None:
            beside = ", ".join(line.beside)
            tell(
                f"no {line.method} draw of {line.amount:,} {line.budget}, as {beside}: "
                f"{line.missing}"
            )


def _nearest(
    home: Home, named: NamedSpace, sets: Sequence[Members], facts: Facts, progress: Progress
) -> dict[int, Nearest]:
    """Return how near the members of every set lie, by the identity of the set."""
    found = nearest(
        Vectors(home, named.space, "sample"),
        named.space.width,
        sets,
        lambda ids: facts.order_keys[facts.places(ids)],
        progress,
    )
    return {id(one): near for one, near in zip(sets, found, strict=True)}


def _entries(
    chosen: Sequence[Chosen], pools: Sequence[Source], planned: Sequence[Baseline]
) -> list[Entry]:
    pool_of = {one.key: pool.members for pool in pools for one in pool.chosen}
    return [
        *(Entry(one.key, [one.members], pool_of[one.key]) for one in chosen),
        *(Entry(line.key, line.draws, line.source.members) for line in planned if line.draws),
    ]
