"""Tables of a comparison, for a terminal and a page alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from catalog.compare.comparison import Column, Comparison
from catalog.compare.wording import marked, named, number, ranged, rows, share


@dataclass(frozen=True)
class Row:
    """One row: what it is about, and a cell for every heading."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Headings and rows, all as text.

    Attributes:
        headings: of the columns after the first; keys of the comparison's columns, or words.
        rows: in the order of reading.
    """

    headings: tuple[str, ...]
    rows: tuple[Row, ...]


def shown(comparison: Comparison) -> list[Column]:
    """Return the columns that every table has: snapshots, and draws of the same size."""
    columns = comparison.of("snapshot", "baseline")
    return [column for column in columns if column.budget in (None, "samples")]


def figures(comparison: Comparison, columns: Sequence[Column] | None = None) -> Table:
    """Return every figure of some columns; all snapshots and baselines if none are given."""
    columns = comparison.of("snapshot", "baseline") if columns is None else columns
    found = [
        Row(named(*row), tuple(marked(comparison, column, *row) for column in columns))
        for row in rows(comparison)
    ]
    if all(column.draws[0].contaminated is None for column in columns):
        found.append(Row("contaminated", ("not checked",) * len(columns)))
    return Table(tuple(column.key for column in columns), tuple(found))


def shares(columns: Sequence[Column], measure: str) -> Table:
    """Return shares by what they are of, the largest in any column first."""
    largest: dict[str, float] = {}
    for column in columns:
        for figure in column.figures:
            if figure.measure == measure:
                largest[figure.of] = max(largest.get(figure.of, 0.0), figure.spread.mean)
    found = []
    for name in sorted(largest, key=lambda name: (-largest[name], name)):
        spreads = [column.figure(measure, name) for column in columns]
        found.append(Row(name, tuple(ranged(measure, s) if s else "0%" for s in spreads)))
    return Table(tuple(column.key for column in columns), tuple(found))


def matrix(comparison: Comparison) -> Table:
    """Return the share of the smaller that every two columns have in common, and by chance."""
    columns = shown(comparison)
    found = []
    for one in columns:
        cells = []
        for other in columns:
            overlap = comparison.overlap(one.key, other.key)
            smaller = min(one.draws[0].distinct, other.draws[0].distinct)
            if overlap is None:
                cells.append("·" if one is other else "-")
            else:
                chance = overlap.by_chance
                told = "" if chance is None else f" ({share(chance / smaller)})"
                cells.append(f"{share(overlap.of_smaller.mean)}{told}")
        found.append(Row(one.key, tuple(cells)))
    return Table(tuple(column.key for column in columns), tuple(found))


def overlap(comparison: Comparison) -> Table:
    """Return what every two columns have in common, a row for each pair."""
    found = []
    for one, other in combinations(shown(comparison), 2):
        pair = comparison.overlap(one.key, other.key)
        if pair is not None:
            chance = "not known" if pair.by_chance is None else number(round(pair.by_chance, 1))
            cells = (
                ranged("", pair.shared),
                chance,
                share(pair.of_smaller.mean),
                share(pair.jaccard.mean),
            )
            found.append(Row(f"{one.key} and {other.key}", cells))
    return Table(("in common", "by chance", "of the smaller", "Jaccard"), tuple(found))


def contamination(comparison: Comparison) -> Table:
    """Return the marked members of every column by task; no row if nothing was checked."""
    columns = shown(comparison)
    tasks = columns[0].draws[0].contamination
    found = []
    for task in tasks:
        cells = []
        for column in columns:
            marks = [draw.contamination[task] for draw in column.draws]
            low, high = min(m.marked for m in marks), max(m.marked for m in marks)
            late = max(m.unchecked for m in marks)
            told = f"{low:,}" if low == high else f"{low:,}…{high:,}"
            cells.append(f"{told} ({late:,} not checked)" if late else told)
        found.append(Row(task, tuple(cells)))
    return Table(tuple(column.key for column in columns), tuple(found))


def distribution(columns: Sequence[Column], of: str) -> Table:
    """Return how a number is spread in every column that has it; of draws the mean."""
    found = []
    for column in columns:
        draws = [draw.distributions[of] for draw in column.draws if of in draw.distributions]
        if draws:
            five = zip(*(draw.percentiles for draw in draws), strict=True)
            values = [sum(d.mean for d in draws), *(sum(part) for part in five)]
            count = sum(draw.count for draw in draws) / len(draws)
            cells = (*(number(value / len(draws)) for value in values), f"{count:,.0f}")
            found.append(Row(column.key, cells))
    return Table(("mean", "5%", "25%", "median", "75%", "95%", "of"), tuple(found))
