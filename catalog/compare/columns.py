"""Pools, snapshots and baselines become columns, measured over shared bins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.compare.baselines import Baseline, Chosen, Source
from catalog.compare.comparison import Column, Measures
from catalog.compare.measuring import Material, bins, figures, measure, values
from catalog.compare.members import Members
from catalog.compare.nearness import Nearest
from catalog.show import in_words

Measured = Mapping[str, tuple[Measures, ...]]


@dataclass(frozen=True)
class _Part:
    """What becomes a column."""

    key: str
    draws: Sequence[Members]
    pool: str


def columns(
    chosen: Sequence[Chosen],
    pools: Sequence[Source],
    planned: Sequence[Baseline],
    material: Material,
    near_of: Mapping[int, Nearest],
) -> tuple[tuple[Column, ...], dict[str, tuple[float, ...]]]:
    """Measure everything, over shared bins."""
    parts = [_Part(pool.key, [pool.members] if pool.members else [], pool.key) for pool in pools]
    parts += [_Part(one.key, [one.members], pool.key) for pool in pools for one in pool.chosen]
    parts += [_Part(line.key, line.draws, line.source.key) for line in planned]
    numbers = {
        id(one): values(one, material, near_of.get(id(one))) for part in parts for one in part.draws
    }
    shared = bins(list(numbers.values()))
    measured = {
        part.key: tuple(
            measure(one, material, near_of.get(id(one)), numbers[id(one)], shared)
            for one in part.draws
        )
        for part in parts
    }
    pool_of = {part.key: next(iter(measured[part.pool]), None) for part in parts}
    made = [_pool_column(pool, measured) for pool in pools]
    made += [_snapshot_column(one, measured, pools) for one in chosen]
    made += [_baseline_column(line, measured, len(pools) > 1) for line in planned]
    return (
        tuple(replace(one, figures=figures(one.draws, pool_of[one.key])) for one in made),
        shared,
    )


def _pool_column(pool: Source, measured: Measured) -> Column:
    recipe = pool.recipe
    narrowed = [f"where {recipe.where}"] if recipe.where is not None else []
    narrowed += [f"not in {one.name}" for one in recipe.not_in]
    narrowed += ["without contaminated samples"] if recipe.exclude_contaminated else []
    told = f"pool as of change {pool.as_of}"
    return Column(
        pool.key,
        told,
        "pool",
        "; ".join([told, *narrowed]),
        pool.key,
        tuple(one.key for one in pool.chosen),
        None,
        measured[pool.key],
        (),
        pool.missing,
    )


def _snapshot_column(one: Chosen, measured: Measured, pools: Sequence[Source]) -> Column:
    [pool] = [pool.key for pool in pools if one in pool.chosen]
    words = in_words(one.snapshot.recipe)
    return Column(
        one.key, str(one.snapshot), "snapshot", words, pool, (), None, measured[one.key], ()
    )


def _baseline_column(line: Baseline, measured: Measured, several: bool) -> Column:
    name = line.name
    return Column(
        line.key,
        f"{name}, from {line.source.key}" if several else name,
        "baseline",
        line.method,
        line.source.key,
        tuple(line.beside),
        line.budget,
        measured[line.key],
        (),
        line.missing,
    )
