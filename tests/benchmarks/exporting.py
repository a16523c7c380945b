"""`catalog export` of a large snapshot, against DuckDB copying the same rows out of its file."""

from collections.abc import Iterator
from pathlib import Path

import catalog
from catalog.cli.output import count

from .material import Plan
from .measure import CommandFailed, Measured, catalog_command, in_turns, program, run
from .result import Goal, Stage
from .stock import ingested

SELECTED_SHARE = 2.5 / 5.8
"""As the paper does at its largest."""

GOAL = Goal(ratio=1.5, memory_bytes=2_000_000_000)
FORMATS = ("parquet", "jsonl")


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure both formats; what each side wrote is removed before the other begins."""
    homes = {rows: _selected(plan, rows) for rows in (plan.rows, plan.quarter)}
    for format in FORMATS:
        yield _measured(plan, homes[plan.rows], homes[plan.quarter], format)


def _selected(plan: Plan, rows: int) -> Path:
    """Return a home that holds a snapshot of its own for this."""
    home = ingested(plan, rows)
    cat = catalog.open(home)
    if not any(snapshot["name"] == "exported" for snapshot in cat.snapshots()):
        cat.select("exported", method="random", size=max(int(rows * SELECTED_SHARE), 1))
    return home


def _measured(plan: Plan, home: Path, quarter: Path, format: str) -> Stage:
    folder = plan.room("export")
    rows = catalog.open(home).snapshot("exported").size

    def ours(home: Path) -> Measured:
        output = folder / f"ours.{format}"
        found = run(catalog_command("--home", home, "export", "exported", "--output", output))
        sizes.append(output.stat().st_size)
        output.unlink()
        return found

    def peer() -> Measured:
        output = folder / f"theirs.{format}"
        found = run(program("copy_out", home / "catalog.duckdb", "exported", output))
        their_sizes.append(output.stat().st_size)
        output.unlink()
        return found

    def limit() -> Measured:
        return run(program("write_bytes", folder / "raw", str(sizes[0])))

    sizes: list[int] = []
    their_sizes: list[int] = []
    our, their, raw, part = in_turns(
        f"export {format}",
        plan.repeats,
        lambda _: ours(home),
        lambda _: peer(),
        lambda _: limit(),
        lambda _: ours(quarter),
    )
    if their.said("rows")[0] != rows:
        raise CommandFailed(
            f"DuckDB wrote {their.said('rows')[0]:,} rows, the snapshot has {rows:,}"
        )
    return Stage(
        f"export: {format}",
        f"{count(rows, 'row')} of a pool of {plan.rows:,}, {sizes[0] / 1e6:,.1f} MB",
        our.seconds,
        our.peak_memory_bytes,
        "duckdb COPY",
        their.seconds,
        GOAL,
        (
            "whole commands, interpreter and imports included on both sides; ours also writes ids, "
            "sources and reasons, and compresses Parquet with zstd; DuckDB, as it comes, with "
            f"snappy, into {their_sizes[0] / 1e6:,.1f} MB",
            f"ours: {our.facts}",
            f"duckdb: {their.facts}",
        ),
        limit="writing as many bytes, and fsync",
        limit_s=min(raw.said("seconds")),
        quarter_s=part.seconds,
    )
