"""The tables that people read, and the file that programs read."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from .measure import PROCESSES
from .result import Stage

HEADINGS = (
    "stage",
    "size",
    "ours",
    "peer",
    "ratio",
    "limit",
    "ratio",
    "peak memory",
    "growth",
    "goal",
    "met",
)
PACKAGES = (
    "instruct-catalog",
    "duckdb",
    "lancedb",
    "pyarrow",
    "torch",
    "transformers",
    "sentence-transformers",
    "datasets",
    "faiss-cpu",
    "numpy",
)
MET = {True: "yes", False: "NO", None: ""}


def print_table(stages: Sequence[Stage]) -> None:
    """Print a table of stages that belong together, then their notes.

    `growth` is our time over that for a quarter of the size: 4 is linear.
    """
    rows = [HEADINGS, *map(cells, stages)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    click.echo("\n".join(lines))
    for stage in stages:
        click.echo(f"\n{stage.stage}")
        for note in stage.notes:
            click.echo(f"  {note}")


def cells(stage: Stage) -> tuple[str, ...]:
    """Return a stage's line of the table.

    >>> cells(Stage("read", "5 rows", 0.5, 3_000_000, "cat", 2.0, quarter_s=0.125))
    ('read', '5 rows', '0.50 s', 'cat 2.00 s', '0.25', '', '', '3 MB', '4.0', '', '')
    """
    memory = stage.peak_memory_bytes
    asked = stage.row()["goal"]
    return (
        stage.stage,
        stage.size,
        _seconds("", stage.ours_s),
        _seconds(stage.peer, stage.peer_s),
        _ratio(stage.ratio_to_peer, 2),
        _seconds(stage.limit, stage.limit_s),
        _ratio(stage.ratio_to_limit, 2),
        "" if memory is None else f"{memory / 1e6:,.0f} MB",
        _ratio(stage.growth, 1),
        str(asked or ""),
        MET[stage.goal_met],
    )


def _seconds(what: str | None, seconds: float | None) -> str:
    return "" if seconds is None else f"{what} {seconds:.2f} s".lstrip()


def _ratio(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def write_json(path: Path, stages: Sequence[Stage], failures: Mapping[str, str]) -> None:
    """Write everything, with the machine it was measured on."""
    whole = {
        "machine": machine(),
        "stages": [stage.row() for stage in stages],
        "failures": dict(failures),
    }
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, object]:
    """Return what figures depend on: processor, cores, memory, system, versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": platform.platform(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Return the processor's name as the system tells it."""
    told = PROCESSES / "cpuinfo"
    for line in told.read_text().splitlines() if told.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
