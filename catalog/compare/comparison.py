"""What a comparison gives, as values: every figure of every column, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.compare.spread import Spread, Verdict

Kind = Literal["pool", "snapshot", "baseline"]

SCORE = "selection score"
NEAREST = "nearest member"
TOWARDS = "similarity to "
"""Before a task's name: every member's best cosine to one of its queries."""


@dataclass(frozen=True)
class Distribution:
    """How a number is spread over the members that have one.

    Attributes:
        count: members that have one, each as often as it counts.
        mean: their mean.
        percentiles: the 5th, 25th, 50th, 75th and 95th.
        shares: of the members in every bin of `Comparison.bins`; they sum to 1.
    """

    count: int
    mean: float
    percentiles: tuple[float, float, float, float, float]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Near:
    """How near members lie to one another.

    Attributes:
        checked: members whose nearest other member was looked for.
        without_vector: members that have no vector, so that nothing is known of them.
        above: how many of the checked have another member above the threshold.
        exact: whether all that have a vector were checked, or a seeded sample of them.
    """

    checked: int
    without_vector: int
    above: int
    exact: bool


@dataclass(frozen=True)
class Contamination:
    """Members marked as overlapping one task.

    Attributes:
        marked: members that carry a mark.
        unchecked: members that came after the check.
    """

    marked: int
    unchecked: int


@dataclass(frozen=True)
class Measures:
    """Every figure of one set of samples.

    Attributes:
        samples: how many it has, repeats counted.
        distinct: how many different ones.
        tokens: in the space, repeats counted; None if there is no space or a sample has no count.
        sources: samples by first source, repeats counted.
        same_opening: distinct members whose first words of the user another member has too; None
            where that was not looked for.
        distributions: by name: `tokens` or `characters`, `turns`, every scorer, `selection score`,
            `nearest member`, and `similarity to T` for every task.
        labels: samples by what a scorer that gives texts says of them, by scorer.
        near: near-duplicates; None where no vectors were looked at.
        contaminated: distinct members marked for any task; None if no check ran.
        contamination: by task, each that the pool was checked for.
    """

    samples: int
    distinct: int
    tokens: int | None
    sources: Mapping[str, int]
    same_opening: int | None
    distributions: Mapping[str, Distribution]
    labels: Mapping[str, Mapping[str, int]]
    near: Near | None
    contaminated: int | None
    contamination: Mapping[str, Contamination]


@dataclass(frozen=True)
class Figure:
    """One number of a column, over its draws.

    Attributes:
        measure: what it says, such as `near-duplicates`.
        of: the source, task or scorer that it is about, if there are several; else empty.
        spread: over the draws.
    """

    measure: str
    of: str
    spread: Spread


@dataclass(frozen=True)
class Column:
    """A pool, a snapshot, or a baseline of several draws.

    Attributes:
        key: short and unique here: A, B, … for snapshots, P1 for a pool, r1 and b1 for baselines.
        name: `name@version`, or what the baseline is.
        kind: which of the three.
        method: how its members were chosen, in words.
        pool: the key of the pool they were chosen from.
        beside: the keys of the snapshots that a baseline stands beside.
        budget: what a baseline has as much of as its snapshots.
        draws: every figure of every draw; one for a snapshot, none for a missing baseline.
        figures: the numbers that can be compared, over the draws.
        missing: why a baseline could not be drawn, or None.
    """

    key: str
    name: str
    kind: Kind
    method: str
    pool: str
    beside: tuple[str, ...]
    budget: Literal["samples", "tokens"] | None
    draws: tuple[Measures, ...]
    figures: tuple[Figure, ...]
    missing: str | None = None

    def figure(self, measure: str, of: str = "") -> Spread | None:
        """Return one number over the draws, or None if it was not measured."""
        for figure in self.figures:
            if (figure.measure, figure.of) == (measure, of):
                return figure.spread
        return None


@dataclass(frozen=True)
class Overlap:
    """What two columns have in common; draws of one seed are never held against each other.

    Attributes:
        one: a column's key.
        other: another's.
        shared: distinct samples that both hold.
        of_smaller: their share of the smaller of the two.
        jaccard: their share of all samples that either holds.
        by_chance: how many random draws of these sizes would share, out of their pools; None where
            a pool is not known.
    """

    one: str
    other: str
    shared: Spread
    of_smaller: Spread
    jaccard: Spread
    by_chance: float | None


@dataclass(frozen=True)
class Finding:
    """Where one figure of a snapshot lies to a baseline's draws.

    Attributes:
        snapshot: the snapshot's key.
        baseline: the baseline's key.
        measure: see `Figure`.
        of: see `Figure`.
        value: the snapshot's.
        chance: the baseline's.
        verdict: `above` or `below` what one more draw would be expected to give, `within` it, or
            `unknown` where there are too few draws.
    """

    snapshot: str
    baseline: str
    measure: str
    of: str
    value: float
    chance: Spread
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """Snapshots side by side, beside chance.

    Attributes:
        space: in which tokens and vectors were looked at, or None.
        near: the cosine above which two members are near-duplicates.
        draws: how many draws every baseline has.
        tasks: that the snapshots were chosen for, as the figures name them.
        columns: pools, then snapshots in the order given, then baselines.
        overlaps: of every pair of snapshots and baselines.
        findings: of every snapshot against each of its baselines.
        bins: the edges of the bins of every distribution.
        notes: what was not measured, and why.
    """

    space: str | None
    near: float
    draws: int
    tasks: tuple[str, ...]
    columns: tuple[Column, ...]
    overlaps: tuple[Overlap, ...]
    findings: tuple[Finding, ...]
    bins: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...]

    def of(self, *kinds: Kind) -> tuple[Column, ...]:
        """Return the columns of some kinds that could be measured."""
        return tuple(c for c in self.columns if c.kind in kinds and c.draws)

    def column(self, key: str) -> Column:
        """Return the column of this key."""
        [found] = [column for column in self.columns if column.key == key]
        return found

    def overlap(self, one: str, other: str) -> Overlap | None:
        """Return what two columns share, or None if they were not held against each other."""
        for overlap in self.overlaps:
            if {overlap.one, overlap.other} == {one, other}:
                return overlap
        return None
