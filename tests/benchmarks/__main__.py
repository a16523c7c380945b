"""Run the benchmarks, print one table, write `bench.json`."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from . import commands, embedding, ingesting, ledger, scoring, selecting, training
from .material import Plan, pool_files
from .measure import CommandFailed
from .report import print_table, write_json
from .result import Stage

STAGES: dict[str, Callable[[Plan], Iterator[Stage]]] = {
    "ingest": ingesting.measure,
    "commands": commands.measure,
    "select": selecting.measure,
    "embed": embedding.measure,
    "nll": scoring.measure,
    "training": training.measure,
    "ledger": ledger.measure,
}
OUTPUT = Path("bench.json")


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(min=100),
    help="Ingest, and select from, this many generated conversations instead of the pool files.",
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
    default=3,
    show_default=True,
    help="Times that each side runs, in turns; medians are reported.",
)
@click.option("--only", type=click.Choice(list(STAGES)), multiple=True, help="May repeat.")
def main(rows: int | None, texts: int, repeats: int, only: tuple[str, ...]) -> None:
    """Measure the catalog against its peers; figures of one run are comparable, of two are not."""
    found: list[Stage] = []
    failures: dict[str, str] = {}
    for name in only or STAGES:
        with tempfile.TemporaryDirectory(prefix="catalog-bench-") as folder:
            plan = Plan(Path(folder), pool_files(), rows, texts, repeats)
            try:
                found.extend(STAGES[name](plan))
            except CommandFailed as failure:
                failures[name] = str(failure)
    print_table(found)
    write_json(OUTPUT, found, failures)
    click.echo(f"\nwritten to {OUTPUT}")
    for name, message in failures.items():
        click.echo(f"\n{name} failed: {message}", err=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.benchmarks")
