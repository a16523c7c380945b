"""Where a snapshot's figures lie to those of chance: no claim outruns its interval."""

from collections.abc import Iterator, Sequence

from catalog.compare.comparison import NEAREST, SCORE, TOWARDS, Column, Figure, Finding

TOLD = ("near-duplicates", "same opening", "contaminated", "distance from the pool's mix")
"""Measures that are told of every snapshot, beside the means of all numbers."""


def findings(columns: Sequence[Column]) -> Iterator[Finding]:
    """Give where every snapshot lies to each of the baselines that stand beside it."""
    for column in columns:
        if column.kind != "snapshot":
            continue
        for baseline in columns:
            if baseline.kind == "baseline" and column.key in baseline.beside and baseline.draws:
                yield from _against(column, baseline)


def _against(column: Column, baseline: Column) -> Iterator[Finding]:
    for figure in sorted(column.figures, key=_order):
        chance = baseline.figure(figure.measure, figure.of)
        if chance is not None and _is_told(figure):
            value = figure.spread.mean
            yield Finding(
                column.key,
                baseline.key,
                figure.measure,
                figure.of,
                value,
                chance,
                chance.verdict(value),
            )


def _is_told(figure: Figure) -> bool:
    if figure.measure == "mean":
        return figure.of not in (SCORE, NEAREST)
    return figure.measure in TOLD


def _order(figure: Figure) -> tuple[int, str, str]:
    """What the selection was for comes first, then what is wrong with it, then the rest."""
    if figure.of.startswith(TOWARDS):
        return 0, figure.measure, figure.of
    return (1 + TOLD.index(figure.measure) if figure.measure in TOLD else 9), "", figure.of
