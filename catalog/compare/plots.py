"""Plots of a comparison, as SVG to be put into a page: no file, no font, no clock.

Text stays text, so that it can be read out, searched and seen in the page's own font. What is black
here takes the page's colour of ink, so that it can be read on light and dark alike.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib

from catalog.compare.binning import BY_FACTOR
from catalog.compare.comparison import NEAREST, TOWARDS, Column, Comparison
from catalog.compare.spread import Spread
from catalog.compare.wording import folded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's colour of text."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which the colour-blind can tell apart; markers tell a seventh from the first."""

MARKERS = ("o", "s", "D", "^", "v", "P", "X")
GREYS = {"random": "#8a8f98", "balanced": "#b9975b", "pool": "#8a8f98"}
WIDTH = 6.4
ROW = 0.34
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "catalog",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


@dataclass(frozen=True)
class Look:
    """How a column is drawn everywhere."""

    colour: str
    marker: str


def look(comparison: Comparison, column: Column) -> Look:
    """Return how a column is drawn."""
    if column.kind == "snapshot":
        number = [one.key for one in comparison.of("snapshot")].index(column.key)
        return Look(COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)])
    return Look(GREYS.get(column.method, GREYS["pool"]), "|")


@contextmanager
def _figure(
    rows: float, extra: float = 0.75, width: float = WIDTH
) -> "Iterator[tuple[Figure, Axes]]":
    """Lend a figure of so many rows; what fonts lack the reader's browser has."""
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(width, rows * ROW + extra), layout="constrained")
        yield figure, figure.add_subplot()


@dataclass(frozen=True)
class Caption:
    """What a plot is called: by the page's own links, and by who cannot see it."""

    name: str
    title: str


def _svg(figure: "Figure", caption: Caption) -> str:
    """Return a figure as an SVG element whose ids no other figure of the page has."""
    name = caption.name
    whole = StringIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(
            whole,
            format="svg",
            metadata={"Date": None, "Creator": None, "Type": None, "Format": None},
        )
    text = whole.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    for mark in ('id="', "url(#", 'href="#'):
        text = text.replace(mark, f"{mark}{name}-")
    start, rest = text.split(">", 1)
    title = f'<title id="{name}-title">{escape(caption.title)}</title>'
    return f'{start} role="img" aria-labelledby="{name}-title">{title}{rest}'


def _ticks(axes: "Axes", names: Sequence[str]) -> None:
    """Name the rows, the first at the top."""
    axes.set_yticks(range(len(names)), [folded(name, 30) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, pad=9)
    axes.grid(axis="x", color=INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)


def _baselines(comparison: Comparison) -> list[Column]:
    return [c for c in comparison.of("baseline") if c.budget == "samples"]


def _dots(
    axes: "Axes", comparison: Comparison, rows: Sequence[tuple[str, str]], percent: bool
) -> None:
    """Draw one row per figure: a dot for every snapshot, a bar for the range of every baseline."""
    scale = 100 if percent else 1
    snapshots, baselines = comparison.of("snapshot"), _baselines(comparison)
    for place, row in enumerate(rows):
        for number, column in enumerate(baselines):
            if (figure := column.figure(*row)) is not None:
                offset = (number - (len(baselines) - 1) / 2) * min(0.26, 0.6 / len(baselines))
                _range(axes, figure, place + offset, look(comparison, column).colour, scale)
        for pool in comparison.of("pool"):
            if percent and (figure := pool.figure(*row)) is not None:
                axes.plot([figure.mean * scale] * 2, [place - 0.36, place + 0.36], color=INK, lw=1)
        for number, column in enumerate(snapshots):
            if (figure := column.figure(*row)) is not None:
                offset = (number - (len(snapshots) - 1) / 2) * min(0.12, 0.5 / len(snapshots))
                drawn = look(comparison, column)
                axes.plot(
                    figure.mean * scale,
                    place + offset,
                    drawn.marker,
                    color=drawn.colour,
                    markersize=7,
                    markeredgecolor="#ffffff",
                    markeredgewidth=0.7,
                    clip_on=False,
                    zorder=3,
                )


def _range(axes: "Axes", figure: Spread, place: float, colour: str, scale: float) -> None:
    low, high = figure.low * scale, figure.high * scale
    axes.plot([low, high], [place, place], color=colour, lw=4, solid_capstyle="round")


def tasks(comparison: Comparison, caption: Caption) -> str:
    """Draw how near every column is to every task: the mean of its members' best cosines."""
    rows = [("mean", f"{TOWARDS}{task}") for task in comparison.tasks]
    with _figure(len(rows) * 1.3) as (figure, axes):
        _dots(axes, comparison, rows, percent=False)
        _ticks(axes, list(comparison.tasks))
        axes.set_xlabel("mean over the members of the best cosine to a query of the task")
        return _svg(figure, caption)


def sources(comparison: Comparison, names: Sequence[str], caption: Caption) -> str:
    """Draw the share that every source has in every column, beside the pool's own."""
    rows = [("share of source", source) for source in names]
    with _figure(len(rows)) as (figure, axes):
        _dots(axes, comparison, rows, percent=True)
        _ticks(axes, names)
        axes.set_xlabel("share of samples, per cent")
        axes.set_xlim(left=0)
        return _svg(figure, caption)


def distributions(
    comparison: Comparison, columns: Sequence[Column], of: str, caption: Caption
) -> str:
    """Draw how a number is spread in every column: the shape, the middle half and the median."""
    edges = comparison.bins[of]
    with _figure(len(columns) * 1.35) as (figure, axes):
        for place, column in enumerate(columns):
            found = [d.distributions[of] for d in column.draws if of in d.distributions]
            if not found:
                continue
            count = len(found)
            shape = [sum(part) / count for part in zip(*(d.shares for d in found), strict=True)]
            five = [sum(part) / count for part in zip(*(d.percentiles for d in found), strict=True)]
            colour, highest = look(comparison, column).colour, max(shape) or 1.0
            shape = [0.44 * part / highest for part in (*shape, 0.0)]
            up, down = [place - part for part in shape], [place + part for part in shape]
            axes.fill_between(edges, up, down, color=colour, alpha=0.35, lw=0, step="post")
            axes.plot([five[0], five[4]], [place, place], color=colour, lw=1)
            axes.plot([five[1], five[3]], [place, place], color=colour, lw=4.5)
            axes.plot(five[2], place, "o", color="#ffffff", markeredgecolor=INK, markersize=5)
        _ticks(axes, [column.name for column in columns])
        if of in BY_FACTOR:
            _by_factor(axes)
        axes.set_xlabel(of)
        return _svg(figure, caption)


def _by_factor(axes: "Axes") -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def nearness(comparison: Comparison, columns: Sequence[Column], caption: Caption) -> str:
    """Draw the share of members with another member nearer than each cosine."""
    edges = comparison.bins[NEAREST]
    with _figure(8) as (figure, axes):
        for column in columns:
            found = [d.distributions[NEAREST] for d in column.draws if NEAREST in d.distributions]
            if not found:
                continue
            shape = [sum(p) / len(found) for p in zip(*(d.shares for d in found), strict=True)]
            above = [100 * sum(shape[place:]) for place in range(len(shape))] + [0.0]
            dash = "-" if column.kind == "snapshot" else "--" if column.method == "random" else ":"
            axes.plot(edges, above, dash, color=look(comparison, column).colour, lw=1.8)
        axes.axvline(comparison.near, color=INK, lw=0.8)
        axes.annotate(
            f"{comparison.near:g}",
            (comparison.near, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -10),
            textcoords="offset points",
            ha="right",
        )
        axes.grid(color=INK, alpha=0.12, linewidth=0.6)
        axes.set_ylim(0, 100)
        axes.set_xlabel("cosine")
        axes.set_ylabel("per cent of members with another\nmember at least as near")
        return _svg(figure, caption)


def overlaps(comparison: Comparison, columns: Sequence[Column], caption: Caption) -> str:
    """Draw the share of the smaller column that each pair has in common."""
    count = len(columns)
    with _figure(count * 1.25, extra=1.1) as (figure, axes):
        for row, one in enumerate(columns):
            for place, other in enumerate(columns):
                overlap = comparison.overlap(one.key, other.key)
                if overlap is not None:
                    _cell(axes, row, place, overlap.of_smaller.mean)
        axes.set_xlim(-0.5, count - 0.5)
        _ticks(axes, [column.name for column in columns])
        axes.grid(visible=False)
        axes.set_xticks(range(count), [column.key for column in columns])
        axes.tick_params(axis="x", length=0)
        axes.xaxis.tick_top()
        axes.spines["bottom"].set_visible(False)
        axes.set_yticks(range(count), [f"{folded(c.name, 26)}  {c.key}" for c in columns])
        return _svg(figure, caption)


def _cell(axes: "Axes", row: int, place: int, value: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (place - 0.48, row - 0.46),
            0.96,
            0.92,
            color=COLOURS[0],
            alpha=0.06 + 0.94 * value,
            lw=0,
        )
    )
    ink = "#ffffff" if value > 0.7 else INK
    axes.text(place, row, f"{100 * value:.0f}%", ha="center", va="center", color=ink)
