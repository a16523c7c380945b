"""A comparison as text for a terminal of some hundred columns."""

from collections.abc import Iterator
from textwrap import wrap

from catalog.compare.comparison import NEAREST, SCORE, Column, Comparison
from catalog.compare.tables import (
    Row,
    Table,
    contamination,
    distribution,
    figures,
    matrix,
    shares,
    shown,
)
from catalog.compare.telling import answer, draws_in_words
from catalog.compare.wording import folded, lengths

WIDTH = 110
MOST_ROWS = 20


def lines(comparison: Comparison) -> Iterator[str]:
    """Give the whole comparison, line by line."""
    yield from _who(comparison)
    yield ""
    for sentence in answer(comparison):
        yield from _wrapped(sentence)
    for title, table in _tables(comparison):
        if table.rows:
            yield ""
            yield title
            yield from _printed(table)
    yield ""
    yield from _wrapped(draws_in_words(comparison))
    for note in comparison.notes:
        yield from _wrapped(f"note: {note}")


def _who(comparison: Comparison) -> Iterator[str]:
    space = f", measured in the space {comparison.space}" if comparison.space else ""
    draws = f"{comparison.draws} draws" if comparison.draws > 1 else "1 draw"
    yield f"beside random and balanced, {draws} of each{space}"
    width = max(len(column.key) for column in comparison.columns)
    for kind in ("snapshot", "baseline", "pool"):
        for column in comparison.columns:
            if column.kind == kind:
                yield f"  {column.key:<{width}}  {_described(column)}"


def _described(column: Column) -> str:
    if column.missing is not None:
        return f"{folded(column.name, 50)}: none, {column.missing}"
    if column.kind == "snapshot":
        return f"{folded(column.name, 40)}: {folded(column.method, 66)}"
    if column.kind == "pool":
        return f"{folded(column.method, 80)}: {column.draws[0].samples:,} samples"
    return f"{column.name}, beside {', '.join(column.beside)}"


def _tables(comparison: Comparison) -> Iterator[tuple[str, Table]]:
    columns = shown(comparison)
    pooled = [*comparison.of("pool"), *columns]
    of_tokens = [c for c in comparison.of("baseline") if c.budget == "tokens"]
    yield "figures, beside draws of the same size", figures(comparison, columns)
    if of_tokens:
        yield "figures of draws of the same tokens", figures(comparison, of_tokens)
    yield "sources, share of samples", _cut(shares(pooled, "share of source"))
    for scorer in sorted({name for column in columns for name in column.draws[0].labels}):
        yield f"{scorer}, share of samples", _cut(shares(pooled, f"share of {scorer}"))
    yield "overlap, share of the smaller (by chance)", matrix(comparison)
    yield "contaminated members, by task", contamination(comparison)
    others = [name for name in comparison.bins if name not in ("tokens", "characters", "turns")]
    for name in (lengths(comparison), *sorted(others, key=lambda n: (n in (SCORE, NEAREST), n))):
        yield name, distribution(pooled, name)


def _cut(table: Table) -> Table:
    if len(table.rows) <= MOST_ROWS:
        return table
    more = Row(f"and {len(table.rows) - MOST_ROWS} more", ("",) * len(table.headings))
    return Table(table.headings, (*table.rows[:MOST_ROWS], more))


def _printed(table: Table) -> Iterator[str]:
    """Give a table, right-aligned; one that is too wide goes on below, its first column again."""
    names = ["", *(folded(row.name) for row in table.rows)]
    first = max(map(len, names))
    columns = [
        [heading, *(row.cells[place] for row in table.rows)]
        for place, heading in enumerate(table.headings)
    ]
    while columns:
        taken, used = 0, first
        for column in columns:
            used += 2 + max(map(len, column))
            if taken and used > WIDTH:
                break
            taken += 1
        part, columns = columns[:taken], columns[taken:]
        widths = [max(map(len, column)) for column in part]
        for number, name in enumerate(names):
            cells = (c[number].rjust(width) for c, width in zip(part, widths, strict=True))
            yield f"{name.ljust(first)}  {'  '.join(cells)}".rstrip()
        if columns:
            yield ""


def _wrapped(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, subsequent_indent="  ")
