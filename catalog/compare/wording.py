"""How figures are written, in a terminal and on a page alike."""

from collections.abc import Sequence

from catalog.compare.comparison import NEAREST, SCORE, TOWARDS, Column, Comparison
from catalog.compare.spread import Spread, Verdict

SHARES = frozenset(
    {"near-duplicates", "same opening", "contaminated", "distance from the pool's mix"}
)
MARKS: dict[Verdict, str] = {"above": "▲", "below": "▼", "within": "", "unknown": ""}


def share(value: float) -> str:
    """Return a share in per cent; a small one is not rounded to none.

    >>> share(0.123), share(0.0), share(0.0002)
    ('12.3%', '0%', '<0.1%')
    """
    if 0 < value < 0.0005:
        return "<0.1%"
    return f"{value:.1%}".replace(".0%", "%")


def number(value: float) -> str:
    """Return a number with about three places that count.

    >>> number(0.51984), number(121.57), number(36471.0), number(2.0)
    ('0.520', '121.6', '36,471', '2')
    """
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def written(measure: str, value: float) -> str:
    """Return one figure as its measure is written."""
    if measure in SHARES or measure.startswith("share of"):
        return share(value)
    return number(value)


def ranged(measure: str, spread: Spread) -> str:
    """Return a figure: one value, or the lowest and highest of the draws."""
    low, high = written(measure, spread.low), written(measure, spread.high)
    return low if low == high else f"{low}…{high}"


def named(measure: str, of: str) -> str:
    """Return what a figure is called.

    >>> named("mean", "tokens"), named("mean", "similarity to gsm8k"), named("contaminated", "bbh")
    ('tokens per sample', 'similarity to gsm8k', 'contaminated: bbh')
    """
    if measure == "mean":
        if of in ("tokens", "characters", "turns"):
            return f"{of} per sample"
        return of if of.startswith(TOWARDS) else f"mean {of}"
    if measure == "median":
        return f"median {of}"
    return f"{measure}: {of}" if of else measure


def lengths(comparison: Comparison) -> str:
    """Return which number says how long samples are: tokens if they are known."""
    return "tokens" if "tokens" in comparison.bins else "characters"


def rows(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the figures worth a row, by measure and what it is of, in the order of reading."""
    scored = [
        name
        for name in comparison.bins
        if name not in ("tokens", "characters", "turns", SCORE, NEAREST)
        and not name.startswith(TOWARDS)
    ]
    length = lengths(comparison)
    told = [
        ("samples", ""),
        ("distinct samples", ""),
        ("repeats", ""),
        ("tokens", ""),
        *(("mean", f"{TOWARDS}{task}") for task in comparison.tasks),
        ("near-duplicates", ""),
        ("same opening", ""),
        ("contaminated", ""),
        ("mean", length),
        ("median", length),
        ("mean", "turns"),
        *(("mean", name) for name in scored),
        ("mean", SCORE),
        ("distance from the pool's mix", ""),
    ]
    columns = comparison.of("snapshot", "baseline")
    repeated = any((s := one.figure("repeats")) is not None and s.high for one in columns)
    found = [row for row in told if any(one.figure(*row) is not None for one in columns)]
    return [row for row in found if repeated or row[0] not in ("distinct samples", "repeats")]


def marked(comparison: Comparison, column: Column, measure: str, of: str) -> str:
    """Return a figure, and for a snapshot a mark where it is not what random draws would give."""
    figure = column.figure(measure, of)
    if figure is None:
        return "-"
    verdict = against(comparison, column, "random", measure, of)
    mark = MARKS[verdict] if verdict else ""
    return f"{ranged(measure, figure)} {mark}".rstrip()


def against(
    comparison: Comparison, column: Column, method: str, measure: str, of: str
) -> Verdict | None:
    """Return where a figure lies to draws of the same size, or None if that was not told."""
    for finding in comparison.findings:
        if (finding.snapshot, finding.measure, finding.of) == (column.key, measure, of):
            baseline = comparison.column(finding.baseline)
            if (baseline.method, baseline.budget) == (method, "samples"):
                return finding.verdict
    return None


def folded(name: str, length: int = 28) -> str:
    """Return a name that fits on a line, its middle left out if it is long.

    >>> folded("a very long name of a source", 13)
    'a very…source'
    """
    name = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[: length - 1 - half].rstrip()}…{name[-half:].lstrip()}"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["A"]), listed(["A", "B", "C"])
    ('A', 'A, B and C')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
