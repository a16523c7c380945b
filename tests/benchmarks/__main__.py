"""Run the benchmarks: a table for every group of stages, all of it in `bench.json`."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from . import (
    commands,
    embedding,
    exporting,
    ingesting,
    interactive,
    ledger,
    scoring,
    selecting,
    similarity,
    training,
)
from .material import Plan, pool_files
from .measure import CommandFailed
from .report import print_table, write_json
from .result import Stage

STAGES: dict[str, Callable[[Plan], Iterator[Stage]]] = {
    "ingest": ingesting.measure,
    "score": similarity.measure,
    "select": selecting.measure,
    "export": exporting.measure,
    "embed": embedding.measure,
    "nll": scoring.measure,
    "commands": commands.measure,
    "interactive": interactive.measure,
    "training": training.measure,
    "ledger": ledger.measure,
}
OUTPUT = Path("bench.json")
ROWS = 320_000
FULL_ROWS = 5_800_000
FULL = os.environ.get("BENCH") == "full"


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(min=100),
    default=FULL_ROWS if FULL else ROWS,
    show_default=True,
    help="Conversations of the pool, varied from real ones where they lie beside the project.",
)
@click.option(
    "--texts",
    type=click.IntRange(min=8),
    default=512,
    show_default=True,
    help="Texts to embed.",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=1 if FULL else 2,
    show_default=True,
    help="Times that each side runs, in turns; medians are reported.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where scratch goes; with BENCH=full some 40 GB. Else where temporary files go.",
)
@click.option("--only", type=click.Choice(list(STAGES)), multiple=True, help="May repeat.")
def main(rows: int, texts: int, repeats: int, folder: Path | None, only: tuple[str, ...]) -> None:
    """Measure the catalog against its peers and the hardware.

    Figures of one run are comparable, of two are not. BENCH=full in the environment measures at
    the paper's size.
    """
    found: list[Stage] = []
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="catalog-bench-", dir=folder) as scratch:
        plan = Plan(Path(scratch), pool_files(), rows, texts, repeats, FULL)
        for name in only or STAGES:
            stages: list[Stage] = []
            try:
                for stage in STAGES[name](plan):
                    stages.append(stage)
            except CommandFailed as failure:
                failures[name] = str(failure)
            print_table(stages)
            click.echo()
            found.extend(stages)
            write_json(OUTPUT, found, failures)
    click.echo(f"written to {OUTPUT}")
    for name, message in failures.items():
        click.echo(f"\n{name} failed: {message}", err=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.benchmarks")
