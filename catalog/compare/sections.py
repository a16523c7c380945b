"""The parts of the page: each a question, a plot, what to see in it, and the figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.compare import plots
from catalog.compare.comparison import NEAREST, SCORE, TOWARDS, Column, Comparison
from catalog.compare.plots import Caption
from catalog.compare.tables import (
    Table,
    contamination,
    distribution,
    figures,
    overlap,
    shares,
    shown,
)
from catalog.compare.wording import lengths

MOST_PLOTTED = 24
SHAPES = {"o": "●", "s": "■", "D": "◆", "^": "▲", "v": "▼", "P": "✚", "X": "✖"}


@dataclass(frozen=True)
class Entry:
    """One line of the legend: a column and how it is drawn."""

    column: Column
    colour: str
    shape: str
    is_drawn: bool


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        name: to link to.
        title: the question it answers.
        told: what is to be seen, in a few sentences.
        plot: an SVG element, or empty.
        table: the figures.
    """

    name: str
    title: str
    told: str
    plot: str
    table: Table


def legend(comparison: Comparison) -> list[Entry]:
    """Return every column and how it is drawn: snapshots, baselines, pools."""
    found = []
    for kind in ("snapshot", "baseline", "pool"):
        for column in comparison.columns:
            if column.kind != kind:
                continue
            drawn = plots.look(comparison, column) if column.draws else None
            shape = "❘" if kind == "pool" else SHAPES.get(drawn.marker, "▬") if drawn else "-"
            colour = drawn.colour if drawn and kind != "pool" else "currentColor"
            found.append(Entry(column, colour, shape, is_drawn=column.budget != "tokens"))
    return found


def sections(comparison: Comparison) -> Iterator[Section]:
    """Give the parts that have anything to show, in the order of reading."""
    yield _figures(comparison)
    for part in (_sources, _length, _near, _overlap, _contamination):
        section = part(comparison)
        if section.told:
            yield section
    yield from _scores(comparison)


def _figures(comparison: Comparison) -> Section:
    title = "How near are they to the tasks?" if comparison.tasks else "What are they like?"
    told = (
        "Marks are the snapshots; bars reach from the lowest to the highest of the draws. The "
        "table has every figure, of draws of the same tokens too."
        if comparison.tasks
        else "The snapshots beside draws of the same number of samples and of the same tokens."
    )
    plot = ""
    if comparison.tasks:
        plot = plots.tasks(comparison, Caption("tasks", "Mean similarity to every task"))
    return Section("figures", title, told, plot, figures(comparison))


def _sources(comparison: Comparison) -> Section:
    columns = [*comparison.of("pool"), *shown(comparison)]
    table = shares(columns, "share of source")
    names = [row.name for row in table.rows[:MOST_PLOTTED]]
    told = "The thin upright line is the pool's own share; random draws keep to it."
    if len(table.rows) > MOST_PLOTTED:
        told += f" The plot has the {MOST_PLOTTED} largest of {len(table.rows)} sources."
    plot = plots.sources(comparison, names, Caption("sources", "Share of samples by source"))
    return Section("sources", "Which sources do they draw on?", told, plot, table)


def _length(comparison: Comparison) -> Section:
    of = lengths(comparison)
    return _spread_out(
        comparison,
        of,
        "length",
        "How long are their samples?",
        f"{of.capitalize()} per sample, on a scale that grows by a factor. The thick line is the "
        "middle half, the thin one reaches from the 5th to the 95th percentile, the dot is the "
        "median.",
        pool=True,
    )


def _spread_out(
    comparison: Comparison, of: str, name: str, title: str, told: str, *, pool: bool = False
) -> Section:
    columns = [*(comparison.of("pool") if pool else ()), *shown(comparison)]
    columns = [c for c in columns if any(of in draw.distributions for draw in c.draws)]
    table = distribution(columns, of)
    plot = ""
    if columns:
        caption = Caption(name, f"How {of} is spread in every column")
        plot = plots.distributions(comparison, columns, of, caption)
    return Section(name, title, told, plot, table)


def _near(comparison: Comparison) -> Section:
    title = "Do they repeat themselves?"
    if NEAREST not in comparison.bins:
        return Section("near", title, "", "", Table((), ()))
    columns = shown(comparison)
    checked = [draw.near for column in columns for draw in column.draws if draw.near]
    sampled = (
        ""
        if all(near.exact for near in checked)
        else (" Of larger sets a seeded sample was looked at, each held against all members.")
    )
    told = (
        f"Near-duplicates here are members whose nearest other member lies above a cosine of "
        f"{comparison.near:g}. What a cosine means differs from space to space: the curves show "
        f"how many members are nearer than every other threshold.{sampled}"
    )
    plot = plots.nearness(
        comparison, columns, Caption("near", "Share of members with another as near as a cosine")
    )
    return Section("near", title, told, plot, distribution(columns, NEAREST))


def _overlap(comparison: Comparison) -> Section:
    columns = shown(comparison)
    told = (
        "The share of the smaller one that two have in common. The table gives what draws of these "
        "sizes would share by chance, and the share of all samples that either holds (Jaccard)."
    )
    plot = ""
    if len(columns) > 1:
        plot = plots.overlaps(comparison, columns, Caption("overlap", "What pairs have in common"))
    return Section("overlap", "What do they have in common?", told, plot, overlap(comparison))


def _contamination(comparison: Comparison) -> Section:
    table = contamination(comparison)
    told = "Members marked as overlapping a task's queries or held-out items. "
    if not table.rows:
        told = "Nothing is known of it: no check was run. `catalog decontaminate` runs one."
        table = Table(("",), ())
        return Section("contamination", "Are they contaminated?", told, "", table)
    late = max(
        (
            mark.unchecked
            for c in shown(comparison)
            for d in c.draws
            for mark in d.contamination.values()
        ),
        default=0,
    )
    if late:
        told += "Some members came after the check: nothing is known of those."
    return Section("contamination", "Are they contaminated?", told, "", table)


def _scores(comparison: Comparison) -> Iterator[Section]:
    skipped = ("tokens", "characters", NEAREST)
    names = [name for name in comparison.bins if name not in skipped]
    for number, name in enumerate(sorted(names, key=_order)):
        title, told = _asked(name)
        section = _spread_out(comparison, name, f"score-{number}", title, told)
        if section.table.rows:
            yield section
    texts = {name for c in comparison.of("snapshot") for name in c.draws[0].labels}
    for number, name in enumerate(sorted(texts)):
        columns = [*comparison.of("pool"), *shown(comparison)]
        table = shares(columns, f"share of {name}")
        yield Section(f"label-{number}", f"What does {name} say?", "Share of samples.", "", table)


def _asked(name: str) -> tuple[str, str]:
    """Return the question that a number answers, and what to know of it."""
    mean = "Draws are shown as the mean of their shapes."
    if name == SCORE:
        return "What did the rules see in them?", (
            "The score that each rule ranked by when it chose. Rules differ: hold two snapshots "
            "against each other only where their rules are alike."
        )
    if name.startswith(TOWARDS):
        task = name.removeprefix(TOWARDS)
        return f"How near is each member to {task}?", f"Its best cosine to a query. {mean}"
    if name == "turns":
        return "How many turns have they?", mean
    return f"What does {name} say of them?", mean


def _order(name: str) -> tuple[bool, bool, str]:
    return not name.startswith(TOWARDS), name in (SCORE, "turns"), name
