"""What a report draws, in per cent of a drawing's width: the page needs no arithmetic."""

from dataclasses import dataclass, field
from typing import Any

from catalog.report.facts import RunReport
from catalog.report.wording import number, several
from catalog.store import Rows

SOURCES_SHOWN = 30
ATTEMPTS_SHOWN = 60


@dataclass(frozen=True)
class Bar:
    """A stretch of a line.

    Attributes:
        kind: how it looks.
        start: where it begins, from 0 to 100.
        width: how long it is.
        told: what it says when it is pointed at.
    """

    kind: str
    start: float
    width: float
    told: str


@dataclass(frozen=True)
class Line:
    """One line of a drawing, with its name, what is said beside it, and marks on it."""

    name: str
    beside: str
    bars: list[Bar]
    marks: list[Bar] = field(default_factory=list)
    depth: int = 0


def attempts(report: RunReport) -> tuple[int, list[Line]]:
    """Return the last step of a run, and its attempts over its steps: what counts, what was undone.

    The newest `ATTEMPTS_SHOWN`, if there are more.
    """
    rows = report.view.attempts
    last = max([row["last_step"] or 0 for row in rows] + [1])
    kept = {row["attempt"]: (row["first_step"], row["last_step"]) for row in report.audit.chain}
    depths: dict[int, int] = {}
    lines = []
    for row in rows:
        parent = row["parent_attempt"]
        depths[row["attempt"]] = 0 if parent is None else depths.get(parent, 0) + 1
        first, end = row["parent_step"] + 1, row["last_step"] or 0
        bars = [_bar("undone", first, end, last, "did not lead to this model")]
        count = kept.get(row["attempt"])
        if count and count[0] is not None and count[1] is not None:
            bars.append(_bar("kept", count[0], count[1], last, "led to this model"))
        marks = [
            Bar("mark", 100 * point["step"] / last, 0, f"checkpoint at step {point['step']:,}")
            for point in report.view.checkpoints
            if point["attempt"] == row["attempt"]
        ]
        lines.append(
            Line(
                f"attempt {row['attempt']}",
                _beginning(row) + (f", {_steps(first, end)}" if end >= first else ", no step told"),
                [bar for bar in bars if bar.width > 0],
                marks,
                depths[row["attempt"]],
            )
        )
    return last, lines[-ATTEMPTS_SHOWN:]


def _bar(kind: str, first: int, end: int, last: int, what: str) -> Bar:
    width = 100 * (end - first + 1) / last
    return Bar(kind, 100 * (first - 1) / last, width, f"{_steps(first, end)} {what}")


def _steps(first: int, end: int) -> str:
    return f"step {first:,}" if first == end else f"steps {first:,} to {end:,}"


def _beginning(row: dict[str, Any]) -> str:
    if row["parent_attempt"] is None:
        return "a fresh start"
    surely = ", as its steps suggest" if row["assumed"] else ""
    return f"went on from step {row['parent_step']:,} of attempt {row['parent_attempt']}{surely}"


def over_time(rows: Rows) -> list[dict[str, Any]]:
    """Return columns of a drawing 100 high and 100 wide: exposures by steps, new and again."""
    highest = max([row["exposures"] for row in rows] + [1])
    width = 100 / max(1, len(rows))
    return [
        {
            "x": place * width,
            "width": 0.86 * width,
            "new": 100 * row["new_samples"] / highest,
            "again": 100 * row["again"] / highest,
            "told": f"{_steps(row['first_step'], row['last_step'])}: "
            f"{several(row['new_samples'], 'sample')} for the first time, {row['again']:,} again",
        }
        for place, row in enumerate(rows)
    ]


def shares(rows: Rows, of: str) -> list[float]:
    """Return the share of each row, in per cent of the largest."""
    largest = max([row[of] for row in rows] + [1])
    return [100 * row[of] / largest for row in rows]


def composition(report: RunReport) -> list[dict[str, Any]]:
    """Return the sources with their licences, the smallest ones beyond `SOURCES_SHOWN` as one."""
    licences: dict[str, set[str]] = {}
    for row in report.licences:
        licences.setdefault(row["source"], set()).add(row["licence"] or "not told")
    rows = [
        {**row, "licence": ", ".join(sorted(licences.get(row["source"], {"not told"})))}
        for row in report.audit.sources
    ]
    rest = rows[SOURCES_SHOWN:]
    if not rest:
        return rows
    counted = ("samples", "exposures", "contributed", "tokens", "loss_tokens")
    whole = {name: sum(row[name] or 0 for row in rest) for name in counted}
    named = {"source": several(len(rest), "more source"), "licence": ""}
    return [*rows[:SOURCES_SHOWN], named | whole]


def lineage(report: RunReport) -> list[dict[str, Any]]:
    """Return what the run came from and what came of it, as lines of a tree."""
    view = report.view
    lines: list[dict[str, Any]] = []
    for parent in reversed(report.ancestors):
        after = "" if parent.step is None else f", up to step {parent.step:,}"
        lines.append({"depth": len(lines), "text": f"{parent.run}{after}", "kind": "run"})
    if not lines and view.parent:
        lines.append({"depth": 0, "text": f"{view.parent}, not in this catalog", "kind": "gone"})
    if not lines and view.run["model"]:
        lines.append({"depth": 0, "text": view.run["model"], "kind": "model"})
    here = len(lines)
    lines.append({"depth": here, "text": view.run["name"], "kind": "this"})
    for child in view.children:
        after = "" if child["step"] is None else f", from step {number(child['step'])} on"
        lines.append({"depth": here + 1, "text": f"{child['run']}{after}", "kind": "run"})
    return lines


def flat(config: object, name: str = "") -> list[tuple[str, str]]:
    """Return a configuration as names and values.

    >>> flat({"a": {"b": 1, "c": [2, 3]}, "d": None})
    [('a.b', '1'), ('a.c', '[2, 3]'), ('d', 'None')]
    """
    if isinstance(config, dict) and config:
        return [
            pair
            for key, value in config.items()
            for pair in flat(value, f"{name}.{key}" if name else str(key))
        ]
    return [(name, str(config))] if name else []


def software(report: RunReport) -> list[tuple[str, str]]:
    """Return what each attempt ran on, as far as it differs from the one before."""
    found: list[tuple[str, str]] = []
    before = ""
    for attempt, claims in sorted(report.claims.items()):
        said = [claim.get("software") for claim in claims.values()]
        versions = next((one for one in said if isinstance(one, dict)), {})
        text = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        if text and text != before:
            found.append((f"from attempt {attempt} on", text))
            before = text
    return found


def changed(report: RunReport) -> list[tuple[str, str, str]]:
    """Return what attempts were told otherwise than the run: which, the setting and its value."""
    whole = dict(flat(report.view.run["config"] or {}))
    found = []
    for attempt, claims in sorted(report.claims.items()):
        told = next(iter(claims.values()), {}).get("told")
        given = told.get("config") if isinstance(told, dict) else None
        found += [
            (f"attempt {attempt}", name, value)
            for name, value in flat(given or {})
            if whole.get(name) != value
        ]
    return found
