"""Sets of samples become figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.compare.binning import distribution, edges
from catalog.compare.comparison import (
    NEAREST,
    SCORE,
    TOWARDS,
    Contamination,
    Figure,
    Measures,
    Near,
)
from catalog.compare.facts import Facts, Labels
from catalog.compare.members import Members, Numbers
from catalog.compare.nearness import Nearest
from catalog.compare.spread import spread


@dataclass(frozen=True)
class Material:
    """What sets are measured with.

    Attributes:
        facts: of every sample in any of them.
        towards: by task float64 (n,), beside `facts`: the best cosine to one of its queries.
        threshold: the cosine above which two members are near-duplicates.
    """

    facts: Facts
    towards: Mapping[str, Numbers]
    threshold: float


Values = dict[str, Numbers]


def values(members: Members, material: Material, near: Nearest | None) -> Values:
    """Return every number that a set's members have, repeated as often as they count."""
    places = material.facts.places(members.ids)
    columns = dict(material.facts.numbers)
    if near is not None:  # a pool itself is too large to be held against every query
        columns |= {f"{TOWARDS}{task}": column for task, column in material.towards.items()}
    found = {name: np.repeat(column[places], members.times) for name, column in columns.items()}
    found[SCORE] = np.repeat(members.scores, members.times)
    if near is not None:
        found[NEAREST] = near.cosines
    return found


def bins(found: Sequence[Values]) -> dict[str, tuple[float, ...]]:
    """Return the edges of the bins of every number, shared by all sets."""
    names = dict.fromkeys(name for one in found for name in one)
    shared = {name: edges(name, [one[name] for one in found if name in one]) for name in names}
    return {name: shape for name, shape in shared.items() if shape}


def measure(
    members: Members,
    material: Material,
    near: Nearest | None,
    found: Values,
    shared: Mapping[str, tuple[float, ...]],
) -> Measures:
    """Return every figure of one set."""
    facts = material.facts
    places = facts.places(members.ids)
    tokens = facts.numbers["tokens"][places] @ members.times if "tokens" in facts.numbers else None
    distributions = {name: distribution(one, shared.get(name, ())) for name, one in found.items()}
    marked = np.zeros(len(places), bool)
    for flags in facts.marked.values():
        marked |= flags[places]
    return Measures(
        members.samples,
        len(members.ids),
        None if tokens is None or np.isnan(tokens) else int(tokens),
        _counted(facts.sources, members, facts),
        _same_opening(facts, members),
        {name: one for name, one in distributions.items() if one is not None},
        {name: _counted(one, members, facts) for name, one in facts.labels.items()},
        None if near is None else _near(near, material.threshold),
        int(marked.sum()) if facts.marked else None,
        {
            task: Contamination(int(flags[places].sum()), int(facts.unchecked[task][places].sum()))
            for task, flags in facts.marked.items()
        },
    )


def _counted(labels: Labels, members: Members, facts: Facts) -> dict[str, int]:
    codes = labels.codes[facts.places(members.ids)]
    known = codes >= 0
    counts = np.bincount(codes[known], members.times[known], len(labels.names))
    return {name: int(number) for name, number in zip(labels.names, counts, strict=True) if number}


def _same_opening(facts: Facts, members: Members) -> int | None:
    openings = facts.openings[facts.places(members.ids)]
    if (openings < 0).any():
        return None
    _, counts = np.unique(openings, return_counts=True)
    return int(counts[counts > 1].sum())


def _near(near: Nearest, threshold: float) -> Near:
    above = int((near.cosines > threshold).sum())
    return Near(len(near.cosines), near.without_vector, above, near.exact)


def figures(draws: Sequence[Measures], pool: Measures | None) -> tuple[Figure, ...]:
    """Return the numbers that can be compared, over the draws of one column.

    Args:
        draws: of the column.
        pool: that it was chosen from, if that is known.
    """
    found: dict[tuple[str, str], tuple[list[float], int | None]] = {}
    for one in draws:
        for key, (value, among) in _numbers(one, pool).items():
            found.setdefault(key, ([], among))[0].append(value)
    for (measure, _), (each, _) in found.items():
        if measure.startswith("share of"):  # what a draw holds nothing of has a share all the same
            each += [0.0] * (len(draws) - len(each))
    return tuple(
        Figure(*key, spread(each, among))
        for key, (each, among) in found.items()
        if len(each) == len(draws)
    )


Numbered = dict[tuple[str, str], tuple[float, int | None]]


def _numbers(one: Measures, pool: Measures | None) -> Numbered:
    """Return one set's numbers by measure and what it is of; shares with how many they are of."""
    found: Numbered = {
        ("samples", ""): (one.samples, None),
        ("distinct samples", ""): (one.distinct, None),
        ("repeats", ""): (one.samples - one.distinct, None),
    }
    if one.tokens is not None:
        found["tokens", ""] = (one.tokens, None)
    for name, spreaded in one.distributions.items():
        found["mean", name] = (spreaded.mean, None)
        found["median", name] = (spreaded.percentiles[2], None)
    if one.near and one.near.checked:
        found["near-duplicates", ""] = (one.near.above / one.near.checked, one.near.checked)
    if one.same_opening is not None:
        found["same opening", ""] = (one.same_opening / one.distinct, one.distinct)
    if one.contaminated is not None:
        found["contaminated", ""] = (one.contaminated / one.distinct, one.distinct)
        for task, marks in one.contamination.items():
            found["contaminated", task] = (marks.marked / one.distinct, one.distinct)
    return found | _mix(one, pool)


def _mix(one: Measures, pool: Measures | None) -> Numbered:
    found: Numbered = {}
    names = dict.fromkeys([*(pool.sources if pool else ()), *one.sources])
    for name in names:
        found["share of source", name] = (one.sources.get(name, 0) / one.samples, one.samples)
    for scorer, counts in one.labels.items():
        for name, number in counts.items():
            found[f"share of {scorer}", name] = (number / one.samples, one.samples)
    if pool:
        apart = sum(
            abs(one.sources.get(name, 0) / one.samples - pool.sources.get(name, 0) / pool.samples)
            for name in names
        )
        found["distance from the pool's mix", ""] = (apart / 2, None)
    return found
