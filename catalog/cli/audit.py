"""Commands that answer who saw what."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from catalog.cli.audit_run_text import tell_contamination, tell_overlap, tell_run
from catalog.cli.audit_text import tell_sample, tell_source, tell_text
from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import print_json
from catalog.cli.progress import progress_bar
from catalog.cli.sql import form_of, write_file
from catalog.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.audit import Coverage

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group("audit", cls=CatalogGroup)
def audit_group() -> None:
    """Tell who saw what, and how much of it is recorded.

    Beside every answer stands its coverage: what is not recorded is not "not seen".
    """


def _output(command: Command) -> Command:
    output = click.option(
        "--output",
        type=click.Path(dir_okay=False),
        help="Write the rows of the answer to this file: .csv, .parquet, .json or .jsonl.",
    )
    overwrite = click.option(
        "--overwrite", is_flag=True, help="Replace the file if it holds something else."
    )
    return output(overwrite(command))


def _of_model(command: Command) -> Command:
    step = click.option(
        "--step",
        type=click.IntRange(min=1),
        help="The checkpoint after this step.  [default: last]",
    )
    attempt = click.option(
        "--attempt",
        type=click.IntRange(min=0),
        help="On the way to this attempt's end, a branch given up say.  [default: newest]",
    )
    ancestors = click.option(
        "--ancestors", is_flag=True, help="Add what the runs saw that it was tuned from."
    )
    return step(attempt(ancestors(command)))


@audit_group.command("run")
@click.argument("run")
@_of_model
@_output
@common
@pass_session
def audit_run_command(
    session: Session,
    /,
    run: str,
    output: str | None,
    overwrite: bool,
    **model: Any,  # noqa: ANN401
) -> None:
    """Tell what led to a model of RUN, and whether its snapshots promised that.

    --output writes one row per sample.
    """
    cat = session.open()
    found = cat.audit_run(run, **model)
    if output is not None:
        _write(cat.audited_samples(run, **model), found.coverage, output, overwrite)
    return print_json(found) if session.json else tell_run(found)


@audit_group.command("sample")
@click.argument("reference", metavar="[HASH|ID]", required=False)
@click.option("--text", help="Instead: the samples in which this is, exactly, a message.")
@click.option("--space", help="With --text: look for the nearest ones in this embedding space.")
@click.option("-k", type=click.IntRange(min=1), default=5, show_default=True, help="How many.")
@_output
@common
@pass_session
def audit_sample_command(
    session: Session,
    reference: str | None,
    text: str | None,
    space: str | None,
    k: int,
    output: str | None,
    overwrite: bool,
) -> None:
    """Tell where a sample came from, which snapshots hold it, which runs saw it and when.

    --output writes one row per run and attempt that was shown it.
    """
    if (reference is None) == (text is None):
        raise InvalidInput(
            "a sample and --text given, expected one of them"
            if text is not None
            else "neither a sample nor --text given, expected one of them",
            hint="Give a content hash, an id, or a text with --text.",
        )
    cat = session.open()
    if reference is not None:
        found = cat.audit_sample(reference)
        rows = [{"hash": found.hash} | row for row in found.runs]
        _write_rows(rows, SAMPLE_COLUMNS, found.coverage, output, overwrite)
        return print_json(found) if session.json else tell_sample(found)
    with progress_bar() as progress:
        texts = cat.audit_text(text or "", space=space, k=k, progress=progress)
    rows = [{"hash": one.hash} | row for one in texts.samples for row in one.runs]
    covered = texts.samples[0].coverage if texts.samples else []
    _write_rows(rows, SAMPLE_COLUMNS, covered, output, overwrite)
    return print_json(texts) if session.json else tell_text(texts)


@audit_group.command("source")
@click.argument("source", metavar="NAME")
@_output
@common
@pass_session
def audit_source_command(
    session: Session, source: str, output: str | None, overwrite: bool
) -> None:
    """Tell every snapshot and every run that samples of the source NAME touched.

    A sample of several sources counts for each; "only there" are those of no other. --output writes
    one row per run.
    """
    found = session.open().audit_source(source)
    rows = [{"source": source} | row for row in found.runs]
    _write_rows(rows, SOURCE_COLUMNS, found.coverage, output, overwrite)
    return print_json(found) if session.json else tell_source(found)


@audit_group.command("contamination")
@click.argument("run")
@click.option("--task", required=True, help="The task whose items are looked for.")
@_of_model
@_output
@common
@pass_session
def audit_contamination_command(
    session: Session,
    /,
    run: str,
    task: str,
    output: str | None,
    overwrite: bool,
    **model: Any,  # noqa: ANN401
) -> None:
    """Tell which items of a task a model of RUN saw, at which steps and in which checkpoints.

    `catalog decontaminate` finds the samples that overlap them; this says which of those were
    trained on. --output writes one row per overlap.
    """
    found = session.open().audit_contamination(run, task, **model)
    rows = [{"task": task} | row for row in found.overlaps]
    _write_rows(rows, CONTAMINATION_COLUMNS, found.coverage, output, overwrite)
    return print_json(found) if session.json else tell_contamination(found)


@audit_group.command("overlap")
@click.argument("run_a")
@click.argument("run_b")
@_output
@common
@pass_session
def audit_overlap_command(
    session: Session, run_a: str, run_b: str, output: str | None, overwrite: bool
) -> None:
    """Tell which samples the newest models of two runs both saw.

    --output writes one row per sample.
    """
    cat = session.open()
    found = cat.audit_overlap(run_a, run_b)
    if output is not None:
        _write(cat.overlapping_samples(run_a, run_b), found.coverage, output, overwrite)
    return print_json(found) if session.json else tell_overlap(found)


SAMPLE_COLUMNS = (
    "hash",
    "run",
    "model",
    "attempt",
    "exposures",
    "contributed",
    "effective",
    "effective_contributed",
    "first_step",
    "last_step",
    "steps",
    "loaded_steps",
    "undone_steps",
    "epochs",
    "tokens",
    "loss_tokens",
)
SOURCE_COLUMNS = (
    "source",
    "run",
    "model",
    "samples",
    "only_there",
    "exposures",
    "contributed",
    "first_step",
    "last_step",
    "undone",
)
CONTAMINATION_COLUMNS = (
    "task",
    "item",
    "role",
    "hash",
    "kind",
    "part",
    "score",
    "evidence",
    "run",
    "generation",
    "exposures",
    "contributed",
    "steps",
    "contributed_steps",
)
"""Columns of what `--output` writes, there even if no row is."""


def _write_rows(
    rows: list[dict[str, Any]],
    columns: tuple[str, ...],
    covered: "list[Coverage]",
    output: str | None,
    overwrite: bool,
) -> None:
    if output is None:
        return
    import pyarrow as pa

    table = pa.table({name: [row[name] for row in rows] for name in columns})
    _write(table, covered, output, overwrite)


def _write(table: "pa.Table", covered: "list[Coverage]", output: str, overwrite: bool) -> None:
    """Write rows with the coverage of their run beside each, or of the least recorded one."""
    import pyarrow as pa

    by_run = {one.run: one for one in covered}
    least = min(covered, key=lambda one: -1.0 if one.percent is None else one.percent, default=None)
    runs = table["run"].to_pylist() if "run" in table.column_names else [None] * len(table)
    beside = [by_run.get(str(run)) or least for run in runs]
    told = [
        one.columns() if one else {"coverage_percent": None, "coverage": None} for one in beside
    ]
    percent = pa.array([one["coverage_percent"] for one in told], pa.float64())
    words = pa.array([one["coverage"] for one in told], pa.string())
    table = table.append_column("coverage_percent", percent).append_column("coverage", words)
    write_file(table, form_of(output, ways="Name the file with"), Path(output), overwrite)
